package daemon

// Snapshot is the state of a group at one moment.
type Snapshot struct {
	Name      string
	Processes []ProcessSnapshot // in the order in which they were added
	Waiting   int               // requests for which no process has room
	Rejected  uint64            // for which there was no room to wait
	TimedOut  uint64            // that waited too long
	Down      string            // why no process can be started; "" if they can
}

// ProcessSnapshot is the state of a process.
type ProcessSnapshot struct {
	PID      int
	Threads  int
	Running  int    // requests that it says it is serving
	Queued   int    // requests that it was given and says it has not started
	Served   uint64 // requests that it has finished
	Draining bool   // it is given no more requests
}

// Snapshot returns the state of the group.
func (g *Group) Snapshot() Snapshot {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Snapshot{Name: g.o.Name, Waiting: g.waiting.n, Rejected: g.rejected, TimedOut: g.timedOut, Down: g.down}
	for _, p := range g.processes {
		queued, running := p.ring.Counts()
		s.Processes = append(s.Processes, ProcessSnapshot{
			PID: p.o.PID, Threads: p.o.Threads, Running: running, Queued: queued, Served: p.served,
			Draining: p.draining || p.stale || p.broken,
		})
	}
	return s
}
