package supervise

import (
	"strings"
	"testing"
	"time"
)

// unloadedFor has processes be ready without having loaded everything, while why is
// not empty.
func unloadedFor(w *world, why *string) {
	w.born = func(f *fake) {
		w.later(time.Second, func() { f.spec.Events(Event{Kind: Ready, NotLoaded: *why}) })
	}
}

// TestUnloaded: a process that has not loaded everything is in service, and others try
// it again at growing intervals, at the latest after startup-timeout, until one
// succeeds.
func TestUnloaded(t *testing.T) {
	scenario(t, usual(1), func(t *testing.T, w *world) {
		why := "script x has not loaded"
		unloadedFor(w, &why)
		w.run(2*time.Second + 500*time.Millisecond)
		w.expect(`
			0s 101 start 1
			1s 101 up
			2s 102 start 1`)
		w.mustLog(`error: group "app": process 1 (pid 101) script x has not loaded; requests for it get 500, and a fresh process tries again in 1s, or when a file changes`)
		if p := w.g.Snapshot().Places[0].Processes; p[0].NotLoaded != why {
			t.Errorf("status %+v", p)
		}
		w.run(time.Second)
		w.expect(`
			3s 102 up
			3s 101 draining
			3s 101 drain: script x has not loaded
			3s 101 down: script x has not loaded, after 3s: exited with status 0`)
		for _, wait := range []string{"2s", "4s", "8s", "15s", "15s"} {
			w.run(20 * time.Second)
			w.mustLog("a fresh process tries again in " + wait)
		}
		w.notes, why = nil, ""
		w.run(time.Minute)
		if p := w.g.Snapshot().Places[0].Processes; len(p) != 1 || p[0].NotLoaded != "" || p[0].Reason != "" {
			t.Errorf("status %+v", p)
		}
		w.shutdown()
	})
}

// TestUnloadedIsHurried: a change has the next attempt made at once, in every place,
// and so has a success.
func TestUnloadedIsHurried(t *testing.T) {
	o := usual(2)
	o.Startup = 0
	scenario(t, o, func(t *testing.T, w *world) {
		why := "script x has not loaded"
		unloadedFor(w, &why)
		w.run(10 * time.Minute)
		w.notes, why = nil, ""
		last := w.process(100 + len(w.processes))
		old := w.g.Snapshot().Places[last.spec.Number-1].Processes[0].Pid
		for _, p := range w.g.Snapshot().Places {
			if len(p.Processes) == 2 {
				old = p.Processes[0].Pid
			}
		}
		w.process(old).spec.Events(Event{Kind: Asks, Reason: "models.py has changed", Changed: true})
		w.run(5 * time.Second)
		w.mustLog("its replacement is tried as soon as may be: models.py has changed")
		for _, p := range w.g.Snapshot().Places {
			if len(p.Processes) != 1 || p.Processes[0].NotLoaded != "" {
				t.Errorf("place %d: %+v", p.Number, p.Processes)
			}
		}
		w.shutdown()
	})
}

// TestUnloadedBesideALoadedOne: one that has loaded everything is not replaced by one
// that has not. What changed while that was tried is not lost.
func TestUnloadedBesideALoadedOne(t *testing.T) {
	scenario(t, usual(1), func(t *testing.T, w *world) {
		why := ""
		unloadedFor(w, &why)
		w.run(2 * time.Second)
		why = "script x has not loaded"
		w.g.Recycle("script changed")
		w.run(1500 * time.Millisecond)
		w.expect(`
			0s 101 start 1
			1s 101 up
			2s 102 start 1
			3s 102 stop
			3s cannot start 1: script x has not loaded, next in 0s, old in service
			3s 103 start 1`)
		w.mustLog("process 1 (pid 102) could not start: script x has not loaded; it is tried again at once, the old process stays in service")
		w.run(3 * time.Second) // until 6.5s: 104 was started after 5s
		w.process(101).spec.Events(Event{Kind: Asks, Reason: "x.py has changed", Changed: true})
		w.notes = nil
		w.run(500 * time.Millisecond)
		w.expect("6.5s 105 start 1")
		w.process(101).spec.Events(Event{Kind: Asks, Reason: "x.py has changed again", Changed: true})
		w.run(1200 * time.Millisecond) // 105 fails, and may not have seen that
		w.expect(`
			7.5s 105 stop
			7.5s cannot start 1: script x has not loaded, next in 0s, old in service
			7.5s 106 start 1`)
		why = ""
		w.run(2 * time.Second)
		if got := w.states(); got != "106 ready" {
			t.Errorf("states %s", got)
		}
		w.shutdown()
	})
}

// TestUnloadedLate: a process finds out in service; it is replaced at growing
// intervals, though each is ready at first.
func TestUnloadedLate(t *testing.T) {
	scenario(t, usual(1), func(t *testing.T, w *world) {
		w.born = func(f *fake) {
			w.later(time.Second, f.ready)
			w.later(2*time.Second, func() { f.spec.Events(Event{Kind: Unloaded, Reason: "script y has not loaded"}) })
		}
		w.run(time.Minute)
		for _, wait := range []string{"1s", "2s", "4s", "8s", "15s"} {
			w.mustLog("script y has not loaded; requests for it get 500, and a fresh process tries again in " + wait)
		}
		w.shutdown()
	})
}

// TestUnloadedLateIsNotHurried: that a process is ready says nothing of what it is to load
// when a request comes: where that has failed nothing is over.
func TestUnloadedLateIsNotHurried(t *testing.T) {
	scenario(t, usual(2), func(t *testing.T, w *world) {
		w.born = func(f *fake) { w.later(500*time.Millisecond, f.ready) }
		w.run(2 * time.Second)
		w.notes = nil
		w.process(101).spec.Events(Event{Kind: Unloaded, Reason: "script y has not loaded"})
		w.process(102).exitStatus(1)
		w.run(time.Second)
		w.expect(`
			2s 102 down: exited with status 1 after 2s
			2s 103 start 2
			2.5s 103 up
			3s 104 start 1`)
		for _, line := range w.logged {
			if strings.Contains(line, "has loaded") {
				t.Error(line)
			}
		}
		w.run(time.Second)
		w.shutdown()
	})
}

// TestChangesAllTheTime: an application that writes a file whenever it is loaded does
// not have processes started without end.
func TestChangesAllTheTime(t *testing.T) {
	o := usual(1)
	o.Startup = 0
	scenario(t, o, func(t *testing.T, w *world) {
		w.born = func(f *fake) {
			w.later(100*time.Millisecond, func() { f.spec.Events(Event{Kind: Ready, NotLoaded: "script x has not loaded"}) })
			w.later(200*time.Millisecond, func() { f.spec.Events(Event{Kind: Asks, Reason: "x.log has changed", Changed: true}) })
		}
		w.run(10 * time.Minute)
		if n, most := len(w.processes), int(10*time.Minute/crashCost)+20; n > most {
			t.Errorf("%d processes in 10 minutes, want %d at most", n, most)
		}
		w.shutdown()
	})
}
