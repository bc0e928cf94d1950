package supervise

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// evictor evicts the first process from within Up, as its owner does for one
// that has asked too early.
type evictor struct {
	*world
	done bool
}

func (e *evictor) Up(p Process, about Info) {
	e.world.Up(p, about)
	if e.done {
		return
	}
	e.done = true
	if err := e.g.Evict(p.Pid(), "asked early"); err != nil {
		e.t.Error(err)
	}
}

// TestEvictInUp: a process may be evicted as soon as it is in service. It is
// replaced, in the time of an eviction.
func TestEvictInUp(t *testing.T) {
	o := usual(1)
	o.Eviction = 4 * second
	scenario(t, o, func(t *testing.T, w *world) {
		w.g.o.Observer = &evictor{world: w}
		w.run(500 * time.Millisecond)
		w.process(101).drained = nil // it does not end by itself
		w.run(time.Minute)
		w.expect(`
			0s 101 start 1
			1s 101 up
			1s 102 start 1
			2s 102 up
			2s 101 draining
			2s 101 drain: asked early
			6s 101 stop
			6s 101 down: asked early, after 6s: exited with status 0`)
		w.shutdown()
	})
}

// TestShutdownOfOneThatCannotStart: that it fails while the group ends is nothing
// to complain of.
func TestShutdownOfOneThatCannotStart(t *testing.T) {
	scenario(t, usual(1), func(t *testing.T, w *world) {
		w.born = func(*fake) {}
		w.run(500 * time.Millisecond)
		w.process(101).stopped = func() { w.process(101).exitStatus(1) }
		w.shutdown()
		w.expect(`
			0s 101 start 1
			500ms 101 stop`)
	})
}

// TestFirstDecidesIsNotLost: why a process could not start is told as soon as another one is
// ready, since nobody gives the group up, and tells it, then.
func TestFirstDecidesIsNotLost(t *testing.T) {
	o := usual(2)
	o.FirstDecides = true
	scenario(t, o, func(t *testing.T, w *world) {
		w.born = func(f *fake) {
			w.later(1500*time.Millisecond, f.ready)
			if f.pid == 101 {
				w.later(time.Second, func() { f.exit(Exit{Status: 3, Output: []string{"oh"}}) })
			}
		}
		const told = `error: group "app": process 1 (pid 101) could not start: exited with status 3 before it was ready (its last words: oh); it is tried again in 1s`
		w.run(1200 * time.Millisecond)
		if slices.Contains(w.logged, told) {
			t.Error("it was told before it was known what comes of it")
		}
		w.run(5 * time.Second)
		w.expect(`
			0s 101 start 1
			0s 102 start 2
			1s cannot start 1: exited with status 3 before it was ready (its last words: oh), next in 1s
			1.5s 102 up
			2s 103 start 1
			3.5s 103 up`)
		if n := strings.Count(strings.Join(w.logged, "\n"), told); n != 1 {
			t.Errorf("told %d times:\n%s", n, strings.Join(w.logged, "\n"))
		}
		w.shutdown()
	})
}
