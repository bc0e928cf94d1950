package wsgi

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/python"
)

const queueScript = `
import os

def application(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/wait":
        print("running")
        with open(os.path.join(os.path.dirname(__file__), "go"), "rb") as go:
            go.read()
    return [b"x"]
`

// runQueue has one thread, for which few may wait: one more is refused at once,
// and who has waited too long is, too.
func runQueue(t *testing.T) {
	const waiting, refused, limit = 2, 3, time.Hour
	rt := startPython(t, func(o *python.Options) { o.Threads, o.Backlog, o.QueueTimeout = 1, waiting, limit })
	script := writeScript(t, queueScript)
	gate := filepath.Join(filepath.Dir(script), "go")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	app := embedded{rt, "", ""}.app(script)
	results := make(chan error)
	request := func(path string, age time.Duration) {
		results <- app.Serve(context.Background(), &gateway.Request{Method: "GET", PathInfo: path, Start: time.Now().Add(-age)}, &memory{})
	}
	logged := func(text string) int { return strings.Count(show(rt.log.since(0)), text) }
	go request("/wait", 2*limit) // that it is old does not matter: it finds a place
	if !poll(t, func() bool { return logged("running") > 0 }) {
		t.Fatal("the first request does not run")
	}
	go request("/", 2*limit)
	wantBusy(t, <-results)
	for range waiting + refused {
		go request("/", 0)
	}
	for range refused {
		wantBusy(t, <-results)
	}
	if n := logged("error: busy: 2 requests wait already (listen-backlog) for one of 1 threads"); n != refused {
		t.Errorf("%d lines of the log tell of the backlog, want %d", n, refused)
	}
	if n := logged("error: busy: none of 1 threads became free within the queue-timeout of 1h0m0s"); n != 1 {
		t.Errorf("%d lines of the log tell of the time-out, want 1", n)
	}
	if err := os.WriteFile(gate, nil, 0); err != nil {
		t.Fatal(err)
	}
	for range waiting + 1 {
		if err := <-results; err != nil {
			t.Errorf("a request that waited: %v", err)
		}
	}
	rt.close(t)
}

func wantBusy(t *testing.T, err error) {
	t.Helper()
	var failure *gateway.Error
	if !errors.As(err, &failure) || failure.Kind != gateway.Busy {
		t.Errorf("got %v, want that it is busy", err)
	}
}
