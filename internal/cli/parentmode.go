package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/hosting"
	"github.com/gophersnake/gophersnake/internal/listen"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/parent"
	"github.com/gophersnake/gophersnake/internal/procgroup"
	"github.com/gophersnake/gophersnake/internal/pyhome"
	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// parentMode is the process that the user has started, in daemon mode: it opens
// what needs its rights and starts the others.
type parentMode struct {
	*serving
	args           []string
	stdout, stderr io.Writer
	socket         *os.File    // the listening one, for servers
	refusing       *time.Timer // of a stop: until clients are refused in any case
	launcher       *spawn.Launcher
	parent         *parent.Parent
	users          map[string]string // whom the processes of a group run as, by its name
}

// startParent serves what the plan hosts until it is told to stop, and returns
// the exit status. o and args, from which it was read, are about the rest.
func startParent(ctx context.Context, o *StartOptions, plan hosting.Plan, args []string, stdout, stderr io.Writer) int {
	p := &parentMode{serving: &serving{o: o, plan: plan}, args: args, stdout: stdout, stderr: stderr}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	if err := p.open(); err != nil {
		p.explainFailure(stderr, err)
		return statusFailure
	}
	defer p.close()
	if os.Getpid() == 1 {
		reaping, stopReaping := context.WithCancel(context.Background())
		var reaper sync.WaitGroup
		reaper.Go(func() { p.launcher.Reap(reaping, p.orphanEnded) })
		defer reaper.Wait()
		defer stopReaping()
	}
	started := make(chan error, 1)
	go func() { started <- p.parent.Start() }()
	err := p.waitForStart(ctx, signals, started)
	if errors.Is(err, parent.ErrStopped) {
		return statusOK
	}
	if err != nil {
		p.explainFailure(stderr, err)
		return statusFailure
	}
	p.pythonName = p.pythonNames()
	defer p.startStatus()()
	printBanner(stdout, p.serving)
	return p.obey(ctx, signals)
}

// open opens sockets and logs, as whoever runs the command.
func (p *parentMode) open() (err error) {
	if p.account, err = account.Choose(p.o.User, p.o.UserGroup); err != nil {
		return err
	}
	if p.listener, err = listen.Open(p.o.Host, p.o.Port); err != nil {
		return err
	}
	if p.socket, err = p.listener.File(); err != nil {
		return fmt.Errorf("duplicate the listening socket: %w", err)
	}
	if p.logs, err = openLogs(p.o, p.account, p.stdout, p.stderr); err != nil {
		return err
	}
	p.noteRoot()
	if p.launcher, err = spawn.NewLauncher(); err != nil {
		return err
	}
	if err := p.plan.Check(p.account); err != nil {
		return err
	}
	return p.newParent()
}

// newParent makes what runs the processes of the plan.
func (p *parentMode) newParent() error {
	graceful, shutdown := p.times()
	o := parent.Options{Server: p.startServer, Serves: p.plan.Embedded(), Graceful: graceful, Shutdown: shutdown, Stopping: p.closeSockets, Log: p.logs.errors}
	p.users = map[string]string{}
	for i := range p.plan.Groups {
		g := &p.plan.Groups[i]
		for _, warning := range g.Warnings() {
			p.log(logs.Warn, "%s", warning)
		}
		user, err := g.Identity(p.account)
		if err != nil {
			return err
		}
		p.users[g.Name] = user.Name
		if err := p.openServiceLog(g.Name, user); err != nil {
			return err
		}
		o.Groups = append(o.Groups, parent.Group{
			Options: *g,
			Daemon: func(server *os.File, pid int, known *wire.NotLoaded) (parent.Process, error) {
				return p.startDaemon(g, server, pid, known)
			},
		})
	}
	p.parent = parent.New(o)
	return nil
}

// socketEnd is how long the server may take at a stop to answer what waits in the
// listening socket, and to close that in all processes.
const socketEnd = 2 * time.Second

// closeSockets leaves the listening socket to the server, which is to stop. A
// server that is stuck leaves no client waiting.
func (p *parentMode) closeSockets() {
	_ = p.socket.Close() // it has served its purpose
	p.refusing = time.AfterFunc(socketEnd, p.listener.Refuse)
}

// pythonNames says which Python runs each group that serves requests.
func (p *parentMode) pythonNames() string {
	var groups, texts []string
	for i := range p.plan.Groups {
		g := &p.plan.Groups[i]
		if g.Threads == 0 {
			continue // a service
		}
		text := "not started"
		if ready, ok := p.parent.Ready(g.Name); ok {
			text = fmt.Sprintf("%s (%s)", ready.Python, ready.Home)
		}
		groups, texts = append(groups, g.Name), append(texts, text)
	}
	if len(groups) == 1 {
		return texts[0]
	}
	for i, name := range groups {
		texts[i] = name + ": " + texts[i]
	}
	return strings.Join(texts, ", ")
}

