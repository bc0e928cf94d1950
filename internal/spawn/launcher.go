package spawn

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
)

// executable is this program, also after its file was replaced.
const executable = "/proc/self/exe"

// ErrClosed is the error of a Start after Close.
var ErrClosed = errors.New("launcher is closed")

// Launcher starts processes and waits for them. Its methods are safe for
// concurrent use.
type Launcher struct {
	alive     *os.File // write end, never written: held by this process only
	aliveRead *os.File
	requests  chan request
	closing   chan struct{}
	owned     sync.WaitGroup // the goroutine that starts, and those of processes

	mu        sync.Mutex
	closed    bool
	processes map[int]*Process // those that nobody has waited for
	outputs   map[*output]bool
}

type request struct {
	plan  *plan
	reply chan error
}

// NewLauncher returns a Launcher, which the caller closes.
func NewLauncher() (*Launcher, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe for processes to watch: %w", err)
	}
	l := &Launcher{
		alive: w, aliveRead: r,
		requests:  make(chan request),
		closing:   make(chan struct{}),
		processes: map[int]*Process{},
		outputs:   map[*output]bool{},
	}
	l.owned.Go(l.startOnOneThread)
	return l, nil
}

// startOnOneThread starts what is asked for. The thread lives as long as the
// goroutine is locked to it, and the processes live as long as the thread: so
// the lock is given back at the end, when there are none, and Go keeps the
// thread.
func (l *Launcher) startOnOneThread() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		select {
		case r := <-l.requests:
			r.reply <- l.fork(r.plan)
		case <-l.closing:
			return
		}
	}
}

// Start starts a process. It returns as soon as there is one; what becomes of
// it, Process tells.
func (l *Launcher) Start(o Options) (*Process, error) {
	p, err := l.start(&o)
	if err != nil {
		return nil, fmt.Errorf("start process in role %q: %w", o.Role, err)
	}
	return p, nil
}

func (l *Launcher) start(o *Options) (*Process, error) {
	plan, err := newPlan(o, l.aliveRead)
	if err != nil && l.isClosed() {
		err = ErrClosed
	}
	if err != nil {
		return nil, err
	}
	r := request{plan: plan, reply: make(chan error, 1)}
	select {
	case l.requests <- r:
		err = <-r.reply
	case <-l.closing:
		err = ErrClosed
	}
	_ = closeAll(plan.given...) // the child has its own
	if err != nil {
		return nil, errors.Join(err, plan.abandon())
	}
	return plan.process, nil
}

func (l *Launcher) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// fork starts the process of plan, on the launcher's thread, and makes it known
// before a Reaper can see it.
func (l *Launcher) fork(plan *plan) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	pid, err := syscall.ForkExec(executable, plan.argv, &syscall.ProcAttr{
		Env:   plan.env,
		Files: plan.fds,
		// A group of its own: Ctrl-C in a terminal reaches the parent only.
		Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true},
	})
	runtime.KeepAlive(plan)
	if err != nil {
		return fmt.Errorf("execute %s: %w", executable, err)
	}
	p := plan.process
	p.pid = pid
	l.processes[pid] = p
	l.outputs[p.output] = true
	l.owned.Go(func() { p.output.forward(); l.forget(p.output) })
	l.owned.Go(p.sendSettings)
	l.owned.Go(func() { p.wait(l) })
	return nil
}

func (l *Launcher) forget(o *output) {
	l.mu.Lock()
	delete(l.outputs, o)
	l.mu.Unlock()
}

// Close kills what still runs, waits for it, and no longer forwards the output
// of what processes have left behind. It may be called again.
func (l *Launcher) Close() error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	left := make([]*Process, 0, len(l.processes))
	for _, p := range l.processes {
		left = append(left, p)
	}
	l.mu.Unlock()
	var errs []error
	for _, p := range left {
		if err := p.Signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
	}
	for _, p := range left {
		p.Wait()
	}
	l.stopOutputs()
	if first {
		close(l.closing)
		errs = append(errs, closeAll(l.alive, l.aliveRead))
	}
	l.owned.Wait()
	return errors.Join(errs...)
}

func (l *Launcher) stopOutputs() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for o := range l.outputs {
		o.stop()
	}
}
