package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/dispatch"
	"github.com/gophersnake/gophersnake/internal/front"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/listen"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/parent"
	"github.com/gophersnake/gophersnake/internal/pyhome"
	"github.com/gophersnake/gophersnake/internal/python"
	"github.com/gophersnake/gophersnake/internal/server"
)

// gcPercent lets the heap grow further than Go's default between collections:
// the live heap of a server is small, and a request leaves little but garbage.
const gcPercent = 400

// serving is a server while it is put together, in the order of the fields.
type serving struct {
	o        *StartOptions
	listener *net.TCPListener
	logs     *logFiles
	account  account.Account
	home     *pyhome.Installation
	group    *dispatch.Group
	python   *python.Runtime
	app      *python.App
	front    *front.Server

	pythonName string    // for the banner
	toldPort   string    // of a process without the listener
	loading    time.Time // when Python was started
}

// startServer serves until it is told to stop and returns the exit status.
func startServer(ctx context.Context, o *StartOptions, stdout, stderr io.Writer) int {
	s := &serving{o: o}
	stops := holdSignals(ctx)
	defer stops.end()
	if err := s.assemble(ctx, stdout, stderr); err != nil {
		explain(stderr, err)
		return statusFailure
	}
	defer s.logs.Close()
	stops.obey(s.logs)
	printBanner(stdout, s)
	if err := s.run(stops); err != nil {
		s.log(logs.Error, "%v", err)
		return statusFailure
	}
	return statusOK
}

// log writes a line about the server itself.
func (s *serving) log(level logs.Level, format string, args ...any) {
	s.logs.errors.Log(logs.Record{Level: level, Module: "core", Message: fmt.Sprintf(format, args...)})
}

// explain prints why the server does not start, and what to do about it.
func explain(stderr io.Writer, err error) {
	fmt.Fprintf(stderr, "gophersnake: %v\n", err)
	if repair := repairOf(err); repair != "" {
		fmt.Fprintf(stderr, "repair: %s\n", repair)
	}
}

// repairOf is what to do about an error, "" when its text says it all.
func repairOf(err error) string {
	var home *pyhome.Error
	var start *parent.StartError
	switch {
	case errors.As(err, &home):
		return home.Repair
	case errors.As(err, &start):
		return start.Repair
	}
	return ""
}

// setCollector sets Go's garbage collector, unless the environment does.
func setCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// assemble does what needs the rights of who runs the command first: the
// socket and the log files. Everything that reads what others wrote, the
// probing of Python included, comes after the rights are given up.
func (s *serving) assemble(ctx context.Context, stdout, stderr io.Writer) (err error) {
	setCollector()
	if s.account, err = account.Choose(s.o.User, s.o.UserGroup); err != nil {
		return err
	}
	if s.listener, err = listen.Open(s.o.Host, s.o.Port); err != nil {
		return err
	}
	if s.logs, err = openLogs(s.o, s.account, stdout, stderr); err != nil {
		return err
	}
	if err = s.dropRights(); err != nil {
		return err
	}
	if s.home, err = s.findPython(ctx); err != nil {
		return err
	}
	s.pythonName = fmt.Sprintf("%s (%s)", s.home.Version, s.home.Home)
	if err = s.startPython(s.pythonOptions(), nil); err != nil {
		return err
	}
	s.front, err = s.newFront(s.app)
	return err
}

// dropRights becomes the account that applications run as, and goes to their
// directory.
func (s *serving) dropRights() error {
	if os.Geteuid() == 0 && s.o.User == "" {
		s.log(logs.Notice, "started as root: running as %s; choose another account with --user", s.account.Name)
	}
	if err := account.Become(s.account); err != nil {
		return err
	}
	if err := s.checkScript(); err != nil {
		return err
	}
	if err := os.Chdir(s.o.WorkingDirectory); err != nil {
		if refusal := account.Refusal(s.o.WorkingDirectory, s.account); refusal != nil {
			err = refusal
		}
		return fmt.Errorf("go to the working directory: %w; name another one with --working-directory", err)
	}
	return nil
}

// checkScript makes sure that the account can read the script. A script that
// does not exist may come later.
func (s *serving) checkScript() error {
	if s.o.Script == "" {
		return nil
	}
	err := unix.Access(s.o.Script, unix.R_OK)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrNotExist):
		s.log(logs.Warn, "there is no script %s: requests for it will be answered with 404", s.o.Script)
		return nil
	}
	if refusal := account.Refusal(s.o.Script, s.account); refusal != nil {
		err = refusal
	}
	return fmt.Errorf("read script: %w; open it for that account or choose another with --user", err)
}

// findPython returns the Python that was asked for, or the first one that the
// account can use.
func (s *serving) findPython(ctx context.Context) (*pyhome.Installation, error) {
	if s.o.PythonHome != "" {
		return pyhome.Find(ctx, s.o.PythonHome)
	}
	home, skipped, err := pyhome.Default(ctx)
	for _, c := range skipped {
		s.log(skippedLevel(c), "not using Python in %s (%s): %v", c.Home, c.Source, c.Err)
	}
	return home, err
}

// skippedLevel is how much the user is to be told of a Python that was passed
// over: an active virtual environment was certainly meant.
func skippedLevel(c pyhome.Candidate) logs.Level {
	switch c.Source {
	case "VIRTUAL_ENV":
		return logs.Warn
	case "PATH":
		return logs.Info
	}
	return logs.Debug
}

