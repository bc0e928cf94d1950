package python

/*
#include "goio.h"
*/
import "C"

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/reply"
)

// Script is what an App runs.
type Script struct {
	// Path of the script file. Empty for a script that is part of this
	// program: then Source is its text and Name stands for the path.
	Path, Name, Source string
	// Module is imported in place of a script, if it is not empty: "mysite.wsgi".
	// Then Path and Source are empty.
	Module string
	// Importable has an import of the script's file give the script, and not a
	// second copy of it, which would be warned of.
	Importable bool
	Callable   string // name of the application in it
	Reloading  bool   // look at each request whether the file changed
	// Recycles leaves requests that see a changed file to another process:
	// they end as Stale, in a Feed only.
	Recycles bool
	// RunOnce is what wsgi.run_once says.
	RunOnce bool
	// KnownFailure is what another process could not load the script for, which has
	// logged it; the same failure is logged in one line.
	KnownFailure string
	// Owner has scripts of others refused, with gateway.Forbidden; nil: anyone's
	// may run.
	Owner   *Owner
	Environ []EnvironVar
}

// NotLoaded is a script that could not be loaded.
type NotLoaded struct {
	Script string // its path, or its name
	Reason string // the exception, on one line or more
	// Stamps are of the files that took part in the attempt, whether they exist or not,
	// after it: if one of them changes, the next attempt may succeed. Each is the time
	// of the last change in nanoseconds since 1970, the size, -1 if there is no such
	// file, and the name, with blanks between. There is a bound to their number.
	Stamps []string
}

// Owner is the account or group that a script file and its directory must belong
// to. In addition nobody else, but for the group of an account, may be able to
// write them.
type Owner struct {
	Name  string // as the administrator has given it, for the log
	ID    uint32
	Group bool // it is a group
}

// EnvironVar is a constant of environ.
type EnvironVar struct{ Name, Value string }

// App is one script as a gateway.App; each application group has its own copy
// of it.
type App struct {
	rt     *Runtime
	script Script

	mu      sync.Mutex
	targets atomic.Pointer[map[string]*target]
}

var _ gateway.App = (*App)(nil)

// App returns the application of a script, which is loaded when the first
// request comes or by Preload.
func (rt *Runtime) App(s Script) *App {
	a := &App{rt: rt, script: s}
	a.targets.Store(&map[string]*target{})
	return a
}

// Preload loads the script into an application group, on Python's main thread.
// A script that fails is logged; an error says that there is no such group.
func (a *App) Preload(group string) error {
	t, err := a.target(group)
	if err != nil {
		return err
	}
	if !a.rt.onMain(func() { C.gs_target_preload(t.c) }) {
		return ErrClosed
	}
	return nil
}

// Mark notes for Keep when the script has changed last: a process is about to be started
// in a place of the group, which will load it. It needs no lock of Python's; one goroutine
// at a time calls it, or Keep.
func (a *App) Mark(place int) {
	for _, t := range *a.targets.Load() {
		if t.marks == nil {
			t.marks = make(map[int]C.int64_t)
		}
		t.marks[place] = C.gs_target_changed(t.c)
	}
}

// Keep has a script that Recycles served as it was loaded while its file is what it was
// at the last Mark for a place: the process there has tried to load that, and could not.
func (a *App) Keep(place int) {
	for _, t := range *a.targets.Load() {
		C.gs_target_keep(t.c, t.marks[place])
	}
}

// target is a script in one interpreter.
type target struct {
	rt    *Runtime
	c     *C.struct_gs_target
	gil   *gil
	marks map[int]C.int64_t // the last change of the file, by place; see Mark
}

// target returns the script in an application group.
func (a *App) target(group string) (*target, error) {
	if t := (*a.targets.Load())[group]; t != nil {
		return t, nil
	}
	in, err := a.rt.interpreter(group)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	old := *a.targets.Load()
	if t := old[group]; t != nil {
		return t, nil
	}
	t := &target{rt: a.rt, gil: in.gil}
	err = ErrClosed
	a.rt.onMain(func() { t.c, err = a.newTarget(in, group) })
	if err != nil {
		return nil, err
	}
	targets := make(map[string]*target, len(old)+1)
	for k, v := range old {
		targets[k] = v
	}
	targets[group] = t
	a.targets.Store(&targets)
	return t, nil
}

// newTarget runs on Python's main thread, which is there as long as Python is.
func (a *App) newTarget(in *interp, group string) (*C.struct_gs_target, error) {
	var text [errorSize]C.char
	options := a.options(group)
	t := C.gs_target_new(in.c, bytesOf(options), C.size_t(len(options)), &text[0], errorSize)
	if t == nil {
		return nil, fmt.Errorf("prepare %s: %s", a.name(), C.GoString(&text[0]))
	}
	return t, nil
}

func (a *App) name() string {
	return cmp.Or(a.script.Path, a.script.Module, a.script.Name)
}

