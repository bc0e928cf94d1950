package parent

import (
	"syscall"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// Servers that die again and again are started at growing intervals, which stay
// short enough for connections to wait.
func TestCalm(t *testing.T) {
	var c calm
	const ms = time.Millisecond
	for i, want := range []time.Duration{0, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, lastPause, lastPause} {
		if got := c.after(longServed - 1); got != want {
			t.Errorf("end %d: wait %v, want %v", i+1, got, want)
		}
	}
	for range 2 {
		if got := c.after(longServed); got != 0 {
			t.Errorf("after long: wait %v", got)
		}
	}
	if got := c.after(0); got != 0 {
		t.Errorf("the first one after that: wait %v", got)
	}
}

// TestEndOfAnOldServer: how a server ended that was told to is logged, too.
func TestEndOfAnOldServer(t *testing.T) {
	w := newWorld(t, "a")
	w.mustStart()
	old := w.process("server 1")
	old.ignore(wire.Stop)
	reloaded := make(chan error, 1)
	go func() { reloaded <- w.reload() }()
	w.await("server 1: stop ")
	old.exit(spawn.Exit{Signal: syscall.SIGSEGV})
	if err := <-reloaded; err != nil {
		t.Error(err)
	}
	w.awaitLog("ended: killed by signal 11 (segmentation fault); it lived ")
	w.mustStop()
	w.never("server 3 started")
}
