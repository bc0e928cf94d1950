package python

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestProcessorsAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []int
		p := processors{kept: func(n int) { told = append(told, n) }, calls: 5}
		p.learn(false)
		p.learn(true)
		p.learn(true)
		p.learn(false) // too soon
		time.Sleep(calmTime / 2)
		p.learn(true)
		time.Sleep(calmTime / 2)
		p.learn(false)
		time.Sleep(calmTime)
		p.learn(false)
		p.learn(false)
		if want := []int{5, 0}; !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}

// TestProcessorsOfStuckCalls checks that calls which are in C at most looks
// count, and those that are at a few, as on a busy machine, do not.
func TestProcessorsOfStuckCalls(t *testing.T) {
	for _, test := range []struct {
		name  string
		every int // of so many looks one finds a stuck call
		want  int
	}{{"always", 1, 5}, {"seldom", 8, 0}} {
		t.Run(test.name, func(t *testing.T) {
			told := 0
			p := processors{kept: func(n int) { told = n }, calls: 5}
			for i := range 1000 {
				p.look(i%test.every == 0)
			}
			if told != test.want {
				t.Errorf("told %d, want %d", told, test.want)
			}
		})
	}
}

func TestCallIsStuck(t *testing.T) {
	var c call
	for i, step := range []struct {
		do   func()
		want bool
	}{
		{func() {}, false},
		{c.comeAndGo, false}, // into C, since the last look
		{func() {}, true},
		{func() {}, true},
		{c.goOut, false}, // it waits for its client, in Go
		{func() {}, false},
		{c.goBack, false},
		{func() {}, true},
		{func() { c.comeAndGo(); c.comeAndGo() }, false}, // another request
		{func() {}, true},
		{c.comeAndGo, false},
		{func() {}, false},
	} {
		step.do()
		if got := c.stuck(); got != step.want {
			t.Errorf("step %d: stuck %v, want %v", i, got, step.want)
		}
	}
}
