package supervise

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/timeout"
)

// Options say what a group is. Times are exact: there are no defaults.
type Options struct {
	Name      string // of the group, for the log
	Processes int    // at least 1

	// Start starts a process. An error counts as a process that could not
	// start. It is called by the group's goroutine and must not take long.
	Start func(Spec) (Process, error)
	// Observer may be nil.
	Observer Observer
	// Log gets what happens as text. It may be nil.
	Log func(logs.Level, string)

	// FirstDecides says that whoever starts the group gives it up if a first process
	// cannot start, and tells why: then the group says nothing of that (but at level
	// debug), and waits before it tries again. It counts until one is ready: nobody
	// gives the group up then, and the group says what it has not said.
	FirstDecides bool

	Startup  time.Duration // until ready; 0: no limit
	Graceful timeout.Limit // to drain
	Eviction timeout.Limit // to drain after Evict; None: Graceful
	Shutdown timeout.Limit // to stop

	// RestartInterval is how long after its start a process is replaced, less
	// up to 10 %; 0: never.
	RestartInterval time.Duration
	// RestartMemory is how many resident bytes make that a process is
	// replaced; 0: any number.
	RestartMemory int64
	// Resident tells the resident bytes of a process. nil stands for the
	// system's answer, Resident.
	Resident func(pid int) (int64, error)
	// Deadlock (deadlock-timeout) is how long a process that is ready may use no
	// processor time at all; 0: for ever. It must be 0 for processes that do not
	// look after themselves at least every tenth of it.
	Deadlock time.Duration
	// Used tells the processor time that a process has used, of all its threads.
	// nil stands for the system's answer, Used.
	Used func(pid int) (time.Duration, error)
	// OOM finds out that the kernel has killed a process for lack of memory.
	// Groups share it. nil: nobody finds out.
	OOM *OOM
	// CPU is the processor time at which the kernel kills a process; 0: none.
	CPU time.Duration
	// Random returns a number in [0, 1); nil stands for a good source.
	Random func() float64
}

// Observer is told what happens to processes, in order, by the group's
// goroutine. It must not block, nor call Shutdown; it may call the group's other
// methods.
type Observer interface {
	// Up: the process is in service.
	Up(p Process, about Info)
	// Draining: the process gets nothing new, from now on. It comes before
	// the command, and not for a process that dies.
	Draining(p Process, about Info)
	// Down: a process that was Up is no more; called once for each.
	Down(p Process, about Info, end Ending)
	// CannotStart: a process, perhaps a replacement, has ended before it was
	// ready, or there was none. The next attempt comes after a time.
	CannotStart(f Failure)
}

// Failure is a process that could not start.
type Failure struct {
	Number int
	Reason string
	Output []string // its last lines
	Next   time.Duration
	Old    bool // an old process is still in service in that place
}

func (o *Options) check() error {
	switch {
	case o.Processes < 1:
		return fmt.Errorf("start group %q: %d processes, at least 1 is needed", o.Name, o.Processes)
	case o.Start == nil:
		return fmt.Errorf("start group %q: %w", o.Name, errors.New("nothing says how"))
	}
	for name, d := range map[string]time.Duration{
		"startup-timeout": o.Startup, "graceful-timeout": time.Duration(o.Graceful), "eviction-timeout": time.Duration(o.Eviction),
		"shutdown-timeout": time.Duration(o.Shutdown), "deadlock-timeout": o.Deadlock, "restart-interval": o.RestartInterval, "restart-memory": time.Duration(o.RestartMemory),
	} {
		if d < 0 {
			return fmt.Errorf("start group %q: %s is negative", o.Name, name)
		}
	}
	return nil
}

// complete fills in what may be nil.
func (o *Options) complete() {
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.Log == nil {
		o.Log = func(logs.Level, string) {}
	}
	if o.Resident == nil {
		o.Resident = Resident
	}
	if o.Used == nil {
		o.Used = Used
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
}

// nobody observes nothing.
type nobody struct{}

func (nobody) Up(Process, Info)           {}
func (nobody) Draining(Process, Info)     {}
func (nobody) Down(Process, Info, Ending) {}
func (nobody) CannotStart(Failure)        {}
