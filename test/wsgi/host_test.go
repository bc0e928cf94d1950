package wsgi

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/gophersnake/gophersnake/internal/dispatch"
	"github.com/gophersnake/gophersnake/internal/front"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/pyhome"
	"github.com/gophersnake/gophersnake/internal/python"
)

// host is where applications run.
type host interface {
	// name is that of the mode, for subtests.
	name() string
	// group is the application group that the applications run in.
	group() string
	// app returns the application of a script.
	app(script string) gateway.App
}

// runtime is CPython in this process, with its log.
type runtime struct {
	*python.Runtime
	home   *pyhome.Installation
	log    *recorder
	daemon *daemonHost // nil in embedded mode
}

// options changes how Python is started.
type options func(*python.Options)

// threads is how many requests run in Python at the same time.
const threads = 8

// backlog is more than wait in any test that is not about it.
const backlog = 1000

// startPython starts the Python that this child is for. The caller closes it.
func startPython(t *testing.T, changes ...options) *runtime {
	t.Helper()
	return startPythonAt(t, os.Getenv(homeVariable), changes...)
}

func findHome(t *testing.T, dir string) *pyhome.Installation {
	t.Helper()
	home, err := pyhome.Find(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return home
}

func startPythonAt(t *testing.T, dir string, changes ...options) *runtime {
	t.Helper()
	home := findHome(t, dir)
	rt := &runtime{home: home, log: &recorder{}}
	o := python.Options{
		Library:        home.Library,
		Program:        home.Executable,
		Threads:        threads,
		Backlog:        backlog,
		ServerSoftware: "Gophersnake/test",
		Log:            rt.log,
	}
	for _, change := range changes {
		change(&o)
	}
	var err error
	if rt.Runtime, err = python.Start(o); err != nil {
		t.Fatal(err)
	}
	if os.Getenv(modeVariable) == daemonMode {
		rt.daemon = startDaemon(t, rt, o.Threads)
	}
	return rt
}

// close ends Python; it must not fail.
func (rt *runtime) close(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if rt.daemon != nil {
		if err := rt.daemon.stop(ctx); err != nil {
			t.Errorf("stop request threads: %v", err)
		}
	}
	if err := rt.Close(ctx); err != nil {
		t.Errorf("close Python: %v", err)
	}
}

// embedded runs applications in one interpreter of this process.
type embedded struct {
	rt          *runtime
	mode, inter string
}

var _ host = embedded{}

func (e embedded) name() string  { return e.mode }
func (e embedded) group() string { return e.inter }

func (e embedded) app(script string) gateway.App {
	return e.rt.app(python.Script{Path: script, Callable: "application", Reloading: true})
}

// importable runs scripts as another host does, and has an import of a script
// give the script.
type importable struct {
	host
	rt *runtime
}

func (i importable) app(script string) gateway.App {
	return i.rt.app(python.Script{Path: script, Callable: "application", Reloading: true, Importable: true})
}

// inModule runs applications as another host does, but imports a module in place
// of the script.
type inModule struct {
	host
	rt     *runtime
	module string
}

func (m inModule) app(string) gateway.App {
	return m.rt.app(python.Script{Module: m.module, Callable: "application", Reloading: true})
}

// addPath has modules looked for in a directory until the test ends.
func addPath(t testing.TB, rt *runtime, h host, dir string) {
	t.Helper()
	run := func(statement string) {
		app := rt.app(python.Script{Name: statement, Source: "import sys\n" + statement + "\n", Callable: "sys"})
		if err := app.Preload(h.group()); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	run("sys.path.insert(0, " + strconv.Quote(dir) + ")")
	t.Cleanup(func() { run("sys.path.remove(" + strconv.Quote(dir) + ")") })
}

// hosts returns the main interpreter and a sub-interpreter.
func (rt *runtime) hosts() []embedded {
	return []embedded{{rt, "main", ""}, {rt, "sub", "site|/app"}}
}

// serve serves a script on a port of its own until the test ends and returns
// the address.
func serve(t testing.TB, rt *runtime, h host, script string, changes ...func(*front.Options)) string {
	t.Helper()
	group, err := dispatch.NewGroup(dispatch.GroupOptions{Text: h.group()})
	if err != nil {
		t.Fatal(err)
	}
	if h.group() == "" {
		group = nil
	}
	// A daemon has as much of a body in one piece: what is larger is streamed.
	o := front.Options{App: h.app(script), Group: group, Log: rt.log, ChunkedRequest: true, ReadAhead: 64 << 10}
	for _, change := range changes {
		change(&o)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := front.New(o)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(l); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections() // which it would wait for
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shut down: %v", err)
		}
		serving.Wait()
	})
	return l.Addr().String()
}

// writeScript writes the source of an application to a directory of its own
// and returns its path.
func writeScript(t testing.TB, source string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.py")
	if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
