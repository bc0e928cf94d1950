// Package python hosts WSGI applications in CPython, which it opens at run
// time. It is the only package that knows C; it knows neither HTTP nor where
// an installation of Python comes from.
//
// The request path is in C (call.h and the files it names) and crosses from Go
// to C once per simple request. What is not on it is in Python, in py/. See
// ARCHITECTURE.md for who owns what at the boundary.
package python

/*
#cgo CFLAGS: -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter
#cgo LDFLAGS: -ldl -lpthread
#cgo noescape gs_serve
#include <stdlib.h>
#include "goio.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// Options say how Python is started. Library, Program, Threads and Log are
// required.
type Options struct {
	Library string // path of libpython3.X.so
	Program string // path of the interpreter that it is to behave as
	// Locale leaves the choice of encodings to the locale; otherwise UTF-8
	// mode is on.
	Locale bool

	// Threads bounds the requests that run in Python at the same time. Backlog
	// (listen-backlog) is how many of App.Serve may wait because of that; one
	// more is refused at once. QueueTimeout (queue-timeout) bounds their
	// waiting, from Request.WaitsSince; 0 is no limit.
	Threads      int
	Backlog      int
	QueueTimeout time.Duration
	// PythonPath lists directories to add to sys.path as site does.
	PythonPath []string
	// Home is put in front of sys.path if it is not empty.
	Home string

	// ProcessGroup is the name of the process group, "" in embedded mode; it
	// has Processes processes, and Multiprocess is what wsgi.multiprocess says.
	ProcessGroup string
	Processes    int
	Multiprocess bool

	// ServerPID is the process that takes connections, 0 for this one.
	ServerPID int

	// PerInterpreterGIL gives each sub-interpreter a GIL of its own; it needs
	// CPython 3.12.
	PerInterpreterGIL bool
	RestrictStdin     bool
	RestrictStdout    bool
	// AllowSignals lets applications register signal handlers
	// (WSGIRestrictSignal Off).
	AllowSignals bool

	// SwitchInterval is what sys.setswitchinterval is given, in seconds; 0
	// leaves Python's own.
	SwitchInterval float64
	// LocaleName is what LC_ALL was set to: the locale is then set from the
	// environment, and a warning tells when the system does not have it.
	LocaleName string
	// DumpSignal has Python write the stacks of all threads to stderr when a
	// thread of the process receives it; 0 for none.
	DumpSignal syscall.Signal

	// Service is for a process that runs a script in place of serving requests:
	// App.RunService. Its end is not announced to subscribers.
	Service bool
	// Lend is given what has to run, until Python has ended, on the thread that
	// is to be Python's main one. It must not wait for that. nil stands for a
	// thread of its own. CPython calls signal handlers on its main thread only,
	// and the kernel prefers the first thread of a process for them: what is to
	// handle signals lends that.
	Lend func(mainThread func())

	// KeepsProcessors is told how many of Go's processors requests may keep from
	// goroutines, whenever that changes: none, or one for each of Threads. It may be
	// called by any goroutine, not by two at a time, and must not wait for requests.
	// nil: nobody is told.
	KeepsProcessors func(int)

	// NotLoaded is told of each attempt to load a script that has failed, after that
	// was logged. It is called by any thread, and must not wait for Python. nil:
	// nobody is told.
	NotLoaded func(NotLoaded)

	// ServerMetrics lets mod_wsgi.server_metrics() tell the figures of this
	// process.
	ServerMetrics bool

	ServerSoftware string // SERVER_SOFTWARE
	Log            logs.Logger
}

// Runtime is CPython in this process. Its methods are safe for concurrent use.
type Runtime struct {
	opts    Options
	started time.Time
	threads *requestThreads
	active  atomic.Int32
	flusher *flusher

	processors processors

	// main carries work to Python's main thread, until closing is closed.
	// Then no request begins, and stop ends Python.
	main    chan func()
	closing chan struct{}
	stop    chan struct{}
	reason  string       // why, for subscribers; set before stop is closed
	left    atomic.Int32 // requests that are inside at the end; see Abandon
	ended   chan struct{}

	gil     *gil // of the main interpreter, and of those without their own
	mu      sync.Mutex
	interps map[string]*interp
}

// interp is the interpreter of an application group.
type interp struct {
	c   *C.struct_gs_interp
	gil *gil
}

// running is the Runtime of this process: CPython's state is the process's, so
// there is at most one, and it is never started a second time.
var running atomic.Pointer[Runtime]

// ErrStarted is returned by a second Start in the same process.
var ErrStarted = errors.New("python has been started in this process before")

// errorSize bounds the messages that C returns.
const errorSize = 1024

// Start opens libpython and initialises its main interpreter.
func Start(opts Options) (*Runtime, error) {
	rt := &Runtime{
		opts:    opts,
		main:    make(chan func()),
		closing: make(chan struct{}),
		stop:    make(chan struct{}),
		ended:   make(chan struct{}),
		interps: make(map[string]*interp),
		started: time.Now(),
	}
	if !running.CompareAndSwap(nil, rt) {
		return nil, fmt.Errorf("start %s: %w", opts.Library, ErrStarted)
	}
	rt.threads = newRequestThreads(opts.Threads, opts.Backlog, opts.QueueTimeout)
	started := make(chan error, 1)
	if opts.Lend != nil {
		opts.Lend(func() { rt.mainThread(started) })
	} else {
		go rt.mainThread(started)
	}
	if err := <-started; err != nil {
		return nil, err
	}
	rt.processors = processors{kept: opts.KeepsProcessors, calls: opts.Threads}
	rt.flusher = startFlusher(&rt.active, &rt.processors, rt.threads)
	return rt, nil
}

// mainThread is Python's main thread: it initialises, creates sub-interpreters
// and ends them, all on one operating system thread. Go keeps that thread: what
// libraries do at the end of a thread, such as OpenSSL, is not safe beside what
// they do at the end of the process, which follows soon.
func (rt *Runtime) mainThread(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(rt.ended)
	err := rt.initialise()
	started <- err
	if err != nil {
		return
	}
	for {
		select {
		case work := <-rt.main:
			work()
		case <-rt.stop:
			reason := C.CString(rt.reason)
			C.gs_python_stop(reason, C.int(rt.left.Load()))
			C.free(unsafe.Pointer(reason))
			return
		}
	}
}

func (rt *Runtime) initialise() error {
	var text [errorSize]C.char
	library := C.CString(rt.opts.Library)
	defer C.free(unsafe.Pointer(library))
	if C.gs_capi_open(library, &text[0], errorSize) != 0 {
		return fmt.Errorf("open libpython: %s", C.GoString(&text[0]))
	}
	if err := addSources(); err != nil {
		return err
	}
	if err := beginToPoll(); err != nil {
		return err
	}
	program := C.CString(rt.opts.Program)
	defer C.free(unsafe.Pointer(program))
	utf8 := C.int(1)
	if rt.opts.Locale {
		utf8 = 0
	}
	// An inherited PYTHONHOME is about another Python.
	os.Unsetenv("PYTHONHOME")
	// As Python does where it owns the process: what cannot be written is an
	// exception. The handlers of Go's runtime would end the process.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ)
	options := rt.interpreterOptions("")
	in := C.gs_go_start(program, utf8, bytesOf(options), C.size_t(len(options)), &text[0], errorSize)
	if in == nil {
		return errors.New(C.GoString(&text[0]))
	}
	rt.gil = new(gil)
	rt.interps[""] = &interp{c: in, gil: rt.gil}
	return nil
}

// beginToPoll makes Go open what it waits for files and connections with, which
// it does for the first of them: C has to find it before an application runs.
func beginToPoll() error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("begin to wait for files: %w", err)
	}
	return errors.Join(r.Close(), w.Close())
}

func addSources() error {
	for _, key := range flat.Keys {
		C.gs_key_add(bytesOf([]byte(key)), C.size_t(len(key)))
	}
	for _, name := range sourceOrder {
		text, err := readSource(name)
		if err != nil {
			return err
		}
		cname := C.CString(name)
		C.gs_source_add(cname, bytesOf(text), C.size_t(len(text)))
		C.free(unsafe.Pointer(cname))
	}
	return nil
}

// bytesOf lends the bytes of b to C for the duration of a call.
func bytesOf(b []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }

// pairs joins names and values as C takes them: each followed by a NUL.
func pairs(texts ...string) []byte {
	return []byte(strings.Join(texts, "\x00") + "\x00")
}

func flag(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

// optional is the text of a number, or "" for 0.
func optional[T int | float64](n T) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func (rt *Runtime) interpreterOptions(group string) []byte {
	o := &rt.opts
	return pairs(
		"main", flag(group == ""),
		"application_group", group,
		"process_group", o.ProcessGroup,
		"processes", strconv.Itoa(max(1, o.Processes)),
		"threads", strconv.Itoa(o.Threads),
		"restrict_stdin", flag(o.RestrictStdin),
		"restrict_stdout", flag(o.RestrictStdout),
		"restrict_signal", flag(!o.AllowSignals),
		"python_path", strings.Join(o.PythonPath, string(os.PathListSeparator)),
		"home", o.Home,
		"switch_interval", optional(o.SwitchInterval),
		"locale", o.LocaleName,
		"dump_signal", optional(int(o.DumpSignal)),
		"server_software", o.ServerSoftware,
		"server_metrics", flag(o.ServerMetrics),
		"service", flag(o.Service),
		"started", strconv.FormatInt(rt.started.Unix(), 10),
	)
}

// onMain runs work on Python's main thread and waits for it. It reports false
// when Python has been closed.
func (rt *Runtime) onMain(work func()) bool {
	done := make(chan struct{})
	select {
	case rt.main <- func() { defer close(done); work() }:
		<-done
		return true
	case <-rt.closing:
		return false
	}
}

// interpreter returns the interpreter of an application group, created if it
// is new.
func (rt *Runtime) interpreter(group string) (*interp, error) {
	rt.mu.Lock()
	in := rt.interps[group]
	rt.mu.Unlock()
	if in != nil {
		return in, nil
	}
	err := ErrClosed
	rt.onMain(func() { in, err = rt.newInterpreter(group) })
	return in, err
}

// newInterpreter runs on Python's main thread, which makes it the only one to
// add interpreters.
func (rt *Runtime) newInterpreter(group string) (*interp, error) {
	rt.mu.Lock()
	in := rt.interps[group]
	rt.mu.Unlock()
	if in != nil {
		return in, nil
	}
	in = &interp{gil: rt.gil}
	own := C.int(0)
	if rt.opts.PerInterpreterGIL {
		own, in.gil = 1, new(gil)
	}
	var text [errorSize]C.char
	options := rt.interpreterOptions(group)
	in.c = C.gs_interp_new(own, bytesOf(options), C.size_t(len(options)), &text[0], errorSize)
	if in.c == nil {
		return nil, fmt.Errorf("create application group %q: %s", group, C.GoString(&text[0]))
	}
	rt.mu.Lock()
	rt.interps[group] = in
	rt.mu.Unlock()
	return in, nil
}

// ErrClosed is returned for requests that come after Close.
var ErrClosed = errors.New("python has been closed")

// noticing is how long the requests that Abandon has marked may take.
const noticing = 500 * time.Millisecond

// Abandon says that all clients have been cut off: those of the requests inside Python
// that have begun to send a response without a length, such as a stream of events, are
// of use to nobody. Close waits for them for a moment only, as long as they may need to
// notice that; those that have not, because they wait for something else, are left, and
// what they run in is not taken down. All others are waited for.
func (rt *Runtime) Abandon() { rt.threads.abandon() }

// Close runs the shutdown callbacks and exit handlers of all interpreters and
// ends them. Requests still inside Python are waited for until ctx is done;
// then Python is left as it is and the cause returned. Close may be called
// once.
func (rt *Runtime) Close(ctx context.Context) error { return rt.CloseFor(ctx, "") }

// CloseFor is Close with the shutdown_reason that subscribers are told.
func (rt *Runtime) CloseFor(ctx context.Context, reason string) error {
	close(rt.closing)
	if err := rt.threads.endOthers(ctx); err != nil {
		return fmt.Errorf("wait for requests inside Python: %w", err)
	}
	moment, cancel := context.WithTimeout(ctx, noticing)
	defer cancel()
	if rt.threads.end(moment) != nil {
		rt.left.Add(1)
	}
	rt.flusher.stop()
	rt.reason = reason
	close(rt.stop)
	select {
	case <-rt.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the end of Python: %w", context.Cause(ctx))
	}
}

// SourceFiles returns the source files of the modules that all interpreters
// have loaded. It takes the GIL of each.
func (rt *Runtime) SourceFiles() []string {
	interps := rt.interpreters()
	var files []string
	rt.onMain(func() {
		for _, in := range interps {
			files = append(files, sourceFiles(in.c)...)
		}
	})
	return files
}

// interpreters lists those that there are.
func (rt *Runtime) interpreters() []*interp {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return slices.Collect(maps.Values(rt.interps))
}

// Probe takes the GIL of the main interpreter and gives it back: it returns
// only if no code keeps it for ever.
func (rt *Runtime) Probe() { C.gs_probe() }

// PublishSignal tells the subscribers in all interpreters of a signal to this
// process. It returns when they have been called.
func (rt *Runtime) PublishSignal(sig syscall.Signal) {
	interps := rt.interpreters()
	rt.onMain(func() {
		for _, in := range interps {
			C.gs_interp_signal(in.c, C.int(sig))
		}
	})
}

func sourceFiles(in *C.struct_gs_interp) []string {
	var size C.size_t
	text := C.gs_source_files(in, &size)
	if text == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(text))
	joined := C.GoStringN(text, C.int(size))
	return strings.FieldsFunc(joined, func(r rune) bool { return r == 0 })
}