func (a *App) options(group string) []byte {
	texts := []string{
		"file", a.script.Path,
		"name", a.name(),
		"source", a.script.Source,
		"module", a.script.Module,
		"importable", flag(a.script.Importable),
		"callable_object", a.script.Callable,
		"reloading", flag(a.script.Reloading),
		"known_failure", a.script.KnownFailure,
		"application_group", group,
		"multithread", flag(a.rt.opts.Threads > 1),
		"recycles", flag(a.script.Recycles),
		"process_group", a.rt.opts.ProcessGroup,
		"multiprocess", flag(a.rt.opts.Multiprocess),
		"run_once", flag(a.script.RunOnce),
		"server_pid", strconv.Itoa(cmp.Or(a.rt.opts.ServerPID, os.Getpid())),
		"env:SERVER_SOFTWARE", a.rt.opts.ServerSoftware,
		"env:SCRIPT_FILENAME", a.name(),
	}
	if o := a.script.Owner; o != nil {
		key := "script_user"
		if o.Group {
			key = "script_group"
		}
		texts = append(texts, key, strconv.FormatUint(uint64(o.ID), 10), "script_owner", o.Name)
	}
	for _, v := range a.script.Environ {
		texts = append(texts, "env:"+v.Name, v.Value)
	}
	return pairs(texts...)
}

// Serve has a request thread run the request, and waits for it.
func (a *App) Serve(ctx context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
	t, err := a.target(r.ApplicationGroup)
	if err != nil {
		a.rt.log(logs.Error, r, a.name(), err.Error())
		return &gateway.Error{Kind: gateway.Failed, Err: err}
	}
	c := calls.get()
	defer calls.put(c)
	c.script, c.target, c.req, c.w = a.name(), t, r, w
	c.env, c.steady = flat.AppendEnviron(c.env[:0], r)
	a.rt.active.Add(1)
	a.rt.flusher.rouse()
	err = a.rt.threads.run(ctx, c)
	a.rt.active.Add(-1)
	if err != nil {
		return a.refuse(c, err)
	}
	return a.finish(c, &c.result)
}

// refuse logs why the server is too busy for a request.
func (a *App) refuse(c *call, err error) error {
	var failure *gateway.Error
	if errors.As(err, &failure) && failure.Kind == gateway.Busy {
		a.rt.log(logs.Error, c.req, c.script, err.Error())
	}
	return err
}

// run makes the one call of C that a simple request needs. The caller is a request
// thread.
func (c *call) run() {
	g := c.target.gil
	c.comeAndGo()
	c.result = c.serve(c.target, g.sampled())
	c.comeAndGo()
	if s := c.result.sample; s.whole != 0 { // it was measured
		g.learn(s)
		c.target.rt.processors.learn(g.pace.keepsProcessor())
	}
}

func (c *call) serve(t *target, measure bool) C.struct_gs_result {
	return C.gs_serve(t.c, &C.gs_go_io, C.gs_call(c.handle),
		bytesOf(c.env), C.size_t(len(c.env)), C.size_t(c.steady),
		bytesOf(c.req.Prefix), C.size_t(len(c.req.Prefix)), truth(c.req.Body != nil),
		C.int64_t(c.req.Start.UnixNano()),
		bytesOf(c.out), C.size_t(len(c.out)), &c.pending, 0, truth(measure))
}

// truth returns C's truth value of b.
func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// finish hands over what C returned.
func (a *App) finish(c *call, result *C.struct_gs_result) error {
	if result.excess != 0 {
		a.rt.log(logs.Debug, c.req, c.script, reply.Excess(int64(result.length)))
	}
	switch kind := reply.Kind(result.kind); kind {
	case reply.Complete, reply.File:
		return a.send(c, result)
	default:
		message, err := kind.Verdict(c.script)
		if message != "" {
			a.rt.log(logs.Error, c.req, c.script, message)
		}
		return err
	}
}

// send hands over a response that was returned as a whole, or a file.
func (a *App) send(c *call, result *C.struct_gs_result) error {
	body, err := c.head.Parse(c.out[:result.size])
	switch {
	case result.kind == C.GS_COMPLETE && err == nil:
		err = c.head.Complete(c.w, c.req.Method, body)
	case result.kind == C.GS_FILE:
		f := os.NewFile(uintptr(result.fd), c.script)
		if err == nil {
			err = c.head.File(c.w, f, int64(result.count))
		} else {
			f.Close()
		}
	}
	if err != nil {
		return a.fail(c, err)
	}
	return nil
}

// fail logs a response that cannot be sent, unless the writer has.
func (a *App) fail(c *call, err error) error {
	var known *gateway.Error
	if errors.As(err, &known) {
		return known
	}
	a.rt.log(logs.Error, c.req, c.script, "send response: "+err.Error())
	return &gateway.Error{Kind: gateway.Failed, Err: err}
}

func (rt *Runtime) log(level logs.Level, r *gateway.Request, script, message string) {
	if !rt.opts.Log.Enabled(level) {
		return
	}
	record := logs.Record{Level: level, Module: "wsgi", Message: message}
	c := call{script: script, req: r}
	c.describe(&record)
	rt.opts.Log.Log(record)
}
