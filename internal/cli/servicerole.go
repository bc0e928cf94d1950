package cli

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/gophersnake/gophersnake/internal/hosting"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/wire"
	"github.com/gophersnake/gophersnake/internal/worker"
)

// init keeps main on the first thread of the process in the one role in which
// that is to become Python's main thread: later it may be on any.
func init() {
	if role, _ := spawn.RoleOf(os.Args); role == wire.RoleService {
		runtime.LockOSThread()
	}
}

// service runs a process of a group without threads: its script, in place of
// requests. No signal is caught but what the script wants, and SIGTERM, which
// raises SystemExit in it. It is called by main, and lends its thread to Python.
func (r *role) service() int {
	r.firstThread = make(chan func())
	done := make(chan int)
	go func() { done <- r.supplyService() }()
	for {
		select {
		case run := <-r.firstThread:
			run()
		case status := <-done:
			return status
		}
	}
}

// supplyService does what the first thread does not, and returns the exit status.
func (r *role) supplyService() int {
	r.endAtCPULimit()
	if err := r.prepareDaemon(context.Background()); err != nil {
		return r.fail(err)
	}
	// Ready before it begins: the script may run as long as it likes.
	if err := r.in.Control().Send(wire.Ready, wire.Readiness{Python: r.home.Version.String(), Home: r.home.Home}); err != nil {
		os.Exit(statusFailure) // the parent is gone
	}
	status, err := worker.Service(r.runService, r.in.ParentGone())
	if err != nil {
		r.log(logs.Error, "%v", err)
		os.Exit(statusFailure) // the first thread is not to be had
	}
	return status
}

// dieWithParent asks for it on a thread that lasts, which a program that a service
// becomes inherits it from.
func (r *role) dieWithParent() error {
	if r.firstThread == nil {
		return spawn.DieWithParent()
	}
	asked := make(chan error, 1)
	r.firstThread <- func() { asked <- spawn.DieWithParent() }
	return <-asked
}

// endAtCPULimit has SIGXCPU (cpu-time-limit) end the script as SIGTERM does,
// until the end of the process.
func (r *role) endAtCPULimit() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGXCPU)
	go func() {
		<-signals // the kernel goes on sending it; the first is enough
		r.log(logs.Notice, "service %s used up its processor time (cpu-time-limit): it is told to end", r.ownGroup().Name)
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM) // to oneself it cannot fail
	}()
}

// runService runs the script, and then ends Python, which waits for the script's
// threads and runs its exit handlers.
func (r *role) runService() int {
	service := r.plan.Services[0]
	script := r.script(hosting.Application{Path: service.Path, Importable: service.Importable})
	script.Owner = r.scriptOwner
	status, err := r.python.App(script).RunService()
	if err == nil {
		err = r.python.Close(context.Background())
	}
	if err != nil {
		r.log(logs.Error, "%v", err)
		return statusFailure
	}
	return status
}
