package parent

import (
	"context"
	"testing"

	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/timeout"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// TestWhileOldOnesEnd: processes that were replaced, and finish what they do for as long
// as it takes, hold up neither another reload nor the replacement of a server that dies.
func TestWhileOldOnesEnd(t *testing.T) {
	w := newWorld(t, "a")
	w.p.o.Graceful = timeout.None
	w.mustStart()
	old := []*fake{w.process("server 1")}
	old[0].ignore(wire.Stop)
	if _, err := w.p.Reload(); err != nil {
		t.Fatal(err)
	}
	w.await("server 1: stop ")
	w.barrier()
	old = append(old, w.process("server 2"))
	old[1].ignore(wire.Stop)
	ended, err := w.p.Reload()
	if err != nil {
		t.Fatal(err)
	}
	w.await("server 2: stop ")
	w.process("server 3").exit(spawn.Exit{Status: 9})
	w.await("server 4: attach a 4")
	select {
	case <-ended:
		t.Error("server 2 counts as ended")
	default:
	}
	stopped := make(chan error, 1)
	go func() { stopped <- w.p.Stop(context.Background()) }()
	w.await("server 4: stop the last one")
	for _, f := range old {
		f.exit(spawn.Exit{})
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	<-ended
	w.never("server 5")
}

// TestDaemonOfDeadServerEnds: neither does a daemon that outlives its server.
func TestDaemonOfDeadServerEnds(t *testing.T) {
	w := newWorld(t, "a")
	w.p.o.Groups[0].Options.ShutdownTimeout = timeout.None
	w.mustStart()
	w.process("a 1").ignore(wire.Stop)
	w.process("server 1").exit(spawn.Exit{Status: 9})
	w.await("a 1: stop shutdown_signal")
	if err := w.reload(); err != nil {
		t.Error(err)
	}
	w.process("a 1").exit(spawn.Exit{})
	w.mustStop()
}
