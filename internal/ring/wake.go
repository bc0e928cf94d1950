package ring

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rouseAfter is how long a request waits, while threads sleep, for one that is
// running to come back and take it.
const rouseAfter = time.Millisecond

// futexWake is FUTEX_WAKE; without FUTEX_PRIVATE_FLAG, as the other side is
// another process.
const futexWake = 1

// wake wakes one thread that sleeps on a word of the region.
func wake(word *uint32) {
	_, _, _ = unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWake, 1, 0, 0, 0) // it wakes or there is nobody
}

// wakeFor sees to it that a pushed request is taken. Waking a thread costs more
// than a short request: as long as the running ones compute, and so are back
// soon, they are left to take it; a timer looks whether they did. When none
// runs, the goroutines that are ready come first: what they push is taken by
// the same thread, for one wake-up.
//
// A thread counts itself in sleepers before it looks at the ring for the last
// time: it sees the request, or is seen here.
func (s *Server) wakeFor() {
	r := s.region
	if r.load(atSleepers) == 0 {
		return
	}
	if r.load(atComputing) == 0 {
		s.ringBell()
		return
	}
	if r.load(atRunning) == 0 {
		if !s.gathering.CompareAndSwap(false, true) {
			return // it was pushed before the other one looks
		}
		runtime.Gosched()
		s.gathering.Store(false)
	}
	if r.load(atRunning) == 0 {
		s.ringBell()
	}
	s.armRouse() // one thread was woken, or is left, for all of them
}

func (s *Server) ringBell() {
	bell := s.region.word(atBell)
	atomic.AddUint32(bell, 1)
	wake(bell)
}

func (s *Server) armRouse() {
	if !s.rousing.Load() && s.rousing.CompareAndSwap(false, true) {
		s.rouse.Reset(rouseAfter)
	}
}

// rouseSleeper wakes a thread if requests wait in the ring and none was taken
// since it looked last, and sees to being called again as long as they wait.
// While requests are taken, and compute, more threads would only wait for
// Python's lock.
func (s *Server) rouseSleeper() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rousing.Store(false)
	if s.closed.Load() {
		return
	}
	pending, err := s.pendingLocked()
	if err != nil || pending == 0 || s.region.load(atSleepers) == 0 {
		return // the next Push reports what is broken
	}
	head := s.region.load(atHead)
	if head == s.head || s.region.load(atRunning) == 0 || s.region.load(atComputing) == 0 {
		s.ringBell()
	}
	s.head = head
	s.armRouse()
}
