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
// anew, or its lease released.
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
