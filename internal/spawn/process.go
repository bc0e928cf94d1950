package spawn

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gophersnake/gophersnake/internal/control"
)

// Process is one that a Launcher has started. Its methods are safe for
// concurrent use.
type Process struct {
	pid        int
	control    *control.Conn
	output     *output
	settings   []byte
	settingsTo *os.File

	mu   sync.Mutex
	dead bool // waited for: the number may belong to another process

	done chan struct{}
	exit Exit // written before done is closed
}

// Pid is its number.
func (p *Process) Pid() int { return p.pid }

// Control is the connection to it. It belongs to the caller, who closes it;
// what the process has sent can be received after its end.
func (p *Process) Control() *control.Conn { return p.control }

// Done is closed when it has ended, and Wait does not block any more.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait blocks until it has ended.
func (p *Process) Wait() Exit {
	<-p.done
	return p.exit
}

// LastLines are the last lines of output so far, at most 20.
func (p *Process) LastLines() []string { return p.output.last() }

// Signal sends a signal. The error is os.ErrProcessDone when it has ended.
func (p *Process) Signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return os.ErrProcessDone
	}
	if err := syscall.Kill(p.pid, s); err != nil {
		return fmt.Errorf("send %s to process %d: %w", unix.SignalName(s), p.pid, err)
	}
	return nil
}

// sendSettings writes the settings and closes the pipe. It fails when the
// process ends before it has read them; its exit says why.
func (p *Process) sendSettings() {
	_, _ = p.settingsTo.Write(p.settings)
	_ = p.settingsTo.Close()
	p.settings = nil
}

// wait waits for the end and collects what is left.
func (p *Process) wait(l *Launcher) {
	untilDead(p.pid)
	exit := p.collect(l)
	_ = p.settingsTo.SetWriteDeadline(longAgo) // nobody may read on, and something else may hold the other end
	exit.Output = p.output.settle()
	p.exit = exit
	close(p.done)
}

// untilDead blocks until process pid has ended, and leaves it to be waited for.
func untilDead(pid int) {
	for errors.Is(unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
}

// collect takes the exit of a dead process. From then on its number may be that
// of another one: no signal is sent, and a Reaper may take it for an orphan.
func (p *Process) collect(l *Launcher) Exit {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	var status unix.WaitStatus
	var used unix.Rusage
	for {
		if _, err := unix.Wait4(p.pid, &status, 0, &used); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	p.dead = true
	delete(l.processes, p.pid)
	return exitOf(p.pid, status, &used)
}
