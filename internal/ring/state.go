package ring

import (
	"fmt"
	"sync/atomic"
)

const stateMask = 1<<stateBits - 1

func (sl *Slot) known() State { return State(sl.word & stateMask) }

// become notes a state that the request has reached.
func (sl *Slot) become(s State) { sl.word = sl.word&^stateMask | uint32(s) }

// queue hands the slot to the daemon. Push calls it.
func (sl *Slot) queue() {
	sl.become(Queued)
	sl.store(atState, sl.word)
}

// State returns the state of the request, and follows it: it never goes back.
func (sl *Slot) State() (State, error) {
	word := sl.load(atState)
	state := State(word & stateMask)
	if known := sl.known(); word>>stateBits != sl.Generation() || state < known || state > Done || known == Free && state != Free {
		return known, fmt.Errorf("read slot %d: state %#x after %#x: %w", sl.index, word, sl.word, ErrBroken)
	}
	sl.become(state)
	return state, nil
}

// TakeBack takes a queued request back, or reports false: the daemon has
// started it. Then the slot's state is free, and it may be filled and pushed
// anew, or released.
func (sl *Slot) TakeBack() bool {
	if sl.known() != Queued {
		return false
	}
	free := sl.word &^ stateMask
	if !atomic.CompareAndSwapUint32(sl.server.region.word(sl.at+atState), sl.word, free) {
		sl.become(Running)
		return false
	}
	sl.word = free
	return true
}

// Cancel tells the daemon that nobody wants the answer. The request is over
// when its state is done.
func (sl *Slot) Cancel() {
	sl.store(atCancel, 1)
	sl.ring()
}

// Release gives back a slot whose state is free or done; the caller does not
// use it any more.
func (sl *Slot) Release() {
	sl.become(Free)
	sl.store(atState, sl.word)
	sl.server.give(sl)
}

// Abandon cancels a queued or running request and leaves the slot to Poll,
// which releases it when the daemon is done with it. The caller does not use it
// any more. OnReleased's function is told when the slot is free.
func (sl *Slot) Abandon() {
	sl.Cancel()
	sl.abandoned.Store(true)
	sl.reap() // if it was done before Poll could know
}

// reap releases an abandoned slot if the daemon is done with it. The slot of a
// daemon that is broken stays as it is.
func (sl *Slot) reap() {
	word := sl.load(atState)
	// sl.word belongs to who changes abandoned back.
	if word&stateMask != stateDone || !sl.abandoned.CompareAndSwap(true, false) {
		return
	}
	if word>>stateBits != sl.Generation() {
		return
	}
	index := sl.Index()
	sl.Release()
	sl.server.released(index)
}

// Drop forgets the request of a daemon that is dead or broken. The slot is not
// used again. The caller does not use it any more.
func (sl *Slot) Drop() { sl.word = 0 }
