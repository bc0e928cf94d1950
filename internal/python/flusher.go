package python

/*
#include "io.h"
*/
import "C"

import (
	"sync"
	"sync/atomic"
	"time"
)

// flushInterval is how often held-back output and what runs are looked at: output waits at
// least one and at most two of it while the application computes on.
const flushInterval = 5 * time.Millisecond

// flusher sends output that the adapter holds back for longer than
// flushInterval, so that an application that yields a block and then works on
// does not keep the block from its client (PEP 3333, "Buffering and
// Streaming"). It sleeps while no request runs.
type flusher struct {
	asleep atomic.Bool
	wake   chan struct{}
	done   chan struct{}
	wg     sync.WaitGroup

	processors *processors
	threads    *requestThreads
}

func startFlusher(active *atomic.Int32, p *processors, t *requestThreads) *flusher {
	f := &flusher{processors: p, threads: t, wake: make(chan struct{}, 1), done: make(chan struct{})}
	f.wg.Go(func() { f.run(active) })
	return f
}

// stop ends the flusher and waits for it. No request may be running.
func (f *flusher) stop() {
	close(f.done)
	f.wg.Wait()
}

// rouse makes sure that the flusher runs; called at the start of a request.
func (f *flusher) rouse() {
	if f.asleep.Load() && f.asleep.CompareAndSwap(true, false) {
		f.wake <- struct{}{}
	}
}

func (f *flusher) run(active *atomic.Int32) {
	tick := time.NewTicker(flushInterval)
	defer tick.Stop()
	for {
		select {
		case <-f.done:
			return
		case <-tick.C:
		}
		calls.each(f.look)
		f.processors.look(f.lookForStuck())
		if active.Load() > 0 {
			continue
		}
		f.asleep.Store(true)
		if active.Load() > 0 && f.asleep.CompareAndSwap(true, false) {
			continue
		}
		tick.Stop()
		select {
		case <-f.done:
			return
		case <-f.wake:
			tick.Reset(flushInterval)
		}
	}
}

// look takes the output of c if it is the same as at the last look.
func (f *flusher) look(c *call) {
	state := atomic.LoadUint32(c.pendingState())
	if state&3 != C.GS_READY {
		return
	}
	if state != c.seen {
		c.seen = state
		return
	}
	if atomic.CompareAndSwapUint32(c.pendingState(), state, state&^3|C.GS_TAKEN) {
		f.wg.Go(c.sendTaken)
	}
}

// lookForStuck lets other calls run beside those that are in C since the last look,
// and returns how many there are that were not at that one.
func (f *flusher) lookForStuck() (found int) {
	calls.each(func(c *call) {
		if c.gotStuck() {
			found++
			f.threads.letOthers(c)
		}
	})
	return found
}
