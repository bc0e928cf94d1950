package python

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Calls take turns when they compute for longer than longCall on the average
// and hardly wait meanwhile. They stop when that is below shortCall, or when
// they wait.
const (
	longCall  = 40 * time.Microsecond
	shortCall = 25 * time.Microsecond
)

// How many calls one measured call stands for: measuring costs some
// microseconds, which short calls would feel.
const (
	sampleLong  = 32
	sampleShort = 1024
)

// gil keeps goroutines from fighting for one of Python's locks. When calls
// compute so long that the next one already waits for the lock, they take
// turns, and who has had its turn lets the next goroutine run on its own
// thread: neither the lock nor what Python has in the processor's cache changes
// threads. Calls that wait, for a database or a client, or that are short, are
// left to CPython's own sharing.
type gil struct {
	turn    sync.Mutex
	waiting atomic.Int32 // goroutines that wait for turn
	taking  atomic.Bool  // calls take turns
	calls   atomic.Uint32

	// Means of the sampled calls, in nanoseconds.
	whole, computed atomic.Int64
}

// The states of call.turn.
const (
	noTurn = iota
	myTurn
)

// enter waits for the turn of c, if turns are taken.
func (g *gil) enter(c *call) {
	if !g.taking.Load() {
		return
	}
	if !g.turn.TryLock() {
		g.waiting.Add(1)
		g.turn.Lock()
		g.waiting.Add(-1)
	}
	if !g.taking.Load() { // while it waited
		g.turn.Unlock()
		return
	}
	c.gil.Store(g)
	c.served.Add(1)
	c.turn.Store(myTurn)
}

// leave ends the turn of c if it has one. It may be called more than once.
func (g *gil) leave(c *call) (had bool) {
	if c.turn.Load() != myTurn || !c.turn.CompareAndSwap(myTurn, noTurn) {
		return false
	}
	g.turn.Unlock()
	return true
}

// pass ends the turn of c, like leave, and gives its thread to the next call.
func (g *gil) pass(c *call) {
	if g.leave(c) && g.waiting.Load() > 0 {
		runtime.Gosched()
	}
}

// sampled reports whether the next call is to be measured.
func (g *gil) sampled() bool {
	n := g.calls.Add(1)
	if n%sampleLong != 0 {
		return false
	}
	return n%sampleShort == 0 || n < sampleShort || g.computed.Load() >= int64(shortCall)
}

// measured takes a sampled call into account: how long it had a thread inside
// Python, and for how much of that it used a processor.
func (g *gil) measured(whole, computed time.Duration) {
	w, c := follow(&g.whole, whole), follow(&g.computed, computed)
	switch {
	case c < shortCall || c < w/2:
		g.taking.Store(false)
	case c > longCall && c > w/4*3:
		g.taking.Store(true)
	}
}

// follow moves mean towards d and returns it.
func follow(mean *atomic.Int64, d time.Duration) time.Duration {
	m := mean.Load()
	m += (int64(d) - m) / 8
	mean.Store(m)
	return time.Duration(m)
}
