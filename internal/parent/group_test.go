package parent

import (
	"errors"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// TestRetire: a process that asks for it is replaced: its replacement is attached
// before it is detached, and it is told to stop when the server has no request
// left for it.
func TestRetire(t *testing.T) {
	for name, r := range map[string]wire.Retirement{
		"limit": {Reason: "inactivity_timeout", Text: "it is idle"},
		"evict": {Reason: "inactivity_timeout", Text: "a signal", Evict: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "a")
			w.mustStart()
			w.process("server 1").ignore(wire.Detach)
			w.process("a 1").say(wire.Retire, r)
			w.await("server 1: detach a 1")
			w.happened("a 2 started", "a 2 ready", "server 1: attach a 2", "server 1: detach a 1")
			w.never("a 1: stop")
			w.process("server 1").say(wire.Idle, wire.ProcessID{Group: "a", PID: w.process("a 1").pid})
			w.await("server 1: gone a 1")
			w.happened("server 1: detach a 1", "a 1: stop inactivity_timeout", "server 1: gone a 1")
			w.mustStop()
		})
	}
}

// TestRetireStuck: a process that can serve nothing is detached at once.
func TestRetireStuck(t *testing.T) {
	w := newWorld(t, "a")
	w.mustStart()
	w.process("a 1").say(wire.Retire, wire.Retirement{Reason: "deadlock_timeout", Text: "no lock", Stuck: true})
	w.await("server 1: gone a 1")
	w.happened("server 1: attach a 1", "server 1: detach a 1", "server 1: attach a 2", "server 1: gone a 1")
	w.happened("a 2 ready", "a 1: stop deadlock_timeout", "server 1: gone a 1")
	w.mustStop()
}

// TestRetireBeforeUp: a process that asks before it is in service is replaced as
// soon as it is.
func TestRetireBeforeUp(t *testing.T) {
	for name, r := range map[string]wire.Retirement{
		"limit": {Reason: "cpu_time_limit", Text: "it used up its time"},
		"evict": {Reason: "graceful_signal", Text: "a signal", Evict: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "a")
			w.behave(func(f *fake) {
				if f.name == "a 1" {
					f.say(wire.Retire, r)
				}
				f.ready()
			})
			w.mustStart()
			w.await("server 1: gone a 1")
			w.happened("server 1: attach a 1", "server 1: attach a 2", "server 1: detach a 1", "a 1: stop "+r.Reason, "server 1: gone a 1")
			w.mustStop()
			w.never("a 3 started")
		})
	}
}

// TestEarly: a process is replaced before its last request, and when at least a
// twentieth and at most a tenth of them are left.
func TestEarly(t *testing.T) {
	for limit, want := range map[int][2]int{0: {0, 0}, 1: {0, 0}, 2: {0, 0}, 10: {0, 1}, 20: {1, 2}, 50: {2, 5}, 1000: {50, 100}} {
		least, most := early(limit, func() float64 { return 0 }), early(limit, func() float64 { return 0.999999 })
		if least != want[0] || most != want[1] {
			t.Errorf("limit %d: %d to %d, want %d to %d", limit, least, most, want[0], want[1])
		}
	}
}

