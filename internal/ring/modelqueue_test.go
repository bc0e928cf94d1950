package ring

import (
	"errors"
	"testing"
)

// The model of who holds a slot, from the queue's side (package daemon's Group):
// requests wait, are given a slot in one of two processes, are pushed, taken back,
// answered or abandoned. Their clients leave, their time is up, the first process
// drains and dies, the second is added: each at each moment. A process has one
// slot and one thread. What the Group does under its lock is one step.

const (
	queueCalls     = 2
	queueProcesses = 2
	noSlot         = -1
)

// Where a request's goroutine is.
const (
	qcArrives = iota
	qcWaits   // in the list
	qcTold    // given a slot, and not yet seen it
	qcRefused // its time is up, and it has not yet seen that
	qcGivesUp // it has seen that its client left, and not yet what else happened
	qcHas
	qcPushed
	qcLeaves // mistaken: it has released its slot, and is still registered
	qcOver
)

type queueCall struct {
	at      int8
	slot    int8 // of which process it has the slot
	gone    bool // its client has left
	expired bool // told that its time is up
	evicted bool // told to go elsewhere
	answer  int8 // whose answer it got, plus 1
}

type queueProcess struct {
	there, draining, dead bool
	free                  int8 // how often its slot is in the list of free ones
	registered            int8 // the request under the slot's index, plus 1
	polled                bool // abandoned: Poll is to free it
	state                 int8 // of the slot
	request               int8 // that is in the slot
	running               int8 // that the thread read
}

type queueState struct {
	calls     [queueCalls]queueCall
	processes [queueProcesses]queueProcess
}

type queueRules struct {
	backTwice    bool // mistake: who gives up releases the slot, and then leaves with it
	backEarly    bool // mistake: the slot is released before its request is taken out
	backAbandons bool // mistake: an abandoned request's slot is released as well
	neverBack    bool // mistake: who gives up does not look whether it has a slot
}

// assign gives the slot of the first process with room to a request.
func (s *queueState) assign(i int, at int8) bool {
	for p := range s.processes {
		q := &s.processes[p]
		if !q.there || q.dead || q.draining || q.free == 0 {
			continue
		}
		q.free--
		q.registered = int8(i) + 1
		q.state = stateFree
		c := &s.calls[i]
		*c = queueCall{at: at, slot: int8(p), gone: c.gone, expired: c.expired}
		return true
	}
	return false
}

// dispatch gives room to those that wait.
func (s *queueState) dispatch() {
	for i := range s.calls {
		if s.calls[i].at == qcWaits && !s.assign(i, qcTold) {
			return
		}
	}
}

// leave takes a request out of its process.
func (s *queueState) leave(i int, to int8) {
	c := &s.calls[i]
	q := &s.processes[c.slot]
	q.registered = 0
	q.free++
	q.state = stateFree
	c.slot, c.at = noSlot, to
	s.dispatch()
}

func (r queueRules) call(i int) func(queueState) []queueState {
	return func(s queueState) []queueState {
		c := &s.calls[i]
		switch c.at {
		case qcArrives:
			if !s.assign(i, qcHas) {
				c.at = qcWaits
			}
		case qcWaits:
			if !c.gone {
				return nil
			}
			c.at = qcGivesUp
			return []queueState{s}
		case qcTold, qcRefused:
			return s.hears(i)
		case qcGivesUp:
			r.giveUp(&s, i)
		case qcHas:
			q := &s.processes[c.slot]
			q.state, q.request, c.at = stateQueued, int8(i), qcPushed
		case qcPushed:
			return r.looks(s, i)
		case qcLeaves:
			q := &s.processes[c.slot]
			q.registered = 0
			c.slot, c.at = noSlot, qcOver
		default:
			return nil
		}
		return []queueState{s}
	}
}

// hears is the select between what it waited for and its client.
func (s queueState) hears(i int) []queueState {
	n := s
	if n.calls[i].at = qcHas; s.calls[i].at == qcRefused {
		n.calls[i].at = qcOver
	}
	next := []queueState{n}
	if s.calls[i].gone {
		n := s
		n.calls[i].at = qcGivesUp
		next = append(next, n)
	}
	return next
}

func (r queueRules) giveUp(s *queueState, i int) {
	c := &s.calls[i]
	if c.slot == noSlot || r.neverBack {
		c.at = qcOver
		return
	}
	if r.backTwice {
		s.processes[c.slot].free++
	}
	s.leave(i, qcOver)
}

