// Package parent is the process that starts the others: a server, which answers
// HTTP, and the daemons of its process groups. It joins them, replaces them on
// a reload and after an accident, and ends them in order. It parses no HTTP
// and never loads Python; what it starts it knows by settings that others made.
package parent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/procgroup"
	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/supervise"
	"github.com/gophersnake/gophersnake/internal/timeout"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// Options say what a Parent starts.
type Options struct {
	// Server starts a server process.
	Server func() (Process, error)
	// Groups have different names.
	Groups []Group
	// Serves says that the server has something to serve even if no group can
	// start, such as applications in its own process.
	Serves bool
	// Graceful is how long running requests of a server may take that was
	// replaced or told to end; Shutdown is what the rest may take.
	Graceful, Shutdown timeout.Limit
	// Stopping is called when Stop has begun: no server is started any more, and
	// the one that serves is told next. It is where the caller closes the sockets
	// that servers inherit. nil: nothing is to be done.
	Stopping func()
	Log      logs.Logger
}

// Group is a process group.
type Group struct {
	Options procgroup.Options
	// Daemon starts one of its processes, with its end of the socket to the
	// server, which stays the caller's, and the server's process id. known is what
	// others could not load, and have logged; nil if there is nothing.
	Daemon func(server *os.File, serverPID int, known *wire.NotLoaded) (Process, error)
	// Used tells the processor time that one of them has used; nil: the system does.
	Used func(pid int) (time.Duration, error)
}

// Parent runs the processes of one server. Its methods are safe for concurrent
// use.
type Parent struct {
	o   Options
	oom *supervise.OOM

	changing sync.Mutex // one start at a time; nobody who holds it waits for the end of what served
	mu       sync.Mutex
	current  *generation
	stopping bool
	calm     calm // guarded by mu

	life  context.Context // ends with Stop: nothing is started any more
	stop  context.CancelCauseFunc
	force context.Context // ends when Stop is to kill
	cut   context.CancelFunc
	owned sync.WaitGroup // replacements after an accident, and the ends of what was replaced
}

// New returns a Parent that has started nothing.
func New(o Options) *Parent {
	p := &Parent{o: o, oom: supervise.NewOOM("/")}
	p.life, p.stop = context.WithCancelCause(context.Background())
	p.force, p.cut = context.WithCancel(context.Background())
	return p
}

// ErrStopped is returned by what was under way when Stop was called.
var ErrStopped = errors.New("the server was told to stop")

// Start starts the first processes. It returns when requests can be answered,
// if only by some of the groups; an error, often a *StartError, says why none
// can, and nothing is left. See startRule.
func (p *Parent) Start() error {
	p.changing.Lock()
	defer p.changing.Unlock()
	g, err := p.startGeneration(p.life, nil)
	if err != nil {
		return err
	}
	p.set(g)
	return nil
}

// set makes g the generation that serves. Its server may have ended meanwhile.
func (p *Parent) set(g *generation) {
	p.mu.Lock()
	p.current = g
	p.mu.Unlock()
	if ended(g.server.process) {
		p.lost(g, g.server.process.Wait())
	}
}