func TestShutdownReason(t *testing.T) {
	for text, want := range map[string]string{
		"restart-interval=1m0s: it runs for 1m0s":              "restart_interval",
		"its resident memory of 2G is above restart-memory=1G": "restart_memory",
		"it is about to reach its limit (maximum-requests)":    "maximum_requests",
		"a script of process group a has changed":              "script_reload",
		"shutdown": "shutdown_signal",
	} {
		if got := shutdownReason(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestDies: the server is told, and another takes the place.
func TestDies(t *testing.T) {
	w := newWorld(t, "a")
	w.mustStart()
	w.process("a 1").exit(spawn.Exit{Status: 7})
	w.await("server 1: gone a 1")
	w.await("server 1: attach a 2")
	w.awaitLog("exited with status 7")
	w.mustStop()
}

// TestMessagesFindTheirGroup: what a server says of one group concerns no other.
func TestMessagesFindTheirGroup(t *testing.T) {
	id := func(w *world, name string) wire.ProcessID {
		f := w.process(name)
		return wire.ProcessID{Group: f.kind, PID: f.pid}
	}
	for name, c := range map[string]struct {
		say  func(w *world, server *fake)
		then []string
	}{
		"stale": {func(w *world, s *fake) { s.say(wire.Stale, wire.GroupName{Group: "b"}) },
			[]string{"server 1: attach b 2", "server 1: detach b 1", "b 1: stop script_reload", "server 1: gone b 1"}},
		"limit": {func(w *world, s *fake) { s.say(wire.Limit, id(w, "b 1")) },
			[]string{"server 1: attach b 2", "server 1: detach b 1", "b 1: stop maximum_requests", "server 1: gone b 1"}},
		"broken": {func(w *world, s *fake) {
			s.say(wire.Broken, wire.Breach{ProcessID: id(w, "b 1"), Reason: "nonsense"})
		}, []string{"b 1 killed", "server 1: gone b 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "a", "b")
			w.mustStart()
			s := w.process("server 1")
			for _, nobody := range []wire.ProcessID{{Group: "a", PID: w.process("b 1").pid}, {Group: "c", PID: w.process("b 1").pid}} {
				s.say(wire.Limit, nobody)
				s.say(wire.Idle, nobody)
				s.say(wire.Broken, wire.Breach{ProcessID: nobody})
			}
			s.say(wire.Stale, wire.GroupName{Group: "c"})
			c.say(w, s)
			w.await("server 1: attach b 2")
			w.await("server 1: gone b 1")
			w.happened(c.then...)
			w.mustStop()
			w.never("a 2")
			w.never("b 3")
			w.never("server 1: detach a 1")
		})
	}
}

// failing has the processes of some groups fail.
func failing(groups ...string) func(*fake) {
	return func(f *fake) {
		for _, name := range groups {
			if f.kind == name {
				f.fail("no Python for "+name, "install one for "+name)
				return
			}
		}
		f.ready()
	}
}

// TestGroupCannotStart: one that cannot does not keep others from serving; the
// server is told, the log says why at each attempt.
func TestGroupCannotStart(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.behave(failing("b"))
	w.mustStart()
	w.await("server 1: down b: no Python for b; repair: install one for b")
	w.happened("server 1: attach a 1")
	w.awaitLog("process group b could not start: the others serve, and requests for it get 503 until it can")
	w.awaitLog("process 1 (pid ") // of the failure below
	w.awaitLog("could not start: no Python for b; repair: install one for b; it is tried again at once")
	w.awaitLog("could not start: no Python for b; repair: install one for b; it is tried again in 1s")
	if _, ok := w.p.Ready("b"); ok {
		t.Error("it is ready")
	}
	w.never("server 1: attach b")
	w.mustStop()
}

// TestGroupCanStartLater: it serves when it can.
func TestGroupCanStartLater(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.behave(func(f *fake) {
		if f.name == "b 1" {
			f.fail("too early", "")
			return
		}
		f.ready()
	})
	w.mustStart()
	w.await("server 1: attach b 2")
	w.happened("server 1: down b: too early", "server 1: attach b 2")
	w.mustStop()
}

// TestNobodyCanStart: the start has failed, for all the reasons there are.
func TestNobodyCanStart(t *testing.T) {
	for _, groups := range [][]string{{"a"}, {"a", "b"}} {
		w := newWorld(t, groups...)
		w.behave(failing(groups...))
		err := w.p.Start()
		var start *StartError
		if !errors.As(err, &start) || start.Repair != "install one for a" {
			t.Errorf("%v: got %v", groups, err)
		}
		for _, name := range groups {
			if !strings.Contains(err.Error(), "no Python for "+name) {
				t.Errorf("%v: got %v", groups, err)
			}
		}
		if len(groups) == 1 && err.Error() != "no Python for a" {
			t.Errorf("the only group: %v", err)
		}
		for _, f := range w.all() {
			if !ended(f) {
				t.Errorf("%s is left over", f.name)
			}
		}
	}
}

// TestServerServesAlone: without any group it still has something.
func TestServerServesAlone(t *testing.T) {
	w := newWorld(t, "a")
	w.p.o.Serves = true
	w.behave(failing("a"))
	w.mustStart()
	w.await("server 1: down a: no Python for a; repair: install one for a")
	w.mustStop()
}

// TestServiceServesNothing: one that runs does not make up for the only group
// that serves requests, and one that cannot start keeps nobody from serving.
func TestServiceServesNothing(t *testing.T) {
	for failed, ok := range map[string]bool{"a": false, "service": true} {
		w := newWorld(t, "a", "service")
		w.p.o.Groups[1].Options.Threads = 0
		w.behave(failing(failed))
		if err := w.p.Start(); (err == nil) != ok {
			t.Errorf("%s cannot start: %v", failed, err)
		}
	}
}

// TestReloadTakesNoGroupAway: one that serves must be able to start anew; one
// that does not need not.
func TestReloadTakesNoGroupAway(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.behave(failing("b"))
	w.mustStart()
	if err := w.reload(); err != nil {
		t.Errorf("with a group that did not serve: %v", err)
	}
	w.happened("server 2 started", "server 1: stop ")
	w.behave(failing("a", "b"))
	if err := w.reload(); err == nil || !strings.Contains(err.Error(), "start process group a: no Python for a") {
		t.Errorf("with a group that serves: %v", err)
	}
	w.never("server 2: stop")
	w.barrier()
	w.mustStop()
}

// notLoading has processes of groups be ready though their script has not loaded.
func notLoading(f *fake) {
	if f.kind == "server" {
		f.ready()
		return
	}
	f.w.note("%s ready", f.name)
	f.say(wire.Ready, wire.Readiness{NotLoaded: &wire.NotLoaded{Script: "/x.py", Reason: "SyntaxError"}})
}

// TestReloadKeepsWhatHasLoaded: a reload does not replace a process that has loaded its
// script by one that cannot, also after others have tried in vain. One that has not
// loaded it either is replaced.
func TestReloadKeepsWhatHasLoaded(t *testing.T) {
	for name, c := range map[string]struct {
		first, then func(*fake)
		changed     bool // a script, before the reload
		ok          bool
	}{
		"it has loaded":           {(*fake).ready, notLoading, false, false},
		"a replacement could not": {(*fake).ready, notLoading, true, false},
		"neither has":             {notLoading, notLoading, false, true},
		"now it loads":            {notLoading, (*fake).ready, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "a")
			w.behave(c.first)
			w.mustStart()
			w.behave(c.then)
			if c.changed {
				w.process("server 1").say(wire.Stale, wire.GroupName{Group: "a"})
				w.await("a 1: keep")
			}
			err := w.reload()
			if (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "start process group a: script /x.py has not loaded: SyntaxError") {
				t.Errorf("reload: %v", err)
			}
			if !c.ok {
				w.never("server 1: stop")
			}
			w.mustStop()
		})
	}
}
