package parent

import (
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/gophersnake/gophersnake/internal/control"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/supervise"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// daemon is a daemon process as a group supervises it. Requests reach it from
// the server, so that to drain it means to have the server take it out of
// service and, when no request is left in it, to stop it.
type daemon struct {
	group   *group
	process Process
	number  int
	server  *os.File // the server's end of the socket between them, until it is attached
	events  func(supervise.Event)
	orders  *orders

	mu       sync.Mutex
	why      string // the shutdown_reason that it is to be told
	draining bool
	stuck    bool   // it can serve nothing any more
	idle     bool   // the server says that no request is left in it
	told     bool   // that it is to stop
	untold   string // why it could not be told that, and is killed
	up       bool   // in service
	early    *wire.Retirement
	ready    *wire.Readiness // what it said when it was
	lacks    bool            // something has not loaded
	lazily   bool            // that was found out when a request came
	vitals   *wire.Vitals    // what it told last

	distrusted bool // it is replaced because of what came from it
}

var _ supervise.Process = (*daemon)(nil)

// start starts a process of the group.
func (g *group) start(spec supervise.Spec) (supervise.Process, error) {
	ours, its, err := control.Pair()
	if err != nil {
		return nil, err
	}
	g.markOld(spec.Number)
	process, err := g.settings.Daemon(its, g.generation.server.process.Pid(), g.knownFailure())
	its.Close()
	if err != nil {
		ours.Close()
		return nil, err
	}
	d := &daemon{group: g, process: process, number: spec.Number, server: ours, events: spec.Events, orders: newOrders()}
	g.add(d)
	g.generation.work.Go(d.follow)
	g.generation.work.Go(d.deliver)
	return d, nil
}

func (d *daemon) id() wire.ProcessID {
	return wire.ProcessID{Group: d.group.settings.Options.Name, PID: d.process.Pid()}
}

// follow hears what the process says until it has ended.
func (d *daemon) follow() {
	exit := listen(d.process, d)
	d.mu.Lock()
	untold := d.untold
	d.mu.Unlock()
	if untold != "" && exit.Signal == syscall.SIGKILL { // it may have ended by itself meanwhile
		d.events(supervise.Event{Kind: supervise.Broken, Reason: untold})
	}
	d.events(supervise.Event{Kind: supervise.Exited, Exit: d.judge(supervise.Exit(exit))})
	d.group.remove(d)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server != nil {
		d.server.Close()
		d.server = nil
	}
}

// judge takes it for a good end of a service that SIGTERM has ended it, when that
// was sent to it here: what a script becomes need not catch it.
func (d *daemon) judge(exit supervise.Exit) supervise.Exit {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told && d.group.isService() && exit.Signal == syscall.SIGTERM {
		exit.Signal = 0
	}
	return exit
}

// hear implements listener.
func (d *daemon) hear(m *control.Message) error {
	var ready wire.Readiness
	var failure wire.Failure
	var retire wire.Retirement
	var vitals wire.Vitals
	var unloaded wire.NotLoaded
	switch {
	case m.Kind == wire.Ready && m.Decode(&ready) == nil:
		d.mu.Lock()
		d.ready, d.lacks = &ready, ready.NotLoaded != nil
		d.mu.Unlock()
		d.group.began(ready)
		d.group.learn(d.number, ready.NotLoaded)
		event := supervise.Event{Kind: supervise.Ready}
		if ready.NotLoaded != nil {
			event.NotLoaded = ready.NotLoaded.String()
		}
		d.events(event)
	case m.Kind == wire.Unloaded && m.Decode(&unloaded) == nil:
		d.mu.Lock()
		d.lacks, d.lazily = true, true
		d.mu.Unlock()
		d.group.learn(d.number, &unloaded)
		d.events(supervise.Event{Kind: supervise.Unloaded, Reason: unloaded.String()})
	case m.Kind == wire.Failed && m.Decode(&failure) == nil:
		d.group.failed(failure)
		d.events(supervise.Event{Kind: supervise.Failed, Reason: advice(failure)})
	case m.Kind == wire.Retire && m.Decode(&retire) == nil:
		d.retire(retire)
	case m.Kind == wire.Kept:
		d.restore()
	case m.Kind == wire.Pulse && m.Decode(&vitals) == nil:
		d.setVitals(vitals)
	default:
		return misunderstood(m)
	}
	return nil
}

// advice is why a process could not start, with what can be done about it.
func advice(f wire.Failure) string {
	if f.Repair == "" {
		return f.Reason
	}
	return f.Reason + "; repair: " + f.Repair
}

// retire asks for a replacement on behalf of the process.
func (d *daemon) retire(r wire.Retirement) {
	if d.group.generation.isEnding() {
		return // it is to end anyway
	}
	d.because(r.Reason)
	d.mu.Lock()
	up := d.up
	d.stuck = d.stuck || r.Stuck
	if !up {
		d.early = &r // it is asked for again when the process is in service
	}
	d.mu.Unlock()
	if !up {
		return
	}
	if r.Stuck {
		d.group.tell(wire.Detach, d.id())
	}
	if r.Evict {
		if err := d.group.supervisor().Evict(d.process.Pid(), r.Text); err != nil {
			d.group.log(logs.Info, "%v", err) // it is to be replaced already, or not in service yet
		}
		return
	}
	d.events(supervise.Event{Kind: supervise.Asks, Reason: r.Text, CPU: r.Reason == "cpu_time_limit", Changed: r.Changed})
}

// because notes the shutdown_reason; the first one counts.
func (d *daemon) because(reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.why == "" {
		d.why = reason
	}
}

// attach gives the process to the server, now that it is in service.
func (d *daemon) attach(limit, early int) {
	d.mu.Lock()
	sock := d.server
	d.server = nil
	d.up = true
	wanted := d.early
	d.mu.Unlock()
	if wanted != nil {
		defer d.retire(*wanted)
	}
	if sock == nil {
		return
	}
	defer sock.Close()
	d.group.tell(wire.Attach, wire.Process{
		ProcessID: d.id(), Number: d.number, Threads: d.group.settings.Options.Threads, Limit: limit, Early: early,
	}, sock)
}

// Pid is the number of the process.
func (d *daemon) Pid() int { return d.process.Pid() }

// Drain takes the process out of service; it is stopped when it is idle.
func (d *daemon) Drain(reason string) {
	d.because(shutdownReason(reason))
	d.mu.Lock()
	d.draining = true
	idle := d.idle
	d.mu.Unlock()
	if idle || d.group.isService() || ended(d.group.generation.server.process) {
		d.Stop()
		return
	}
	d.group.tell(wire.Detach, d.id())
}

// becameIdle is what the server says of a process that it was told to detach.
func (d *daemon) becameIdle() {
	d.mu.Lock()
	d.idle = true
	draining := d.draining
	d.mu.Unlock()
	if draining {
		d.Stop()
	}
}

// Stop tells the process to end: what runs has as long as shutdown-timeout. A
// service, which may have replaced itself by another program, is sent SIGTERM. It
// does not block.
func (d *daemon) Stop() {
	d.mu.Lock()
	told := d.told
	d.told = true
	stopping := wire.Stopping{Reason: d.why, Shutdown: d.group.settings.Options.ShutdownTimeout}
	d.mu.Unlock()
	if told {
		return
	}
	if d.group.isService() {
		_ = d.process.Signal(syscall.SIGTERM) // an error is one that has ended
		return
	}
	d.orders.add(wire.Stop, stopping)
}

// Kill ends the process.
func (d *daemon) Kill() { _ = d.process.Signal(syscall.SIGKILL) } // an error is one that has ended

// shutdownReason is what subscribers are told when the supervisor, and not the
// process itself, had the reason.
func shutdownReason(text string) string {
	for _, known := range []struct{ part, reason string }{
		{"restart-interval", "restart_interval"},
		{"restart-memory", "restart_memory"},
		{"maximum-requests", "maximum_requests"},
		{"script", "script_reload"},
	} {
		if strings.Contains(text, known.part) {
			return known.reason
		}
	}
	return "shutdown_signal"
}
