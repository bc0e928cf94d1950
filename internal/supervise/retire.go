package supervise

import (
	"cmp"
	"fmt"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/timeout"
)

// want puts a process that is in service into the queue of those to be
// replaced. The first reason counts.
func (g *Group) want(l *life, r retirement) {
	if g.stopping || l.wanted || l.state != InService {
		return
	}
	l.wanted, l.retirement, l.reason = true, r, r.reason
	l.retireAt = time.Time{}
	g.queue = append(g.queue, l)
}

// schedule begins with the next one in the queue when the one before is done.
func (g *Group) schedule() {
	for g.replacing == nil && len(g.queue) > 0 {
		l := g.queue[0]
		g.queue = g.queue[1:]
		g.apply(l, evRetire) // nothing, if it has died meanwhile
	}
}

// Recycle has every process replaced that was started before, one after the
// other, and returns the generation of those that were not: their
// Info.Generation is at least that. A second call while processes are replaced
// goes for those, too, that the first has started. Processes that wait to be
// started again after failures are started at once.
func (g *Group) Recycle(reason string) (generation int) {
	generation = int(g.generation.Add(1))
	g.post(func() { g.recycle(reason, generation) })
	return generation
}

func (g *Group) recycle(reason string, generation int) {
	if g.stopping {
		return
	}
	g.log(logs.Notice, nil, "all processes are replaced: %s", reason)
	g.recycleReason, g.recycled = reason, max(g.recycled, generation)
	for _, l := range g.lives() {
		if l.state == Waiting {
			l.place.backoff = backoff{}
			l.deadline = time.Now()
		}
		g.wantIfOutdated(l)
	}
}

// wantIfOutdated is called for each process after a Recycle, and when it
// becomes ready.
func (g *Group) wantIfOutdated(l *life) {
	if l.generation < g.recycled {
		g.want(l, retirement{reason: g.recycleReason, drain: g.o.Graceful})
	}
}

// RetireOne has one process replaced; drain is how long it may take to finish
// what it does then. It is an error if the process is not in service. If it is
// to be replaced already, that stays as it is.
func (g *Group) RetireOne(pid int, reason string, drain timeout.Limit) error {
	for _, p := range g.Snapshot().Places {
		for _, about := range p.Processes {
			if about.Pid == pid && about.State.inService() {
				g.post(func() { g.retireOne(pid, retirement{reason: reason, drain: drain}) })
				return nil
			}
		}
	}
	return fmt.Errorf("replace process %d: group %q has no such process in service", pid, g.o.Name)
}

func (g *Group) retireOne(pid int, r retirement) {
	for _, l := range g.lives() {
		if l.pid == pid {
			g.want(l, r)
		}
	}
}

// Evict is RetireOne with the eviction-timeout, if there is one, otherwise the
// graceful-timeout.
func (g *Group) Evict(pid int, reason string) error {
	return g.RetireOne(pid, reason, cmp.Or(g.o.Eviction, g.o.Graceful))
}
