package ring

import (
	"errors"
	"testing"
)

// The model of the pieces: the server puts the pieces of a body and takes those
// of the response; a thread sends each piece back. The thread sleeps on the
// slot's bell, the server waits for its channel; it may cancel at any time.

const bodyPieces = 3

type piecesState struct {
	in, out       [2]int // numbers of the pieces; 0: empty
	bell, waiting int
	cancel, done  bool
	told          bool // the server's channel has a token

	server             int
	putAt, takeAt      int // turns
	put, taken         int // pieces
	inAt, outAt        int // the thread's turns
	thread, seen, held int // where it is; the bell; the piece that it has
	disorder           bool
}

type piecesRules struct {
	cancels   bool // the server may cancel
	lateBell  bool // mistake: the thread reads the bell after it looked
	early     bool // mistake: the server looks at waiting before the change
	silent    bool // mistake: it does not ring when it takes a piece
	deafWaits bool // mistake: a waiting thread does not look at cancel
}

// Where the thread is. The steps of waiting are the same for both directions.
const (
	ptBellIn = iota
	ptLookIn
	ptWaitIn
	ptSleepIn
	ptAsleepIn
	ptAwakeIn
	ptTake
	ptBellOut
	ptLookOut
	ptWaitOut
	ptSleepOut
	ptAsleepOut
	ptAwakeOut
	ptPut
	ptEnd
)

// Where the server is.
const (
	psPut = iota
	psPutBell
	psPutWake
	psTake
	psTakeBell
	psTakeWake
	psState
	psWait
	psCancelBell
	psCancelWake
	psEnd
)

func (r piecesRules) threadStep(s piecesState) []piecesState {
	switch s.thread {
	case ptTake:
		s.held, s.in[s.inAt] = s.in[s.inAt], 0
		s.inAt, s.told, s.thread = s.inAt^1, true, ptBellOut
	case ptPut:
		s.out[s.outAt] = s.held
		s.outAt, s.told, s.thread = s.outAt^1, true, ptBellIn
		if s.held == bodyPieces {
			s.thread = ptEnd
		}
	case ptEnd:
		if s.done {
			return nil
		}
		s.done, s.told = true, true
	default:
		if s.thread < ptTake {
			return r.wait(s, 0, s.in[s.inAt] != 0, ptTake)
		}
		return r.wait(s, ptBellOut, s.out[s.outAt] == 0, ptPut)
	}
	return []piecesState{s}
}

// wait is a step of waiting, whose places begin at base.
func (r piecesRules) wait(s piecesState, base int, ready bool, then int) []piecesState {
	s.thread++
	switch s.thread - 1 - base {
	case ptBellIn:
		s.seen = s.bell
	case ptLookIn:
		switch {
		case ready:
			s.thread = then
		case s.cancel && !r.deafWaits:
			s.thread = ptEnd
		}
	case ptWaitIn:
		s.waiting = 1
		if r.lateBell {
			s.seen = s.bell
		}
	case ptSleepIn:
		if s.seen != s.bell {
			s.thread = base + ptAwakeIn
		}
	case ptAsleepIn:
		return nil
	case ptAwakeIn:
		s.waiting, s.thread = 0, base
	}
	return []piecesState{s}
}

// wake is FUTEX_WAKE if the thread waits.
func (s piecesState) wake() piecesState {
	if s.waiting == 1 && (s.thread == ptAsleepIn || s.thread == ptAsleepOut) {
		s.thread++
	}
	return s
}

func (r piecesRules) serverStep(s piecesState) []piecesState {
	switch s.server {
	case psPut:
		if s.put == bodyPieces || s.in[s.putAt] != 0 {
			s.server = psTake
			break
		}
		if s.server = psPutBell; r.early {
			s.bell, s.server = s.bell+1, psPutWake
			s = s.wake()
			break
		}
		s = s.putPiece()
	case psPutBell:
		s.bell, s.server = s.bell+1, psPutWake
	case psPutWake:
		if r.early {
			s = s.putPiece()
		} else {
			s = s.wake()
		}
		s.server = psPut
	case psTake:
		if s.out[s.takeAt] == 0 {
			s.server = psState
			break
		}
		s.taken++
		s.disorder = s.disorder || s.out[s.takeAt] != s.taken
		s.out[s.takeAt], s.takeAt, s.server = 0, s.takeAt^1, psTakeBell
		if r.silent {
			s.server = psTake
		}
	case psTakeBell:
		s.bell, s.server = s.bell+1, psTakeWake
	case psTakeWake:
		s.server = psTake
		s = s.wake()
	default:
		return r.serverWait(s)
	}
	return []piecesState{s}
}

func (s piecesState) putPiece() piecesState {
	s.put++
	s.in[s.putAt] = s.put
	s.putAt ^= 1
	return s
}

func (r piecesRules) serverWait(s piecesState) (next []piecesState) {
	switch s.server {
	case psState:
		s.server = psWait
		if s.done && (s.out == [2]int{} || s.cancel) {
			s.server = psEnd
		}
	case psWait:
		if r.cancels && !s.cancel {
			n := s
			n.cancel, n.server = true, psCancelBell
			next = append(next, n)
		}
		if s.told {
			s.told, s.server = false, psPut
			if s.cancel {
				s.server = psState
			}
			next = append(next, s)
		}
		return next
	case psCancelBell:
		s.bell, s.server = s.bell+1, psCancelWake
	case psCancelWake:
		s.server = psState
		s = s.wake()
	default:
		return nil
	}
	return []piecesState{s}
}

func (r piecesRules) model() model[piecesState] {
	return model[piecesState]{
		actors: []actor[piecesState]{{"server", r.serverStep}, {"thread", r.threadStep}},
		check: func(s piecesState) error {
			if s.disorder {
				return errors.New("a piece is lost, or comes twice, or in disorder")
			}
			return nil
		},
		settled: func(s piecesState) error {
			switch {
			case s.server != psEnd:
				return errors.New("a request has no end")
			case !s.cancel && s.taken != bodyPieces:
				return errors.New("not all of the response is taken")
			}
			return nil
		},
	}
}

func TestModelPieces(t *testing.T) {
	holds(t, "as it is", piecesRules{}.model())
	holds(t, "cancelled", piecesRules{cancels: true}.model())
	fails(t, "late bell", piecesRules{lateBell: true}.model())
	fails(t, "rings before the change", piecesRules{early: true}.model())
	fails(t, "does not ring for a taken piece", piecesRules{silent: true}.model())
	fails(t, "cancel is not looked at", piecesRules{cancels: true, deafWaits: true}.model())
}
