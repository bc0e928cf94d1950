package supervise

import (
	"slices"
	"time"

	"github.com/gophersnake/gophersnake/internal/timeout"
)

// place is where one process is to be in service.
type place struct {
	number  int
	cur     *life   // nil only when the group ends
	old     *life   // that cur is to replace; while the group's replacing is this place
	leaving []*life // that were replaced, and finish what they do
	backoff backoff
	hastes  budget // of attempts because something has changed
	hurried bool   // something has changed since cur was started
	lazy    bool   // what did not load here was to load at a request
	starts  int
	untold  string // why the last process could not start, while that is told by nobody
	endings []Ending
}

// lives returns those that leave, old and cur, as far as there are.
func (p *place) lives() []*life {
	all := slices.Clone(p.leaving)
	for _, l := range []*life{p.old, p.cur} {
		if l != nil {
			all = append(all, l)
		}
	}
	return all
}

// remember keeps the last endings.
func (p *place) remember(e Ending) {
	if len(p.endings) == keptEndings {
		p.endings = slices.Delete(p.endings, 0, 1)
	}
	p.endings = append(p.endings, e)
}

// retirement is how a process is to be replaced.
type retirement struct {
	reason string
	drain  timeout.Limit // to finish what it does
	delay  time.Duration // until the replacement is started
}

// life is a process from the moment it is planned. All of it belongs to the
// group's goroutine.
type life struct {
	place    *place
	process  Process
	pid      int
	state    State
	since    time.Time // the state
	deadline time.Time // of the state; zero: none
	started  time.Time
	ready    time.Time // zero: it never was
	retireAt time.Time // restart-interval; zero: none

	generation int
	wanted     bool // to be replaced: it is in the queue, or was
	retirement retirement
	reason     string // why it is to end, for the log; "" if nobody wants it to

	resident int64
	cgroup   string        // what OOM calls its cgroup
	used     time.Duration // of the processor, when last looked
	moved    time.Time     // when that was last seen to grow; zero: not yet
	unloaded string        // why part of what it is to serve has not loaded; "" if all has
	lazily   bool          // it found that out when a request came
	frozen   bool          // it was killed because its processor time did not grow
	failure  string        // why it could not start
	late     string        // why it was killed, by the group or for its owner
	overCPU  bool          // it was warned that it has used up its processor time
	// explained says that the kernel has killed it, and why is known.
	explained bool
	exit      Exit
}

// lives returns all lives of the group, by place.
func (g *Group) lives() []*life {
	var all []*life
	for _, p := range g.places {
		all = append(all, p.lives()...)
	}
	return all
}

// plan makes the next life of a place.
func (g *Group) plan(p *place, delay time.Duration) {
	now := time.Now()
	p.cur = &life{place: p, since: now, deadline: now.Add(delay)}
}

// apply moves a life, as the table says.
func (g *Group) apply(l *life, ev event) {
	if l.state == Gone {
		return
	}
	s := g.table[l.state][ev]
	if s == nil {
		return
	}
	if s.to != l.state {
		l.state, l.since, l.deadline = s.to, time.Now(), time.Time{}
	}
	if s.act != nil {
		s.act(g, l)
	}
	if l.state == Gone {
		g.leave(l)
	}
}

// leave takes a life that is gone out of its place. An action may have planned
// the next one already.
func (g *Group) leave(l *life) {
	p := l.place
	if p.old == l {
		p.old, g.replacing = nil, nil
	}
	if p.cur == l {
		p.cur = nil
	}
	p.leaving = slices.DeleteFunc(p.leaving, func(other *life) bool { return other == l })
}

// giveWay takes a life out of the turn that has been replaced: the next one need not
// wait until it has finished what it does, which may take for ever.
func (g *Group) giveWay(l *life) {
	p := l.place
	p.old, g.replacing = nil, nil
	p.leaving = append(p.leaving, l)
	p.backoff.lived(time.Since(l.ready)) // what comes now is no time in service
	g.drain(l)
}
