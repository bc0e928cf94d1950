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
// back over minutes. So it is told, some time after a connection has ended, if there is
// much to give.
const (
	tidyAfter  = 2 * time.Second  // the end of a connection
	tidyAgain  = 10 * time.Second // at least, between two times
	tidyGrowth = 4 << 20          // bytes by which memory has grown since the last time
)

// tidier gives memory back to the system. Its methods are safe for concurrent use.
type tidier struct {
	mu      sync.Mutex
	timer   *time.Timer // nil: none is set
	last    time.Time   // when it was done
	least   uint64      // bytes held after that
	stopped bool
	wg      sync.WaitGroup
}

// later is called when a connection has ended, and costs little.
func (t *tidier) later() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timer != nil || t.stopped {
		return
	}
	t.wg.Add(1)
	t.timer = time.AfterFunc(max(tidyAfter, time.Until(t.last.Add(tidyAgain))), t.run)
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
	held := heldMemory()
	if held > least+tidyGrowth {
		runtime.GC() // what pools hold goes in the second collection, which is the next one
		debug.FreeOSMemory()
		held = heldMemory()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.least, t.last = held, time.Now()
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
