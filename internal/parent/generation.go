package parent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
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
	began  time.Time      // of the server process
	before bool           // another one serves while it starts
	failed atomic.Bool    // it has not started: whoever wanted it tells why
	cgroup string         // what oom calls that of the server
	work   sync.WaitGroup // what follows processes

	mu     sync.Mutex
	groups map[string]*group
	ending bool // the server is meant to end, or has

	once    sync.Once // of end
	outcome error     // of end

	lost bool // it is being replaced because its server has ended; guarded by the parent's mu
}

// startGeneration starts a server and its groups, and returns when the server
// is ready and each group has a process, or could not start one. before is the
// generation that serves meanwhile, or nil: beside one the new server accepts
// nothing before the start has succeeded, so that nothing is lost if it does
// not. An error leaves nothing behind.
func (p *Parent) startGeneration(ctx context.Context, before *generation) (*generation, error) {
	process, err := p.o.Server()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	g := &generation{parent: p, groups: map[string]*group{}, before: before != nil, began: now, cgroup: p.oom.Watch(process.Pid(), now)}
	g.server = followServer(process, g)
	if err = g.server.wait(ctx); err == nil {
		err = g.startGroups(ctx, before)
	}
	if err == nil {
		err = g.serve()
	}
	if err != nil {
		g.failed.Store(true)
		_ = g.end(cancelled(err), wire.Stopping{}) // err is what matters
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

// serve has the server accept connections; it may be called again.
func (g *generation) serve() error { return g.server.send(wire.Serve, nil) }

// list returns the groups in the order of Options.
func (g *generation) list() []*group {
	var all []*group
	for i := range g.parent.o.Groups {
		if group := g.group(g.parent.o.Groups[i].Options.Name); group != nil {
			all = append(all, group)
		}
	}
	return all
}

// end drains the server, then the groups. What does not end within its limits
// is killed, and when ctx is done everything is. The error says what did not
// end by itself. A second call waits for the first.
func (g *generation) end(ctx context.Context, order wire.Stopping) error {
	g.once.Do(func() { g.outcome = g.drain(ctx, order) })
	return g.outcome
}

func (g *generation) drain(ctx context.Context, order wire.Stopping) error {
	g.mu.Lock()
	g.ending = true
	g.mu.Unlock()
	groups := g.list()
	errs := make([]error, 1+len(groups))
	errs[0] = g.server.stop(ctx, order, g.parent.serverLimits())
	var all sync.WaitGroup
	for i, group := range groups {
		all.Go(func() {
			if err := group.supervisor().Shutdown(ctx); err != nil {
				errs[1+i] = fmt.Errorf("end process group %s: %w", group.name(), err)
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
		if b.Spare {
			d.distrust(b.Reason)
			return
		}
		g.parent.log(logs.Error, "process %d of group %s is killed: %s", b.PID, b.Group, b.Reason)
		d.events(supervise.Event{Kind: supervise.Broken, Reason: b.Reason})
		d.Kill()
	}
}

// serverEnded has the generation replaced, unless it was told to end.
func (g *generation) serverEnded(_ *server, exit spawn.Exit) {
	g.mu.Lock()
	expected := g.ending
	g.ending = true // without a server no process needs a replacement
	g.mu.Unlock()
	for _, group := range g.list() {
		group.lostServer()
	}
	if expected {
		g.parent.tellEnd(g, exit)
		return
	}
	g.parent.lost(g, exit)
}

func (g *generation) isEnding() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ending
}
