package supervise

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// starts returns when processes were started, in whole seconds.
func (w *world) starts() string {
	var at []string
	for _, p := range w.processes {
		at = append(at, fmt.Sprint(int(p.begun.Sub(w.began).Seconds())))
	}
	return strings.Join(at, " ")
}

func TestGrowth(t *testing.T) {
	var n growth
	for i, want := range []time.Duration{0, 1, 2, 4, 8, 16, 32, 60, 60, 60} {
		if got := n.next(); got != want*time.Second {
			t.Errorf("time %d: wait %v", i+1, got)
		}
	}
	for range 1000 {
		n.next()
	}
	if got := n.next(); got != longestWait {
		t.Errorf("after many: wait %v", got)
	}
}

func TestBudget(t *testing.T) {
	const cost = 3 * time.Second
	var b budget
	now := time.Unix(1000, 0)
	for i, want := range []time.Duration{0, 0, cost, 2 * cost, 3 * cost} {
		if got := b.take(now, cost, 2*cost); got != want {
			t.Errorf("take %d: wait %v, want %v", i+1, got, want)
		}
	}
	// Three wait. When the last one has been started there is none; later
	// there is one, and never more than two.
	now = now.Add(3 * cost)
	if got := b.take(now, cost, 2*cost); got != cost {
		t.Errorf("at once: wait %v", got)
	}
	now = now.Add(2 * cost)
	if got := b.take(now, cost, 2*cost); got != 0 {
		t.Errorf("later: wait %v", got)
	}
	now = now.Add(time.Hour)
	for i, want := range []time.Duration{0, 0, cost} {
		if got := b.take(now, cost, 2*cost); got != want {
			t.Errorf("take %d after an hour: wait %v, want %v", i+1, got, want)
		}
	}
	if got := b.take(now, cost/3, 2*cost); got != cost+cost/3 {
		t.Errorf("a cheap one: wait %v", got)
	}
}

// TestStartAfter has each kind of end happen often, in one place, and looks at
// the waits.
func TestStartAfter(t *testing.T) {
	killed, exited := Exit{Signal: syscall.SIGKILL}, Exit{Status: 3}
	const (
		loop    = "0s 1s 2s 4s 8s 16s 32s 1m0s 1m0s 1m0s 1m0s 1m0s 1m0s"
		crashes = "0s 0s 0s 0s 0s 0s 0s 0s 0s 0s 3s 6s 9s" // the budget, without a pause
		nothing = "0s 0s 0s 0s 0s 0s 0s 0s 0s 0s 0s 0s 0s"
	)
	for name, c := range map[string]struct {
		l      life
		served time.Duration // -1: it was never ready
		want   string
	}{
		"cannot start":            {life{exit: exited}, -1, loop},
		"says so":                 {life{exit: killed, failure: "ImportError"}, -1, loop},
		"memory ran out":          {life{exit: killed, explained: true}, -1, loop},
		"killed at the start":     {life{exit: killed}, -1, nothing}, // 30 of them are paid for
		"dies at once":            {life{exit: exited}, useful - 1, loop},
		"killed at once":          {life{exit: killed}, useful - 1, nothing},
		"killed later":            {life{exit: killed}, useful, nothing},
		"dies after some use":     {life{exit: exited}, useful, crashes},
		"dies after half of long": {life{exit: exited}, longLife / 2, crashes},
		"dies before long":        {life{exit: exited}, longLife - 1, crashes},
		"dies after long":         {life{exit: exited}, longLife, nothing},
	} {
		t.Run(name, func(t *testing.T) {
			g := &Group{o: Options{Processes: 5}}
			now := time.Unix(1000, 0)
			l := c.l
			l.place = &place{}
			if c.served >= 0 {
				l.ready = now.Add(-c.served)
			}
			var waits []string
			for range 13 {
				waits = append(waits, fmt.Sprint(g.startAfter(&l, now)))
			}
			if got := strings.Join(waits, " "); got != c.want {
				t.Errorf("waits %s, want %s", got, c.want)
			}
		})
	}
}

// A life of use ends a loop, and begins it anew.
func TestUseEndsALoop(t *testing.T) {
	g, now := &Group{o: Options{Processes: 1}}, time.Unix(1000, 0)
	l := &life{place: &place{}, exit: Exit{Status: 3}}
	for range 5 {
		g.startAfter(l, now)
	}
	l.ready = now.Add(-useful)
	g.startAfter(l, now)
	l.ready = now
	for i, want := range []time.Duration{0, 1, 2} {
		if got := g.startAfter(l, now); got != want*time.Second {
			t.Errorf("time %d: wait %v", i+1, got)
		}
	}
}

