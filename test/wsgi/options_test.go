package wsgi

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/python"
)

// runMetrics has server-metrics On.
func runMetrics(t *testing.T) {
	rt := startPython(t, func(o *python.Options) { o.ServerMetrics, o.Processes = true, 3 })
	for _, h := range rt.hosts() {
		t.Run(h.name(), func(t *testing.T) { testMetrics(t, rt, h) })
	}
	rt.close(t)
}

// metrics is what server_metrics() returns.
type metrics struct {
	ServerLimit int     `json:"server_limit"`
	ThreadLimit int     `json:"thread_limit"`
	RestartTime float64 `json:"restart_time"`
	CurrentTime float64 `json:"current_time"`
	RunningTime float64 `json:"running_time"`
	AccessCount int     `json:"access_count"`
	BytesServed int     `json:"bytes_served"`
	Processes   []struct {
		ProcessNum int `json:"process_num"`
		PID        int `json:"pid"`
		Workers    []struct {
			ThreadNum   int    `json:"thread_num"`
			Status      string `json:"status"`
			AccessCount int    `json:"access_count"`
			BytesServed int    `json:"bytes_served"`
		} `json:"workers"`
	} `json:"processes"`
}

func testMetrics(t *testing.T, rt *runtime, h host) {
	address := serve(t, rt, h, writeScript(t, `
import json
import mod_wsgi

def application(environ, start_response):
    start_response("200 OK", [])
    return [json.dumps(mod_wsgi.server_metrics()).encode()]
`))
	ask := func() (m metrics) {
		d := json.NewDecoder(strings.NewReader(text(t, get(t, address, "/"))))
		d.DisallowUnknownFields()
		if err := d.Decode(&m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	first, second := ask(), ask()
	if second.ServerLimit != 3 || second.ThreadLimit != threads || second.CurrentTime < first.CurrentTime ||
		second.RunningTime != second.CurrentTime-second.RestartTime {
		t.Errorf("got %+v", second)
	}
	if len(second.Processes) != 1 || second.Processes[0].PID != os.Getpid() {
		t.Fatalf("processes %+v", second.Processes)
	}
	workers := second.Processes[0].Workers
	if rt.daemon == nil {
		if len(workers) != 0 {
			t.Errorf("workers %+v, and there are no request threads in embedded mode", workers)
		}
		return
	}
	if len(workers) != threads {
		t.Errorf("%d threads, want %d", len(workers), threads)
	}
	// A thread may still be busy for a moment with what has been answered.
	var last metrics
	if !poll(t, func() bool { last = ask(); return last.busy() == 1 && last.AccessCount > second.AccessCount }) {
		t.Errorf("%d threads are busy after %d requests, want 1 and more than %d", last.busy(), last.AccessCount, second.AccessCount)
	}
	total, size := 0, 0
	for _, w := range last.Processes[0].Workers {
		total += w.AccessCount
		size += w.BytesServed
	}
	if total != last.AccessCount || size != last.BytesServed {
		t.Errorf("%d requests and %d bytes in all threads, %d and %d in all", total, size, last.AccessCount, last.BytesServed)
	}
	// Each answer has a few hundred bytes.
	if size < 100*total || size > 2000*total {
		t.Errorf("%d bytes in %d answers", size, total)
	}
}

// busy is how many threads have a request.
func (m *metrics) busy() (n int) {
	for _, w := range m.Processes[0].Workers {
		if w.Status == "W" {
			n++
		}
	}
	return n
}

// startFlushing starts Python with request threads that hold output back for so
// long.
func startFlushing(t *testing.T, delay time.Duration) (rt *runtime, address string) {
	rt = startPython(t)
	rt.daemon = startDaemon(t, rt, threads, func(o *python.FeedOptions) { o.FlushDelay = delay })
	return rt, serve(t, rt, rt.hosts()[0], writeScript(t, waitingScript))
}

// runFlushAtOnce has response-flush-delay=0: every block is on its way at once,
// so that nothing is known of the length.
func runFlushAtOnce(t *testing.T) {
	rt, address := startFlushing(t, python.FlushAtOnce)
	for _, path := range []string{"/lazy", "/compute", "/write"} {
		testFirstBlock(t, address, path)
	}
	get(t, address, "/set?now")
	r := get(t, address, "/lazy?now")
	if body := text(t, r); r.ContentLength != -1 || body != "first last" {
		t.Errorf("length %d, body %q: something was held back", r.ContentLength, body)
	}
	rt.close(t)
}

// runFlushLate has a long response-flush-delay.
func runFlushLate(t *testing.T) {
	const delay = 300 * time.Millisecond
	rt, address := startFlushing(t, delay)
	start := time.Now()
	r := get(t, address, "/lazy?late")
	first := make([]byte, len("first "))
	_, err := io.ReadFull(r.Body, first)
	if took := time.Since(start); err != nil || took < delay {
		t.Errorf("the first block came after %v, %v; it waits for %v", took, err, delay)
	}
	get(t, address, "/set?late")
	if rest := text(t, r); rest != "last" {
		t.Errorf("rest %q", rest)
	}
	r = get(t, address, "/lazy?late") // all of it is there before the delay is over
	if body := text(t, r); r.ContentLength != int64(len("first last")) || body != "first last" {
		t.Errorf("length %d, body %q: it did not wait for the rest", r.ContentLength, body)
	}
	rt.close(t)
}

// serviceScript waits for ever, and tells the file "notes" what happens.
const serviceScript = `
import atexit
import mod_wsgi
import os
import signal
import threading
import time

notes = os.path.join(os.path.dirname(__file__), "notes")

def note(text):
    with open(notes, "a") as f:
        f.write(text + "\n")

assert threading.current_thread() is threading.main_thread()
assert mod_wsgi.application_group == ""
mod_wsgi.subscribe_shutdown(lambda *args, **kwargs: note("process_stopping"))
atexit.register(note, "atexit")

class Awake(Exception):
    pass

def wake(*args):
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    note("SIGUSR1")
    raise Awake

signal.signal(signal.SIGUSR1, wake)
try:
    note("begins")
    time.sleep(3600)
except Awake:
    note("busy")
try:
    while True:
        pass
except SystemExit as exc:
    note("SystemExit %s" % exc.code)
    raise
`

// lent is what the first thread of this process is to run.
var lent = make(chan func())

func init() {
	if strings.HasSuffix(os.Getenv(variantVariable), "service") {
		goruntime.LockOSThread() // main, to the first thread
	}
}

// TestMain lends the first thread to the variant that needs it. The program ends
// with its tests, also when a failure left Python on that thread.
func TestMain(m *testing.M) {
	go func() { os.Exit(m.Run()) }()
	for run := range lent {
		run()
	}
}

// runService runs a script in place of requests: its handlers are called though
// it sleeps, and SIGTERM ends it though it is busy.
func runService(t *testing.T) {
	rt := startPython(t, func(o *python.Options) {
		o.Service, o.AllowSignals = true, true
		o.Lend = func(mainThread func()) { lent <- mainThread }
	})
	script := writeScript(t, serviceScript)
	notes := filepath.Join(filepath.Dir(script), "notes")
	done := make(chan int)
	go func() {
		status, err := rt.App(python.Script{Path: script}).RunService()
		if err != nil {
			t.Error(err)
		}
		done <- status
	}()
	await := func(want string, attempt ...func()) {
		t.Helper()
		reached := func() bool {
			for _, f := range attempt {
				f()
			}
			text, _ := os.ReadFile(notes)
			return string(text) == want
		}
		if !poll(t, reached) {
			text, err := os.ReadFile(notes)
			t.Fatalf("notes %q, %v; want %q\n%s", text, err, want, show(rt.log.since(0)))
		}
	}
	await("begins\n")
	// A signal just before the script sleeps does not wake it: that is CPython.
	await("begins\nSIGUSR1\nbusy\n", func() { kill(t, syscall.SIGUSR1) })
	kill(t, syscall.SIGTERM)
	if status := <-done; status != 0 {
		t.Errorf("status %d", status)
	}
	await("begins\nSIGUSR1\nbusy\nSystemExit None\n")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := rt.Close(ctx); err != nil {
		t.Error(err)
	}
	await("begins\nSIGUSR1\nbusy\nSystemExit None\natexit\n")
}

// kill sends this process a signal.
func kill(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), sig); err != nil {
		t.Fatal(err)
	}
}
