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

// inState has one place's only process in a state, 2 seconds after its start.
// Those in the later states have been told to by Shutdown, or by a retirement.
var inState = map[string]func(w *world){
	"waiting": func(w *world) {
		w.born = func(f *fake) { w.g.post(func() { f.fail("x") }) }
		w.run(2 * time.Second)
	},
	"starting": func(w *world) {
		w.born = func(*fake) {}
		w.run(2 * time.Second)
	},
	"ready": func(w *world) { w.run(2 * time.Second) },
	"retiring": func(w *world) {
		w.run(2 * time.Second)
		w.born = func(*fake) {}
		w.process(101).asks("limit")
		w.run(0)
	},
	"draining": func(w *world) {
		w.run(time.Second)
		w.process(101).drained = nil
		w.process(101).asks("limit")
		w.run(time.Second)
	},
	"stopping": func(w *world) {
		w.run(time.Second)
		w.process(101).drained, w.process(101).stopped = nil, nil
		w.process(101).asks("limit")
		w.run(time.Second)
		w.g.post(func() { w.g.apply(w.g.lives()[0], evTimeout) }) // of its drain
		w.run(0)
	},
	"killed": func(w *world) {
		w.born = func(f *fake) { f.immortal = true; w.g.post(func() { f.fail("x") }) }
		w.run(2 * time.Second)
	},
}

// begin brings a world into a state and checks that.
func (w *world) begin(state string) {
	w.t.Helper()
	inState[state](w)
	if got := w.g.Snapshot().Places[0].Processes[0].State; got.String() != state {
		w.t.Fatalf("it is %v, want %s", got, state)
	}
	w.notes = nil
}

// TestShutdownInEveryState: nothing is started, all is over, and each process
// is down.
func TestShutdownInEveryState(t *testing.T) {
	for state, want := range map[string]string{
		"waiting":  ``,
		"starting": `2s 101 stop`,
		"ready": `
			2s 101 draining
			2s 101 drain: shutdown
			2s 101 down: shutdown, after 2s: exited with status 0`,
		"retiring": `
			2s 101 draining
			2s 101 drain: limit
			2s 102 stop
			2s 101 down: limit, after 2s: exited with status 0`,
		"draining": `
			2s 102 draining
			2s 102 drain: shutdown
			2s 102 down: shutdown, after 1s: exited with status 0
			12s 101 stop
			12s 101 down: limit, after 12s: exited with status 0`,
		"stopping": `
			2s 102 draining
			2s 102 drain: shutdown
			2s 102 down: shutdown, after 1s: exited with status 0
			7s 101 kill
			7s 101 down: limit, after 7s: did not end within shutdown-timeout=5s, killed`,
		"killed": ``,
	} {
		t.Run(state, func(t *testing.T) {
			scenario(t, usual(1), func(t *testing.T, w *world) {
				w.begin(state)
				err := w.g.Shutdown(context.Background())
				w.expect(want)
				switch state {
				case "killed":
					wantError(t, err, "process 1 (pid 101)", "given up")
				case "stopping":
					wantError(t, err, "process 1 (pid 101)", "did not end within shutdown-timeout=5s, killed")
				default:
					if err != nil {
						t.Error(err)
					}
				}
				if s := w.states(); s != "" {
					t.Errorf("left: %s", s)
				}
			})
		})
	}
}

func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v does not say %q", err, text)
		}
	}
}

// TestForceInEveryState: a second Shutdown, or the end of its context, kills.
func TestForceInEveryState(t *testing.T) {
	for state := range inState {
		for _, way := range []string{"second call", "context"} {
			t.Run(state+"/"+way, func(t *testing.T) {
				scenario(t, usual(1), func(t *testing.T, w *world) {
					w.begin(state)
					force(t, w, way)
					for _, f := range w.processes {
						if !f.dead && !f.immortal {
							t.Errorf("process %d lives: %q", f.pid, f.commands)
						}
					}
					if s := w.states(); s != "" {
						t.Errorf("left: %s", s)
					}
					if took := time.Since(w.began); state != "killed" && took > 3*time.Second {
						t.Errorf("it took until %v", took)
					}
				})
			})
		}
	}
}

