package python

import (
	"testing"
	"time"
)

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
