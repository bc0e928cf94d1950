package supervise

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestRandom lets everything happen to groups, at random times, and checks
// after every step what must always hold.
func TestRandom(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) { randomRun(t, seed) })
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

// chaos is a world in which anything happens.
type chaos struct {
	*world
	r *rand.Rand
	n int
	// died says that since all were in service a process has ended
	// unexpectedly, or could not be started.
	complete, died bool
}

func randomRun(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	o := usual(1 + r.IntN(4))
	o.RestartInterval = []time.Duration{0, 2 * time.Minute}[r.IntN(2)]
	o.RestartMemory = []int64{0, 1000}[r.IntN(2)]
	o.Random = r.Float64
	c := &chaos{world: newWorld(t, o), r: r, n: o.Processes}
	c.born = c.beBorn
	for range 200 {
		c.run(c.pause())
		c.check()
		c.disturb()
		c.run(0)
		c.check()
	}
	c.finish()
}

func (c *chaos) pause() time.Duration {
	return time.Duration(c.r.IntN(1<<c.r.IntN(16))) * time.Millisecond
}

// beBorn decides what becomes of a process.
func (c *chaos) beBorn(f *fake) {
	switch c.r.IntN(12) {
	case 0:
		c.later(c.pause(), func() { f.fail("x"); c.died = true })
	case 1:
		c.later(c.pause(), func() { f.exitStatus(1); c.died = true })
	case 2: // never ready
	case 3:
		c.later(c.pause(), func() { f.spec.Events(Event{Kind: Ready, NotLoaded: "y"}); c.died = true })
	default:
		c.later(c.pause(), f.ready)
	}
	c.memory[f.pid] = int64(c.r.IntN(1050))
	switch c.r.IntN(4) {
	case 0:
		f.drained = nil
	case 1:
		f.drained = func() { c.later(c.pause(), func() { f.exitStatus(0) }) }
	}
	switch c.r.IntN(4) {
	case 0:
		f.stopped = nil
	case 1:
		f.stopped = func() { c.later(c.pause(), func() { f.exitStatus(1) }) }
	}
}

// disturb lets something happen.
func (c *chaos) disturb() {
	f := c.processes[c.r.IntN(len(c.processes))]
	if c.r.IntN(2) == 0 { // one of the last
		f = c.processes[max(0, len(c.processes)-1-c.r.IntN(c.n+1))]
	}
	switch c.r.IntN(10) {
	case 0:
		c.died = c.died || !f.dead
		f.exit(Exit{Signal: syscall.SIGKILL})
	case 1, 2:
		f.asks("limit")
	case 3:
		f.asks("another limit")
		c.g.Recycle("both")
	case 4:
		c.g.Recycle("script changed")
	case 5:
		_ = c.g.Evict(f.pid, "signal") // an error if it is not in service
	case 6:
		if c.refuse = nil; c.r.IntN(3) == 0 {
			c.refuse = errTest
		}
	case 7:
		f.ready() // again
	case 8:
		f.spec.Events(Event{Kind: Asks, Reason: "a file has changed", Changed: true})
	case 9:
		f.spec.Events(Event{Kind: Unloaded, Reason: "z"})
	}
}

// check checks what must always hold.
func (c *chaos) check() {
	c.t.Helper()
	alive := 0 // and not told to end
	for _, f := range c.processes {
		if !f.dead && len(f.commands) == 0 {
			alive++
		}
		checkCommands(c.t, f)
	}
	if alive > c.n+1 {
		c.t.Errorf("%d processes in a group of %d", alive, c.n)
	}
	inService := 0
	for _, p := range c.g.Snapshot().Places {
		staying := 0
		for _, about := range p.Processes {
			if about.State.inService() {
				inService++
			}
			if about.State < Draining {
				staying++
			}
		}
		if n := len(p.Processes); n == 0 || staying > 2 || p.Processes[n-1].State == Draining {
			c.t.Errorf("place %d has %d lives beside those that end: %s", p.Number, staying, c.states())
		}
	}
	if inService == c.n {
		c.complete, c.died = true, false
	}
	if c.complete && !c.died && inService < c.n-1 {
		c.t.Errorf("%d of %d in service, though nothing has died: %s", inService, c.n, c.states())
	}
	c.checkNotes()
}

// checkCommands: each at most once, in order.
func checkCommands(t *testing.T, f *fake) {
	t.Helper()
	last := -1
	for _, command := range f.commands {
		word, _, _ := strings.Cut(command, ":")
		rank := slices.Index([]string{"drain", "stop", "kill"}, word)
		if rank <= last {
			t.Errorf("process %d: commands %q", f.pid, f.commands)
		}
		last = rank
	}
}

// checkNotes: the observer hears of each process up, perhaps draining, down.
func (c *chaos) checkNotes() {
	c.t.Helper()
	heard := map[string]string{}
	for _, n := range c.notes {
		parts := strings.SplitN(n, " ", 4)
		switch pid, what := parts[1], strings.TrimSuffix(parts[2], ":"); what {
		case "up", "draining", "down":
			heard[pid] += what + " "
		}
	}
	for pid, all := range heard {
		if !strings.HasPrefix("up draining down ", all) && all != "up down " {
			c.t.Errorf("of process %s the observer hears %s", pid, all)
		}
	}
}

// finish ends the group, politely or not, and checks that all is over.
func (c *chaos) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.r.IntN(20))*time.Second)
	defer cancel()
	starts := len(c.processes)
	_ = c.g.Shutdown(ctx) // whom it has killed is tested elsewhere
	synctest.Wait()
	for _, f := range c.processes {
		if !f.dead {
			c.t.Errorf("process %d is left: %q", f.pid, f.commands)
		}
		checkCommands(c.t, f)
	}
	if len(c.processes) != starts {
		c.t.Error("a process was started during shutdown")
	}
	ups, downs := 0, 0
	for _, n := range c.notes {
		switch {
		case strings.HasSuffix(n, " up"):
			ups++
		case strings.Contains(n, " down: "):
			downs++
		}
	}
	if ups != downs {
		c.t.Errorf("%d processes were up, %d down", ups, downs)
	}
	c.run(time.Minute) // what is still to happen to dead processes
}
