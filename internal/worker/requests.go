// Package worker watches over a daemon process from inside: the time limits of
// its requests, locks that are never given back, idleness, signals, and its
// end in order. It knows Python only as something that runs requests; what
// happens beyond the process is for its parent to decide, whom it asks.
package worker

import (
	"context"
	"time"

	"github.com/gophersnake/gophersnake/internal/wire"
)

// Running is a request that a thread is busy with.
type Running struct {
	Thread int
	Serial uint32 // of the thread's requests: tells them apart
	// For is how long it has run. Waited is how long it has waited for its client
	// meanwhile, which is no part of For.
	For, Waited time.Duration
	// Answers says that a part of its response has been sent.
	Answers bool
	// Name says which request it is, for the log.
	Name string
}

// Requests is what runs the requests of this process. Its methods are safe for
// concurrent use.
type Requests interface {
	// Running appends the requests that run now to dst.
	Running(dst []Running) []Running
	// Idle returns how long ago a request began, ended, read or wrote; ok is
	// false before the first one.
	Idle() (d time.Duration, ok bool)

	// These wait for a lock that code of the application may keep for ever.

	// Interrupt raises RequestTimeout in a request and reports whether it
	// still ran.
	Interrupt(r Running) bool
	// Stack returns the Python stack of a request, "" when it has ended.
	Stack(r Running) string
	// Probe returns when nobody keeps the lock.
	Probe()

	// Mark notes what the files of the scripts are now, before the process in a
	// place loads them. Keep has the requests served by what this process has loaded
	// until a file is something else than at the last Mark for the place. They do
	// not wait for Python.
	Mark(m wire.Marking)
	Keep(k wire.Keeping)

	// Vitals are figures for the parent. It does not wait.
	Vitals() wire.Vitals

	// Dump writes all stacks to stderr without that lock.
	Dump()

	// Stop takes no more requests and waits for those that run; when ctx is
	// done it cuts them off and says so.
	Stop(ctx context.Context) error
	// Close ends Python, after Stop has returned nil. Subscribers are told
	// the reason.
	Close(ctx context.Context, reason string) error
}