func (p *Parent) now() *generation {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// Ready tells what a process of a group said last when it was ready; ok is
// false when none ever was.
func (p *Parent) Ready(name string) (r wire.Readiness, ok bool) {
	if g := p.now(); g != nil {
		if group := g.group(name); group != nil {
			return group.readiness()
		}
	}
	return r, false
}

// Figures is what the server knows of the groups, by their names.
func (p *Parent) Figures(ctx context.Context) (map[string]wire.GroupFigures, error) {
	g := p.now()
	if g == nil {
		return nil, nil
	}
	figures, err := g.server.report(ctx)
	by := make(map[string]wire.GroupFigures, len(figures))
	for _, f := range figures {
		by[f.Group] = f
	}
	return by, err
}

// Groups is what the supervisor knows of the groups, in the order of Options.
func (p *Parent) Groups() []*supervise.Status {
	g := p.now()
	if g == nil {
		return nil
	}
	var all []*supervise.Status
	for i := range p.o.Groups {
		if group := g.group(p.o.Groups[i].Options.Name); group != nil {
			all = append(all, group.supervisor().Snapshot())
		}
	}
	return all
}

// Reload starts everything anew beside what runs, and ends the latter when the
// new processes can serve: no request is refused or lost. It returns when they do;
// ended is closed when the old ones have ended, which holds up nothing else, as it
// may take for ever. On an error the old ones stay: a group that serves now must be
// able to start anew.
func (p *Parent) Reload() (ended <-chan struct{}, err error) {
	p.changing.Lock()
	defer p.changing.Unlock()
	if err := context.Cause(p.life); err != nil {
		return nil, err
	}
	old := p.now()
	g, err := p.startGeneration(p.life, old)
	if cause := context.Cause(p.life); err != nil && cause != nil {
		return nil, cause
	}
	if err != nil {
		return nil, fmt.Errorf("reload: the old processes go on: %w", err)
	}
	p.set(g)
	done := make(chan struct{})
	p.owned.Go(func() {
		defer close(done)
		p.retire(old)
	})
	return done, nil
}

// retire ends a generation that was replaced. It is called without changing.
func (p *Parent) retire(g *generation) {
	if err := g.end(p.force, wire.Stopping{}); err != nil {
		p.log(logs.Warn, "end the processes that were replaced: %v", err)
	}
}

// Stop ends everything: requests that run have until graceful-timeout, then
// exit handlers until shutdown-timeout. When force is done it kills what is
// left. It returns when all processes have ended; an error says which did not
// end by themselves. The server that serves is told at once, also while one that
// it has replaced still ends.
func (p *Parent) Stop(force context.Context) error {
	p.mu.Lock()
	p.stopping = true
	serving := p.current
	p.mu.Unlock()
	p.stop(ErrStopped)
	defer p.cut()
	defer context.AfterFunc(force, p.cut)()
	if p.o.Stopping != nil {
		p.o.Stopping()
	}
	stopped := make(chan error, 1)
	go func() { stopped <- p.endLast(serving) }()
	p.changing.Lock() // a start that was under way has failed, or there is another generation
	last := p.now()
	p.changing.Unlock()
	var late error
	if last != serving {
		late = p.endLast(last)
	}
	err := errors.Join(<-stopped, late)
	p.owned.Wait()
	return err
}

// endLast ends a generation, perhaps nil, that no other comes after.
func (p *Parent) endLast(g *generation) error {
	if g == nil {
		return nil
	}
	return g.end(p.force, wire.Stopping{Last: true})
}

// Recovery after the end of a server: it is tried again at growing intervals.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// lost replaces a generation whose server has ended by itself. It may be
// called twice for one, and does nothing for one that does not serve.
func (p *Parent) lost(g *generation, exit spawn.Exit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != g || g.lost {
		return
	}
	g.lost = true
	if p.stopping {
		p.tellEnd(g, exit)
		return
	}
	lived := time.Since(g.began)
	pause := p.calm.after(lived)
	p.log(logs.Error, "the server process %d ended: %s; it lived %v; starting another one", exit.Pid, p.causeOf(g, exit), lived.Round(time.Millisecond))
	p.owned.Go(func() { p.recover(g, pause) })
}

// recover starts another generation, after a pause, unless a reload has done so
// meanwhile, and ends the old one.
func (p *Parent) recover(old *generation, pause time.Duration) {
	if p.startAnother(old, pause) {
		p.retire(old)
	}
}

// startAnother reports whether another generation serves in place of old.
func (p *Parent) startAnother(old *generation, pause time.Duration) bool {
	p.changing.Lock()
	defer p.changing.Unlock()
	if p.now() != old || !p.pause(pause) {
		return false
	}
	for wait := firstRetry; p.life.Err() == nil; wait = min(2*wait, lastRetry) {
		g, err := p.startGeneration(p.life, nil)
		if err == nil {
			p.set(g)
			return true
		}
		if p.life.Err() != nil {
			return false
		}
		p.log(logs.Error, "start another server: %v; trying again in %v", err, wait)
		if !p.pause(wait) {
			return false
		}
	}
	return false
}

func (p *Parent) log(level logs.Level, format string, args ...any) {
	p.o.Log.Log(logs.Record{Level: level, Module: "core", Message: fmt.Sprintf(format, args...)})
}
