package daemon

// rebalanceLocked has a process that became free take over a request that was
// given ahead to another and not started there. There is something to gain if p
// is idle, or if the other has more requests than threads.
func (g *Group) rebalanceLocked(p *Process) {
	if g.waiting.n > 0 || p.active >= p.o.Threads || !p.hasRoomLocked() {
		return
	}
	for _, other := range g.processes {
		if other.active < p.active+2 || p.active > 0 && other.active <= other.o.Threads {
			continue
		}
		if c := other.aheadLocked(); c != nil {
			c.tell(evicted)
			return
		}
	}
}

// aheadLocked returns the oldest of the requests that the process has not
// started, but for those that are leaving it, or nil.
func (p *Process) aheadLocked() (oldest *call) {
	for _, c := range p.calls {
		if c != nil && !c.told(evicted) && c.slot.Queued() && (oldest == nil || c.arrival < oldest.arrival) {
			oldest = c
		}
	}
	return oldest
}
