package supervise

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gophersnake/gophersnake/internal/timeout"
)

// second is a limit.
const second = timeout.Limit(time.Second)

// usual are limits of which each is recognised in what happens.
func usual(processes int) Options {
	return Options{Processes: processes, Startup: 15 * time.Second, Graceful: 10 * second, Shutdown: 5 * second}
}

// scenario runs f in a bubble with a group.
func scenario(t *testing.T, o Options, f func(*testing.T, *world)) {
	synctest.Test(t, func(t *testing.T) { f(t, newWorld(t, o)) })
}

func TestStartAndShutdown(t *testing.T) {
	scenario(t, usual(2), func(t *testing.T, w *world) {
		w.born = func(f *fake) { w.later(time.Duration(f.pid-100)*time.Second, f.ready) }
		w.run(5 * time.Second)
		w.expect(`
			0s 101 start 1
			0s 102 start 2
			1s 101 up
			2s 102 up`)
		w.process(102).drained = func() { w.later(3*time.Second, func() { w.process(102).exitStatus(0) }) }
		w.shutdown()
		w.expect(`
			5s 101 draining
			5s 101 drain: shutdown
			5s 102 draining
			5s 102 drain: shutdown
			5s 101 down: shutdown, after 5s: exited with status 0
			8s 102 down: shutdown, after 8s: exited with status 0`)
		if s := w.states(); s != "" {
			t.Errorf("left: %s", s)
		}
	})
}

func TestOneThatLivedLongIsRestartedAtOnce(t *testing.T) {
	scenario(t, usual(1), func(t *testing.T, w *world) {
		w.run(31 * time.Second) // 30 of them in service
		w.process(101).exit(Exit{Signal: syscall.SIGSEGV, Core: true, Output: []string{"Fatal error", ""}})
		w.run(time.Second)
		w.expect(`
			0s 101 start 1
			1s 101 up
			31s 101 down: killed by signal 11 (segmentation fault), core dumped after 31s
			31s 102 start 1
			32s 102 up`)
		w.mustLog(`error: group "app": process 1 (pid 101) ended: killed by signal 11 (segmentation fault), core dumped (its last words: Fatal error); it lived 31s; another one is started at once`)
		p := w.g.Snapshot().Places[0]
		if p.Restarts != 1 || p.Failures != 0 || len(p.Endings) != 1 || p.Endings[0].Exit.Signal != syscall.SIGSEGV {
			t.Errorf("status %+v", p)
		}
		w.shutdown()
	})
}

func TestCannotStart(t *testing.T) {
	scenario(t, usual(1), func(t *testing.T, w *world) {
		births := 0
		w.born = func(f *fake) {
			births++
			switch births {
			case 1:
				w.later(time.Second, func() { f.fail("ImportError: no module named x") })
			case 2:
				w.later(time.Second, func() { f.exit(Exit{Status: 3, Output: []string{"oh"}}) })
			case 3: // is never ready
			default:
				w.later(time.Second, f.ready)
			}
		}
		w.run(30 * time.Second)
		w.expect(`
			0s 101 start 1
			1s 101 kill
			1s cannot start 1: ImportError: no module named x, next in 0s
			1s 102 start 1
			2s cannot start 1: exited with status 3 before it was ready, next in 1s
			3s 103 start 1
			18s 103 kill
			18s cannot start 1: did not become ready within startup-timeout=15s, next in 2s
			20s 104 start 1
			21s 104 up`)
		w.mustLog(`error: group "app": process 1 (pid 102) could not start: exited with status 3 before it was ready (its last words: oh); it is tried again in 1s`)
		w.refuse = errTest
		w.process(104).exitStatus(1)
		w.run(5 * time.Second)
		w.refuse = nil
		w.run(20 * time.Second)
		w.expect(`
			30s 104 down: exited with status 1 after 10s
			30s start refused
			30s cannot start 1: no memory for a process, next in 0s
			30s start refused
			30s cannot start 1: no memory for a process, next in 1s
			31s start refused
			31s cannot start 1: no memory for a process, next in 2s
			33s start refused
			33s cannot start 1: no memory for a process, next in 4s
			37s 105 start 1
			38s 105 up`)
		w.shutdown()
	})
}

