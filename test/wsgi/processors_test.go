package wsgi

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/python"
)

const processorsScript = `
import os, time

def application(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/sleep":
        time.sleep(0.005)
    if environ["PATH_INFO"] == "/stop":
        with open(os.path.join(os.path.dirname(__file__), "go"), "rb") as go:
            go.read()
    return [b"x"]
`

// kept records what Options.KeepsProcessors is told.
type kept struct {
	mu   sync.Mutex
	told []int
}

func (k *kept) tell(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.told = append(k.told, n)
}

func (k *kept) all() []int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.told)
}

func (k *kept) is(want ...int) bool { return slices.Equal(k.all(), want) }

// runProcessors checks that the program is told when requests keep Go's
// processors: those that wait a little, one after the other, and a single one
// that does not come back.
func runProcessors(t *testing.T) {
	var k kept
	rt := startPython(t, func(o *python.Options) { o.Threads, o.KeepsProcessors = 3, k.tell })
	script := writeScript(t, processorsScript)
	gate := filepath.Join(filepath.Dir(script), "go")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	app := embedded{rt, "", ""}.app(script)
	request := func(path string) {
		if err := app.Serve(context.Background(), &gateway.Request{Method: "GET", PathInfo: path, Start: time.Now()}, &memory{}); err != nil {
			t.Error(err)
		}
	}
	until := func(what string, want ...int) {
		t.Helper()
		again := func() bool {
			for range 32 {
				request("/" + what)
			}
			return k.is(want...)
		}
		if !poll(t, again) {
			t.Fatalf("requests /%s: told %v, want %v", what, k.all(), want)
		}
	}
	until("sleep", 3)
	until("", 3, 0)
	stopped := make(chan struct{})
	go func() { request("/stop"); close(stopped) }()
	if !poll(t, func() bool { return k.is(3, 0, 3) }) {
		t.Errorf("a request that does not come back: told %v, want [3 0 3]", k.all())
	}
	if err := os.WriteFile(gate, nil, 0); err != nil {
		t.Fatal(err)
	}
	<-stopped
	rt.close(t)
}
