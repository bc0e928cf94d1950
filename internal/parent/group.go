package parent

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/supervise"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// group is a process group of one generation.
type group struct {
	generation *generation
	settings   Group
	supervised *supervise.Group
	// supervision is closed when supervised is there.
	supervision chan struct{}
	settled     chan struct{} // closed when its first process is ready or could not start

	mu      sync.Mutex
	daemons map[int]*daemon // by pid
	failure *wire.Failure   // of the last start that failed
	ready   *wire.Readiness // of the last one that did not
	once    bool            // settled is closed
	keeping wire.Keeping    // what the last start has depended on, if not all was loaded
	missed  string          // why a replacement could not start last
	known   *wire.NotLoaded // what could not be loaded last, and is in the log
}

var _ supervise.Observer = (*group)(nil)

// newGroup returns a group that has started nothing.
func newGroup(gen *generation, settings Group) *group {
	return &group{
		generation: gen, settings: settings, daemons: map[int]*daemon{},
		settled: make(chan struct{}), supervision: make(chan struct{}),
	}
}

// isService reports processes that serve no requests: the server does not know
// them.
func (g *group) isService() bool { return g.settings.Options.Threads == 0 }

func (g *group) name() string { return g.settings.Options.Name }

// supervise starts the processes, and has them kept running until the end of
// the generation.
func (g *group) supervise() error {
	o := &g.settings.Options
	supervised, err := supervise.Start(supervise.Options{
		Name: o.Name, Processes: o.Processes, Start: g.start, Observer: g,
		Log:     func(level logs.Level, text string) { g.log(level, "%s", text) },
		Startup: o.StartupTimeout, Graceful: o.GracefulTimeout, Eviction: o.EvictionTimeout, Shutdown: o.ShutdownTimeout,
		FirstDecides:    g.generation.decidedBy(g),
		RestartInterval: o.RestartInterval, RestartMemory: o.RestartMemory,
		OOM: g.generation.parent.oom, CPU: o.CPUKill(), Deadlock: g.deadlock(), Used: g.settings.Used,
	})
	if err != nil {
		return err
	}
	g.supervised = supervised
	close(g.supervision)
	return nil
}

// deadlock is how long a process may do nothing at all, not even look after itself;
// a service may, as long as it likes.
func (g *group) deadlock() time.Duration {
	if g.isService() {
		return 0
	}
	return g.settings.Options.DeadlockTimeout
}

// supervisor returns what keeps the processes running.
func (g *group) supervisor() *supervise.Group {
	<-g.supervision // it may have started one before supervise has returned
	return g.supervised
}

// inService reports whether a process is.
func (g *group) inService() bool {
	for _, place := range g.supervisor().Snapshot().Places {
		for _, p := range place.Processes {
			if p.State == supervise.InService || p.State == supervise.Retiring {
				return true
			}
		}
	}
	return false
}

func (g *group) add(d *daemon) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.daemons[d.process.Pid()] = d
}

func (g *group) remove(d *daemon) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.daemons, d.process.Pid())
}

// lostServer says that no request comes to the processes any more.
func (g *group) lostServer() {
	g.mu.Lock()
	daemons := slices.Collect(maps.Values(g.daemons))
	g.mu.Unlock()
	for _, d := range daemons {
		d.becameIdle()
	}
}

func (g *group) daemon(pid int) *daemon {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.daemons[pid]
}

// began and failed note how a start went.
func (g *group) began(r wire.Readiness) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ready, g.failure = &r, nil
	g.keeping = wire.Keeping{}
	if r.NotLoaded != nil {
		g.keeping = wire.Keeping{Stamps: r.NotLoaded.Stamps}
	}
}

func (g *group) readiness() (r wire.Readiness, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ready == nil {
		return r, false
	}
	return *g.ready, true
}

// notLoaded is why the scripts have not loaded in any process that serves; before there
// is one, in the last that was ready. It is nil if they have in one, or none is ready. A
// script that is loaded when the first request comes counts as loaded.
func (g *group) notLoaded() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	last := g.ready
	for _, d := range g.daemons {
		ready, ok := d.serving()
		if ok && ready.NotLoaded == nil {
			return nil
		}
		if ok {
			last = ready
		}
	}
	if last == nil || last.NotLoaded == nil {
		return nil
	}
	return fmt.Errorf("start process group %s: %s", g.name(), last.NotLoaded)
}

func (g *group) failed(f wire.Failure) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failure = &f
}

// settle says that the first start has an outcome.
func (g *group) settle() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.once {
		g.once = true
		close(g.settled)
	}
}

// tell sends a message to the server.
func (g *group) tell(kind string, payload any, files ...*os.File) {
	if g.isService() {
		return
	}
	// a generation that has failed to start is being killed
	if err := g.generation.server.send(kind, payload, files...); err != nil && !g.generation.failed.Load() {
		g.log(logs.Error, "%v", err)
	}
}

// Up gives a process to the server.
func (g *group) Up(p supervise.Process, _ supervise.Info) {
	limit := g.settings.Options.MaximumRequests
	p.(*daemon).attach(limit, early(limit, rand.Float64))
	g.settle()
}

// early is how many requests before its limit a process is to be replaced: at
// most a tenth, and different for each process; at least a twentieth, so that
// it still serves while its replacement starts.
func early(limit int, random func() float64) int {
	spread := limit - int(supervise.Spread(int64(limit), random))
	return max(0, min(max(spread, limit/20), limit-1))
}

// Draining is told to the server by the process itself.
func (g *group) Draining(supervise.Process, supervise.Info) {}

// Down tells the server why a process is gone.
func (g *group) Down(p supervise.Process, _ supervise.Info, end supervise.Ending) {
	g.tell(wire.Gone, wire.Departure{ProcessID: p.(*daemon).id(), Cause: end.Cause, Stuck: end.Frozen})
}

// CannotStart tells the server that nobody serves the group, and why.
func (g *group) CannotStart(f supervise.Failure) {
	g.mu.Lock()
	if g.failure == nil {
		g.failure = &wire.Failure{Reason: f.Reason}
	}
	g.mu.Unlock()
	if !f.Old {
		g.tell(wire.Down, wire.Unavailable{Group: g.settings.Options.Name, Reason: f.Reason})
	}
	g.keepOld(f)
	g.settle()
}

// startError is why no process of the group could start, nil if one did.
func (g *group) startError() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failure == nil || g.ready != nil {
		return nil
	}
	return &StartError{Failure: *g.failure}
}

func (g *group) log(level logs.Level, format string, args ...any) {
	g.generation.parent.log(level, format, args...)
}

// reload replaces the processes because a script has changed.
func (g *group) reload() {
	g.supervisor().Recycle(fmt.Sprintf("a script of process group %s has changed", g.settings.Options.Name))
}
