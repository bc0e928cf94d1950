package parent

import (
	"syscall"

	"github.com/gophersnake/gophersnake/internal/control"
	"github.com/gophersnake/gophersnake/internal/spawn"
)

// Process is one that was started for the Parent: a *spawn.Process. Its methods
// are safe for concurrent use.
type Process interface {
	Pid() int
	// Control is the connection to it. The Parent closes it.
	Control() *control.Conn
	// Done is closed when it has ended, and Wait does not block any more.
	Done() <-chan struct{}
	Wait() spawn.Exit
	// Signal sends a signal; an error says that the process has ended.
	Signal(syscall.Signal) error
}

var _ Process = (*spawn.Process)(nil)

// ended reports whether a process has ended.
func ended(p Process) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}
