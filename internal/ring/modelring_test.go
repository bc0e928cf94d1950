package ring

import (
	"errors"
	"testing"
)

// The model of the ring's sleepers: two goroutines of the server push requests,
// its timer looks after those that it woke nobody for, two threads take them,
// step back and sleep.

const (
	ringRequests = 3
	ringThreads  = 2
	ringPushers  = 2
)

// How many requests each pusher has: more states are too many to visit.
var (
	oneEach  = [ringPushers]int8{1, 1}
	allOfOne = [ringPushers]int8{ringRequests, 0}
)

type ringThread struct {
	at, head int8
	rung     bool // the bell has changed since the thread read it
}

// ringPusher is where a goroutine is, and how many requests it has pushed.
type ringPusher struct{ at, pushed int8 }

type ringState struct {
	states        [ringRequests]int8
	tail, head    int8
	sleepers, run int8
	pushers       [ringPushers]ringPusher
	locked        bool // a pusher has the lock
	gathering     bool
	timer         int8 // where it is
	armed         bool
	threads       [ringThreads]ringThread
}

// ringRules are what the protocol, or a mistake in it, prescribes.
type ringRules struct {
	share       [ringPushers]int8 // requests of each pusher
	computing   bool              // leave requests to running threads
	stuck       bool              // request 0 never ends
	noRecheck   bool              // mistake: a thread sleeps without another look
	lateBell    bool              // mistake: it reads the bell after that look
	noTimer     bool              // mistake: nobody comes back to what is left to running threads
	bellIsStill bool              // mistake: the server wakes, but does not change the bell
	noPatience  bool              // mistake: a thread that steps back sleeps for ever although requests wait
	lateGather  bool              // mistake: a pusher says that it gathers no more after it has looked
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
	rtBackBell
	rtBackLeave
	rtBackCount
	rtBackLook
	rtBackWait
	rtPatient
)

// Where a pusher, or the timer, is.
const (
	rsPush = iota
	rsTail
	rsSleepers
	rsRunning
	rsGather
	rsGathered
	rsAgain
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
		if at := s.threads[i].at; at == rtAsleep || at == rtPatient {
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

func (r ringRules) pusher(i int) func(ringState) []ringState {
	return func(s ringState) []ringState {
		p := &s.pushers[i]
		switch {
		case p.pushed == r.share[i] || p.at == rsPush && s.locked:
			return nil
		case p.at == rsPush:
			s.states[s.tail], s.locked, p.at = stateQueued, true, rsTail
		case p.at == rsTail:
			s.tail, s.locked, p.at = s.tail+1, false, rsSleepers
		case p.at == rsSleepers:
			p.at = rsRunning
			if s.sleepers == 0 {
				p.done()
			}
		default:
			return r.wake(s, i)
		}
		return []ringState{s}
	}
}

// done ends a push.
func (p *ringPusher) done() { p.at, p.pushed = rsPush, p.pushed+1 }

// wake is the part of a pusher that saw that threads sleep.
func (r ringRules) wake(s ringState, i int) []ringState {
	p := &s.pushers[i]
	switch {
	case p.at == rsRunning && !r.computing:
		p.at = rsBell
	case p.at == rsRunning && s.run > 0, p.at == rsAgain && s.run > 0:
		s.armed = !r.noTimer
		if r.lateGather && p.at == rsAgain {
			s.gathering = false
		}
		p.done()
	case p.at == rsRunning:
		p.at = rsGather
	case p.at == rsGather && s.gathering:
		p.done()
	case p.at == rsGather:
		s.gathering, p.at = true, rsGathered
	case p.at == rsGathered:
		s.gathering, p.at = r.lateGather, rsAgain
	case p.at == rsAgain:
		p.at = rsBell
	case p.at == rsBell:
		s.armed = s.armed || r.computing && !r.noTimer
		p.at = rsWake
		if !r.bellIsStill {
			s = s.ring()
		}
	case p.at == rsWake:
		if r.lateGather {
			s.gathering = false
		}
		p.done()
		return s.wakeOne()
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
			if r.computing {
				t.at = rtBackBell
			}
		case rtBackBell, rtBackLeave, rtBackCount, rtBackLook, rtBackWait, rtPatient:
			return r.stepBack(s, i)
		default:
			return r.sleep(s, i)
		}
		return []ringState{s}
	}
}

// stepBack is the part of a thread that leaves the next request to another.
func (r ringRules) stepBack(s ringState, i int) []ringState {
	t := &s.threads[i]
	switch t.at {
	case rtBackBell:
		t.rung, t.at = false, rtBackLeave
	case rtBackLeave:
		if s.run < 2 {
			t.at = rtHead
			break
		}
		s.run, t.at = s.run-1, rtBackCount
	case rtBackCount:
		s.sleepers, t.at = s.sleepers+1, rtBackLook
	case rtBackLook:
		t.at = rtWait
		if s.head != s.tail && !r.noPatience {
			t.at = rtBackWait
		}
	case rtBackWait:
		t.at = rtAwake
		if !t.rung {
			t.at = rtPatient
		}
	case rtPatient: // its time is over
		t.at = rtAwake
	}
	return []ringState{s}
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
			{"pusher 0", r.pusher(0)}, {"pusher 1", r.pusher(1)}, {"timer", r.timer},
			{"thread 0", r.thread(0)}, {"thread 1", r.thread(1)},
		},
		check: func(s ringState) error {
			if s.sleepers < 0 || s.run < 0 || s.head > s.tail {
				return errors.New("the counts are wrong")
			}
			return nil
		},
		settled: func(s ringState) error {
			for i, state := range s.states[:s.tail] {
				if state != stateDone && (!r.stuck || i != 0) {
					return errors.New("a request is never served")
				}
			}
			return nil
		},
	}
}

func TestModelRing(t *testing.T) {
	for name, share := range map[string][ringPushers]int8{"one pusher": allOfOne, "two pushers": oneEach} {
		t.Run(name, func(t *testing.T) {
			holds(t, "waiting", ringRules{share: share}.model())
			holds(t, "computing", ringRules{share: share, computing: true}.model())
			holds(t, "one is stuck", ringRules{share: share, stuck: true}.model())
			holds(t, "one is stuck, computing", ringRules{share: share, stuck: true, computing: true}.model())
		})
	}
	fails(t, "no second look", ringRules{share: allOfOne, noRecheck: true, computing: true, noTimer: true}.model())
	fails(t, "late bell", ringRules{share: allOfOne, lateBell: true}.model())
	fails(t, "no timer", ringRules{share: allOfOne, stuck: true, computing: true, noTimer: true}.model())
	fails(t, "still bell", ringRules{share: allOfOne, bellIsStill: true}.model())
	fails(t, "no patience", ringRules{share: allOfOne, stuck: true, computing: true, noPatience: true}.model())
	fails(t, "late gather", ringRules{share: oneEach, computing: true, lateGather: true}.model())
}
