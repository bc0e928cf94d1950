package ring

import (
	"errors"
	"testing"
)

// The model of the server's sleep: two threads change their slots and announce
// it, Poll looks and sleeps.

const changes = 2 // of each thread

type attentionState struct {
	changed, seen [2]int
	bits          [2]bool
	asleep        bool
	event         bool // the eventfd can be read
	threads       [2]int
	poll          int
	taken         [2]bool // bits that Poll has taken, and whose slots it will look at
}

type attentionRules struct {
	noSecondLook bool // mistake: Poll sleeps as soon as it has said so
	early        bool // mistake: a thread announces before the change
}

// Where a thread is.
const (
	atChange = iota
	atAnnounce
	atLook
	atWakeUp
	atWrite
)

// Where Poll is.
const (
	pollSwap = iota
	pollSlots
	pollAsleep
	pollAgain
	pollRead
	pollAwake
)

func (r attentionRules) thread(i int) func(attentionState) []attentionState {
	return func(s attentionState) []attentionState {
		if s.threads[i] == atChange && s.changed[i] == changes {
			return nil
		}
		at := s.threads[i]
		s.threads[i]++
		if r.early && at <= atAnnounce { // in the other order
			at = atAnnounce - at
		}
		switch at {
		case atChange:
			s.changed[i]++
		case atAnnounce:
			s.bits[i] = true
		case atLook:
			if !s.asleep {
				s.threads[i] = atChange
			}
		case atWakeUp:
			if !s.asleep { // the other one was faster
				s.threads[i] = atChange
			}
			s.asleep = false
		case atWrite:
			s.event, s.threads[i] = true, atChange
		}
		return []attentionState{s}
	}
}

func (r attentionRules) pollStep(s attentionState) []attentionState {
	switch s.poll {
	case pollSwap:
		s.taken, s.bits, s.poll = s.bits, [2]bool{}, pollSlots
		if s.taken == [2]bool{} {
			s.poll = pollAsleep
		}
	case pollSlots:
		for i := range s.taken {
			if s.taken[i] {
				s.seen[i] = s.changed[i]
			}
		}
		s.poll = pollSwap
	case pollAsleep:
		s.asleep, s.poll = true, pollAgain
	case pollAgain:
		s.poll = pollRead
		if s.bits != [2]bool{} && !r.noSecondLook {
			s.poll = pollAwake
		}
	case pollRead:
		if !s.event {
			return nil
		}
		s.event, s.poll = false, pollAwake
	case pollAwake:
		s.asleep, s.poll = false, pollSwap
	}
	return []attentionState{s}
}

func (r attentionRules) model() model[attentionState] {
	return model[attentionState]{
		actors: []actor[attentionState]{{"poll", r.pollStep}, {"thread 0", r.thread(0)}, {"thread 1", r.thread(1)}},
		check:  func(attentionState) error { return nil },
		settled: func(s attentionState) error {
			if s.seen != s.changed || s.changed != [2]int{changes, changes} {
				return errors.New("a change is never seen")
			}
			return nil
		},
	}
}

func TestModelAttention(t *testing.T) {
	holds(t, "as it is", attentionRules{}.model())
	fails(t, "no second look", attentionRules{noSecondLook: true}.model())
	fails(t, "announced too early", attentionRules{early: true}.model())
}
