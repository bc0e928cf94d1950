package daemon

import "github.com/gophersnake/gophersnake/internal/gateway"

// setStale gives no more requests to the processes that are there, after p has
// seen that a script changed. What they have not started goes to those that
// are added later, or come back by Restore.
func (g *Group) setStale(p *Process) {
	g.mu.Lock()
	defer g.unlock()
	if p.stale {
		return
	}
	p.stale = true // it may have been removed already
	for _, other := range g.processes {
		other.stale = true
		other.evictLocked()
	}
	if g.o.OnStale != nil {
		g.hooks = append(g.hooks, g.o.OnStale)
	}
}

// Restore gives requests to p again, whatever script has changed, and however many
// it has had, because nobody can take its place. It reports whether p was given
// none for such a change. The process must know that it is to serve on: see wire.Keep.
func (g *Group) Restore(p *Process) (wasStale bool) {
	g.mu.Lock()
	defer g.unlock()
	wasStale = p.stale
	p.stale, p.exempt = false, true
	g.dispatchLocked()
	g.rebalanceLocked(p)
	return wasStale
}

// RemoveStuck is Remove for a process that had stopped working before it was
// killed: the time of the requests that it was serving is up (gateway.Timeout).
func (g *Group) RemoveStuck(p *Process, cause string) {
	p.stuck = true
	g.Remove(p, cause)
}

// setBroken gives no more requests to p.
func (g *Group) setBroken(p *Process, err error) {
	g.mu.Lock()
	defer g.unlock()
	if p.broken {
		return
	}
	p.broken = true
	if g.o.OnBroken != nil {
		g.hooks = append(g.hooks, func() { g.o.OnBroken(p, err) })
	}
}

// queueTimedOut counts a request that was taken back too late.
func (g *Group) queueTimedOut() *gateway.Error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timedOut++
	return g.errQueueTimeout()
}
