package python

import (
	"sync"
	"time"
)

// calmTime is how long no call must have kept one of Go's processors before
// those are counted as before: a change stops all goroutines for a moment.
const calmTime = time.Second

// processors tells the program how many of Go's processors calls keep from
// goroutines. A goroutine inside C that computes or waits there keeps its
// processor until Go's runtime looks for such, which it does every 10 ms when it
// finds none: two calls that wait 5 ms each would, on two processors, hold up
// everything else the program does, without end. Its methods are safe for
// concurrent use.
type processors struct {
	kept  func(int) // Options.KeepsProcessors
	calls int       // that can be in Python at the same time

	mu    sync.Mutex
	told  bool // that calls keep processors
	last  time.Time
	stuck int // mean of the calls that a look found, in units of oneCall
}

// oneCall is what processors.stuck counts a call as.
const oneCall = 1024

// learn takes into account whether calls that were measured keep processors.
func (p *processors) learn(kept bool) {
	if p.kept == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.see(kept)
}

// look takes into account how many calls have been in C since the last look and
// were not at that one: calls that are too rare to be measured in time. One at
// every second look counts; fewer are on a busy machine, where threads wait for
// the processor. The caller looks at even intervals.
func (p *processors) look(stuck int) {
	if p.kept == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stuck += (stuck*oneCall - p.stuck) / 16
	p.see(p.stuck > oneCall/2)
}

func (p *processors) see(kept bool) {
	now := time.Now()
	switch {
	case kept:
		p.last = now
		p.tell(true)
	case now.Sub(p.last) > calmTime:
		p.tell(false)
	}
}

func (p *processors) tell(kept bool) {
	if p.told == kept {
		return
	}
	p.told = kept
	if kept {
		p.kept(p.calls)
	} else {
		p.kept(0)
	}
}