// pythonOptions is how Python is started in embedded mode.
func (s *serving) pythonOptions() python.Options {
	return python.Options{
		Library:        s.home.Library,
		Program:        s.home.Executable,
		Threads:        s.o.Group.Threads,
		PythonPath:     s.o.PythonPath,
		Home:           s.o.WorkingDirectory,
		ServerSoftware: serverSoftware(),
		Log:            s.logs.errors,

		PerInterpreterGIL: s.perInterpreterGIL(),
		SwitchInterval:    s.o.Group.SwitchInterval,
	}
}

// startPython starts Python and loads the script; change adapts the latter.
func (s *serving) startPython(o python.Options, change func(*python.Script)) (err error) {
	s.loading = time.Now()
	if s.python, err = python.Start(o); err != nil {
		return fmt.Errorf("start Python %s in %s: %w", s.home.Version, s.home.Home, err)
	}
	script := s.script()
	if change != nil {
		change(&script)
	}
	s.app = s.python.App(script)
	if err := s.setGroup(); err != nil {
		return err
	}
	if group, fixed := s.group.Fixed(); fixed && !s.scriptMissing() {
		return s.app.Preload(group)
	}
	return nil
}

// setGroup finds out which application group requests belong to.
func (s *serving) setGroup() (err error) {
	s.group, err = dispatch.NewGroup(dispatch.GroupOptions{
		Text:   s.o.ApplicationGroup,
		Server: dispatch.Server{Name: s.serverName(), Port: s.port(), Script: scriptName(s.o.MountPoint)},
		Unset: func(name string) {
			s.log(logs.Warn, "--application-group: variable %s is not set; using the default group", name)
		},
	})
	if err != nil {
		return fmt.Errorf("--application-group: %w", err)
	}
	return nil
}

// perInterpreterGIL tells of a Python that cannot do what is asked for.
func (s *serving) perInterpreterGIL() bool {
	if !s.o.PerInterpreterGIL || s.home.Version.AtLeast(3, 12) {
		return s.o.PerInterpreterGIL
	}
	s.logs.errors.Log(logs.Record{Level: logs.Warn, Module: "core", Message: fmt.Sprintf(
		"WSGI0198: --per-interpreter-gil has no effect: it needs Python 3.12, and this is %s", s.home.Version)})
	return false
}

func (s *serving) scriptMissing() bool {
	if s.o.Script == "" {
		return false
	}
	info, err := os.Stat(s.o.Script)
	return err != nil || info.IsDir()
}

func (s *serving) script() python.Script {
	script := python.Script{
		Path:      s.o.Script,
		Callable:  s.o.CallableObject,
		Reloading: true,
		Environ: []python.EnvironVar{
			{Name: "DOCUMENT_ROOT", Value: s.o.DocumentRoot},
			{Name: "CONTEXT_DOCUMENT_ROOT", Value: s.o.DocumentRoot},
			{Name: "CONTEXT_PREFIX", Value: ""},
			{Name: "SERVER_ADMIN", Value: "[no address given]"},
		},
	}
	if s.o.Script == "" {
		script.Name, script.Source, script.Callable = "welcome.py", welcomeSource, "application"
	}
	return script
}

func (s *serving) newFront(app gateway.App) (*front.Server, error) {
	table, err := s.table()
	if err != nil {
		return nil, err
	}
	o := front.Options{
		App:              app,
		Table:            table,
		Group:            s.group,
		Log:              s.logs.errors,
		ServerName:       s.serverName(),
		ServerPort:       s.port(),
		LimitRequestBody: s.o.LimitRequestBody,
		ChunkedRequest:   s.o.ChunkedRequest,
	}
	if o.LimitRequestBody == 0 {
		o.LimitRequestBody = front.NoLimit
	}
	if s.logs.access != nil {
		o.AccessLog = s.logs.access
	}
	return front.New(o), nil
}

func (s *serving) table() (*dispatch.Table, error) {
	o := dispatch.Options{MountPoint: s.o.MountPoint, DocumentRoot: s.o.DocumentRoot}
	for _, a := range s.o.URLAliases {
		o.Aliases = append(o.Aliases, dispatch.Alias{URL: a.URL, Path: a.Path})
	}
	return dispatch.New(o)
}

// run serves until a signal, or until a source file changes; then it does not
// return if all goes well.
func (s *serving) run(stops *stops) error {
	reload, err := s.watchSources(stops)
	if err != nil {
		return err
	}
	err = server.Run(stops.stop, stops.force, server.Options{
		Listener: s.listener, Front: s.front, Host: reload, Log: s.logs.errors,
		Graceful: orNone(s.o.Group.GracefulTimeout), Shutdown: orNone(s.o.Group.ShutdownTimeout),
	})
	return reload.end(stops.end(), err)
}

// orNone turns the 0 of an option into what package server takes for none.
func orNone(d time.Duration) time.Duration {
	if d == 0 {
		return server.None
	}
	return d
}

func (s *serving) serverName() string {
	switch {
	case s.o.ServerName != "":
		return s.o.ServerName
	case s.o.Host != "":
		return s.o.Host
	}
	return "localhost"
}

func (s *serving) port() string {
	if s.listener == nil {
		return s.toldPort
	}
	return strconv.Itoa(s.listener.Addr().(*net.TCPAddr).Port)
}

// scriptName is the SCRIPT_NAME of an application at a mount point.
func scriptName(mount string) string {
	if mount == "/" {
		return ""
	}
	return mount
}

func serverSoftware() string { return "Gophersnake/" + Version() }
