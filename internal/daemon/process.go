package daemon

import (
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gophersnake/gophersnake/internal/ring"
)

// Process is a daemon process as its Group knows it.
type Process struct {
	o     ProcessOptions
	g     *Group
	ring  *ring.Server
	room  int // requests that it may have at a time
	poll  sync.WaitGroup
	died  atomic.Bool // cause is set
	cause string      // why it ended
	stuck bool        // it had stopped working before; set before died
	empty chan struct{}

	// The rest is guarded by the Group's mu.
	calls     []*call    // by slot
	files     []*os.File // by slot, delivered and not yet claimed
	active    int        // requests that it has
	abandoned int        // of them, those that nobody waits for
	given     int        // requests that it was ever given, but for those taken back
	served    uint64     // requests that it has finished

	draining bool // no more requests, for good
	stale    bool // none either, because a script has changed, until Restore
	exempt   bool // it serves beyond MaxRequests
	warned   bool // OnLimit has been called
	broken   bool
	full     bool // its ring has no room for now
	drained  bool // empty is closed
}

// PID returns the process's number.
func (p *Process) PID() int { return p.o.PID }

// Add gives requests to a process from now on.
func (g *Group) Add(o ProcessOptions) *Process {
	slots := o.Ring.Region().Slots()
	p := &Process{
		o: o, g: g, ring: o.Ring, room: min(Slots(o.Threads), slots),
		calls: make([]*call, slots), files: make([]*os.File, slots), empty: make(chan struct{}),
	}
	p.ring.OnReleased(p.released)
	p.poll.Go(p.ring.Poll)
	g.ending.Add(1)
	g.mu.Lock()
	g.processes = append(g.processes, p)
	g.down = ""
	g.dispatchLocked()
	g.rebalanceLocked(p)
	closed := g.closed
	g.unlock()
	if closed {
		g.Remove(p, causeClosed)
	}
	return p
}

// causeClosed is why the processes of a closed group are removed.
const causeClosed = "the server stops"

// Drain gives the process no more requests. Those that it has not started go to
// other processes; the returned channel is closed when it has finished the
// others, or is removed.
func (g *Group) Drain(p *Process) <-chan struct{} {
	g.mu.Lock()
	defer g.unlock()
	g.drainLocked(p)
	return p.empty
}

func (g *Group) drainLocked(p *Process) {
	p.draining = true
	p.evictLocked()
	p.checkEmptyLocked()
}

// evictLocked has the requests that p has not started go to other processes.
func (p *Process) evictLocked() {
	for _, c := range p.calls {
		if c != nil {
			c.tell(evicted)
		}
	}
}

func (p *Process) checkEmptyLocked() {
	if p.draining && p.active == 0 && !p.drained {
		p.drained = true
		close(p.empty)
	}
}

// Remove says that a process is dead, and why. Requests that it had not started
// go to others, those that it was serving fail, those that it had finished are
// answered. All Deliver calls for the process have returned by then. The
// process may not have been added to another group; removing it again does
// nothing.
func (g *Group) Remove(p *Process, cause string) {
	g.mu.Lock()
	if p.died.Load() {
		g.mu.Unlock()
		return
	}
	p.cause = cause
	p.died.Store(true)
	g.processes = slices.DeleteFunc(slices.Clone(g.processes), func(other *Process) bool { return other == p })
	if now := time.Now(); len(g.processes) == 0 {
		g.noneSince = now
		if g.waiting.n > 0 {
			g.clock.armLocked(now)
		}
	}
	for _, c := range p.calls {
		if c != nil {
			c.slot.Nudge()
		}
	}
	if !p.drained {
		p.drained = true
		close(p.empty)
	}
	over := p.overLocked()
	g.unlock()
	if over {
		p.close()
	}
}

// overLocked reports a dead process whose memory nobody uses.
func (p *Process) overLocked() bool { return p.died.Load() && p.active == p.abandoned }

// close gives up what belongs to a dead process. It is called once, and not by
// Poll's goroutine.
func (p *Process) close() {
	_ = p.ring.Close() // there is nothing left to do about an error
	p.poll.Wait()
	for _, f := range p.files {
		if f != nil {
			_ = f.Close()
		}
	}
	p.g.ending.Done()
}

// released is called by the ring when an abandoned request is over.
func (p *Process) released(index int) {
	g := p.g
	g.mu.Lock()
	defer g.unlock()
	if p.died.Load() {
		return
	}
	p.abandoned--
	p.finishedLocked()
}

// finishedLocked notes that a request and its slot are free.
func (p *Process) finishedLocked() {
	p.active--
	p.served++
	p.full = false
	p.g.dispatchLocked()
	p.g.rebalanceLocked(p)
	p.checkEmptyLocked()
}

// Deliver hands over the file that is the response of the request in a slot. It
// belongs to the Group from now on, which closes it if no such request is
// there.
func (p *Process) Deliver(index int, generation uint32, f *os.File) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || !p.keep(index, generation, f) {
		_ = f.Close()
	}
}

// Lost says that the file which is the response of the request in a slot has come and
// could not be received, for want of descriptors: that request fails.
func (p *Process) Lost(index int, generation uint32) {
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	if c := p.callLocked(index, generation); c != nil {
		c.tell(fileLost)
	}
}

// callLocked returns the request in a slot, nil if that is not there any more.
func (p *Process) callLocked(index int, generation uint32) *call {
	if p.died.Load() || index < 0 || index >= len(p.calls) {
		return nil
	}
	if c := p.calls[index]; c != nil && c.generation.Load() == generation {
		return c
	}
	return nil
}

// keep stores the file for the request, if that waits for one.
func (p *Process) keep(index int, generation uint32, f *os.File) bool {
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	c := p.callLocked(index, generation)
	if c == nil || p.files[index] != nil {
		return false
	}
	p.files[index] = f
	c.slot.Nudge()
	return true
}

func (p *Process) dropFileLocked(index int) {
	if f := p.files[index]; f != nil {
		p.files[index] = nil
		_ = f.Close()
	}
}
