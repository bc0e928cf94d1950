package parent

import "github.com/gophersnake/gophersnake/internal/wire"

// The traceback of a load that fails is logged once. Each process is told at its start
// what others could not load: if it fails for the same reason it says only that. Those
// that start at the same time cannot know of each other, and each logs its own.

// learn notes what the process in a place could not load, nil for one that has loaded
// everything. That is known until all have.
func (g *group) learn(number int, n *wire.NotLoaded) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n != nil {
		g.known = &wire.NotLoaded{Script: n.Script, Reason: n.Reason}
		return
	}
	for _, d := range g.daemons {
		if d.stillLacks(number) {
			return
		}
	}
	g.known = nil
}

// stillLacks reports whether there is something that the process could not load, and
// that the one which is now ready in a place with this number does not make good: it is
// the replacement of the one in the same place, but has not tried yet what is loaded at
// a request.
func (d *daemon) stillLacks(number int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.draining && !d.told && d.lacks && (d.lazily || d.number != number)
}

// knownFailure is that of one of its groups.
func (g *generation) knownFailure(name string) *wire.NotLoaded {
	if group := g.group(name); group != nil {
		return group.knownFailure()
	}
	return nil
}

// knownFailure is what another process could not load, nil if there is nothing.
func (g *group) knownFailure() *wire.NotLoaded {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.known
}
