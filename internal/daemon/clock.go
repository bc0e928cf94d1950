package daemon

import (
	"errors"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// fullPause is how long a process is left alone whose ring has no room.
const fullPause = 5 * time.Millisecond

// clock is one timer for all that a group waits for. It is armed for the
// earliest time only, and what is no longer waited for is found out when it
// fires: a request that is answered in time costs no timer. Its methods are
// called with the group's mu held.
type clock struct {
	timer *time.Timer
	at    time.Time // zero: not armed
}

func (k *clock) init(f func()) {
	k.timer = time.AfterFunc(time.Hour, f)
	k.timer.Stop()
}

func (k *clock) stop() { k.timer.Stop() }

// armLocked makes the clock fire at t or earlier. The zero time is never.
func (k *clock) armLocked(t time.Time) {
	if t.IsZero() || !k.at.IsZero() && !t.Before(k.at) {
		return
	}
	k.at = t
	k.timer.Reset(max(0, time.Until(t)))
}

// earlier returns the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sweep does what the time has come for, and arms the clock for the next.
func (g *Group) sweep() {
	g.mu.Lock()
	defer g.unlock()
	if g.closed {
		return
	}
	g.clock.at = time.Time{}
	now := time.Now()
	var next, by time.Time
	for c := g.waiting.first; c != nil; {
		after := c.after
		by, refusal := g.waitsUntilLocked(c)
		if !by.IsZero() && !by.After(now) {
			g.timedOut++
			g.refuseLocked(c, refusal(g))
		} else {
			next = earlier(next, by)
		}
		c = after
	}
	for _, p := range g.processes {
		p.full = false
		for _, c := range p.calls {
			if c != nil {
				by = g.watchLocked(c, now)
				next = earlier(next, by)
			}
		}
	}
	g.dispatchLocked()
	g.clock.armLocked(next)
}

// waitsUntilLocked returns when the waiting of c ends, zero for never, and what
// it ends with.
func (g *Group) waitsUntilLocked(c *call) (by time.Time, refusal func(*Group) *gateway.Error) {
	if g.o.QueueTimeout > 0 {
		by, refusal = c.req.WaitsSince().Add(g.o.QueueTimeout), (*Group).errQueueTimeout
	}
	if len(g.processes) > 0 {
		return by, refusal
	}
	if g.down != "" {
		if t := later(g.downSince, g.noneSince).Add(g.o.ConnectTimeout); by.IsZero() || t.Before(by) {
			by, refusal = t, (*Group).errDown
		}
	}
	if g.o.ConnectTimeout > 0 {
		if t := later(c.since, g.noneSince).Add(g.o.ConnectTimeout); by.IsZero() || t.Before(by) {
			by, refusal = t, (*Group).errConnectTimeout
		}
	}
	return by, refusal
}

// watchLocked tells a request that is in a process if its time is up, and
// returns when to look again, zero for never.
func (g *Group) watchLocked(c *call, now time.Time) (next time.Time) {
	if g.o.QueueTimeout > 0 && !c.started.Load() && c.flags.Load()&expired == 0 {
		if by := c.req.WaitsSince().Add(g.o.QueueTimeout); by.After(now) {
			next = by
		} else {
			c.tell(expired)
		}
	}
	if g.o.SocketTimeout > 0 {
		by := time.Unix(0, c.alive.Load()).Add(g.o.SocketTimeout)
		if !by.After(now) {
			c.tell(silent)
			by = now.Add(g.o.SocketTimeout)
		}
		next = earlier(next, by)
	}
	return next
}

func (g *Group) errQueueTimeout() *gateway.Error {
	return busy("no thread of process group %q became free within the queue-timeout of %v", g.o.Name, g.o.QueueTimeout)
}

func (g *Group) errConnectTimeout() *gateway.Error {
	return busy("WSGI0116: process group %q had no process within the connect-timeout of %v", g.o.Name, g.o.ConnectTimeout)
}

func (g *Group) errDown() *gateway.Error {
	return &gateway.Error{Kind: gateway.Busy, Err: errors.New("process group " + g.o.Name + " has no process: " + g.down)}
}
