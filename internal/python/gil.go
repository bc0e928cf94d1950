package python

import (
	"sync"
	"sync/atomic"
	"time"
)

// A call of C that is longer than longCall on the average is not worth taking
// turns for; one shorter than shortCall is.
const (
	shortCall = 25 * time.Microsecond
	longCall  = 50 * time.Microsecond
)

// sampleEvery is how many calls one measured call stands for.
const sampleEvery = 32

// gil keeps goroutines from fighting for one of Python's locks. As long as
// calls are so short that they hardly give the lock up, they take turns: a
// goroutine that waits for its turn costs the scheduler of Go little, while a
// thread that waits inside CPython costs the system's two context switches.
// When calls are long, or wait for something, CPython shares its lock better.
type gil struct {
	turn  sync.Mutex
	short atomic.Bool // calls take turns
	mean  atomic.Int64
	calls atomic.Uint32
}

// The states of call.turn.
const (
	noTurn = iota
	myTurn
)

// enter waits for the turn of c, if turns are taken.
func (g *gil) enter(c *call) {
	if !g.short.Load() {
		return
	}
	g.turn.Lock()
	if !g.short.Load() { // while it waited
		g.turn.Unlock()
		return
	}
	c.gil.Store(g)
	c.served.Add(1)
	c.turn.Store(myTurn)
}

// leave ends the turn of c, unless overrun has.
func (g *gil) leave(c *call) {
	if c.turn.Load() == myTurn && c.turn.CompareAndSwap(myTurn, noTurn) {
		g.turn.Unlock()
	}
}

// overrun ends the turn of a call that takes long, and all turns for a while.
func (g *gil) overrun(c *call) {
	if c.turn.CompareAndSwap(myTurn, noTurn) {
		g.short.Store(false)
		g.mean.Store(int64(2 * longCall))
		g.turn.Unlock()
	}
}

// sampled reports whether the next call is to be measured.
func (g *gil) sampled() bool { return g.calls.Add(1)%sampleEvery == 0 }

// measured takes the length of a sampled call into account.
func (g *gil) measured(d time.Duration) {
	mean := g.mean.Load()
	mean += (int64(d) - mean) / 8
	g.mean.Store(mean)
	switch {
	case mean < int64(shortCall):
		g.short.Store(true)
	case mean > int64(longCall):
		g.short.Store(false)
	}
}
