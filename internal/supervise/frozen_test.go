package supervise

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/timeout"
)

// beating gives the processes of a world a pulse: processor time that grows.
type beating struct {
	stopped map[int]time.Duration // what those that do not run any more have used
}

// frozenScenario is a group whose processes run until they are put into stopped.
func frozenScenario(t *testing.T, o Options, f func(*testing.T, *world, *beating)) {
	b := &beating{stopped: map[int]time.Duration{}}
	began := time.Time{}
	o.Used = func(pid int) (time.Duration, error) {
		if used, ok := b.stopped[pid]; ok {
			return used, nil
		}
		return time.Since(began), nil
	}
	scenario(t, o, func(t *testing.T, w *world) {
		began = time.Now()
		f(t, w, b)
	})
}

func withDeadlock(processes int, limit time.Duration) Options {
	o := usual(processes)
	o.Deadlock = limit
	return o
}

// TestFrozen: a process that does nothing any more is killed after
// deadlock-timeout and replaced at once; its ending says so.
func TestFrozen(t *testing.T) {
	frozenScenario(t, withDeadlock(1, 20*time.Second), func(t *testing.T, w *world, b *beating) {
		w.run(12 * time.Second)
		b.stopped[101] = time.Second
		w.run(22 * time.Second)
		w.expect(`
			0s 101 start 1
			1s 101 up`)
		w.run(2 * time.Second) // it was last seen to run after 10s, and found different after 15s
		w.expect(`
			35s 101 kill
			35s 101 down: nothing in it has run for 20s, deadlock-timeout is 20s: it was stopped, or the system does not run it, after 35s: killed, because nothing in it has run for 20s, deadlock-timeout is 20s: it was stopped, or the system does not run it
			35s 102 start 1
			36s 102 up`)
		if e := w.g.Snapshot().Places[0].Endings; len(e) != 1 || !e[0].Frozen {
			t.Errorf("endings %+v", e)
		}
		w.mustLog("error: group \"app\": process 1 (pid 101) is killed: nothing in it has run for 20s")
		w.run(time.Minute)
		w.expect("")
		w.shutdown()
	})
}

// TestFrozenWhileStopping: one that is to stop, without a limit, and does nothing at
// all, is killed as well: the group ends.
func TestFrozenWhileStopping(t *testing.T) {
	o := withDeadlock(1, 20*time.Second)
	o.Shutdown = 0
	frozenScenario(t, o, func(t *testing.T, w *world, b *beating) {
		w.run(2 * time.Second)
		p := w.process(101)
		p.drained, p.stopped = nil, nil
		b.stopped[101] = time.Second
		w.run(time.Second)
		w.notes = nil
		ended := make(chan error, 1)
		go func() { ended <- w.g.Shutdown(context.Background()) }()
		w.run(time.Minute)
		if len(ended) == 0 {
			t.Errorf("the group has not ended: %s", w.states())
			p.exitStatus(0)
		}
		wantError(t, <-ended, "process 1 (pid 101)", "nothing in it has run for 20s")
	})
}

// TestFrozenForGood: one that the system does not even let go of is replaced all
// the same.
func TestFrozenForGood(t *testing.T) {
	frozenScenario(t, withDeadlock(1, 20*time.Second), func(t *testing.T, w *world, b *beating) {
		w.run(2 * time.Second)
		p := w.process(101)
		p.immortal, p.drained, p.stopped = true, nil, nil
		b.stopped[101] = time.Second
		w.run(30 * time.Second)
		if got := w.states(); got != "101 draining, 102 ready" {
			t.Errorf("states %s", got)
		}
		w.run(time.Minute)
		w.mustLog("has not ended: the system does not let go of it")
		p.exitStatus(0)
		w.run(0)
		if got := w.states(); got != "102 ready" {
			t.Errorf("states %s", got)
		}
		w.shutdown()
	})
}

// TestFrozenWhileItDrains: without a limit for that it would stay for ever.
func TestFrozenWhileItDrains(t *testing.T) {
	o := withDeadlock(1, 8*time.Second)
	o.Graceful = timeout.Limit(time.Hour)
	frozenScenario(t, o, func(t *testing.T, w *world, b *beating) {
		w.run(3 * time.Second)
		w.process(101).drained = nil
		w.process(101).asks("limit")
		w.run(3 * time.Second)
		if got := w.states(); got != "101 draining, 102 ready" {
			t.Errorf("states %s", got)
		}
		b.stopped[101] = time.Second
		w.run(15 * time.Second)
		if got := w.states(); got != "102 ready" {
			t.Errorf("states %s", got)
		}
		w.shutdown()
	})
}

// TestIdleIsNotFrozen: without the limit nobody looks, and a process that starts is
// the matter of startup-timeout.
func TestIdleIsNotFrozen(t *testing.T) {
	still := func(int) (time.Duration, error) { return time.Second, nil }
	o := usual(1)
	o.Used = still
	scenario(t, o, func(t *testing.T, w *world) {
		w.run(time.Hour)
		w.expect("0s 101 start 1\n1s 101 up")
		w.shutdown()
	})
	o = withDeadlock(1, 4*time.Second)
	o.Used = still
	scenario(t, o, func(t *testing.T, w *world) {
		w.born = func(f *fake) { w.later(14*time.Second, f.ready) }
		w.run(15 * time.Second)
		w.expect("0s 101 start 1\n14s 101 up")
		w.shutdown()
	})
}

// TestAllWereStopped: when this process did not run either, for longer than it was
// to wait, the others are given their time anew.
func TestAllWereStopped(t *testing.T) {
	frozenScenario(t, withDeadlock(1, 20*time.Second), func(t *testing.T, w *world, b *beating) {
		w.run(16 * time.Second)
		b.stopped[101] = time.Second
		w.run(5 * time.Second)
		w.notes = nil
		w.g.post(func() { w.g.lastLook = time.Now().Add(-time.Minute) }) // as after SIGCONT
		w.run(20 * time.Second)
		w.expect("")
		delete(b.stopped, 101)
		w.run(time.Minute)
		w.expect("")
		w.shutdown()
	})
}

// TestUsed: the system tells when a process stands still, and when it goes on.
func TestUsed(t *testing.T) {
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	used := func() time.Duration {
		d, err := Used(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	until := func(what string, ok func() bool) {
		for deadline := time.Now().Add(20 * time.Second); !ok(); {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	before := used()
	until("it does not run", func() bool { return used() > before })
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	until("it does not stand still", func() bool {
		var status syscall.WaitStatus
		pid, _ := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED|syscall.WNOHANG, nil)
		return pid == cmd.Process.Pid && status.Stopped()
	})
	until("it runs though it is stopped", func() bool { // its last moment may still be counted
		before = used()
		for range 1000 {
			if used() != before {
				return false
			}
		}
		return true
	})
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	until("it does not go on", func() bool { return used() > before })
	if _, err := Used(1 << 28); err == nil {
		t.Error("no error for a process that does not exist")
	}
	if d, err := Used(os.Getpid()); err != nil || d <= 0 {
		t.Errorf("%v, %v", d, err)
	}
}
