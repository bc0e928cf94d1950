package ring

import (
	"errors"
	"testing"
)

// The model of the ring's sleepers: the server pushes requests, its timer looks
// after those that it woke nobody for, two threads take them and sleep.

const (
	ringRequests = 3
	ringThreads  = 2
)

type ringThread struct {
	at, head int
	rung     bool // the bell has changed since the thread read it
}

type ringState struct {
	states         [ringRequests]int
	tail, head     int
	sleepers, run  int
	server, pushed int // where the server is, and with which request
	timer          int // where it is
	armed          bool
	threads        [ringThreads]ringThread
}

// ringRules are what the protocol, or a mistake in it, prescribes.
type ringRules struct {
	computing   bool // leave requests to running threads
	stuck       bool // request 0 never ends
	noRecheck   bool // mistake: a thread sleeps without another look
	lateBell    bool // mistake: it reads the bell after that look
	noTimer     bool // mistake: nobody comes back to what is left to running threads
	bellIsStill bool // mistake: the server wakes, but does not change the bell
}

// Where a thread is.
const (
	rtHead = iota
	rtTail
	rtClaim
	rtStart
	rtWork
	rtBell
	rtUncount
	rtCount
	rtLook
	rtLateBell
	rtWait
	rtAsleep
	rtAwake
	rtRecount
)

// Where the server, or the timer, is.
const (
	rsPush = iota
	rsTail
	rsSleepers
	rsRunning
	rsBell
	rsWake
)

// ring changes the bell.
func (s ringState) ring() ringState {
	for i := range s.threads {
		s.threads[i].rung = true
	}
	return s
}

// wakeOne returns what can come of waking one of those that sleep.
func (s ringState) wakeOne() (next []ringState) {
	for i := range s.threads {
		if s.threads[i].at == rtAsleep {
			n := s
			n.threads[i].at = rtAwake
			next = append(next, n)
		}
	}
	if next == nil {
		next = []ringState{s}
	}
	return next
}

func (r ringRules) server(s ringState) []ringState {
	done := func(n ringState) ringState { n.server, n.pushed = rsPush, n.pushed+1; return n }
	switch {
	case s.pushed == ringRequests:
		return nil
	case s.server == rsPush:
		s.states[s.pushed], s.server = stateQueued, rsTail
	case s.server == rsTail:
		s.tail, s.server = s.tail+1, rsSleepers
	case s.server == rsSleepers && s.sleepers == 0:
		s = done(s)
	case s.server == rsSleepers:
		s.server = rsRunning
	case s.server == rsRunning && r.computing && s.run > 0:
		s.armed = !r.noTimer
		s = done(s)
	case s.server == rsRunning:
		s.server = rsBell
	case s.server == rsBell:
		s.server = rsWake
		if !r.bellIsStill {
			s = s.ring()
		}
	case s.server == rsWake:
		next := s.wakeOne()
		for i := range next {
			next[i] = done(next[i])
		}
		return next
	}
	return []ringState{s}
}

func (r ringRules) timer(s ringState) []ringState {
	switch s.timer {
	case rsPush:
		if !s.armed {
			return nil
		}
		s.armed, s.timer = false, rsTail
	case rsTail:
		s.timer = rsSleepers
		if s.head == s.tail {
			s.timer = rsPush
		}
	case rsSleepers:
		s.timer = rsBell
		if s.sleepers == 0 {
			s.timer = rsPush
		}
	case rsBell:
		s.timer = rsWake
		s = s.ring()
	case rsWake:
		s.armed, s.timer = true, rsPush
		return s.wakeOne()
	}
	return []ringState{s}
}

func (r ringRules) thread(i int) func(ringState) []ringState {
	return func(s ringState) []ringState {
		t := &s.threads[i]
		switch t.at {
		case rtHead:
			t.head, t.at = s.head, rtTail
		case rtTail:
			t.at = rtClaim
			if t.head == s.tail {
				t.at = rtBell
			}
		case rtClaim:
			t.at = rtHead
			if s.head == t.head {
				s.head, t.at = s.head+1, rtStart
			}
		case rtStart:
			s.states[t.head], t.at = stateRunning, rtWork
		case rtWork:
			if r.stuck && t.head == 0 {
				return nil
			}
			s.states[t.head], t.at = stateDone, rtHead
		default:
			return r.sleep(s, i)
		}
		return []ringState{s}
	}
}

// sleep is the part of a thread that found nothing.
func (r ringRules) sleep(s ringState, i int) []ringState {
	t := &s.threads[i]
	switch t.at {
	case rtBell:
		t.rung, t.at = false, rtUncount
	case rtUncount:
		s.run, t.at = s.run-1, rtCount
	case rtCount:
		s.sleepers, t.at = s.sleepers+1, rtLook
	case rtLook:
		t.at = rtLateBell
		if s.head != s.tail && !r.noRecheck {
			t.at = rtAwake
		}
	case rtLateBell:
		t.at = rtWait
		if r.lateBell {
			t.rung = false
		}
	case rtWait:
		t.at = rtAwake
		if !t.rung {
			t.at = rtAsleep
		}
	case rtAsleep:
		return nil
	case rtAwake:
		s.sleepers, t.at = s.sleepers-1, rtRecount
	case rtRecount:
		s.run, t.at = s.run+1, rtHead
	}
	return []ringState{s}
}

func (r ringRules) model() model[ringState] {
	return model[ringState]{
		start: ringState{run: ringThreads},
		actors: []actor[ringState]{
			{"server", r.server}, {"timer", r.timer}, {"thread 0", r.thread(0)}, {"thread 1", r.thread(1)},
		},
		check: func(s ringState) error {
			if s.sleepers < 0 || s.run < 0 || s.head > s.tail {
				return errors.New("the counts are wrong")
			}
			return nil
		},
		settled: func(s ringState) error {
			for i, state := range s.states {
				if state != stateDone && (!r.stuck || i != 0) {
					return errors.New("a request is never served")
				}
			}
			return nil
		},
	}
}

func TestModelRing(t *testing.T) {
	holds(t, "waiting", ringRules{}.model())
	holds(t, "computing", ringRules{computing: true}.model())
	holds(t, "one is stuck", ringRules{stuck: true}.model())
	holds(t, "one is stuck, computing", ringRules{stuck: true, computing: true}.model())
	fails(t, "no second look", ringRules{noRecheck: true, computing: true, noTimer: true}.model())
	fails(t, "late bell", ringRules{lateBell: true}.model())
	fails(t, "no timer", ringRules{stuck: true, computing: true, noTimer: true}.model())
	fails(t, "still bell", ringRules{bellIsStill: true}.model())
}
