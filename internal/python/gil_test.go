package python

import (
	"runtime"
	"testing"
	"time"
)

// settle measures so many calls of one kind that only they count.
func settle(g *gil, whole, computed time.Duration) {
	for range 100 {
		g.measured(whole, computed)
	}
}

func TestTurnsAreTakenByCallsThatCompute(t *testing.T) {
	for _, test := range []struct {
		name            string
		before          bool
		whole, computed time.Duration
		want            bool
	}{
		{"short", true, 5 * time.Microsecond, 5 * time.Microsecond, false},
		{"long", false, 140 * time.Microsecond, 139 * time.Microsecond, true},
		{"waiting", true, time.Millisecond, 140 * time.Microsecond, false},
		{"between, and were taken", true, 30 * time.Microsecond, 30 * time.Microsecond, true},
		{"between, and were not", false, 30 * time.Microsecond, 30 * time.Microsecond, false},
		{"waiting a third, and were taken", true, 150 * time.Microsecond, 100 * time.Microsecond, true},
		{"waiting a third, and were not", false, 150 * time.Microsecond, 100 * time.Microsecond, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var g gil
			if test.before {
				settle(&g, time.Millisecond, time.Millisecond)
			} else {
				settle(&g, time.Millisecond, 0)
			}
			settle(&g, test.whole, test.computed)
			if got := g.taking.Load(); got != test.want {
				t.Errorf("turns are taken: %v, want %v", got, test.want)
			}
		})
	}
}

// TestTurnOfALongCall checks that a call that gives up its turn lets the next
// one in, and does not end that one's turn when it returns.
func TestTurnOfALongCall(t *testing.T) {
	var g gil
	var first, second call
	settle(&g, time.Millisecond, time.Millisecond)
	g.enter(&first)
	entered := make(chan struct{})
	go func() {
		g.enter(&second)
		close(entered)
	}()
	for deadline := time.Now().Add(10 * time.Second); g.waiting.Load() != 1; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the second call does not wait for its turn")
		}
	}
	first.giveUpTurn()
	<-entered
	g.pass(&first)
	if g.turn.TryLock() {
		t.Error("the first call ended the turn of the second")
	}
	g.pass(&second)
	if !g.turn.TryLock() {
		t.Error("the second call did not end its turn")
	}
}
