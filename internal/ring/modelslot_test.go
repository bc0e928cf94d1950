package ring

import (
	"errors"
	"testing"
)

// The model of a slot's states: the server pushes a request, may take it back
// and use the slot for the next one, may cancel; two threads take cells; the
// daemon dies at any step.

const slotRequests = 2

// fate is what became of a request, as the server knows it.
type fate uint8

const (
	unknown fate = iota
	takenBack
	answered
	failed
)

type slotThread struct {
	at      int
	cell    int // the request that its cell names
	content int // the request that it read
}

type slotState struct {
	request, state int // the slot's word: of which request, and its state
	content        int // the request whose bytes are in the slot
	tail, head     int // cell i names request i
	now            int // the request that the server is at
	server         int
	dead           bool
	cancelled      bool
	threads        [2]slotThread
	started, ended [slotRequests]int
	fates          [slotRequests]fate
	mixed          bool // a thread began with another request's bytes
}

type slotRules struct {
	looseTake  bool // mistake: a thread compares only the state, not the generation
	looseBack  bool // mistake: the server looks, and then writes
	neverAsked bool // mistake: after a death the server believes its last look
}

// Where the server is.
const (
	ssFill = iota
	ssPush
	ssLook
	ssBack // mistaken: it has seen that the request is queued
	ssDead // it knows of the death
	ssEnd
)

// Where a thread is.
const (
	stTake = iota
	stRead
	stStart
	stDone
)

func (r slotRules) server(s slotState) []slotState {
	end := func(n slotState, f fate) slotState {
		n.fates[n.now], n.server, n.now, n.cancelled = f, ssFill, n.now+1, false
		if n.now == slotRequests {
			n.server = ssEnd
		}
		return n
	}
	switch s.server {
	case ssFill:
		s.content, s.server = s.now, ssPush
	case ssPush:
		s.request, s.state, s.server = s.now, stateQueued, ssLook
		s.tail++
	case ssLook:
		return r.look(s, end)
	case ssBack:
		s.state = stateFree
		return []slotState{end(s, takenBack)}
	case ssDead:
		switch s.state {
		case stateQueued: // compare-and-swap, as nothing else changes it
			s.state = stateFree
			s = end(s, takenBack)
		case stateDone:
			s = end(s, answered)
		default:
			s = end(s, failed)
		}
	default:
		return nil
	}
	return []slotState{s}
}

// look is what the server may choose to do while a request is out.
func (r slotRules) look(s slotState, end func(slotState, fate) slotState) (next []slotState) {
	if s.state == stateDone {
		n := s
		n.state = stateFree
		next = append(next, end(n, answered))
	}
	if s.state == stateQueued {
		n := s
		if r.looseBack {
			n.server = ssBack
		} else {
			n.state = stateFree
			n = end(n, takenBack)
		}
		next = append(next, n)
	}
	if !s.cancelled {
		n := s
		n.cancelled = true
		next = append(next, n)
	}
	if s.dead {
		n := s
		n.server = ssDead
		if r.neverAsked {
			n = end(n, takenBack)
		}
		next = append(next, n)
	}
	return next
}

func (r slotRules) thread(i int) func(slotState) []slotState {
	return func(s slotState) []slotState {
		t := &s.threads[i]
		switch {
		case s.dead || t.at == stTake && s.head == s.tail:
			return nil
		case t.at == stTake:
			t.cell, t.at = s.head, stRead
			s.head++
		case t.at == stRead: // before the swap, as the C side does
			t.content, t.at = s.content, stStart
		case t.at == stStart:
			t.at = stTake
			if s.state == stateQueued && (s.request == t.cell || r.looseTake) {
				s.state, t.at = stateRunning, stDone
				s.started[s.request]++
				s.mixed = s.mixed || t.content != s.request
			}
		case t.at == stDone:
			s.state, t.at = stateDone, stTake
			s.ended[s.request]++
		}
		return []slotState{s}
	}
}

func (r slotRules) die(s slotState) []slotState {
	if s.dead || s.server == ssEnd {
		return nil
	}
	s.dead = true
	return []slotState{s}
}

func checkSlot(s slotState) error {
	for i := range slotRequests {
		switch {
		case s.started[i] > 1 || s.ended[i] > 1:
			return errors.New("a request is served twice")
		case s.fates[i] == takenBack && s.started[i] > 0:
			return errors.New("a request is taken back and started")
		case s.fates[i] == answered && s.ended[i] != 1:
			return errors.New("a request is answered that has not been done")
		case s.fates[i] == failed && (s.started[i] != 1 || s.ended[i] != 0 || !s.dead):
			return errors.New("a request fails that need not")
		}
	}
	if s.mixed {
		return errors.New("a thread serves one request with another's bytes")
	}
	return nil
}

func (r slotRules) model() model[slotState] {
	return model[slotState]{
		actors: []actor[slotState]{{"server", r.server}, {"thread 0", r.thread(0)}, {"thread 1", r.thread(1)}, {"death", r.die}},
		check:  checkSlot,
		settled: func(s slotState) error {
			if s.server != ssEnd {
				return errors.New("a request has no end")
			}
			return nil
		},
	}
}

func TestModelSlot(t *testing.T) {
	holds(t, "as it is", slotRules{}.model())
	fails(t, "no generation", slotRules{looseTake: true}.model())
	fails(t, "no compare-and-swap", slotRules{looseBack: true}.model())
	fails(t, "no look after a death", slotRules{neverAsked: true}.model())
}
