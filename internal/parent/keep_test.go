package parent

import (
	"sync/atomic"
	"testing"

	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// TestOldCodeServesOn: when the process that is to load a changed script dies, the old
// one is told to keep what it has, and only then the server gives it requests again.
func TestOldCodeServesOn(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.mustStart()
	var deaths atomic.Int32
	w.behave(func(f *fake) {
		if deaths.Add(1) <= 2 {
			f.exit(spawn.Exit{Status: 3})
			return
		}
		f.ready()
	})
	w.process("server 1").say(wire.Stale, wire.GroupName{Group: "a"})
	w.await("server 1: gone a 1")
	w.happened("a 1: mark", "a 1: keep", "a 1: mark", "a 1: keep", "a 1: mark")
	w.happened("a 1: keep", "server 1: restore a 1: exited with status 3 before it was ready")
	w.happened("a 4 ready", "server 1: attach a 4", "server 1: detach a 1", "a 1: stop script_reload")
	w.mustStop()
	w.never("b 1: keep")
	w.never("server 1: down")
}

// TestPlacesAreMarked: what could not be loaded is that which was marked for the same
// place. The script may have changed meanwhile, and be marked for another.
func TestPlacesAreMarked(t *testing.T) {
	w := newWorld(t, "a")
	w.p.o.Groups[0].Options.Processes = 2
	w.mustStart()
	w.behave(func(f *fake) { f.exit(spawn.Exit{Status: 3}) })
	w.process("server 1").say(wire.Stale, wire.GroupName{Group: "a"})
	w.await("a 2: keep for place 1")
	w.happened("a 2: mark for place 1", "a 2: keep for place 1")
	w.mustStop()
}
