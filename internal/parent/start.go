package parent

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/supervise"
)

// startGroups starts all groups and waits for them.
func (g *generation) startGroups(ctx context.Context, before *generation) error {
	if !before.accepts() {
		if err := g.serve(); err != nil {
			return err
		}
	}
	settings := g.parent.o.Groups
	for i := range settings {
		group := newGroup(g, settings[i])
		if before != nil {
			group.known = before.knownFailure(settings[i].Options.Name)
		}
		g.mu.Lock()
		g.groups[settings[i].Options.Name] = group
		g.mu.Unlock()
		if err := group.supervise(); err != nil {
			g.mu.Lock()
			delete(g.groups, settings[i].Options.Name)
			g.mu.Unlock()
			return err
		}
	}
	return g.waitForGroups(ctx, before)
}

// waitForGroups waits for the first process of each, and judges what came of
// it.
func (g *generation) waitForGroups(ctx context.Context, before *generation) error {
	failed := map[string]error{}
	for _, group := range g.list() {
		if err := g.waitFor(ctx, group, before); err != nil {
			return err
		}
		if err := group.startError(); err != nil {
			failed[group.name()] = err
		}
	}
	return g.startRule(failed, before)
}

// waitFor waits until a group has its first process, or could not start it. If
// the server before ends meanwhile this one takes over at once.
func (g *generation) waitFor(ctx context.Context, group *group, before *generation) error {
	var gone <-chan struct{}
	if before != nil {
		gone = before.server.process.Done()
	}
	for {
		select {
		case <-group.settled:
			return nil
		case <-gone:
			if err := g.serve(); err != nil {
				return err
			}
			gone = nil
		case <-g.server.process.Done():
			return fmt.Errorf("the server process ended while its groups started: %v", supervise.Exit(g.server.process.Wait()))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// accepts reports whether there is a server that accepts connections; g may be
// nil.
func (g *generation) accepts() bool { return g != nil && !ended(g.server.process) }

// startRule decides whether a start in which some groups could not start a
// process is one. Groups that serve no requests are not asked.
//
//   - A group that cannot start does not keep others from serving. It is tried
//     again at growing intervals, each failure is logged, and until it succeeds
//     requests for the group, and for no other, are answered with 503.
//   - A start after which nobody would serve has failed: no group has a process,
//     and the server has nothing of its own (Options.Serves). For a server with
//     one group this means that its failure ends the program, with the reason.
//   - A reload must not take a group out of service: if one that has a process
//     in service before cannot start anew, the reload has failed. So it has if the
//     scripts of a group were loaded before and cannot be loaded anew.
func (g *generation) startRule(failed map[string]error, before *generation) error {
	var all, missed []error
	groups := slices.DeleteFunc(g.list(), (*group).isService) // nobody is served by those
	serves := g.parent.o.Serves
	for _, group := range groups {
		err := failed[group.name()]
		if err == nil {
			serves = true
			if err = group.notLoaded(); err != nil && before.loaded(group.name()) {
				missed = append(missed, err)
			}
			continue
		}
		if len(groups) > 1 {
			err = fmt.Errorf("start process group %s: %w", group.name(), err)
		}
		all = append(all, err)
		if before.serves(group.name()) {
			missed = append(missed, err)
		}
	}
	switch {
	case len(all) > 0 && !serves:
		return errors.Join(all...)
	case len(missed) > 0:
		return errors.Join(missed...)
	}
	for _, group := range groups {
		if failed[group.name()] != nil {
			g.parent.log(logs.Error, "process group %s could not start: the others serve, and requests for it get 503 until it can", group.name())
		}
	}
	return nil
}

// decidedBy reports that a start has failed if a group cannot start, and nothing
// is lost by it: it is the only one that would serve anything. Of a reload that is
// not said: the log tells about it as it does of any start.
func (g *generation) decidedBy(only *group) bool {
	if g.before || g.parent.o.Serves || only.isService() {
		return false
	}
	for i := range g.parent.o.Groups {
		if o := &g.parent.o.Groups[i].Options; o.Threads != 0 && o.Name != only.name() {
			return false
		}
	}
	return true
}

// serves reports whether requests for a group are served; g may be nil.
func (g *generation) serves(name string) bool {
	if !g.accepts() {
		return false
	}
	group := g.group(name)
	return group != nil && group.inService()
}

// loaded reports whether requests for a group are served by scripts that have loaded;
// g may be nil.
func (g *generation) loaded(name string) bool {
	return g.serves(name) && g.group(name).notLoaded() == nil
}