// force shuts down a group whose processes obey nothing but Kill.
func force(t *testing.T, w *world, way string) {
	t.Helper()
	for _, f := range w.processes {
		f.drained, f.stopped = nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if way == "context" {
		_ = w.g.Shutdown(ctx) // says who was killed: tested elsewhere
		return
	}
	first := make(chan error, 1)
	go func() { first <- w.g.Shutdown(context.Background()) }()
	w.run(time.Second)
	second := w.g.Shutdown(context.Background())
	if err := <-first; fmt.Sprint(err) != fmt.Sprint(second) {
		t.Errorf("the first call returns %v, the second %v", err, second)
	}
}

func TestForcedShutdownSaysWho(t *testing.T) {
	scenario(t, usual(2), func(t *testing.T, w *world) {
		w.run(2 * time.Second)
		w.process(102).drained = nil
		w.run(0)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		err := w.g.Shutdown(ctx)
		wantError(t, err, `end process 2 (pid 102) of group "app": killed, as the group had to end at once`)
	})
}

// TestKillInEveryState: whatever a process is doing, kill -9 of it leaves the
// group with one in service, and it is told to the observer if it was up.
func TestKillInEveryState(t *testing.T) {
	for state := range inState {
		if state == "waiting" {
			continue // there is none
		}
		t.Run(state, func(t *testing.T) {
			scenario(t, usual(1), func(t *testing.T, w *world) {
				w.begin(state)
				w.born = func(f *fake) { w.later(time.Second, f.ready) }
				w.run(0)
				w.process(101).exit(Exit{Signal: syscall.SIGKILL})
				w.run(2 * time.Minute)
				last := w.processes[len(w.processes)-1].pid
				if s := w.states(); s != fmt.Sprintf("%d ready", last) {
					t.Errorf("states: %s", s)
				}
				downs := strings.Count(strings.Join(w.notes, "\n"), "101 down")
				if wasUp := state != "starting" && state != "killed"; wasUp != (downs == 1) {
					t.Errorf("%d times down: %q", downs, w.notes)
				}
				w.shutdown()
			})
		})
	}
}

func TestKilledWhileItIsReplaced(t *testing.T) {
	scenario(t, usual(2), func(t *testing.T, w *world) {
		w.run(40 * time.Second)
		w.notes = nil
		w.g.Recycle("script changed")
		w.run(500 * time.Millisecond)
		w.process(101).exit(Exit{Signal: syscall.SIGKILL})
		w.run(5 * time.Second)
		// 103 is the next in place 1 as it was going to be; then it is the
		// turn of place 2 at once.
		w.expect(`
			40s 103 start 1
			40.5s 101 down: script changed, after 40.5s: killed by signal 9 (killed)
			40.5s 104 start 2
			41s 103 up
			41.5s 104 up
			41.5s 102 draining
			41.5s 102 drain: script changed
			41.5s 102 down: script changed, after 41.5s: exited with status 0`)
		w.shutdown()
	})
}

func TestUnkillable(t *testing.T) {
	scenario(t, usual(1), func(t *testing.T, w *world) {
		w.begin("killed")
		w.run(time.Minute)
		w.mustLog(`error: group "app": process 1 (pid 101) was killed 10s ago and has not ended`)
		if len(w.processes) != 1 {
			t.Errorf("%d processes", len(w.processes))
		}
		w.process(101).exit(Exit{Signal: syscall.SIGKILL}) // at last
		w.born = func(f *fake) { w.later(time.Second, f.ready) }
		w.run(2 * time.Second)
		if s := w.states(); s != "102 ready" {
			t.Errorf("states: %s", s)
		}
		w.shutdown()
	})
}

func TestAsksDuringRecycle(t *testing.T) {
	scenario(t, usual(3), func(t *testing.T, w *world) {
		w.run(2 * time.Second)
		w.notes = nil
		w.g.Recycle("script changed")
		w.run(500 * time.Millisecond)
		w.process(101).asks("limit a") // is being replaced
		w.process(102).asks("limit b") // is in the queue
		w.run(time.Minute)
		for _, f := range w.processes[:3] {
			if strings.Join(f.commands, ", ") != "drain: script changed" {
				t.Errorf("process %d: %q", f.pid, f.commands)
			}
		}
		if s := w.states(); s != "104 ready, 105 ready, 106 ready" {
			t.Errorf("states: %s", s)
		}
		w.shutdown()
	})
}

func TestTwoReasonsAtOnce(t *testing.T) {
	scenario(t, usual(2), func(t *testing.T, w *world) {
		w.run(2 * time.Second)
		w.notes = nil
		w.process(102).asks("first limit")
		w.process(102).asks("second limit")
		w.process(101).asks("limit of 101")
		if err := w.g.Evict(102, "signal"); err != nil {
			t.Error(err)
		}
		w.run(time.Minute)
		w.expect(`
			2s 103 start 2
			3s 103 up
			3s 102 draining
			3s 102 drain: first limit
			3s 102 down: first limit, after 3s: exited with status 0
			3s 104 start 1
			4s 104 up
			4s 101 draining
			4s 101 drain: limit of 101
			4s 101 down: limit of 101, after 4s: exited with status 0`)
		w.shutdown()
	})
}

func TestEventsAfterTheEnd(t *testing.T) {
	scenario(t, usual(1), func(t *testing.T, w *world) {
		w.run(40 * time.Second)
		f := w.process(101)
		f.exitStatus(0)
		w.run(2 * time.Second)
		w.notes = nil
		f.ready()
		f.asks("x")
		f.fail("x")
		f.spec.Events(Event{Kind: Exited})
		w.run(time.Minute)
		w.expect("")
		w.shutdown()
		f.ready()
		synctest.Wait()
	})
}

// TestShutdownHurriesOneThatDrains: its time is the shorter of its own and the
// group's.
func TestShutdownHurriesOneThatDrains(t *testing.T) {
	for drain, stopped := range map[timeout.Limit]time.Duration{3600 * second: 15 * time.Second, 5 * second: 8 * time.Second, timeout.None: 15 * time.Second} {
		scenario(t, usual(1), func(t *testing.T, w *world) {
			w.run(2 * time.Second)
			w.process(101).drained = nil
			if err := w.g.RetireOne(101, "limit", drain); err != nil {
				t.Error(err)
			}
			w.run(3 * time.Second) // it drains since 3 s
			w.notes = nil
			w.shutdown()
			w.expect(fmt.Sprintf(`
				5s 102 draining
				5s 102 drain: shutdown
				5s 102 down: shutdown, after 3s: exited with status 0
				%v 101 stop
				%v 101 down: limit, after %v: exited with status 0`, stopped, stopped, stopped))
		})
	}
}
