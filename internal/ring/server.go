package ring

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Errors of a Server and its slots; they may come wrapped.
var (
	// ErrFull says that the ring has no room for now.
	ErrFull = errors.New("ring is full")
	// ErrBroken says that the daemon wrote what it must not: nothing that it
	// says can be believed any more.
	ErrBroken = errors.New("the process broke the rules of its shared memory")
	// ErrTooLarge says that a request does not fit into a slot.
	ErrTooLarge = errors.New("request does not fit into its slot")
)

// Server is the server's side of a region. Its methods are safe for concurrent
// use and, but for Poll and Close, do not block.
type Server struct {
	region   *Region
	event    *os.File
	slots    []Slot
	released func(index int) // after an abandoned slot has become free
	misused  func(error)     // told of an ErrMisuse

	mu   sync.Mutex
	free []uint32 // indexes
	tail uint32   // requests ever pushed
	head uint32   // of them taken, when rouseSleeper looked last

	rouse     *time.Timer
	rousing   atomic.Bool // rouse is armed
	gathering atomic.Bool // a goroutine is about to wake a thread, for others as well
	started   atomic.Bool // Poll has begun, or never will
	closed    atomic.Bool
	polling   sync.WaitGroup
}

// NewServer returns the server's side of r, which belongs to it from now on;
// r is new. The owner runs Poll, and calls Close in the end.
func NewServer(r *Region) (*Server, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("make eventfd: %w", err)
	}
	s := &Server{
		region: r, event: os.NewFile(uintptr(fd), "ring event"), released: func(int) {}, misused: crash,
		slots: make([]Slot, r.slots), free: make([]uint32, r.slots),
	}
	s.rouse = time.AfterFunc(time.Hour, s.rouseSleeper)
	s.rouse.Stop()
	s.polling.Add(1) // Poll, or its absence, ends it
	for i := range s.slots {
		s.slots[i].init(s, i)
		s.free[i] = uint32(r.slots - 1 - i) // the lowest is the first to be taken
	}
	return s, nil
}

// OnReleased sets what is called after a slot that Abandon gave up has become
// free, by Poll's goroutine or by that of Lease.Abandon; it must not block, nor close
// the Server. It is called before the first Acquire, if at all.
func (s *Server) OnReleased(f func(index int)) { s.released = f }

// Counts returns how many requests are queued and running, as the daemon says.
func (s *Server) Counts() (queued, running int) {
	for i := range s.slots {
		switch State(s.slots[i].load(atState) & stateMask) {
		case Queued:
			queued++
		case Running:
			running++
		}
	}
	return queued, running
}

// Region returns the memory, which Close unmaps.
func (s *Server) Region() *Region { return s.region }

// Event returns the eventfd that wakes the server, to be handed to the daemon.
// It stays the Server's.
func (s *Server) Event() *os.File { return s.event }

// Slot returns the slot with an index below the region's number of slots.
func (s *Server) Slot(index int) *Slot { return &s.slots[index] }

// Acquire takes a free slot, or reports false: there is none.
func (s *Server) Acquire() (Lease, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := len(s.free); n > 0; n = len(s.free) {
		slot := &s.slots[s.free[n-1]]
		s.free = s.free[:n-1]
		l, err := slot.lease()
		if err == nil {
			return l, true
		}
		s.misused(err) // its index is out of the list now
	}
	return Lease{}, false
}

// Push queues a filled slot. ErrFull leaves it as it is, to be pushed again or
// released; so do ErrBroken and ErrMisuse, which is a lease that has ended.
func (s *Server) Push(l Lease) error {
	if !l.lasts() {
		l.ended("push")
		return fmt.Errorf("push slot %d: %w", l.index, ErrMisuse)
	}
	s.mu.Lock()
	pending, err := s.pendingLocked()
	if err == nil && pending == s.region.cells {
		err = fmt.Errorf("push request: %d cells: %w", pending, ErrFull)
	}
	if err != nil {
		s.mu.Unlock()
		return err
	}
	l.queue()
	cell := uint64(l.word)<<32 | uint64(l.index)
	at := s.region.ring + 8*int(s.tail&uint32(s.region.cells-1))
	atomic.StoreUint64(s.region.long(at), cell)
	s.tail++
	s.region.store(atTail, s.tail)
	s.mu.Unlock()
	s.wakeFor()
	return nil
}

// pendingLocked returns how many cells the daemon has not taken.
func (s *Server) pendingLocked() (int, error) {
	pending := s.tail - s.region.load(atHead)
	if pending > uint32(s.region.cells) {
		return 0, fmt.Errorf("look at the ring: %d of %d cells are pending: %w", pending, s.region.cells, ErrBroken)
	}
	return int(pending), nil
}

// Close ends Poll and waits for it, then gives up the memory. No slot may be in
// use by then but abandoned ones. It may be called once.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed.Store(true) // from now on rouseSleeper touches nothing
	s.mu.Unlock()
	s.rouse.Stop()
	s.endPoll()
	return s.region.Close()
}