func TestNoStartupTimeout(t *testing.T) {
	o := usual(1)
	o.Startup = 0
	scenario(t, o, func(t *testing.T, w *world) {
		w.born = func(f *fake) { w.later(24*time.Hour, f.ready) }
		w.run(25 * time.Hour)
		w.expect(`
			0s 101 start 1
			24h0m0s 101 up`)
		w.shutdown()
	})
}

func TestRollingRecycle(t *testing.T) {
	scenario(t, usual(3), func(t *testing.T, w *world) {
		w.run(2 * time.Second)
		w.notes = nil
		w.process(102).drained = func() { w.later(3*time.Second, func() { w.process(102).exitStatus(0) }) }
		if gen := w.g.Recycle("script changed"); gen != 1 {
			t.Errorf("generation %d", gen)
		}
		w.run(20 * time.Second)
		w.expect(`
			2s 104 start 1
			3s 104 up
			3s 101 draining
			3s 101 drain: script changed
			3s 101 down: script changed, after 3s: exited with status 0
			3s 105 start 2
			4s 105 up
			4s 102 draining
			4s 102 drain: script changed
			4s 106 start 3
			5s 106 up
			5s 103 draining
			5s 103 drain: script changed
			5s 103 down: script changed, after 5s: exited with status 0
			7s 102 down: script changed, after 7s: exited with status 0`)
		for _, p := range w.g.Snapshot().Places {
			if p.Failures != 0 || p.Restarts != 1 || p.Processes[0].Generation != 1 {
				t.Errorf("status %+v", p)
			}
		}
		w.shutdown()
	})
}

func TestSecondRecycle(t *testing.T) {
	scenario(t, usual(2), func(t *testing.T, w *world) {
		w.run(2 * time.Second)
		w.notes = nil
		w.g.Recycle("first")
		w.run(1500 * time.Millisecond) // 1 is replaced, the replacement of 2 is starting
		w.g.Recycle("second")
		w.run(20 * time.Second)
		// 103 and 104 were started before the second call: both are replaced,
		// 102 only once.
		w.expect(`
			2s 103 start 1
			3s 103 up
			3s 101 draining
			3s 101 drain: first
			3s 101 down: first, after 3s: exited with status 0
			3s 104 start 2
			4s 104 up
			4s 102 draining
			4s 102 drain: first
			4s 102 down: first, after 4s: exited with status 0
			4s 105 start 1
			5s 105 up
			5s 103 draining
			5s 103 drain: second
			5s 103 down: second, after 3s: exited with status 0
			5s 106 start 2
			6s 106 up
			6s 104 draining
			6s 104 drain: second
			6s 104 down: second, after 3s: exited with status 0`)
		w.shutdown()
	})
}

func TestReplacementThatFails(t *testing.T) {
	scenario(t, usual(1), func(t *testing.T, w *world) {
		w.run(2 * time.Second)
		w.notes = nil
		w.born = func(f *fake) { w.later(time.Second, func() { f.fail("SyntaxError") }) }
		w.g.Recycle("script changed")
		w.run(5 * time.Second)
		if s := w.states(); s != "101 retiring, 0 waiting" {
			t.Errorf("states: %s", s)
		}
		w.expect(`
			2s 102 start 1
			3s 102 kill
			3s cannot start 1: SyntaxError, next in 0s, old in service
			3s 103 start 1
			4s 103 kill
			4s cannot start 1: SyntaxError, next in 1s, old in service
			5s 104 start 1
			6s 104 kill
			6s cannot start 1: SyntaxError, next in 2s, old in service`)
		w.mustLog("it is tried again in 2s, the old process stays in service")
		// Repaired: the next change need not wait.
		w.born = func(f *fake) { w.later(time.Second, f.ready) }
		w.g.Recycle("script changed again")
		w.run(5 * time.Second)
		w.expect(`
			7s 105 start 1
			8s 105 up
			8s 101 draining
			8s 101 drain: script changed
			8s 101 down: script changed, after 8s: exited with status 0`)
		w.shutdown()
	})
}

