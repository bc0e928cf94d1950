package python

/*
#include "goio.h"
*/
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// threads keeps calls to a fixed set of operating system threads, as many as may
// run at the same time: what Python keeps for each thread, such as connections to a
// database, is then bounded. Go chooses the thread of a goroutine. The first threads
// that calls come by are the set (gs_thread_serves); a call that finds itself on
// another one moves. That costs tens of microseconds and is rare: a thread that serves
// and has work stays, because calls are locked to theirs while they are in C, and a
// thread that does not serve ends when a call has moved away from it.
//
// A call that moves holds one of the places, so that there is a thread of the set
// that runs none. Its methods are safe for concurrent use.
type threads struct {
	moving atomic.Int32  // calls that look for a thread
	offers chan struct{} // a thread of the set to run on next, to one of them
	ending sync.WaitGroup
}

// newThreads bounds the threads; there is one set in a process.
func newThreads(most int) *threads {
	C.gs_thread_bound(C.int(most))
	return &threads{offers: make(chan struct{})}
}

// unbound lets any thread serve.
func (*threads) unbound() { C.gs_thread_bound(0) }

// How long a move waits for a thread at first and at most.
const (
	firstWait = 20 * time.Microsecond
	lastWait  = time.Millisecond
)

// move brings the calling goroutine to another thread, which may or may not serve.
// tries is how often it did so for the same call. A thread of the set that is idle
// takes over the processor of a thread that ends; one that waits for connections is
// woken by a timer; one that runs offers itself.
func (t *threads) move(tries int) {
	t.moving.Add(1)
	defer t.moving.Add(-1)
	if tries%2 == 0 {
		t.endThread()
		return
	}
	timer := time.NewTimer(min(firstWait<<min(tries/2, 10), lastWait))
	defer timer.Stop()
	select {
	case <-t.offers:
	case <-timer.C:
	}
}

// endThread ends a thread that does not serve, most likely that of the calling
// goroutine, which is continued on another one.
func (t *threads) endThread() {
	t.ending.Go(func() {
		runtime.LockOSThread() // a thread ends with a goroutine that is locked to it
		if C.gs_thread_serves() != 0 {
			runtime.UnlockOSThread()
		}
	})
	runtime.Gosched()
}

// offer lets a call that looks for a thread run next on this one, if it serves.
func (t *threads) offer() {
	if t.moving.Load() == 0 || C.gs_thread_serves() == 0 {
		return
	}
	select {
	case t.offers <- struct{}{}:
		runtime.Gosched()
	default:
	}
}

// wait waits for threads that end. No call may be running.
func (t *threads) wait() { t.ending.Wait() }
