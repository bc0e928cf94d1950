// Package daemon is a server's side of a group of daemon processes: it chooses a
// process for each request, or lets it wait, hands it over in shared memory
// (package ring), and brings back the response. It knows neither how processes
// are started and stopped nor Python nor HTTP: its owner adds and removes
// processes, the front speaks with the client.
package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// Group is a process group. Its methods are safe for concurrent use.
type Group struct {
	o     Options
	calls sync.Pool

	mu        sync.Mutex
	processes []*Process
	waiting   waitList
	arrivals  uint64    // requests that ever came
	noneSince time.Time // when the last process was removed
	down      string    // why no process can be started
	downSince time.Time
	hooks     []func() // to be called after mu has been released
	rejected  uint64
	timedOut  uint64
	closed    bool
	clock     clock

	ending sync.WaitGroup // removed processes whose memory is in use
}

// NewGroup returns a group without processes.
func NewGroup(o Options) *Group {
	g := &Group{o: o, noneSince: time.Now()}
	g.calls.New = func() any { return &call{g: g, wake: make(chan struct{}, 1)} }
	g.clock.init(g.sweep)
	return g
}

// App returns one of the group's scripts as an App. Its Serve blocks until the
// response has been handed over.
func (g *Group) App(s Script) gateway.App { return &app{g: g, script: s} }

type app struct {
	g      *Group
	script Script
}

func (a *app) Serve(ctx context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
	c := a.g.calls.Get().(*call)
	c.begin(ctx, a.script, r, w)
	err := c.serve()
	c.end()
	a.g.calls.Put(c)
	return err
}

// SetDown says why no process of the group can be started: while it has none,
// requests are refused ConnectTimeout after this call, and later ones at once.
// "" or Add take that back.
func (g *Group) SetDown(reason string) {
	g.mu.Lock()
	defer g.unlock()
	if g.down == "" {
		g.downSince = time.Now()
	}
	g.down = reason
	if g.waiting.n > 0 {
		g.clock.armLocked(time.Now())
	}
}

// Close removes all processes, refuses what waits, and waits until no request
// uses the memory of a process any more. Requests that come later are refused.
func (g *Group) Close() {
	g.mu.Lock()
	g.closed = true
	for c := g.waiting.first; c != nil; c = g.waiting.first {
		g.refuseLocked(c, errClosed)
	}
	processes := g.processes
	g.unlock()
	for _, p := range processes {
		g.Remove(p, causeClosed)
	}
	g.clock.stop()
	g.ending.Wait()
}

// unlock releases mu and calls the hooks that are due.
func (g *Group) unlock() {
	hooks := g.hooks
	g.hooks = nil
	g.mu.Unlock()
	for _, hook := range hooks {
		hook()
	}
}
