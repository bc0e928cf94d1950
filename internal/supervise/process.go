package supervise

import (
	"syscall"
	"time"
)

// Process is what a group supervises. Its commands must not block; each is
// called at most once, in this order, and some are left out. They may come
// after the process has ended. Kill alone may come before the others and again:
// a process that is frozen may be one that the system does not let go of.
type Process interface {
	Pid() int
	// Drain tells it to begin nothing new, to finish what it does, and then to
	// end by itself.
	Drain(reason string)
	// Stop tells it to end soon, whatever it does.
	Stop()
	// Kill ends it.
	Kill()
}

// Spec is what Start gets.
type Spec struct {
	Number     int // of the place, from 1
	Generation int // calls of Recycle before
	// Events takes what happens to the process, in order. It does not block
	// and may be called from anywhere, also by commands and by Start itself.
	// After Exited, which must come exactly once, it ignores everything.
	Events func(Event)
}

// Event is what happens to a process.
type Event struct {
	Kind   EventKind
	Reason string // of Failed, Asks, Broken and Unloaded
	// NotLoaded is of Ready: it could be in service, but part of what it is to serve
	// has not loaded, for this reason.
	NotLoaded string
	// Changed is of Asks: what kept a process from starting or loading may be over.
	Changed bool
	CPU     bool // of Asks: it was warned that it has used up its processor time
	Exit    Exit // of Exited
}

// EventKind says what has happened.
type EventKind uint8

// The kinds.
const (
	Ready    EventKind = iota // it can serve
	Failed                    // it will never be ready, because of Reason
	Asks                      // it wants to be replaced, because of Reason: a limit
	Broken                    // whoever says this kills it, because of Reason
	Exited                    // it is no more
	Unloaded                  // part of what it is to serve has not loaded, because of Reason
)

// Exit is how a process has ended. The fields are those of spawn.Exit, so that
// one converts to the other.
type Exit struct {
	Pid    int
	Status int            // exit status; 0 if a signal has killed it
	Signal syscall.Signal // that has killed it; 0 if it exited
	Core   bool           // memory was dumped
	CPU    time.Duration  // user and system
	MaxRSS int64          // bytes; 0: unknown
	Output []string       // the last lines that it wrote
}
