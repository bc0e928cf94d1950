package supervise

import (
	"slices"
	"time"
)

// keptEndings is how many endings of a place are remembered.
const keptEndings = 5

// Info is what is known of a process.
type Info struct {
	Number     int // of its place, from 1
	Pid        int // 0 while it waits
	State      State
	Since      time.Time // when it came to that state
	Started    time.Time // zero while it waits
	Generation int       // calls of Recycle before its start
	Reason     string    // why it is to be replaced; "" if it is not
	Resident   int64     // bytes, when last looked; 0: not yet
	NotLoaded  string    // why part of what it is to serve has not loaded; "" if all has
}

// Status is a group at one moment.
type Status struct {
	Group      string
	Generation int // calls of Recycle
	Places     []PlaceStatus
}

// PlaceStatus is what there is in one place.
type PlaceStatus struct {
	Number    int
	Processes []Info   // those that end, the old one while it is replaced, the present one
	Restarts  int      // processes started, but for the first
	Failures  int      // lives in a row that were of no use (backoff.go)
	Endings   []Ending // the last, the oldest first
	Next      time.Time
}

// info is what is told of a life.
func (l *life) info() Info {
	return Info{
		Number: l.place.number, Pid: l.pid, State: l.state, Since: l.since,
		Started: l.started, Generation: l.generation, Reason: l.reason, Resident: l.resident, NotLoaded: l.unloaded,
	}
}

// publish makes the status for Snapshot.
func (g *Group) publish() {
	s := &Status{Group: g.o.Name, Generation: int(g.generation.Load())}
	for _, p := range g.places {
		ps := PlaceStatus{
			Number: p.number, Restarts: max(0, p.starts-1), Failures: int(p.backoff.useless), Endings: slices.Clone(p.endings),
		}
		for _, l := range p.lives() {
			ps.Processes = append(ps.Processes, l.info())
			if l.state == Waiting {
				ps.Next = l.deadline
			}
		}
		s.Places = append(s.Places, ps)
	}
	g.status.Store(s)
}

// Snapshot returns the group as it is, also after its end. The caller must not
// change it.
func (g *Group) Snapshot() *Status { return g.status.Load() }
