package spawn

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Exit is how a process has ended.
type Exit struct {
	Pid    int
	Status int            // exit status; 0 if a signal has killed it
	Signal syscall.Signal // that has killed it; 0 if it exited
	Core   bool           // memory was dumped
	CPU    time.Duration  // user and system, with the children it waited for
	MaxRSS int64          // bytes
	Output []string       // the last lines that it wrote to its output, at most 20
}

// exitOf translates what wait4 says.
func exitOf(pid int, status unix.WaitStatus, used *unix.Rusage) Exit {
	e := Exit{
		Pid:    pid,
		CPU:    time.Duration(used.Utime.Nano() + used.Stime.Nano()),
		MaxRSS: used.Maxrss * 1024,
	}
	if status.Signaled() {
		e.Signal, e.Core = status.Signal(), status.CoreDump()
	} else {
		e.Status = status.ExitStatus()
	}
	return e
}
