package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/ring"
)

// waitList is the requests that wait for room in a process, in the order in
// which they first came.
type waitList struct {
	first, last *call
	n           int
}

// insert puts c into its place: the last, unless it has been in a process.
func (l *waitList) insert(c *call) {
	after := l.last
	for after != nil && after.arrival > c.arrival {
		after = after.before
	}
	before := l.first
	if after != nil {
		before = after.after
	}
	c.before, c.after = after, before
	if after == nil {
		l.first = c
	} else {
		after.after = c
	}
	if before == nil {
		l.last = c
	} else {
		before.before = c
	}
	c.waiting = true
	l.n++
}

func (l *waitList) remove(c *call) {
	if c.before == nil {
		l.first = c.after
	} else {
		c.before.after = c.after
	}
	if c.after == nil {
		l.last = c.before
	} else {
		c.after.before = c.before
	}
	c.before, c.after, c.waiting = nil, nil, false
	l.n--
}

var errClosed = &gateway.Error{Kind: gateway.Busy, Err: errors.New("the server stops")}

// enter gives c a process and a slot in it, or returns why it cannot have one.
func (g *Group) enter(c *call) error {
	g.mu.Lock()
	waits, err := g.enterLocked(c)
	g.unlock()
	if err != nil {
		c.log(logs.Error, err.Error())
		return err
	}
	if !waits {
		return nil
	}
	select {
	case <-c.wake:
	case <-c.ctx.Done():
		return g.giveUp(c)
	}
	if c.refusal != nil {
		c.log(logs.Error, c.refusal.Error())
		return c.refusal
	}
	return nil
}

func (g *Group) enterLocked(c *call) (waits bool, err error) {
	first := c.arrival == 0
	if first {
		g.arrivals++
		c.arrival = g.arrivals
	}
	if g.closed {
		return false, errClosed
	}
	if g.waiting.n == 0 {
		if p, slot := g.pickLocked(); p != nil {
			g.assignLocked(c, p, slot)
			return false, nil
		}
	}
	if first && g.waiting.n >= g.o.Backlog {
		g.rejected++
		return false, busy("%d requests wait already (listen-backlog) for a process of group %q", g.waiting.n, g.o.Name)
	}
	now := time.Now()
	c.since = now
	by, refusal := g.waitsUntilLocked(c)
	if !by.IsZero() && !by.After(now) {
		g.timedOut++
		return false, refusal(g)
	}
	c.refusal = nil
	g.waiting.insert(c)
	g.clock.armLocked(by)
	return true, nil
}

// giveUp ends the waiting of a request whose client has gone.
func (g *Group) giveUp(c *call) error {
	g.mu.Lock()
	waiting := c.waiting
	if waiting {
		g.waiting.remove(c)
	}
	g.unlock()
	if !waiting {
		<-c.wake // it was told at the same time
		if c.refusal == nil {
			g.leave(c, takenBack) // it has not been pushed
		}
	}
	return &gateway.Error{Kind: gateway.Aborted, Err: context.Cause(c.ctx)}
}

// pickLocked returns a slot of the process with the fewest requests among those
// that have room, or nil.
func (g *Group) pickLocked() (*Process, ring.Lease) {
	for p := g.fewestLocked(); p != nil; p = g.fewestLocked() {
		if slot, ok := p.ring.Acquire(); ok {
			return p, slot
		}
		p.room = p.active // slots were lost to a misuse, which has been reported
	}
	return nil, ring.Lease{}
}

func (g *Group) fewestLocked() (best *Process) {
	for _, p := range g.processes {
		if p.hasRoomLocked() && (best == nil || p.active < best.active) {
			best = p
		}
	}
	return best
}

func (p *Process) hasRoomLocked() bool {
	return p.active < p.room && !p.draining && !p.stale && !p.broken && !p.full &&
		(p.o.MaxRequests == 0 || p.given < p.o.MaxRequests || p.exempt)
}

// assignLocked gives c a slot in a process.
func (g *Group) assignLocked(c *call, p *Process, slot ring.Lease) {
	p.active++
	p.given++
	if left := p.o.MaxRequests - p.given; p.o.MaxRequests > 0 && left <= p.o.Early && !p.warned && g.o.OnLimit != nil {
		p.warned = true
		g.hooks = append(g.hooks, func() { g.o.OnLimit(p) })
	}
	c.p = p
	c.flags.Store(0)
	c.generation.Store(noGeneration)
	c.started.Store(false)
	c.slot = slot
	p.calls[c.slot.Index()] = c
	if g.o.QueueTimeout > 0 {
		g.clock.armLocked(c.req.WaitsSince().Add(g.o.QueueTimeout))
	}
	if g.o.SocketTimeout > 0 {
		now := time.Now()
		c.alive.Store(now.UnixNano())
		g.clock.armLocked(now.Add(g.o.SocketTimeout))
	}
}

// dispatchLocked gives room to those that wait.
func (g *Group) dispatchLocked() {
	for g.waiting.n > 0 {
		p, slot := g.pickLocked()
		if p == nil {
			return
		}
		c := g.waiting.first
		g.waiting.remove(c)
		g.assignLocked(c, p, slot)
		c.wake <- struct{}{}
	}
}

// refuseLocked ends the waiting of c with an error.
func (g *Group) refuseLocked(c *call, err error) {
	g.waiting.remove(c)
	c.refusal = err
	c.wake <- struct{}{}
}

// departure is how a request leaves a process.
type departure uint8

const (
	finished  departure = iota // it is done
	takenBack                  // it was not started
	ringFull                   // as takenBack, because the ring had no room
	lost                       // the process is dead or broken
)

// leave takes c out of its process, whose memory it does not use any more, and
// ends its lease of the slot. It is the only way out but abandon: nobody else
// gives a slot back.
func (g *Group) leave(c *call, how departure) {
	p := c.p
	g.mu.Lock()
	index := c.slot.Index()
	p.calls[index] = nil
	p.dropFileLocked(index)
	if how == lost {
		c.slot.Drop()
	} else {
		c.slot.Release() // not before: the next request registers itself under the index
	}
	c.p, c.slot = nil, ring.Lease{}
	switch how {
	case takenBack, ringFull:
		p.given--
		p.active--
		p.full = how == ringFull || p.full
		if p.full {
			g.clock.armLocked(time.Now().Add(fullPause))
		}
		g.dispatchLocked()
		p.checkEmptyLocked()
	case lost:
		p.active--
	default:
		p.finishedLocked()
	}
	over := p.overLocked()
	g.unlock()
	if over {
		p.close()
	}
}

// abandon leaves c's running request to its process, and the lease to the ring.
// The slot may be free, and another's, before this returns.
func (g *Group) abandon(c *call) {
	p, slot := c.p, c.slot
	g.mu.Lock()
	p.calls[slot.Index()] = nil
	p.dropFileLocked(slot.Index())
	g.mu.Unlock()
	c.p, c.slot = nil, ring.Lease{}
	slot.Abandon()
	g.mu.Lock()
	p.abandoned++ // released may have been faster
	over := p.overLocked()
	g.unlock()
	if over {
		p.close()
	}
}

func busy(format string, args ...any) *gateway.Error {
	return &gateway.Error{Kind: gateway.Busy, Err: fmt.Errorf(format, args...)}
}
