package wsgi

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/python"
)

const processorsScript = `
import time

PAUSES = {"/sleep": 0.005, "/doze": 0.012}

def application(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] in PAUSES:
        time.sleep(PAUSES[environ["PATH_INFO"]])
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

// Of many calls that were short so few are measured that it takes more than
// fewDozes others to be told by those: the first may be, then one of 32, and
// three have to be.
const (
	manyShort = 2048
	fewDozes  = 63
)

// runProcessors checks that the program is told when requests keep Go's
// processors: those that wait a little, one after the other, and, before enough
// of them are measured, some that wait long after many that were short.
func runProcessors(t *testing.T) {
	var k kept
	rt := startPython(t, func(o *python.Options) { o.Threads, o.KeepsProcessors = 3, k.tell })
	app := embedded{rt, "", ""}.app(writeScript(t, processorsScript))
	request := func(path string) {
		if err := app.Serve(context.Background(), &gateway.Request{Method: "GET", PathInfo: path, Start: time.Now()}, &memory{}); err != nil {
			t.Error(err)
		}
	}
	until := func(path string, some func(), want ...int) {
		t.Helper()
		if !poll(t, func() bool { some(); return k.is(want...) }) {
			t.Fatalf("requests %s: told %v, want %v", path, k.all(), want)
		}
	}
	requests := func(path string, n int) {
		for range n {
			request(path)
		}
	}
	dozes := func() {
		requests("/", manyShort)
		for i := 0; i < fewDozes && !k.is(3, 0, 3); i += 3 {
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() { request("/doze") })
			}
			wg.Wait()
		}
	}
	until("/sleep", func() { requests("/sleep", 32) }, 3)
	until("/", func() { requests("/", 32) }, 3, 0)
	until("/doze", dozes, 3, 0, 3)
	rt.close(t)
}
