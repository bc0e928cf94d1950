package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/gophersnake/gophersnake/internal/confine"
	"github.com/gophersnake/gophersnake/internal/control"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/procgroup"
	"github.com/gophersnake/gophersnake/internal/python"
	"github.com/gophersnake/gophersnake/internal/ring"
	"github.com/gophersnake/gophersnake/internal/watch"
	"github.com/gophersnake/gophersnake/internal/wire"
	"github.com/gophersnake/gophersnake/internal/worker"
)

// dumpSignal has Python write all stacks: one that neither Go, Python nor the
// C library uses, and hardly an application.
const dumpSignal = syscall.Signal(59)

// daemon runs a daemon process: it gives up its rights, starts Python, loads
// the scripts, says that it is ready, and takes requests when the server has
// sent the memory for them.
func (r *role) daemon() int {
	ctx := context.Background()
	signals := worker.CatchSignals()
	requests := &feedRequests{role: r, serverGone: make(chan struct{})}
	if err := r.prepareDaemon(ctx); err != nil {
		return r.fail(err)
	}
	if err := requests.listen(); err != nil {
		return r.fail(err)
	}
	if err := r.in.Control().Send(wire.Ready, wire.Readiness{Python: r.home.Version.String(), Home: r.home.Home, NotLoaded: r.unloaded.first()}); err != nil {
		return statusFailure // the parent is gone
	}
	defer r.watchSourcesOfDaemon()()
	defer r.unloaded.report(r)()
	g := r.ownGroup()
	err := worker.Run(ctx, worker.Options{
		Parent: r.in.Control(), Signals: signals, Requests: requests, Log: r.logs.errors,
		Limits:     worker.Limits{Threads: g.Threads, Request: g.RequestTimeout, Interrupt: g.InterruptTimeout, Deadlock: g.DeadlockTimeout, Inactivity: g.InactivityTimeout},
		ServerGone: requests.serverGone, ParentGone: r.in.ParentGone(),
		Event: requests.event,
	})
	if err != nil {
		return statusFailure
	}
	return statusOK
}

// ownGroup is the process group of this process.
func (r *role) ownGroup() *procgroup.Options { return &r.plan.Groups[0] }

// prepareDaemon does everything that can be done without the server.
func (r *role) prepareDaemon(ctx context.Context) (err error) {
	g := r.ownGroup()
	plan, err := g.Plan(r.account)
	if err != nil {
		return err
	}
	owner, err := g.ScriptOwner()
	if err != nil {
		return err
	}
	r.scriptOwner = (*python.Owner)(owner)
	if plan.Directory == "" {
		plan.Directory = r.o.WorkingDirectory
	}
	if err := python.RestoreOpenFiles(); err != nil {
		return fmt.Errorf("restore the limit of open files: %w", err)
	}
	if err := confine.Apply(plan); err != nil {
		return err
	}
	if err := r.dieWithParent(); err != nil {
		return err
	}
	if err := r.checkScripts(r.plan.Applications); err != nil {
		return err
	}
	if r.home, err = r.findPython(ctx, cmp.Or(g.PythonHome, r.o.PythonHome)); err != nil {
		return err
	}
	return r.startPython(r.daemonPython(g), r.plan.Applications, func(s *python.Script) {
		s.Recycles = true
		s.Owner = r.scriptOwner
		if last := r.settings.NotLoaded; last != nil && last.Script == s.Path {
			s.KnownFailure = last.Reason
		}
		s.RunOnce = g.Threads == 1 && g.MaximumRequests == 1
	})
}

// watchSourcesOfDaemon asks for a replacement when a source file changes, if
// that is wanted, until stop is called.
func (r *role) watchSourcesOfDaemon() (stop func()) {
	if !r.o.ReloadOnChanges {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch.Watcher{Files: r.sourceFiles, Interval: time.Second, Loading: r.loading, Read: map[string]string{}}
	go func() { // the list of files takes Python's lock: its end is not waited for
		for change := w.Wait(ctx); change != nil; change = w.Wait(ctx) {
			r.changed(change.Name)
			w.Loading = time.Time{} // what comes later is seen as a change
		}
	}()
	return cancel
}

// changed asks for a replacement because a file has changed.
func (r *role) changed(name string) {
	order := wire.Retirement{Reason: "script_reload", Text: name + " has changed", Changed: true}
	if err := r.in.Control().Send(wire.Retire, order); err != nil {
		r.log(logs.Debug, "ask to be replaced: %v", err) // the end of the parent is noticed elsewhere
	}
}

// daemonPython is how Python is started for a process group.
func (r *role) daemonPython(g *procgroup.Options) python.Options {
	o := r.pythonOptions()
	o.Threads = g.Threads
	o.PythonPath, o.Home = g.PythonPath, g.Home
	o.ProcessGroup, o.Processes, o.Multiprocess = g.Name, g.Processes, g.Multiprocess
	o.Locale = g.Lang != "" || g.Locale != ""
	o.LocaleName = g.Locale
	o.SwitchInterval = g.SwitchInterval
	o.DumpSignal = dumpSignal
	o.ServerPID = r.settings.ServerPID
	o.ServerMetrics = g.ServerMetrics
	if g.Threads == 0 {
		o.Threads, o.Service, o.AllowSignals = 1, true, true
		o.Lend = func(mainThread func()) { r.firstThread <- mainThread }
	}
	return o
}

// listen waits, in a goroutine, for the memory that the server sends.
func (f *feedRequests) listen() error {
	f.control = f.role.in.Files()[fileMain]
	conn, err := control.OpenDuplicate(f.control)
	if err != nil {
		return err
	}
	go func() { // ends with the server, or with the process
		defer close(f.serverGone)
		defer conn.Close()
		if err := f.receive(conn); err != nil {
			f.role.log(logs.Error, "take requests: %v", err)
		}
	}()
	return nil
}

// receive starts the request threads with the memory that the server sends,
// and returns when the server is gone.
func (f *feedRequests) receive(conn *control.Conn) error {
	for {
		m, err := conn.Receive()
		if errors.Is(err, io.EOF) {
			return nil // the server is gone
		}
		if err != nil {
			return err
		}
		if m.Kind != wire.Memory || len(m.Files) != 2 {
			m.Close()
			continue
		}
		if err := f.start(m.Files[0], m.Files[1]); err != nil {
			return err
		}
	}
}

// start maps the memory and starts the threads. Both files are its own.
func (f *feedRequests) start(memory, event *os.File) error {
	defer event.Close()
	region, err := ring.Map(memory)
	if err != nil {
		return err
	}
	g := f.role.ownGroup()
	var scripts []*python.App
	for _, h := range f.role.here {
		scripts = append(scripts, h.app)
	}
	feed, err := f.role.python.Feed(python.FeedOptions{
		Memory: region.Bytes(), Event: event, Control: f.control,
		Threads: g.Threads, StackSize: int(g.StackSize), Scripts: scripts,
		FlushDelay: cmp.Or(g.ResponseFlushDelay, python.FlushAtOnce),
	})
	if err != nil {
		return err
	}
	f.region = region
	f.feed.Store(feed)
	return nil
}
