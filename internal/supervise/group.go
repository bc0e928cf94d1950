package supervise

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Group keeps the processes of one group running. Its methods are safe for
// concurrent use.
type Group struct {
	o          Options
	table      *table
	generation atomic.Int64
	status     atomic.Pointer[Status]
	stops      atomic.Int32 // calls of Shutdown
	done       chan struct{}

	mu       sync.Mutex // of the messages
	messages []func()
	wake     chan struct{}
	deaf     bool // nobody takes messages any more

	// Of the group's goroutine.
	places    []*place
	queue     []*life // to be replaced, in turn
	replacing *place  // whose turn it is; the only one with old and cur
	budget    budget  // of starts because of deaths
	stopping  bool
	served    bool // a process was ready
	undone    bool // Options.FirstDecides, and a process could not start

	recycleReason string // of the last Recycle
	recycled      int    // what that has returned
	nextSample    time.Time
	lastLook      time.Time // of lookForFrozen
	unclean       []error   // what did not end by itself
}

// Start starts a group. Its processes are started by its goroutine, which ends
// with Shutdown: the caller must call that.
func Start(o Options) (*Group, error) {
	g, err := newGroup(o)
	if err != nil {
		return nil, err
	}
	go g.run()
	return g, nil
}

// newGroup plans the processes of a group.
func newGroup(o Options) (*Group, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.complete()
	g := &Group{
		o: o, table: lifeCycle(), done: make(chan struct{}), wake: make(chan struct{}, 1),
		nextSample: time.Now().Add(o.interval()),
	}
	for i := range o.Processes {
		p := &place{number: i + 1}
		g.places = append(g.places, p)
		g.plan(p, 0)
	}
	g.publish()
	return g, nil
}

// run is the group's goroutine.
func (g *Group) run() {
	defer close(g.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		g.takeMessages()
		g.expire(time.Now())
		g.schedule()
		g.publish()
		if g.over() {
			return
		}
		timer.Reset(time.Until(g.next()))
		select {
		case <-g.wake:
		case <-timer.C:
		}
	}
}

// post hands f to the group's goroutine. It never blocks.
func (g *Group) post(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.deaf {
		return
	}
	g.messages = append(g.messages, f)
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

func (g *Group) takeMessages() {
	g.mu.Lock()
	messages := g.messages
	g.messages = nil
	g.mu.Unlock()
	for _, f := range messages {
		f()
	}
}

// over reports whether the group has ended; then no message is taken any more.
func (g *Group) over() bool {
	if !g.stopping || len(g.lives()) > 0 {
		return false
	}
	g.mu.Lock()
	g.deaf, g.messages = true, nil
	g.mu.Unlock()
	return true
}

// happened takes an event of a process.
func (g *Group) happened(l *life, e Event) {
	switch e.Kind {
	case Ready:
		g.decided()
		g.becameReady(l, e.NotLoaded)
	case Unloaded:
		g.foundUnloaded(l, e.Reason)
	case Failed:
		if l.state == Starting {
			l.failure = e.Reason
		}
		g.apply(l, evFailed)
	case Asks:
		l.overCPU = l.overCPU || e.CPU
		g.want(l, retirement{reason: e.Reason, drain: g.o.Graceful})
		if e.Changed {
			g.hasten(l, e.Reason)
		}
	case Broken:
		if l.late == "" {
			l.late = "killed, because " + e.Reason
		}
	case Exited:
		if l.state != Gone {
			l.exit = e.Exit
		}
		g.apply(l, evExited)
	}
}

// expire does what is due at a time.
func (g *Group) expire(now time.Time) {
	for _, l := range g.lives() {
		if due(l.deadline, now) {
			l.deadline = time.Time{}
			g.apply(l, evTimeout)
		}
		if due(l.retireAt, now) {
			l.retireAt = time.Time{}
			g.want(l, retirement{
				reason: fmt.Sprintf("restart-interval=%v: it runs for %v", g.o.RestartInterval, round(now.Sub(l.started))),
				drain:  g.o.Graceful,
			})
		}
	}
	if due(g.nextSample, now) {
		g.nextSample = now.Add(g.o.interval())
		g.sample(now)
		g.lookForFrozen(now)
	}
}

func due(t, now time.Time) bool { return !t.IsZero() && !t.After(now) }

// next is when something is due.
func (g *Group) next() time.Time {
	next := g.nextSample
	for _, l := range g.lives() {
		for _, t := range []time.Time{l.deadline, l.retireAt} {
			if !t.IsZero() && t.Before(next) {
				next = t
			}
		}
	}
	return next
}

// Shutdown ends the group: processes drain, are stopped when that takes too
// long, and killed when that does. Nothing is started any more. It blocks until
// all processes are gone. When ctx ends, or Shutdown is called a second time,
// those left are killed at once. The error says which processes did not end by
// themselves.
func (g *Group) Shutdown(ctx context.Context) error {
	ev := evShutdown
	if g.stops.Add(1) > 1 {
		ev = evForce
	}
	g.post(func() { g.end(ev) })
	select {
	case <-g.done:
	case <-ctx.Done():
		g.post(func() { g.end(evForce) })
		<-g.done
	}
	return errors.Join(g.unclean...)
}

// end tells all lives that the group ends.
func (g *Group) end(ev event) {
	g.stopping = true
	g.queue = nil
	for _, l := range g.lives() {
		l.retirement.drain = g.o.Graceful
		if l.reason == "" {
			l.reason = "shutdown"
		}
		if ev == evForce && l.late == "" {
			l.late = "killed, as the group had to end at once"
		}
		g.apply(l, ev)
	}
}
