package python

/*
#include "goio.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// Script is what an App runs.
type Script struct {
	// Path of the script file. Empty for a script that is part of this
	// program: then Source is its text and Name stands for the path.
	Path, Name, Source string
	Callable           string // name of the application in it
	Reloading          bool   // look at each request whether the file changed
	// Recycles leaves requests that see a changed file to another process:
	// they end as Stale, in a Feed only.
	Recycles bool
	// RunOnce is what wsgi.run_once says.
	RunOnce bool
	Environ []EnvironVar
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

// target is a script in one interpreter.
type target struct {
	c   *C.struct_gs_target
	gil *gil
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
	t := &target{gil: in.gil}
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
	if a.script.Path != "" {
		return a.script.Path
	}
	return a.script.Name
}

func (a *App) options(group string) []byte {
	texts := []string{
		"file", a.script.Path,
		"name", a.name(),
		"source", a.script.Source,
		"callable_object", a.script.Callable,
		"reloading", flag(a.script.Reloading),
		"application_group", group,
		"multithread", flag(a.rt.opts.Threads > 1),
		"recycles", flag(a.script.Recycles),
		"process_group", a.rt.opts.ProcessGroup,
		"multiprocess", flag(a.rt.opts.Multiprocess),
		"run_once", flag(a.script.RunOnce),
		"server_pid", strconv.Itoa(os.Getpid()),
		"env:SERVER_SOFTWARE", a.rt.opts.ServerSoftware,
		"env:SCRIPT_FILENAME", a.name(),
	}
	for _, v := range a.script.Environ {
		texts = append(texts, "env:"+v.Name, v.Value)
	}
	return pairs(texts...)
}

// Causes of a gateway.Error; the error log has the details.
var (
	errScript    = errors.New("the application failed")
	errNoScript  = errors.New("the script does not exist")
	errNotScript = errors.New("the script is not a file")
	errTimeout   = errors.New("the request was interrupted")
	errCut       = errors.New("the application failed in the middle of the response")
)

// Serve runs the request on the calling goroutine's thread.
func (a *App) Serve(ctx context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
	t, err := a.target(r.ApplicationGroup)
	if err != nil {
		a.rt.log(logs.Error, r, a.name(), err.Error())
		return &gateway.Error{Kind: gateway.Failed, Err: err}
	}
	c := calls.get()
	defer calls.put(c)
	c.script, c.req, c.w = a.name(), r, w
	c.env, c.steady = flat.AppendEnviron(c.env[:0], r)
	if err := a.rt.enter(ctx); err != nil {
		return err
	}
	result := c.run(t)
	a.rt.leave()
	return a.finish(c, &result)
}

// enter takes one of the places inside Python; it waits until ctx is done.
func (rt *Runtime) enter(ctx context.Context) error {
	select {
	case rt.slots <- struct{}{}:
	default:
		select {
		case rt.slots <- struct{}{}:
		case <-rt.closing: // Close has the other slots
			return &gateway.Error{Kind: gateway.Failed, Err: ErrClosed}
		case <-ctx.Done():
			return &gateway.Error{Kind: gateway.Aborted, Err: context.Cause(ctx)}
		}
	}
	rt.active.Add(1)
	rt.flusher.rouse()
	return nil
}

func (rt *Runtime) leave() {
	rt.active.Add(-1)
	<-rt.slots
}

// run makes the one call of C that a simple request needs.
func (c *call) run(t *target) C.struct_gs_result {
	t.gil.enter(c)
	measure := t.gil.sampled()
	result := c.serve(t, measure)
	if measure {
		t.gil.measured(time.Duration(result.whole_ns), time.Duration(result.computed_ns))
	}
	t.gil.pass(c)
	return result
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
		a.rt.log(logs.Debug, c.req, c.script, fmt.Sprintf(
			"response body is longer than its Content-Length of %d bytes; the rest is dropped",
			int64(result.length)))
	}
	switch result.kind {
	case C.GS_COMPLETE:
		return a.sendComplete(c, c.out[:result.size])
	case C.GS_FILE:
		return a.sendFile(c, result)
	case C.GS_STREAMED, C.GS_GONE:
		return nil
	case C.GS_NOT_FOUND:
		a.rt.log(logs.Error, c.req, c.script,
			"WSGI0135: Target WSGI script not found or unable to stat: "+c.script)
		return &gateway.Error{Kind: gateway.NotFound, Err: errNoScript}
	case C.GS_FORBIDDEN:
		a.rt.log(logs.Error, c.req, c.script,
			"WSGI0136: Attempt to invoke directory as WSGI application: "+c.script)
		return &gateway.Error{Kind: gateway.Forbidden, Err: errNotScript}
	case C.GS_TIMEOUT:
		return &gateway.Error{Kind: gateway.Timeout, Err: errTimeout}
	case C.GS_ABORTED:
		return &gateway.Error{Kind: gateway.Aborted, Err: errCut}
	}
	return &gateway.Error{Kind: gateway.Failed, Err: errScript}
}

// bodyless reports statuses that never have a body (RFC 9110, section 6.4.1).
func bodyless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

func (a *App) sendComplete(c *call, data []byte) error {
	body, err := c.parse(data)
	if err != nil {
		return a.fail(c, err)
	}
	h := &c.head
	// The answer to HEAD may be that of GET without its body, whose length
	// is not known then.
	if h.ContentLength < 0 && !bodyless(h.Status) && (len(body) > 0 || c.req.Method != http.MethodHead) {
		h.ContentLength = int64(len(body))
	}
	if err := c.w.WriteHead(h); err != nil {
		return a.fail(c, err)
	}
	if len(body) > 0 {
		c.w.Write(body) // an error is a client that left: nothing follows
	}
	return nil
}

func (a *App) sendFile(c *call, result *C.struct_gs_result) error {
	f := os.NewFile(uintptr(result.fd), c.script)
	defer f.Close()
	if _, err := c.parse(c.out[:result.size]); err != nil {
		return a.fail(c, err)
	}
	if err := c.w.WriteHead(&c.head); err != nil {
		return a.fail(c, err)
	}
	c.w.SendFile(f, int64(result.count)) // a short file shows in the body's length
	return nil
}

// fail logs a response that cannot be sent.
func (a *App) fail(c *call, err error) error {
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
