package python

/*
#include "pace.h"
*/
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// How many calls one measured call stands for: measuring costs some
// microseconds, which short calls would feel.
const (
	sampleLong  = 32
	sampleShort = 1024
)

// doubtful is how long a call takes at least to cast doubt on the others being
// short.
const doubtful = 100 * time.Microsecond

// gil keeps goroutines from fighting for one of Python's locks. When calls
// compute so long that the next one already waits for the lock, they take
// turns, and who has had its turn lets the next goroutine run on its own
// thread: neither the lock nor what Python has in the processor's cache changes
// threads. Calls that wait, for a database or a client, that compute without
// the lock, or that are short, are left to CPython's own sharing.
type gil struct {
	turn    sync.Mutex
	waiting atomic.Int32  // goroutines that wait for turn
	calls   atomic.Uint32 // since there was reason to measure many
	pace    pace
}

// The states of call.turn.
const (
	noTurn = iota
	myTurn
)

// enter waits for the turn of c, if turns are taken.
func (g *gil) enter(c *call) {
	if g.pace.kind() != takeTurns {
		return
	}
	if !g.turn.TryLock() {
		g.waiting.Add(1)
		g.turn.Lock()
		g.waiting.Add(-1)
	}
	if g.pace.kind() != takeTurns { // while it waited
		g.turn.Unlock()
		return
	}
	c.gil.Store(g)
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

// learn takes a measured call into account.
func (g *gil) learn(s C.struct_gs_sample) {
	g.pace.learn(s)
	if time.Duration(s.whole) > doubtful {
		g.calls.Store(0)
	}
}

// sampled reports whether the next call is to be measured.
func (g *gil) sampled() bool {
	n := g.calls.Add(1)
	switch g.pace.kind() {
	case probing:
		return true
	case short:
		return n%sampleShort == 0 || n < sampleShort && n%sampleLong == 0
	default:
		return n%sampleLong == 0
	}
}
