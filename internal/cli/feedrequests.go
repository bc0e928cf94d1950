package cli

import (
	"context"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gophersnake/gophersnake/internal/python"
	"github.com/gophersnake/gophersnake/internal/ring"
	"github.com/gophersnake/gophersnake/internal/wire"
	"github.com/gophersnake/gophersnake/internal/worker"
)

// feedRequests is the request threads of a daemon as its worker sees them. There
// are none until the server has sent the memory.
type feedRequests struct {
	role       *role
	control    *os.File // the socket to the server
	serverGone chan struct{}
	region     *ring.Region // kept, so that it stays mapped
	feed       atomic.Pointer[python.Feed]
}

var _ worker.Requests = (*feedRequests)(nil)

// Running lists the requests that run.
func (f *feedRequests) Running(dst []worker.Running) []worker.Running {
	feed := f.feed.Load()
	if feed == nil {
		return dst
	}
	for _, r := range feed.Running(nil) {
		dst = append(dst, worker.Running{Thread: r.Thread, Serial: r.Serial, For: r.For, Waited: r.Waited, Name: feed.Name(r), Answers: r.Answers})
	}
	return dst
}

// Idle tells how long nothing has happened.
func (f *feedRequests) Idle() (time.Duration, bool) {
	if feed := f.feed.Load(); feed != nil {
		return feed.Idle()
	}
	return 0, false
}

// Interrupt raises RequestTimeout in a request.
func (f *feedRequests) Interrupt(r worker.Running) bool {
	return f.feed.Load().Interrupt(running(r))
}

// Stack is where a request is.
func (f *feedRequests) Stack(r worker.Running) string { return f.feed.Load().Stack(running(r)) }

func running(r worker.Running) python.Running {
	return python.Running{Thread: r.Thread, Serial: r.Serial}
}

// Probe takes and releases Python's lock.
func (f *feedRequests) Probe() { f.role.python.Probe() }

// Mark notes what the scripts are.
func (f *feedRequests) Mark(m wire.Marking) {
	for _, h := range f.role.here {
		h.app.Mark(m.Place)
	}
}

// Keep has the scripts serve on as they were loaded.
func (f *feedRequests) Keep(k wire.Keeping) {
	for _, h := range f.role.here {
		h.app.Keep(k.Place)
	}
	f.role.unloaded.watch(k.Stamps)
}

// Vitals are the figures of the request threads.
func (f *feedRequests) Vitals() wire.Vitals {
	if feed := f.feed.Load(); feed != nil {
		return wire.Vitals(feed.Vitals())
	}
	return wire.Vitals{}
}

// Dump writes all stacks to stderr.
func (f *feedRequests) Dump() {
	if feed := f.feed.Load(); feed != nil {
		feed.Dump()
	}
}

// event tells the application of a signal.
func (f *feedRequests) event(sig syscall.Signal) { f.role.python.PublishSignal(sig) }

// Stop ends the request threads.
func (f *feedRequests) Stop(ctx context.Context) error {
	if feed := f.feed.Load(); feed != nil {
		return feed.Stop(ctx)
	}
	return nil
}

// Close ends Python.
func (f *feedRequests) Close(ctx context.Context, reason string) error {
	return f.role.python.CloseFor(ctx, reason)
}
