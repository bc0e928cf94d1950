package wsgi

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/ring"
)

const otherRequestScript = `
import os

def application(environ, start_response):
    print("running")
    with open(os.path.join(os.path.dirname(__file__), "go"), "rb") as go:
        go.read()
    if environ["PATH_INFO"] == "/whole":
        start_response("200 OK", [])
        return [b"mine"]
    if environ["PATH_INFO"] == "/file":
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    write = start_response("200 OK", [("Content-Length", "300000")])
    for _ in range(3):
        write(b"m" * 100000)
    return []
`

// runOtherRequest: the server gives a slot to another request while the first one
// runs, whose answer is whole, comes in pieces or is a file. Its thread writes
// nothing of that into the slot, passes no file for it, and says so.
func runOtherRequest(path string) func(t *testing.T) {
	return func(t *testing.T) {
		rt := startPython(t)
		testOtherRequest(t, rt, path)
		rt.close(t)
	}
}

func testOtherRequest(t *testing.T, rt *runtime, path string) {
	script := writeScript(t, otherRequestScript)
	gate := filepath.Join(filepath.Dir(script), "go")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	mark := rt.log.mark()
	logged := func(text string) func() bool {
		return func() bool { return strings.Contains(show(rt.log.since(mark)), text) }
	}
	got, result := &memory{}, make(chan error, 1)
	request := &gateway.Request{Method: "GET", PathInfo: path, Start: time.Now()}
	go func() { result <- rt.hosts()[0].app(script).Serve(context.Background(), request, got) }()
	if !poll(t, logged("running")) {
		t.Fatal("it does not run")
	}
	words, state := rt.daemon.runningSlot(t)
	other := atomic.AddUint32(state, 1<<3) // the next generation, running
	before := string(words)
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !poll(t, logged("An answer is dropped: slot 0 was given to another request")) {
		t.Errorf("the log says nothing:\n%s", show(rt.log.since(mark)))
	}
	if atomic.LoadUint32(state) != other || string(words) != before {
		t.Error("the slot was written to")
	}
	if rt.daemon.catchUp(t); rt.daemon.passed.Load() != 0 {
		t.Error("a file was passed for the other request")
	}
	rt.daemon.group.Drain(rt.daemon.process) // lets the server look at its requests
	if err := <-result; err == nil || got.body.Len() > 0 {
		t.Errorf("%v, %d bytes", err, got.body.Len())
	}
}

// runningSlot returns the words of the first slot, which must be running: what
// a thread writes of a result and of pieces, and the state.
func (d *daemonHost) runningSlot(t *testing.T) (words []byte, state *uint32) {
	t.Helper()
	number := func(at int) int { return int(binary.LittleEndian.Uint32(d.memory[at:])) }
	slots, cells := number(0x008), number(0x00c)
	const page = 4096
	first := (page + 8*((slots+63)/64) + 8*cells + page - 1) / page * page
	state = (*uint32)(unsafe.Pointer(&d.memory[first]))
	if ring.State(atomic.LoadUint32(state)&7) != ring.Running {
		t.Fatalf("the state of slot 0 is %#x", atomic.LoadUint32(state))
	}
	return d.memory[first+0x0c0:][:0x200-0x0c0], state
}