func (p *parentMode) close() {
	if p.refusing != nil {
		p.refusing.Stop()
	}
	if err := errors.Join(p.launcher.Close(), closeOnce(p.socket), p.listener.Close(), p.logs.Close()); err != nil {
		fmt.Fprintf(p.stderr, "gophersnake: %v\n", err)
	}
}

// closeOnce closes a file that may have been closed before.
func closeOnce(f *os.File) error {
	if err := f.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// settings are those of a process that has to know a part of the plan.
func (p *parentMode) settings(part hosting.Plan) roleSettings {
	return roleSettings{Args: p.args, StartedIn: p.o.startedIn, Port: p.port(), ForeignSocket: p.listener.Foreign, Account: p.account, Places: pyhome.Places(), Plan: part}
}

// startServer starts a server process.
func (p *parentMode) startServer() (parent.Process, error) {
	files, err := p.logs.inherited(p.stdout, p.stderr)
	if err != nil {
		return nil, err
	}
	defer closeFiles(files)
	return p.launcher.Start(spawn.Options{
		Role: wire.RoleServer, Settings: p.settings(p.plan), Env: p.environ(p.account),
		Files: slices.Concat([]*os.File{p.socket}, files), Output: p.outputOf("server"),
	})
}

// startDaemon starts a daemon of a group, which has a socket to the server with
// that pid, and is told what others could not load.
func (p *parentMode) startDaemon(g *procgroup.Options, server *os.File, pid int, known *wire.NotLoaded) (parent.Process, error) {
	files, err := p.logs.inheritedBy(g.Name, p.stdout, p.stderr)
	if err != nil {
		return nil, err
	}
	defer closeFiles(files)
	who, err := g.Identity(p.account)
	if err != nil {
		return nil, err
	}
	settings := p.settings(p.plan.Only(g.Name))
	settings.ServerPID, settings.NotLoaded = pid, known
	role := wire.RoleDaemon
	if g.Threads == 0 {
		role = wire.RoleService
	}
	return p.launcher.Start(spawn.Options{
		Role: role, Settings: settings, Name: g.Title(), Env: p.environ(who),
		Files: []*os.File{server, files[0]}, Output: p.outputOf(g.Name),
	})
}

// outputOf logs what a process writes by other ways than the log.
func (p *parentMode) outputOf(name string) func(string) {
	return func(line string) { p.log(logs.Info, "%s: %s", name, line) }
}

// waitForStart obeys signals that end the program while it starts.
func (p *parentMode) waitForStart(ctx context.Context, signals <-chan os.Signal, started <-chan error) error {
	for {
		select {
		case err := <-started:
			return err
		case sig := <-signals:
			if sig == syscall.SIGTERM || sig == syscall.SIGINT {
				return errors.Join(p.parent.Stop(ctx), <-started)
			}
		}
	}
}

// orphanEnded logs the end of a process that nobody else waited for.
func (p *parentMode) orphanEnded(o spawn.Orphan) {
	p.log(logs.Debug, "orphan ended: %+v", o)
}

// obey serves until a signal ends it. It has the logs reopened itself.
func (p *parentMode) obey(ctx context.Context, signals <-chan os.Signal) int {
	reloads := make(chan struct{}, 1)
	done := make(chan struct{})
	go p.reload(reloads, done)
	defer func() { close(reloads); <-done }()
	for {
		select {
		case <-ctx.Done():
			return p.statusOf(p.parent.Stop(ctx))
		case sig := <-signals:
			if sig != syscall.SIGHUP && sig != syscall.SIGUSR1 {
				return p.stop(sig, signals)
			}
			p.logs.reopen() // at once: a reload may have to wait for the one before
			select {
			case reloads <- struct{}{}:
			default: // one that has not begun does for this signal, too
			}
		}
	}
}

// reload replaces all processes, for each request. When it has closed done, all that
// were replaced have ended.
func (p *parentMode) reload(requests <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	var ending sync.WaitGroup
	defer ending.Wait()
	for range requests {
		p.log(logs.Notice, "reloading: starting new processes beside those that run")
		ended, err := p.parent.Reload()
		if err != nil && !errors.Is(err, parent.ErrStopped) {
			p.log(logs.Error, "%v", err)
		}
		if err == nil {
			ending.Go(func() {
				<-ended
				p.log(logs.Notice, "reloaded")
			})
		}
	}
}

// stop ends everything; a second signal ends it at once.
func (p *parentMode) stop(sig os.Signal, signals <-chan os.Signal) int {
	p.log(logs.Notice, "caught %s, stopping when running requests are done", sig)
	force, cancel := context.WithCancel(context.Background())
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- p.parent.Stop(force) }()
	for {
		select {
		case err := <-stopped:
			return p.statusOf(err)
		case sig := <-signals:
			if sig == syscall.SIGTERM || sig == syscall.SIGINT {
				p.log(logs.Error, "stopped at once by a second signal")
				cancel()
			}
		}
	}
}

// statusOf logs what did not end well, and returns the exit status.
func (p *parentMode) statusOf(err error) int {
	if err != nil {
		p.log(logs.Error, "%v", err)
		return statusFailure
	}
	return statusOK
}