// looks is what a request may do that is in a process.
func (r queueRules) looks(s queueState, i int) []queueState {
	c := &s.calls[i]
	q := &s.processes[c.slot]
	switch {
	case q.state == stateQueued && (c.gone || c.expired):
		s.leave(i, qcOver)
	case q.state == stateQueued && (c.evicted || q.dead):
		s.leave(i, qcArrives)
	case q.state == stateDone:
		c.answer = q.running + 1
		if r.backEarly {
			q.free++
			q.state, c.at = stateFree, qcLeaves
			s.dispatch()
			return []queueState{s}
		}
		s.leave(i, qcOver)
	case q.state == stateRunning && q.dead: // the slot is dropped
		q.registered, c.slot, c.at = 0, noSlot, qcOver
	case q.state == stateRunning: // it may be silent for too long
		q.registered, q.polled = 0, true
		c.slot, c.at = noSlot, qcOver
		if r.backAbandons {
			q.free++
		}
	default:
		return nil
	}
	return []queueState{s}
}

// thread is that of a process.
func thread(p int) func(queueState) []queueState {
	return func(s queueState) []queueState {
		q := &s.processes[p]
		switch {
		case !q.there || q.dead:
			return nil
		case q.state == stateQueued:
			q.state, q.running = stateRunning, q.request
		case q.state == stateRunning:
			q.state = stateDone
		case q.state == stateDone && q.polled: // Poll frees it
			q.polled, q.state = false, stateFree
			q.free++
			s.dispatch()
		default:
			return nil
		}
		return []queueState{s}
	}
}

// clock tells a request that its time is up.
func clock(i int) func(queueState) []queueState {
	return func(s queueState) []queueState {
		c := &s.calls[i]
		switch {
		case c.at == qcWaits:
			c.at = qcRefused
		case c.slot != noSlot && !c.expired && s.processes[c.slot].registered == int8(i)+1:
			c.expired = true
		default:
			return nil
		}
		return []queueState{s}
	}
}

func client(i int) func(queueState) []queueState {
	return func(s queueState) []queueState {
		if s.calls[i].gone || s.calls[i].at == qcOver {
			return nil
		}
		s.calls[i].gone = true
		return []queueState{s}
	}
}

// owner drains the first process, lets it die and adds the second.
func owner(s queueState) (next []queueState) {
	first, second := s.processes[0], s.processes[1]
	if !first.draining && !first.dead {
		n := s
		n.processes[0].draining = true
		n.evict()
		next = append(next, n)
	}
	if !first.dead {
		n := s
		n.processes[0].dead = true
		next = append(next, n)
	}
	if !second.there {
		n := s
		n.processes[1] = queueProcess{there: true, free: 1}
		n.dispatch()
		next = append(next, n)
	}
	return next
}

// evict tells the request that is registered in the first process.
func (s *queueState) evict() {
	if i := s.processes[0].registered; i > 0 {
		s.calls[i-1].evicted = true
	}
}

func checkQueue(s queueState) error {
	var holders [queueProcesses]int
	for i, c := range s.calls {
		if c.answer != 0 && c.answer != int8(i)+1 {
			return errors.New("a client gets the answer to another's request")
		}
		if c.slot == noSlot || c.at == qcLeaves {
			continue
		}
		holders[c.slot]++
		if s.processes[c.slot].registered != int8(i)+1 {
			return errors.New("a request in a process is not registered there")
		}
	}
	for p, q := range s.processes {
		if q.polled {
			holders[p]++
		}
		switch {
		case q.free < 0 || q.free > 1:
			return errors.New("a slot is free twice")
		case q.free == 1 && holders[p] > 0:
			return errors.New("a slot is free and in use")
		case holders[p] > 1:
			return errors.New("a slot has two requests")
		}
	}
	return nil
}

// settledQueue: every request has an end, and no slot of a living process is lost.
func settledQueue(s queueState) error {
	for _, c := range s.calls {
		if c.at != qcOver {
			return errors.New("a request has no end")
		}
	}
	for _, q := range s.processes {
		if q.there && !q.dead && q.free != 1 {
			return errors.New("a slot is lost")
		}
	}
	return nil
}

func (r queueRules) model() model[queueState] {
	m := model[queueState]{check: checkQueue, settled: settledQueue}
	m.start.processes[0] = queueProcess{there: true, free: 1}
	for i := range queueCalls {
		m.start.calls[i].slot = noSlot
		m.actors = append(m.actors, actor[queueState]{"call", r.call(i)}, actor[queueState]{"client", client(i)}, actor[queueState]{"clock", clock(i)})
	}
	for p := range queueProcesses {
		m.actors = append(m.actors, actor[queueState]{"thread", thread(p)})
	}
	m.actors = append(m.actors, actor[queueState]{"owner", owner})
	return m
}

func TestModelQueue(t *testing.T) {
	holds(t, "as it is", queueRules{}.model())
	fails(t, "given back twice", queueRules{backTwice: true}.model())
	fails(t, "given back too early", queueRules{backEarly: true}.model())
	fails(t, "abandoned and given back", queueRules{backAbandons: true}.model())
	fails(t, "never given back", queueRules{neverBack: true}.model())
}