func TestCrashLoop(t *testing.T) {
	scenario(t, usual(1), func(t *testing.T, w *world) {
		crash := func(f *fake) { w.g.post(f.ready); w.g.post(func() { f.exitStatus(3) }) }
		w.born = crash
		w.run(5 * time.Minute)
		if got, want := w.starts(), "0 0 1 3 7 15 31 63 123 183 243"; got != want {
			t.Errorf("started at %s, want %s", got, want)
		}
		if n := w.g.Snapshot().Places[0].Failures; n != 11 {
			t.Errorf("%d failures, want 11", n)
		}
		// It stays up for two minutes, which was of use, then dies at once
		// again.
		w.born = func(f *fake) {
			w.g.post(f.ready)
			w.later(2*time.Minute, func() { f.exitStatus(3) })
			w.born = crash
		}
		w.processes = nil
		w.run(3 * time.Minute)
		if got, want := w.starts(), "303 423 423 424 426 430 438 454"; got != want {
			t.Errorf("started at %s, want %s", got, want)
		}
		w.shutdown()
	})
}

// TestCrashLoopWithSomeUse: processes of a large group that all die a second
// after they are ready. Somebody is always started within seconds, and no more
// than that.
func TestCrashLoopWithSomeUse(t *testing.T) {
	scenario(t, usual(8), func(t *testing.T, w *world) {
		w.born = func(f *fake) {
			w.later(time.Second, f.ready)
			w.later(2*time.Second, func() { f.exitStatus(3) })
		}
		w.run(time.Minute)
		before := len(w.processes)
		w.run(5 * time.Minute)
		if n, want := len(w.processes)-before, int(5*time.Minute/crashCost); n < want-2 || n > want+2 {
			t.Errorf("%d processes were started in 5 minutes, want about %d", n, want)
		}
		if gap := w.longestGap(); gap > crashCost+time.Second {
			t.Errorf("nobody was in service for %v", gap)
		}
		w.shutdown()
	})
}

// TestKilledOnceASecond: whom kill -9 hits every second, while it starts or
// serves, is replaced so soon that requests need not wait for long.
func TestKilledOnceASecond(t *testing.T) {
	for seed := range uint64(20) {
		for _, start := range []time.Duration{50, 400, 800} {
			scenario(t, usual(2), func(t *testing.T, w *world) {
				r := rand.New(rand.NewPCG(seed, uint64(start)))
				w.born = func(f *fake) { w.later(start*time.Millisecond, f.ready) }
				w.run(5 * time.Second)
				kills := 0
				for range 300 {
					w.run(time.Second)
					kills += w.killOne(r)
				}
				if gap := w.longestGap(); gap > killCost+time.Second {
					t.Errorf("seed %d, start of %v: nobody was in service for %v, after %d kills", seed, start*time.Millisecond, gap, kills)
				}
				if kills < 299 {
					t.Errorf("seed %d: only %d processes were there to be killed in 5 minutes", seed, kills)
				}
				w.run(time.Minute)
				w.shutdown()
			})
		}
	}
}

// killOne kills one of those that live, and returns how many that were.
func (w *world) killOne(r *rand.Rand) int {
	var alive []*fake
	for _, f := range w.processes {
		if !f.dead {
			alive = append(alive, f)
		}
	}
	if len(alive) == 0 {
		return 0
	}
	alive[r.IntN(len(alive))].exit(Exit{Signal: syscall.SIGKILL})
	return 1
}

// longestGap returns for how long nobody was in service, at most, since the
// first was, by the notes.
func (w *world) longestGap() (longest time.Duration) {
	synctest.Wait()
	up, none := 0, time.Duration(-1)
	for _, n := range w.notes {
		at, rest, _ := strings.Cut(n, " ")
		d, err := time.ParseDuration(at)
		if err != nil {
			w.t.Fatal(err)
		}
		switch {
		case strings.HasSuffix(rest, " up"):
			if none >= 0 {
				longest = max(longest, d-none)
				none = -1
			}
			up++
		case strings.Contains(rest, " down: "):
			if up--; up == 0 {
				none = d
			}
		}
	}
	return longest
}
