package parent

import (
	"maps"
	"slices"

	"github.com/gophersnake/gophersnake/internal/supervise"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// A request that sees a changed script waits for a process that has loaded it. If
// that process cannot start, those with the old code serve on: they are told which
// change that was (Mark before the start, Keep after it), and when they know, the
// server gives them requests again (Restore). The next change begins it anew.

// markOld has the processes in service note what their scripts are, before a process in
// a place loads them. Those in other places may load something else meanwhile.
func (g *group) markOld(place int) { g.order(wire.Mark, wire.Marking{Place: place}) }

// keepOld has them serve on after that could not.
func (g *group) keepOld(f supervise.Failure) {
	g.mu.Lock()
	g.missed = f.Reason
	keeping := g.keeping
	g.mu.Unlock()
	keeping.Place = f.Number
	g.order(wire.Keep, keeping)
}

// order has the processes in service told something. It does not block.
func (g *group) order(kind string, payload any) {
	if g.isService() {
		return
	}
	g.mu.Lock()
	daemons := slices.Collect(maps.Values(g.daemons))
	g.mu.Unlock()
	for _, d := range daemons {
		if d.canServe() {
			d.orders.add(kind, payload)
		}
	}
}

// canServe reports whether the process could be given requests: it is in service,
// and can do something.
func (d *daemon) canServe() bool {
	_, ok := d.serving()
	return ok
}

// serving is canServe, and what the process said when it was ready.
func (d *daemon) serving() (ready *wire.Readiness, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ready, d.up && !d.draining && !d.stuck
}

// restore has the server give the process requests again, now that it knows that it
// is to serve what it has loaded.
func (d *daemon) restore() {
	if !d.canServe() {
		return
	}
	d.group.mu.Lock()
	reason := d.group.missed
	d.group.mu.Unlock()
	d.group.tell(wire.Restore, wire.Restoration{ProcessID: d.id(), Reason: reason})
}