func TestRecycleStartsWhatWaits(t *testing.T) {
	scenario(t, usual(1), func(t *testing.T, w *world) {
		w.born = func(f *fake) { w.g.post(func() { f.fail("SyntaxError") }) }
		w.run(40 * time.Second) // the next attempt would be at 63 s
		w.born = func(f *fake) { w.later(time.Second, f.ready) }
		w.notes = nil
		w.g.Recycle("script changed")
		w.run(2 * time.Second)
		w.expect(`
			40s 108 start 1
			41s 108 up`)
		w.shutdown()
	})
}

func TestDrainThatHangs(t *testing.T) {
	scenario(t, usual(1), func(t *testing.T, w *world) {
		w.run(2 * time.Second)
		w.notes = nil
		p := w.process(101)
		p.drained, p.stopped = nil, nil
		p.asks("maximum-requests=100 reached")
		w.run(30 * time.Second)
		w.expect(`
			2s 102 start 1
			3s 102 up
			3s 101 draining
			3s 101 drain: maximum-requests=100 reached
			13s 101 stop
			18s 101 kill
			18s 101 down: maximum-requests=100 reached, after 18s: did not end within shutdown-timeout=5s, killed`)
		w.mustLog(`warn: group "app": process 1 (pid 101) ended: did not end within shutdown-timeout=5s, killed, after maximum-requests=100 reached; it lived 18s`)
		w.shutdown()
	})
}

func TestDrainTimes(t *testing.T) {
	o := usual(1)
	o.Eviction = 4 * second
	for name, c := range map[string]struct {
		graceful, eviction timeout.Limit
		retire             func(*Group, int) error
		want               time.Duration
	}{
		"evict":                 {10 * second, 4 * second, func(g *Group, pid int) error { return g.Evict(pid, "x") }, 4 * time.Second},
		"evict without a limit": {10 * second, 0, func(g *Group, pid int) error { return g.Evict(pid, "x") }, 10 * time.Second},
		"one":                   {10 * second, 4 * second, func(g *Group, pid int) error { return g.RetireOne(pid, "x", 7*second) }, 7 * time.Second},
		"recycle":               {10 * second, 4 * second, func(g *Group, _ int) error { g.Recycle("x"); return nil }, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			o := usual(1)
			o.Graceful, o.Eviction = c.graceful, c.eviction
			scenario(t, o, func(t *testing.T, w *world) {
				w.run(2 * time.Second)
				w.notes = nil
				w.process(101).drained = nil
				if err := c.retire(w.g, 101); err != nil {
					t.Error(err)
				}
				w.run(20 * time.Second)
				end := 3*time.Second + c.want
				w.expect(fmt.Sprintf(`
					2s 102 start 1
					3s 102 up
					3s 101 draining
					3s 101 drain: x
					%v 101 stop
					%v 101 down: x, after %v: exited with status 0`, end, end, end))
				w.shutdown()
			})
		})
	}
}

func TestRetireOneWhoIsNotThere(t *testing.T) {
	scenario(t, usual(1), func(t *testing.T, w *world) {
		w.run(0)
		for _, pid := range []int{0, 101, 7} { // 101 is starting
			if err := w.g.RetireOne(pid, "x", 0); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d", pid)) {
				t.Errorf("process %d: %v", pid, err)
			}
		}
		w.shutdown()
	})
}

// TestNoGracefulTimeout: a process that is replaced is waited for as long as its
// requests take.
func TestNoGracefulTimeout(t *testing.T) {
	o := usual(1)
	o.Graceful = timeout.None
	scenario(t, o, func(t *testing.T, w *world) {
		w.run(2 * time.Second)
		p := w.process(101)
		p.drained = func() { w.later(24*time.Hour, func() { p.exitStatus(0) }) }
		w.notes = nil
		w.g.Recycle("x")
		w.run(25 * time.Hour)
		w.expect(`
			2s 102 start 1
			3s 102 up
			3s 101 draining
			3s 101 drain: x
			24h0m3s 101 down: x, after 24h0m3s: exited with status 0`)
		w.shutdown()
	})
}

