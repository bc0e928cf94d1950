package supervise

import (
	"fmt"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
)

// A process may be ready to answer though what it is to serve has not loaded: a
// database that was not up, a typo. It cannot try that again itself: half of the
// application is in it. So others try, one after the other.
//
// In a place where a process serves that has loaded everything, such a process is
// none: it is stopped, and the next attempt follows as after any start that has
// failed. Elsewhere it enters service, since an answer that says so is better than
// none, and its replacement is started after a time that grows up to a minute, at the
// latest after startup-timeout, and at once when it says that something has changed.

// becameReady judges a process that says that it is.
func (g *Group) becameReady(l *life, notLoaded string) {
	if l.state != Starting {
		return
	}
	l.unloaded = notLoaded
	old := l.place.old
	if notLoaded != "" && old != nil && old.state.inService() && old.unloaded == "" && !g.stopping {
		l.failure, l.reason = notLoaded, notLoaded
		g.apply(l, evUnloaded)
		return
	}
	g.apply(l, evReady)
}

// judgeLoad is called for a process that enters service. Of what others could not load
// when a request came it says nothing: it has not tried that yet.
func (g *Group) judgeLoad(l *life) {
	if l.unloaded != "" {
		g.retryLoad(l)
		return
	}
	if !l.place.lazy {
		l.place.backoff.failed = 0
	}
	for _, other := range g.lives() { // for them it may be over, too
		if other.unloaded != "" && !other.lazily {
			g.hasten(other, fmt.Sprintf("%v has loaded", l))
		}
	}
}

// foundUnloaded is for a process in service that finds out when a request comes.
func (g *Group) foundUnloaded(l *life, reason string) {
	if l.state != InService || l.unloaded != "" {
		return
	}
	l.unloaded, l.lazily, l.place.lazy = reason, true, true
	g.retryLoad(l)
}

// retryLoad plans the next attempt.
func (g *Group) retryLoad(l *life) {
	delay := l.place.backoff.failed.nextAttempt()
	if g.o.Startup > 0 {
		delay = min(delay, g.o.Startup)
	}
	g.log(logs.Error, l, "%s; requests for it get 500, and a fresh process tries again %s, or when a file changes that took part", l.unloaded, in(delay))
	g.want(l, retirement{reason: l.unloaded, drain: g.o.Graceful, delay: delay})
}

// nextAttempt counts once more and returns the time to wait: 1, 2, 4, ... 60 seconds.
func (n *growth) nextAttempt() time.Duration {
	*n = max(1, *n)
	return n.next()
}

// hasten has the replacement of a process that is in service and to be replaced started
// at once, if its time has not come, because of reason.
func (g *Group) hasten(l *life, reason string) {
	if !l.state.inService() {
		return
	}
	p := l.place
	switch {
	case p.old != l: // it is in the queue
		if l.retirement.delay == 0 {
			return
		}
		l.retirement.delay = min(l.retirement.delay, p.haste())
	case p.cur == nil || p.cur.state != Waiting:
		p.backoff.useless, p.hurried = 0, true // the one that is starting may not know of it
		return
	default:
		p.backoff.useless = 0
		by := time.Now().Add(p.haste())
		if !by.Before(p.cur.deadline) {
			return
		}
		p.cur.deadline = by
	}
	g.log(logs.Notice, l, "its replacement is tried as soon as may be: %s", reason)
}

// haste returns how long to wait with an attempt because something has changed: not at
// all, unless things change all the time. An application may write a file whenever it
// is loaded.
func (p *place) haste() time.Duration { return p.hastes.take(time.Now(), crashCost, leastBudget) }
