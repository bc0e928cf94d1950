package parent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gophersnake/gophersnake/internal/timeout"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// frozen has the first process of group a read nothing once it is ready.
func frozen(f *fake) {
	f.ready()
	if f.name == "a 1" {
		<-f.done
	}
}

// fill sends the process what it does not read until the system buffers no more.
func (f *fake) fill() {
	f.w.t.Helper()
	fd, err := f.ours.Descriptor()
	if err != nil {
		f.w.t.Fatal(err)
	}
	for size := 32 << 10; size > 0; size /= 32 {
		for err = nil; err == nil; {
			err = unix.Sendmsg(fd, make([]byte, size), nil, nil, unix.MSG_DONTWAIT)
		}
		if !errors.Is(err, unix.EAGAIN) {
			f.w.t.Fatal(err)
		}
	}
}

// startFrozen starts a group a whose process reads nothing, and can be sent nothing.
func startFrozen(w *world) {
	w.t.Helper()
	w.p.o.Groups[0].Options.GracefulTimeout = timeout.Limit(10 * time.Millisecond)
	w.behave(frozen)
	w.mustStart()
	w.process("a 1").fill()
}

// TestFrozenIsReplaced: a process that reads nothing does not keep others from being
// started in its place, nor from being killed itself when its time is over.
func TestFrozenIsReplaced(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.p.o.Groups[0].Options.ShutdownTimeout = timeout.Limit(10 * time.Millisecond)
	startFrozen(w)
	w.behave(func(f *fake) {
		if f.name == "a 2" {
			f.fail("no rights", "")
			return
		}
		f.ready()
	})
	w.process("server 1").say(wire.Stale, wire.GroupName{Group: "a"})
	w.await("server 1: gone a 1")
	w.happened("a 3 ready", "server 1: attach a 3", "server 1: detach a 1", "a 1 killed", "server 1: gone a 1")
	w.mustStop()
	w.never("b 2")
}

// TestFrozenIsStopped: the end of the program does not wait for it either.
func TestFrozenIsStopped(t *testing.T) {
	w := newWorld(t, "a")
	w.p.o.Groups[0].Options.ShutdownTimeout = timeout.None
	startFrozen(w)
	force, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- w.p.Stop(force) }()
	w.awaitLog("is told to stop: shutdown")
	cancel()
	if err := <-stopped; err == nil || !strings.Contains(err.Error(), "killed, as the group had to end at once") {
		t.Errorf("got %v", err)
	}
	w.happened("a 1 killed")
}

// TestOrders: what waits is bounded, the newest remain, in their order.
func TestOrders(t *testing.T) {
	o := newOrders()
	for i := range 3 * mostOrders {
		o.add(wire.Keep, i)
	}
	for i := range mostOrders {
		if got, ok := o.next(); !ok || got != (order{wire.Keep, 2*mostOrders + i}) {
			t.Errorf("order %d: %v, %v", i, got, ok)
		}
	}
	if got, ok := o.next(); ok {
		t.Errorf("one more: %v", got)
	}
}
