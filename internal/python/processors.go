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
	stuck int // mean of looks at which a call was stuck, of stuckAlways
}

// stuckAlways stands for a call that was stuck at every look. Some are on a busy
// machine, where threads wait for the processor.
const stuckAlways = 1024

// learn takes into account whether calls that were measured keep processors.
func (p *processors) learn(kept bool) {
	if p.kept == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.see(kept)
}

// look takes into account whether a call has been in C since the last look:
// calls that are too rare to be measured in time. The caller looks at even
// intervals.
func (p *processors) look(stuck bool) {
	if p.kept == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := 0
	if stuck {
		now = stuckAlways
	}
	p.stuck += (now - p.stuck) / 16
	p.see(p.stuck > stuckAlways/2)
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
