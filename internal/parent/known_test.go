package parent

import (
	"testing"

	"github.com/gophersnake/gophersnake/internal/wire"
)

// knows wants a process to have been told at its start what others could not load.
func (w *world) knows(name string, yes bool) {
	w.t.Helper()
	w.await(name + " started")
	if known := w.process(name).known; (known != nil) != yes {
		w.t.Errorf("%s was told %v, want something: %v", name, known, yes)
	}
}

// TestKnownFailure: processes are told what others of the group could not load, whatever
// those in other places have loaded, until all have.
func TestKnownFailure(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.p.o.Groups[0].Options.Processes = 2
	wait, open := w.gate()
	w.behave(func(f *fake) {
		if f.name == "a 1" {
			notLoading(f)
			return
		}
		if f.name == "a 2" {
			wait()
		}
		f.ready()
	})
	w.mustStart()
	w.await("a 1 ready")
	open()
	w.await("server 1: attach a 2")
	w.knows("a 3", true)
	w.await("server 1: gone a 1")
	w.process("server 1").say(wire.Stale, wire.GroupName{Group: "a"})
	w.knows("a 4", false)
	w.knows("b 1", false)
	w.mustStop()
}

// TestKnownFailureLate: likewise what was found out when a request came, which a process
// that is ready has not tried yet.
func TestKnownFailureLate(t *testing.T) {
	w := newWorld(t, "a")
	w.mustStart()
	for _, next := range []string{"a 2", "a 3"} {
		all := w.all()
		all[len(all)-1].say(wire.Unloaded, wire.NotLoaded{Script: "/x.py", Reason: "SyntaxError"})
		w.knows(next, true)
		w.await("server 1: attach " + next)
	}
	w.mustStop()
}

// TestKnownFailureAfterReload: also those of another generation are told.
func TestKnownFailureAfterReload(t *testing.T) {
	w := newWorld(t, "a")
	w.behave(notLoading)
	w.mustStart()
	if err := w.reload(); err != nil {
		t.Error(err)
	}
	w.knows("a 1", false)
	w.knows("a 2", true)
	w.mustStop()
}
