package front

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// Go gives memory back slowly: the collector runs when something is allocated, or
// every two minutes, what pools hold outlives two of its runs, and free pages go
// back over minutes. So it is told, some time after a connection has ended, if it
// holds more than it once did. That costs two collections: where they find that
// the memory is in use, the next ones come later.
const (
	tidyAfter  = 2 * time.Second // the end of a connection
	tidyAgain  = 8 * time.Second // between two times
	tidyRarely = 32 * time.Second
	tidyTimes  = 4       // how often it is tried again, if nobody comes and goes: timers hold memory until their time
	tidyGrowth = 4 << 20 // bytes more than the least
)

// tidier gives memory back to the system. Its methods are safe for concurrent use.
type tidier struct {
	mu      sync.Mutex
	timer   *time.Timer   // nil: none is set
	last    time.Time     // when memory was last looked at
	pause   time.Duration // after that
	least   uint64        // bytes held, of all times
	tries   int           // that are left
	stopped bool
	wg      sync.WaitGroup
}

// later is called when a connection has ended, and costs little.
func (t *tidier) later() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tries = tidyTimes
	t.setLocked()
}

func (t *tidier) setLocked() {
	if t.timer != nil || t.stopped {
		return
	}
	t.wg.Add(1)
	t.timer = time.AfterFunc(max(tidyAfter, time.Until(t.last.Add(t.pause))), t.run)
}

func (t *tidier) run() {
	defer t.wg.Done()
	t.mu.Lock()
	t.timer = nil
	least, stopped := t.least, t.stopped
	t.mu.Unlock()
	if stopped {
		return
	}
	held, pause := heldMemory(), tidyAgain
	if held > least+tidyGrowth {
		runtime.GC() // what pools hold goes in the second collection, which is the next one
		debug.FreeOSMemory()
		held = heldMemory()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	much := held > least+tidyGrowth
	if much {
		pause = min(max(2*t.pause, tidyAgain), tidyRarely)
	}
	t.least, t.pause, t.last = min(held, least), pause, time.Now()
	if t.tries--; much && t.tries > 0 {
		t.setLocked()
	}
}

// stop ends what later began, and waits for it.
func (t *tidier) stop() {
	t.mu.Lock()
	t.stopped = true
	if t.timer != nil && t.timer.Stop() {
		t.wg.Done()
	}
	t.timer = nil
	t.mu.Unlock()
	t.wg.Wait()
}

// heldMemory returns how many bytes Go holds of the system's memory.
func heldMemory() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
