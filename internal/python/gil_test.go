package python

import (
	"runtime"
	"testing"
	"time"
)

// TestTurnOfALongCall checks that a call that gives up its turn lets the next
// one in, and does not end that one's turn when it returns.
func TestTurnOfALongCall(t *testing.T) {
	var g gil
	var first, second call
	g.pace.known.Store(takeTurns)
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
	first.goOut()
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

// TestMeasuredCalls checks that few of many short calls are measured, and more
// again after one that was long.
func TestMeasuredCalls(t *testing.T) {
	var g gil
	g.pace.known.Store(short)
	measured := func() (n int) {
		for range sampleShort - 1 {
			if g.sampled() {
				n++
			}
		}
		return n
	}
	many := measured()
	if few := measured(); many < 30 || few != 1 {
		t.Errorf("%d of the first calls were measured, then %d", many, few)
	}
	g.learn(sample{whole: time.Millisecond}.flat())
	if again := measured(); again != many {
		t.Errorf("%d calls were measured after a long one, want %d", again, many)
	}
}
