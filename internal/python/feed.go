package python

/*
#include <stdlib.h>
#include "feed.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/logs"
	"golang.org/x/sys/unix"
)

// FeedOptions say where a Feed takes requests from. The memory stays the
// caller's and is used until the process ends. The files are duplicated; a
// caller that closes its own keeps Go's poller from being woken by each write
// to the event.
type FeedOptions struct {
	Memory  []byte   // the region shared with the server; see package ring
	Event   *os.File // wakes the server
	Control *os.File // a socket, to pass descriptors of files to the server
	Threads int
	// StackSize of a request thread in bytes; 0 leaves it to the system.
	StackSize int
	// FlushDelay is how long output of an application that computes on is held
	// back at least, for more of it, and at most twice that; 0 stands for
	// DefaultFlushDelay, FlushAtOnce for none.
	FlushDelay time.Duration
	// Scripts are known from the beginning, in the order of their numbers.
	Scripts []*App
}

// Values of FeedOptions.FlushDelay.
const (
	DefaultFlushDelay = 5 * time.Millisecond
	FlushAtOnce       = -1
)

// flushInterval is what C takes as the delay.
func (o *FeedOptions) flushInterval() C.int64_t {
	if o.FlushDelay == 0 {
		return C.int64_t(DefaultFlushDelay)
	}
	return C.int64_t(max(0, o.FlushDelay))
}

// Feed is the request threads of a daemon process: they take requests from
// shared memory and serve them without any Go. Its methods are safe for
// concurrent use.
type Feed struct {
	o       FeedOptions
	rt      *Runtime
	adding  sync.Mutex
	scripts atomic.Pointer[[]*App] // what requests name by their number
}

// feeding is the Feed of this process.
var feeding atomic.Pointer[Feed]

// Feed starts the request threads; there can be one Feed in a process.
func (rt *Runtime) Feed(o FeedOptions) (*Feed, error) {
	f := &Feed{o: o, rt: rt}
	f.scripts.Store(&o.Scripts)
	if !feeding.CompareAndSwap(nil, f) {
		return nil, errors.New("start request threads: they have been started before")
	}
	event, err := duplicate(o.Event)
	if err != nil {
		return nil, err
	}
	socket, err := duplicate(o.Control)
	if err != nil {
		return nil, err
	}
	var text [errorSize]C.char
	options := C.struct_gs_feed_options{
		memory: unsafe.Pointer(unsafe.SliceData(o.Memory)), size: C.size_t(len(o.Memory)),
		event: event, control: socket,
		threads: C.int(o.Threads), stack_size: C.size_t(o.StackSize),
		flush_ns: o.flushInterval(),
	}
	if C.gs_feed_start(&options, &text[0], errorSize) != 0 {
		return nil, errors.New(C.GoString(&text[0]))
	}
	return f, nil
}

// duplicate returns a descriptor of what f has open, which is never closed.
func duplicate(f *os.File) (C.int, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("use %s in request threads: %w", f.Name(), err)
	}
	var fd int
	var failed error
	err = raw.Control(func(number uintptr) { fd, failed = unix.FcntlInt(number, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, failed); err != nil {
		return 0, fmt.Errorf("use %s in request threads: %w", f.Name(), err)
	}
	return C.int(fd), nil
}

// Add makes an application known and returns the number that requests name it
// by.
func (f *Feed) Add(a *App) int {
	f.adding.Lock()
	defer f.adding.Unlock()
	old := *f.scripts.Load()
	scripts := append(old[:len(old):len(old)], a)
	f.scripts.Store(&scripts)
	return len(old)
}

// leftInterval is how often the end of the threads is looked at.
const leftInterval = 2 * time.Millisecond

// Stop lets each thread finish its request and waits for them. When ctx is
// done it cuts the requests off and returns how many threads are left; they stay
// in Python, of which Close then runs the exit handlers and no more. It may be
// called again, to wait on.
func (f *Feed) Stop(ctx context.Context) error {
	C.gs_feed_stop(0)
	tick := time.NewTicker(leftInterval)
	defer tick.Stop()
	for {
		left := int(C.gs_feed_left())
		if left == 0 {
			f.rt.left.Store(0)
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			C.gs_feed_stop(1)
			f.rt.left.Store(int32(left))
			return fmt.Errorf("wait for requests in %d threads: %w", left, context.Cause(ctx))
		}
	}
}

// Running is a request that a thread is busy with.
type Running struct {
	Thread int
	Serial uint32 // of the thread's requests, tells them apart
	Slot   uint32
	TID    int // of the operating system's thread
	// For is how long it has run, Waited how long its thread has waited for the
	// client meanwhile, which is no part of For.
	For, Waited time.Duration
	// Answers says that a part of its response has been sent.
	Answers bool
}

// Running appends the requests that run now to dst.
func (f *Feed) Running(dst []Running) []Running {
	now := int64(C.gs_monotonic_ns())
	for i := range f.o.Threads {
		var look C.struct_gs_feed_look
		C.gs_feed_look(C.int(i), &look)
		if waited := time.Duration(look.waited_ns); look.serial != 0 {
			dst = append(dst, Running{
				Thread: i, Serial: uint32(look.serial), Slot: uint32(look.slot),
				TID: int(look.tid), Waited: waited, Answers: look.answers != 0,
				For: max(0, time.Duration(now-int64(look.began_ns))-waited),
			})
		}
	}
	return dst
}

// Idle returns how long ago a request last began, ended, read or wrote; ok is
// false before the first.
func (f *Feed) Idle() (d time.Duration, ok bool) {
	at := int64(C.gs_feed_active_ns())
	return time.Duration(int64(C.gs_monotonic_ns()) - at), at != 0
}

// Interrupt raises mod_wsgi.RequestTimeout in a request that still runs and
// reports whether it does. It takes the GIL, for which it may wait for ever.
func (f *Feed) Interrupt(r Running) bool {
	return C.gs_feed_interrupt(C.int(r.Thread), C.uint32_t(r.Serial)) != 0
}

// Stack returns the Python stack of a running request, "" when it has ended.
// It takes the GIL, for which it may wait for ever.
func (f *Feed) Stack(r Running) string {
	var size C.size_t
	text := C.gs_feed_stack(C.int(r.Thread), C.uint32_t(r.Serial), &size)
	if text == nil {
		return ""
	}
	defer C.free(unsafe.Pointer(text))
	return C.GoStringN(text, C.int(size))
}

// Dump has Python write the stacks of all threads to stderr, at once and
// without the GIL. It needs Options.DumpSignal.
func (f *Feed) Dump() { C.gs_feed_dump(C.int(f.rt.opts.DumpSignal)) }

// environSize is enough of an environ to find out which request it is of.
const environSize = 16 << 10

// Name returns the method and the URI of a running request, "" when it has
// ended.
func (f *Feed) Name(r Running) string {
	environ := make([]byte, environSize)
	n := C.gs_feed_request(C.int(r.Thread), C.uint32_t(r.Serial), bytesOf(environ), environSize)
	var method, uri string
	for key, value := range flat.Values(environ[:n]) {
		switch key {
		case "REQUEST_METHOD":
			method = value
		case "REQUEST_URI":
			uri = value
		}
	}
	return method + " " + uri
}

// describe adds to record what the environ of a request says of it.
func describe(record *logs.Record, environ []byte) {
	var address, port string
	for key, value := range flat.Values(environ) {
		switch key {
		case "mod_wsgi.request_id":
			record.RequestID = value
		case "REMOTE_ADDR":
			address = value
		case "REMOTE_PORT":
			port = value
		}
	}
	if address != "" {
		record.Client = address + ":" + port
	}
}

//export gsFeedLog
func gsFeedLog(handle C.gs_call, level C.int, text *C.char, size C.size_t) {
	f := feeding.Load()
	record := logs.Record{
		Level:   logs.Level(level),
		Module:  "wsgi",
		Message: strings.Clone(unsafe.String((*byte)(unsafe.Pointer(text)), int(size))),
	}
	var n, script C.uint32_t
	environ := C.gs_feed_environ(handle, &n, &script)
	if a, err := f.script(int(script)); err == nil {
		record.Script = a.name()
	}
	describe(&record, C.GoBytes(unsafe.Pointer(environ), C.int(n)))
	f.rt.opts.Log.Log(record)
}

//export gsFeedTarget
func gsFeedTarget(script C.uint32_t, group *C.char, size C.uint32_t) *C.struct_gs_target {
	f := feeding.Load()
	name := C.GoStringN(group, C.int(size))
	t, err := f.target(int(script), name)
	if err != nil {
		f.rt.opts.Log.Log(logs.Record{Level: logs.Error, Module: "wsgi", Message: err.Error()})
		return nil
	}
	return t.c
}

func (f *Feed) target(script int, group string) (*target, error) {
	a, err := f.script(script)
	if err != nil {
		return nil, err
	}
	return a.target(group)
}

func (f *Feed) script(n int) (*App, error) {
	scripts := *f.scripts.Load()
	if n >= len(scripts) {
		return nil, fmt.Errorf("find script %d: the process has %d", n, len(scripts))
	}
	return scripts[n], nil
}
