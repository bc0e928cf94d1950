package ring

import (
	"fmt"
	"strings"
	"testing"
)

// A model is a protocol as a set of actors that take atomic steps on a shared
// state. explore visits every state that any interleaving of them can reach.
type model[S comparable] struct {
	start  S
	actors []actor[S]
	// check is asked in every state for what must always hold.
	check func(S) error
	// settled is asked in states in which nobody can take a step, for what must
	// hold in the end: a lost wake-up shows here.
	settled func(S) error
}

// actor returns the states that one atomic step can lead to; none if it can
// take no step. Several are the outcomes of a choice.
type actor[S comparable] struct {
	name string
	step func(S) []S
}

// counterexample is an interleaving that ends where something does not hold.
type counterexample struct {
	err   error
	steps []string
}

func (c *counterexample) String() string {
	return fmt.Sprintf("%v after:\n%s", c.err, strings.Join(c.steps, "\n"))
}

// explore returns the number of states, and the shortest counterexample or nil.
func (m *model[S]) explore() (int, *counterexample) {
	type origin struct {
		before S
		by     string
	}
	seen := map[S]origin{m.start: {}}
	trace := func(s S, err error) *counterexample {
		c := &counterexample{err: err}
		for s != m.start {
			o := seen[s]
			c.steps = append([]string{fmt.Sprintf("%-8s %+v", o.by, s)}, c.steps...)
			s = o.before
		}
		return c
	}
	for queue := []S{m.start}; len(queue) > 0; queue = queue[1:] {
		s := queue[0]
		if err := m.check(s); err != nil {
			return len(seen), trace(s, err)
		}
		moved := false
		for _, a := range m.actors {
			for _, next := range a.step(s) {
				moved = true
				if _, known := seen[next]; !known {
					seen[next] = origin{s, a.name}
					queue = append(queue, next)
				}
			}
		}
		if !moved {
			if err := m.settled(s); err != nil {
				return len(seen), trace(s, err)
			}
		}
	}
	return len(seen), nil
}

// holds explores a model that must have no counterexample.
func holds[S comparable](t *testing.T, name string, m model[S]) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		n, c := m.explore()
		if c != nil {
			t.Errorf("%s", c)
		}
		t.Logf("%d states", n)
	})
}

// fails explores a model with a mistake, which must be found.
func fails[S comparable](t *testing.T, name string, m model[S]) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		n, c := m.explore()
		if c == nil {
			t.Errorf("the mistake is not found in %d states", n)
			return
		}
		t.Logf("found in %d states: %v, after %d steps", n, c.err, len(c.steps))
	})
}
