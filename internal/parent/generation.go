package parent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/supervise"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// generation is a server and the daemons that work for it: a reload replaces
// them together.
type generation struct {
	parent *Parent
	server *server
	work   sync.WaitGroup // what follows processes

	mu     sync.Mutex
	groups map[string]*group
	ending bool // the server is meant to end
}

// startGeneration starts a server and its groups, and returns when the server
// is ready and each group has a process, or could not start one. An error
// leaves nothing behind.
func (p *Parent) startGeneration(ctx context.Context) (*generation, error) {
	process, err := p.o.Server()
	if err != nil {
		return nil, err
	}
	g := &generation{parent: p, groups: map[string]*group{}}
	g.server = followServer(process, g)
	if err = g.server.wait(ctx); err == nil {
		err = g.startGroups(ctx)
	}
	if err != nil {
		_ = g.end(cancelled(err), 0) // err is what matters
		return nil, err
	}
	return g, nil
}

// cancelled returns a context that is done.
func cancelled(cause error) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return ctx
}

// startGroups fails when no group could start a process.
func (g *generation) startGroups(ctx context.Context) error {
	settings := g.parent.o.Groups
	for i := range settings {
		group, err := newGroup(g, settings[i])
		if err != nil {
			return err
		}
		g.mu.Lock()
		g.groups[settings[i].Options.Name] = group
		g.mu.Unlock()
	}
	return g.waitForGroups(ctx)
}

func (g *generation) waitForGroups(ctx context.Context) error {
	var errs []error
	for _, group := range g.groups {
		select {
		case <-group.settled:
		case <-g.server.process.Done():
			return errors.New("the server process has ended")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := group.startError(); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 && len(errs) == len(g.groups) {
		return errors.Join(errs...)
	}
	return nil
}

// end drains the server, then the groups. When ctx is done everything is
// killed. The error says what did not end by itself.
func (g *generation) end(ctx context.Context, graceful time.Duration) error {
	g.mu.Lock()
	g.ending = true
	g.mu.Unlock()
	errs := make([]error, 1+len(g.groups))
	errs[0] = g.server.stop(ctx, graceful)
	var all sync.WaitGroup
	for i, group := range slices.Collect(maps.Values(g.groups)) {
		all.Go(func() {
			if err := group.supervisor().Shutdown(ctx); err != nil {
				errs[1+i] = fmt.Errorf("end process group %s: %w", group.settings.Options.Name, err)
			}
		})
	}
	all.Wait()
	g.work.Wait()
	return errors.Join(errs...)
}

// stale is a server whose request saw a changed script.
func (g *generation) stale(name string) {
	if group := g.group(name); group != nil {
		group.reload()
	}
}

func (g *generation) daemon(id wire.ProcessID) *daemon {
	if group := g.group(id.Group); group != nil {
		return group.daemon(id.PID)
	}
	return nil
}

func (g *generation) group(name string) *group {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.groups[name]
}

// limit is a process that will soon have had its maximum of requests.
func (g *generation) limit(id wire.ProcessID) {
	if d := g.daemon(id); d != nil {
		d.because("maximum_requests")
		d.events(supervise.Event{Kind: supervise.Asks, Reason: "it is about to reach its limit of requests (maximum-requests)"})
	}
}

// idle is a process that was detached and has no request left.
func (g *generation) idle(id wire.ProcessID) {
	if d := g.daemon(id); d != nil {
		d.becameIdle()
	}
}

// broken is a process that the server does not believe any more.
func (g *generation) broken(b wire.Breach) {
	if d := g.daemon(b.ProcessID); d != nil {
		g.parent.log(logs.Error, "process %d of group %s is killed: %s", b.PID, b.Group, b.Reason)
		d.Kill()
	}
}

// serverEnded has the generation replaced, unless it was told to end.
func (g *generation) serverEnded(_ *server, exit spawn.Exit) {
	g.mu.Lock()
	groups := slices.Collect(maps.Values(g.groups))
	g.mu.Unlock()
	for _, group := range groups {
		group.lostServer()
	}
	if !g.isEnding() {
		g.parent.lost(g, exit)
	}
}

func (g *generation) isEnding() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ending
}
