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

// TestProcessorsOfStuckCalls checks that calls which get stuck all the time
// count, and a few, as on a busy machine, do not.
func TestProcessorsOfStuckCalls(t *testing.T) {
	for _, test := range []struct {
		name  string
		every int // of so many looks one finds
		stuck int // calls
		want  int
	}{{"at every look", 1, 1, 5}, {"several now and then", 3, 3, 5}, {"seldom", 8, 1, 0}} {
		t.Run(test.name, func(t *testing.T) {
			told := 0
			p := processors{kept: func(n int) { told = n }, calls: 5}
			for i := range 1000 {
				found := 0
				if i%test.every == 0 {
					found = test.stuck
				}
				p.look(found)
			}
			if told != test.want {
				t.Errorf("told %d, want %d", told, test.want)
			}
		})
	}
}

func TestCallGetsStuck(t *testing.T) {
	var c call
	for i, step := range []struct {
		do   func()
		want bool
	}{
		{func() {}, false},
		{c.comeAndGo, false}, // into C, since the last look
		{func() {}, true},
		{func() {}, false}, // that was said
		{c.goOut, false},   // it waits for its client, in Go
		{func() {}, false},
		{c.goBack, false},
		{func() {}, true},
		{func() { c.comeAndGo(); c.comeAndGo() }, false}, // another request
		{func() {}, true},
		{c.comeAndGo, false},
		{func() {}, false},
	} {
		step.do()
		if got := c.gotStuck(); got != step.want {
			t.Errorf("step %d: stuck %v, want %v", i, got, step.want)
		}
	}
}
