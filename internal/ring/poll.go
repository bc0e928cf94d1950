package ring

import (
	"math/bits"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// spins is how often Poll lets other goroutines run and looks again before it
// sleeps: the daemon has to wake it then, which costs both sides more.
const spins = 4

// Poll tells goroutines of changes in their slots until Close is called. The
// Server's owner runs it, once, in a goroutine of its own.
func (s *Server) Poll() {
	if !s.started.CompareAndSwap(false, true) {
		return // Close has been here
	}
	defer s.polling.Done()
	for idle := 0; !s.closed.Load(); {
		switch {
		case s.look():
			idle = 0
			runtime.Gosched()
		case idle < spins:
			idle++
			runtime.Gosched()
		default:
			s.sleep()
			idle = 0
		}
	}
}

// sleep returns when the daemon has announced something. The daemon sets its
// bit before it looks whether the server sleeps, the server says that it sleeps
// before it looks at the bits again: one of them sees the other.
func (s *Server) sleep() {
	asleep := s.region.word(atAsleep)
	atomic.StoreUint32(asleep, 1)
	if !s.anything() && !s.closed.Load() {
		var count [8]byte
		// An error is the end, which closed tells, or, like a count that is
		// left from before, one more look at the words.
		_, _ = s.event.Read(count[:])
	}
	atomic.CompareAndSwapUint32(asleep, 1, 0)
}

func (s *Server) words() int { return (s.region.slots + 63) / 64 }

// anything reports whether something has been announced.
func (s *Server) anything() bool {
	for i := range s.words() {
		if atomic.LoadUint64(s.region.long(s.region.attention+8*i)) != 0 {
			return true
		}
	}
	return false
}

// look passes on what has been announced, and reports whether there was
// something.
func (s *Server) look() (found bool) {
	for i := range s.words() {
		word := s.region.long(s.region.attention + 8*i)
		if atomic.LoadUint64(word) == 0 {
			continue
		}
		found = true
		for set := atomic.SwapUint64(word, 0); set != 0; set &= set - 1 {
			if index := 64*i + bits.TrailingZeros64(set); index < len(s.slots) {
				s.slots[index].announced()
			}
		}
	}
	return found
}

// endPoll makes Poll return and waits for it. The daemon shares the eventfd and
// may have made reads of it block the thread, so that closing it is not enough.
func (s *Server) endPoll() {
	if s.started.CompareAndSwap(false, true) {
		s.polling.Done() // it will never run
	}
	conn, err := s.event.SyscallConn()
	if err == nil {
		_ = conn.Control(func(fd uintptr) { rouse(int(fd)) }) // it is open
	}
	s.polling.Wait()
	_ = s.event.Close()
}

// rouse ends a read of an eventfd. One whose count is so high that it cannot be
// added to has no reader.
func rouse(fd int) {
	ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	if n, err := unix.Poll(ready, 0); n == 1 && err == nil {
		_, _ = unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // EAGAIN: as above
	}
}