// TestNextWhileOneDrains: a process that has been replaced and still finishes what it
// does, for ever if it may, holds up no other replacement, whatever the reason.
func TestNextWhileOneDrains(t *testing.T) {
	for name, limit := range map[string]timeout.Limit{"no limit": timeout.None, "a limit": 60 * second} {
		t.Run(name, func(t *testing.T) {
			o := usual(2)
			o.Graceful = limit
			scenario(t, o, func(t *testing.T, w *world) {
				w.run(2 * time.Second)
				for _, p := range w.processes {
					p.drained = nil
				}
				w.notes = nil
				w.g.Recycle("first")
				w.run(3 * time.Second)
				w.g.Recycle("second")
				w.run(3 * time.Second)
				w.process(105).asks("its limit")
				w.run(2 * time.Second)
				w.expect(`
					2s 103 start 1
					3s 103 up
					3s 101 draining
					3s 101 drain: first
					3s 104 start 2
					4s 104 up
					4s 102 draining
					4s 102 drain: first
					5s 105 start 1
					6s 105 up
					6s 103 draining
					6s 103 drain: second
					6s 103 down: second, after 4s: exited with status 0
					6s 106 start 2
					7s 106 up
					7s 104 draining
					7s 104 drain: second
					7s 104 down: second, after 4s: exited with status 0
					8s 107 start 1
					9s 107 up
					9s 105 draining
					9s 105 drain: its limit
					9s 105 down: its limit, after 4s: exited with status 0`)
				if got := w.states(); got != "101 draining, 107 ready, 102 draining, 106 ready" {
					t.Errorf("states %s", got)
				}
				w.process(101).exitStatus(0)
				w.process(102).stopped = func() { w.process(102).exitStatus(0) }
				w.later(time.Second, func() { w.process(102).exitStatus(0) })
				w.shutdown()
			})
		})
	}
}

func TestNoShutdownTimeout(t *testing.T) {
	o := usual(1)
	o.Shutdown = timeout.None
	scenario(t, o, func(t *testing.T, w *world) {
		w.run(2 * time.Second)
		p := w.process(101)
		p.drained = nil
		p.stopped = func() { w.later(24*time.Hour, func() { p.exitStatus(0) }) }
		w.notes = nil
		w.shutdown()
		w.expect(`
			2s 101 draining
			2s 101 drain: shutdown
			12s 101 stop
			24h0m12s 101 down: shutdown, after 24h0m12s: exited with status 0`)
	})
}

func TestStartRefusesOptions(t *testing.T) {
	start := func(Spec) (Process, error) { return nil, errTest }
	for want, o := range map[string]Options{
		"0 processes":                  {Start: start},
		"nothing says how":             {Processes: 1},
		"shutdown-timeout is negative": {Processes: 1, Start: start, Shutdown: -1},
		"restart-memory is negative":   {Processes: 1, Start: start, RestartMemory: -1},
	} {
		if _, err := Start(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that says %q", err, want)
		}
	}
}

func TestNothingNeedsToBeGiven(t *testing.T) {
	g, err := Start(Options{Processes: 1, Start: func(Spec) (Process, error) { return nil, errTest }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	g.Recycle("late") // nobody hears it, and nothing blocks
}

// A group that is given up when its first process cannot start says nothing of it
// and waits before it tries again; once a process was ready it is as any other.
func TestFirstDecides(t *testing.T) {
	o := usual(1)
	o.FirstDecides = true
	scenario(t, o, func(t *testing.T, w *world) {
		births := 0
		w.born = func(f *fake) {
			births++
			if births == 1 || births == 3 {
				w.later(time.Second, func() { f.exit(Exit{Status: 3, Output: []string{"oh"}}) })
				return
			}
			w.later(time.Second, f.ready)
		}
		w.run(10 * time.Second)
		w.expect(`
			0s 101 start 1
			1s cannot start 1: exited with status 3 before it was ready (its last words: oh), next in 1s
			2s 102 start 1
			3s 102 up`)
		w.mustLog(`debug: group "app": process 1 (pid 101) could not start: exited with status 3 before it was ready (its last words: oh)`)
		w.process(102).exitStatus(1)
		w.run(10 * time.Second)
		w.mustLog(`error: group "app": process 1 (pid 103) could not start: exited with status 3 before it was ready (its last words: oh); it is tried again`)
		w.shutdown()
	})
}
