package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/dispatch"
	"github.com/gophersnake/gophersnake/internal/front"
	"github.com/gophersnake/gophersnake/internal/hosting"
	"github.com/gophersnake/gophersnake/internal/listen"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/mediatype"
	"github.com/gophersnake/gophersnake/internal/parent"
	"github.com/gophersnake/gophersnake/internal/pyhome"
	"github.com/gophersnake/gophersnake/internal/python"
	"github.com/gophersnake/gophersnake/internal/server"
	"github.com/gophersnake/gophersnake/internal/timeout"
)

// gcPercent lets the heap grow further than Go's default between collections:
// the live heap of a server is small, and a request leaves little but garbage.
const gcPercent = 400

// serving is a server, or one process of it, while it is put together, in the
// order of the fields.
type serving struct {
	o        *StartOptions
	plan     hosting.Plan // of a daemon process, its part of it
	listener *listen.Listener
	logs     *logFiles
	account  account.Account // of the server
	home     *pyhome.Installation
	python   *python.Runtime
	here     []hosted // the applications that run in this process, in the plan's order
	front    *front.Server

	unloaded   unloaded
	places     []pyhome.Place // where a Python is looked for
	pythonName string         // for the banner
	toldPort   string         // of a process without the listener
	loading    time.Time      // when Python was started
}

// startServer serves in embedded mode until it is told to stop and returns the
// exit status.
func startServer(ctx context.Context, o *StartOptions, stdout, stderr io.Writer) int {
	s := &serving{o: o, plan: o.hosting()}
	stops := holdSignals(ctx)
	defer stops.end()
	if err := s.assemble(ctx, stdout, stderr); err != nil {
		s.explainFailure(stderr, err)
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

// explainFailure says why a server has not started: where the user looks, and in
// the log if that is elsewhere.
func (s *serving) explainFailure(stderr io.Writer, err error) {
	explain(stderr, err)
	if s.logs == nil || s.o.LogToTerminal {
		return
	}
	text := fmt.Sprintf("the server does not start: %v", err)
	if repair := repairOf(err); repair != "" {
		text += "; repair: " + repair
	}
	s.log(logs.Error, "%s", text)
}

// repairOf is what to do about an error, "" when its text says it all.
func repairOf(err error) string {
	var home *pyhome.Error
	var start *parent.StartError
	var hung *hungError
	switch {
	case errors.As(err, &home):
		return home.Repair
	case errors.As(err, &start):
		return start.Repair
	case errors.As(err, &hung):
		return hung.Repair
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
	s.noteRoot()
	s.places = pyhome.Places()
	if err = account.Become(s.account); err != nil {
		return err
	}
	if err = s.embed(ctx); err != nil {
		return err
	}
	var apps []front.Application
	for _, h := range s.here {
		apps = append(apps, front.Application{App: h.app, Group: h.group})
	}
	s.front, err = s.newFront(apps)
	return err
}

// noteRoot tells who runs the server as root, and has chosen no account, which
// one was chosen.
func (s *serving) noteRoot() {
	if os.Geteuid() == 0 && s.o.User == "" {
		s.log(logs.Notice, "started as root: running as %s; choose another account with --user", s.account.Name)
	}
}

// newFront returns the HTTP side for the applications of the plan.
func (s *serving) newFront(apps []front.Application) (*front.Server, error) {
	table, err := s.table()
	if err != nil {
		return nil, err
	}
	o := front.Options{
		Applications:     apps,
		Table:            table,
		Types:            s.types(),
		Log:              s.logs.errors,
		ServerName:       s.serverName(),
		ServerPort:       s.port(),
		LimitRequestBody: s.o.LimitRequestBody,
		ChunkedRequest:   s.o.ChunkedRequest,
		ReadAhead:        s.o.ReadAhead,
		HeaderRate:       s.o.Header.rate(),
		BodyRate:         s.o.Body.rate(),
		SocketTimeout:    s.socketTimeout(),
	}
	if o.LimitRequestBody == 0 {
		o.LimitRequestBody = front.NoLimit
	}
	if o.ReadAhead == 0 {
		o.ReadAhead = front.NoLimit
	}
	if s.logs.access != nil {
		o.AccessLog = s.logs.access
	}
	return front.New(o), nil
}

// types returns the media types of static files, with the system's list if there
// is one.
func (s *serving) types() *mediatype.Table {
	types, err := mediatype.Load(mediatype.SystemFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log(logs.Warn, "the system's list of media types is left out: %v", err)
	}
	return types
}

// socketTimeout is how long the server waits for a client's next data, or for it
// to take some. --socket-timeout sets it as well as that of the process group.
func (s *serving) socketTimeout() time.Duration {
	return s.o.Group.SocketLimit(front.DefaultSocketTimeout)
}

func (s *serving) table() (*dispatch.Table, error) {
	o := dispatch.Options{DocumentRoot: s.o.DocumentRoot}
	for _, a := range s.plan.Applications {
		o.MountPoints = append(o.MountPoints, a.MountPoint)
	}
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
	stops.beforeEnd(func() {
		s.listener.Last()
		reload.forgo()
	})
	graceful, shutdown := s.times()
	err = server.Run(stops.stop, stops.force, server.Options{
		Listener: s.listener, Front: s.front, Host: reload, Log: s.logs.errors,
		Graceful: graceful, Shutdown: shutdown,
	})
	return reload.end(stops.end(), err)
}

// times are how long the running requests of the server may take when it is to
// end, and what comes after them. The options of start-server count for what is
// embedded.
func (s *serving) times() (graceful, shutdown timeout.Limit) {
	own := s.o.Group
	if len(s.plan.Groups) == 0 {
		return own.GracefulTimeout, own.ShutdownTimeout
	}
	graceful, shutdown = s.plan.Graceful(), s.plan.Shutdown()
	if s.plan.Embedded() {
		graceful = timeout.Longest(graceful, own.GracefulTimeout)
		shutdown = timeout.Longest(shutdown, own.ShutdownTimeout)
	}
	return graceful, shutdown
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
