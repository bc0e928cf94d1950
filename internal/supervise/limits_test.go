package supervise

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)).Float64
	for _, limit := range []int64{1, 2, 9, 10, 11, 15, 99, 100, 1000, 1 << 62} {
		lowest, highest := limit, int64(0)
		for range 10_000 {
			n := Spread(limit, random)
			lowest, highest = min(lowest, n), max(highest, n)
		}
		if highest > limit || lowest < 1 || limit-lowest > limit/10 {
			t.Errorf("limit %d is spread from %d to %d", limit, lowest, highest)
		}
		if limit == 1000 && (lowest != 900 || highest != 1000) {
			t.Errorf("limit 1000 is spread from %d to %d only", lowest, highest)
		}
	}
	almostOne := func() float64 { return 1 - 1e-16 }
	if got := Spread(1000, almostOne); got != 900 {
		t.Errorf("at most 100 less: %d", got)
	}
	for _, none := range []int64{0, -1} {
		if got := Spread(none, random); got != none {
			t.Errorf("no limit, %d, became %d", none, got)
		}
	}
}

func TestRestartInterval(t *testing.T) {
	o := usual(2)
	o.RestartInterval = 100 * time.Second
	numbers := []float64{0, 1 - 1e-16, 0.5, 0.5}
	o.Random = func() float64 {
		n := numbers[0]
		numbers = numbers[1:]
		return n
	}
	scenario(t, o, func(t *testing.T, w *world) {
		w.run(2 * time.Second)
		w.notes = nil
		w.run(100 * time.Second)
		w.expect(`
			1m30s 103 start 2
			1m31s 103 up
			1m31s 102 draining
			1m31s 102 drain: restart-interval=1m40s: it runs for 1m30s
			1m31s 102 down: restart-interval=1m40s: it runs for 1m30s, after 1m31s: exited with status 0
			1m40s 104 start 1
			1m41s 104 up
			1m41s 101 draining
			1m41s 101 drain: restart-interval=1m40s: it runs for 1m40s
			1m41s 101 down: restart-interval=1m40s: it runs for 1m40s, after 1m41s: exited with status 0`)
		w.shutdown()
	})
}

func TestRestartMemory(t *testing.T) {
	o := usual(1)
	o.RestartMemory = 512 << 20
	scenario(t, o, func(t *testing.T, w *world) {
		w.memory[101] = 512 << 20 // the limit itself is allowed
		w.run(62 * time.Second)
		w.expect(`
			0s 101 start 1
			1s 101 up`)
		w.memory[101]++
		w.run(10 * time.Second)
		w.expect(`
			1m5s 102 start 1
			1m6s 102 up
			1m6s 101 draining
			1m6s 101 drain: its resident memory of 512.0M is above restart-memory=512.0M
			1m6s 101 down: its resident memory of 512.0M is above restart-memory=512.0M, after 1m6s: exited with status 0`)
		w.shutdown()
	})
}

// TestRestartMemoryTooSmall: processes that always have too much are not
// replaced all the time, but at intervals that grow to more than half a minute.
func TestRestartMemoryTooSmall(t *testing.T) {
	o := usual(1)
	o.RestartMemory = 1
	scenario(t, o, func(t *testing.T, w *world) {
		w.born = func(f *fake) { w.memory[f.pid] = 1 << 20; w.later(time.Second, f.ready) }
		w.run(6 * time.Minute)
		if got, want := w.starts(), "0 5 11 17 24 38 56 92 127 162 197 232 267 302 337"; got != want {
			t.Errorf("started at %s, want %s", got, want)
		}
		if about := w.g.Snapshot().Places[0].Processes[0]; about.Resident != 1<<20 {
			t.Errorf("status %+v", about)
		}
		w.shutdown()
	})
}

func TestResident(t *testing.T) {
	if n, err := Resident(os.Getpid()); err != nil || n < 1<<20 {
		t.Errorf("%d bytes (%v)", n, err)
	}
	if n, err := Resident(-1); err == nil {
		t.Errorf("%d bytes for nobody", n)
	}
}
