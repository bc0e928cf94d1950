package ring

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrMisuse says that a lease was ended twice, or too early; see Lease.
var ErrMisuse = errors.New("misuse of a slot")

// Lease is the use of a slot for one request. Server.Acquire gives it out, and
// exactly one of Release, Abandon and Drop ends it. It is a value: copies are
// the same lease, and end with it. Who has the Slot alone can use it, and
// cannot give it back.
//
// To end a lease again, or to release one whose request the daemon may still
// serve, would let two requests share a slot. It changes nothing, and is
// reported to Server.OnMisuse.
type Lease struct {
	*Slot
	holder uint32 // the slot's word of that name, while the lease lasts
}

// Who holds a slot: the lower bits of its holder word. The others number its
// leases, so that one that has ended is not taken for the next.
const (
	heldByNobody  = iota // it is in the Server's list of free ones
	heldByLease          // until that ends
	heldByPoll           // abandoned: released when the daemon is done with it
	heldByNoOther        // dropped: never used again. Also while it is freed

	holderBits = 2
	holderMask = 1<<holderBits - 1
)

// lease begins the use of a slot that nobody holds.
func (sl *Slot) lease() (Lease, error) {
	free := sl.holder.Load()
	next := (free>>holderBits+1)<<holderBits | heldByLease // wraps around
	if free&holderMask != heldByNobody || !sl.holder.CompareAndSwap(free, next) {
		return Lease{}, fmt.Errorf("acquire slot %d: its holder is %#x, and it is in the list of free ones: %w", sl.index, free, ErrMisuse)
	}
	return Lease{Slot: sl, holder: next}, nil
}

// pass hands the slot on from who holds it by this word, or reports false: they
// do not.
func (sl *Slot) pass(from, to uint32) bool {
	return sl.holder.CompareAndSwap(from, from&^holderMask|to)
}

// Release gives back a slot whose request was not pushed, was taken back, or is
// done.
func (l Lease) Release() {
	if !l.lasts() {
		l.ended("release")
		return
	}
	if state := l.known(); state != Free && state != Done {
		l.server.misused(fmt.Errorf("release slot %d: state %d, the daemon may use it: %w", l.index, state, ErrMisuse))
		return
	}
	if !l.pass(l.holder, heldByNobody) {
		l.ended("release")
		return
	}
	l.free()
}

// Abandon cancels a queued or running request and leaves the slot to Poll,
// which frees it when the daemon is done with it. OnReleased's function is told
// then, which may be before Abandon returns.
func (l Lease) Abandon() {
	if !l.lasts() {
		l.ended("abandon")
		return
	}
	l.Cancel() // not after pass: the slot may be another's then
	if !l.pass(l.holder, heldByPoll) {
		l.ended("abandon")
		return
	}
	l.reap() // if it was done before Poll could know
}

// Drop ends the use of a slot of a daemon that is dead or broken, or that the server
// leaves. The slot is not used again. A daemon that lives on is told that nobody wants the
// answer.
func (l Lease) Drop() {
	if l.lasts() {
		l.Cancel()
	}
	if !l.pass(l.holder, heldByNoOther) {
		l.ended("drop")
	}
}

func (l Lease) lasts() bool { return l.Slot.holder.Load() == l.holder }

func (l Lease) ended(what string) {
	l.server.misused(fmt.Errorf("%s slot %d: the lease %#x has ended, the slot's holder is %#x: %w",
		what, l.index, l.holder, l.Slot.holder.Load(), ErrMisuse))
}

// free puts a slot back to the free ones. It has been passed to nobody, which
// nobody else can have done.
func (sl *Slot) free() {
	sl.become(Free)
	sl.store(atState, sl.word)
	s := sl.server
	s.mu.Lock()
	s.free = append(s.free, sl.index)
	s.mu.Unlock()
}

// reap frees an abandoned slot if the daemon is done with it. The slot of a
// daemon that is broken is not used again.
func (sl *Slot) reap() {
	holder, word := sl.holder.Load(), sl.load(atState)
	if holder&holderMask != heldByPoll || word&stateMask != stateDone || !sl.pass(holder, heldByNoOther) {
		return
	}
	if word>>stateBits != sl.Generation() { // not read before: Poll and Abandon may both be here
		return
	}
	index := sl.Index()
	sl.holder.Store(holder &^ holderMask) // heldByNobody
	sl.free()
	sl.server.released(index)
}

// OnMisuse sets what is told of an ErrMisuse, by the goroutine whose fault it
// is. Without it, and always in a build with the race detector, that ends the
// program. It is called before the first Acquire.
func (s *Server) OnMisuse(f func(error)) {
	if !strict {
		s.misused = f
	}
}

// crash ends the program with the stack of its caller. It panics in a goroutine
// of its own: the caller's may recover, or hold a lock that others wait for.
func crash(err error) {
	stack := debug.Stack()
	go func() { panic(fmt.Sprintf("%v\n\n%s", err, stack)) }()
}
