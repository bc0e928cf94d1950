package wsgi

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/python"
)

// farewellScript tells the file NAME.GROUP what happens at the end.
const farewellScript = `
import atexit
import io
import os
import sys
import mod_wsgi

notes = os.path.join(os.path.dirname(__file__), "notes." + (mod_wsgi.application_group or "main"))

def note(text):
    with open(notes, "a") as f:
        f.write(text + "\n")

def stopping(name, **payload):
    note("%s %r" % (name, payload))

def failing(name, **payload):
    raise ValueError("in a callback")

mod_wsgi.subscribe_shutdown(failing)
assert mod_wsgi.subscribe_shutdown(stopping) is stopping
mod_wsgi.subscribe_events(lambda name, **payload: name == "process_stopping" and note("event"))
def probed():
    """Ask what packages ask that look for a terminal."""
    try:
        note("atexit %d" % sys.stdout.fileno())
    except io.UnsupportedOperation:
        note("atexit")

atexit.register(probed)
atexit.register(print, "printed at exit", end="")

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"x"]
`

// runFarewell ends a main interpreter and two others: callbacks first, then the
// exit handlers, in each.
func runFarewell(t *testing.T) { testFarewell(t, "") }

// runFarewellThreads is the same with threads that do not end.
func runFarewellThreads(t *testing.T) {
	testFarewell(t, `
import _thread
import logging
import threading
import time

def forever():
    while True:
        time.sleep(0.001)

def wait():
    threading.Event().wait()

threading.Thread(target=forever, daemon=True).start()
threading.Thread(target=wait, daemon=True).start()
_thread.start_new_thread(forever, ())
logging.warning("so that the thread has a name")
`)
}

func testFarewell(t *testing.T, more string) {
	rt := startPython(t)
	script := writeScript(t, more+farewellScript)
	for _, group := range []string{"", "one", "two"} {
		address := serve(t, rt, embedded{rt, "", group}, script)
		for range 20 {
			text(t, get(t, address, "/"))
		}
	}
	http.DefaultClient.CloseIdleConnections()
	mark := rt.log.mark()
	rt.close(t)
	want := "process_stopping {'shutdown_reason': ''}\nevent\natexit\n"
	for _, group := range []string{"main", "one", "two"} {
		notes, err := os.ReadFile(filepath.Join(filepath.Dir(script), "notes."+group))
		if err != nil || string(notes) != want {
			t.Errorf("group %s: %q, error %v, want %q", group, notes, err, want)
		}
	}
	log := show(rt.log.since(mark))
	if n := strings.Count(log, "WSGI0112: Exception raised by callback for event 'process_stopping'"); n != 3 {
		t.Errorf("%d failed callbacks in the log, want 3:\n%s", n, log)
	}
	if n := strings.Count(log, "printed at exit"); n != 3 {
		t.Errorf("%d lines of exit handlers in the log, want 3:\n%s", n, log)
	}
	if rt.daemon == nil {
		testAfterClose(t, rt)
	}
}

// testAfterClose: a closed Runtime refuses everything, at once.
func testAfterClose(t *testing.T, rt *runtime) {
	for _, group := range []string{"", "one", "new"} {
		app := rt.App(python.Script{Path: writeScript(t, ""), Callable: "application"})
		if err := app.Preload(group); !errors.Is(err, python.ErrClosed) {
			t.Errorf("Preload into %q after Close: %v", group, err)
		}
		err := app.Serve(context.Background(), &gateway.Request{Method: "GET", ApplicationGroup: group}, &memory{})
		if !errors.Is(err, python.ErrClosed) {
			t.Errorf("Serve in %q after Close: %v", group, err)
		}
	}
	if _, err := python.Start(python.Options{Threads: 1}); !errors.Is(err, python.ErrStarted) {
		t.Errorf("second Start: %v", err)
	}
}

const busyScript = `
import os
import threading

inside = threading.Event()

def application(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/wait":
        inside.set()
        with open(os.path.join(os.path.dirname(__file__), "go"), "rb") as go:
            go.read()
    else:
        inside.wait(60)
    return [b"x"]
`

// runBusy closes Python while a request does not end.
func runBusy(t *testing.T) {
	rt := startPython(t)
	script := writeScript(t, busyScript)
	gate := filepath.Join(filepath.Dir(script), "go")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	app := embedded{rt, "", ""}.app(script)
	request := func(path string) error {
		return app.Serve(context.Background(), &gateway.Request{Method: "GET", PathInfo: path}, &memory{})
	}
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if err := request("/wait"); err != nil {
			t.Errorf("the request that runs: %v", err)
		}
	})
	if err := request("/inside"); err != nil {
		t.Fatal(err)
	}
	closeImpatiently(t, rt, func() bool { return errors.Is(request("/inside"), python.ErrClosed) })
	// Python is as it was: the request ends when what it waits for comes.
	if err := os.WriteFile(gate, nil, 0); err != nil {
		t.Error(err)
	}
	waiting.Wait()
}

// closeImpatiently closes Python, and gives up when refused reports true. Close
// takes the free places one by one, so that this is when nobody gets in.
func closeImpatiently(t *testing.T, rt *runtime, refused func() bool) {
	ctx, cancel := context.WithCancelCause(context.Background())
	errImpatient := errors.New("impatient")
	var closing sync.WaitGroup
	closing.Go(func() {
		if err := rt.Close(ctx); !errors.Is(err, errImpatient) {
			t.Errorf("Close with a request running: %v", err)
		}
	})
	if !poll(t, refused) {
		t.Error("requests are not refused while Close waits")
	}
	cancel(errImpatient)
	closing.Wait()
}
