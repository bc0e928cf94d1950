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

// measuredAtLeast is how many calls there are from one that is measured to the
// next when they have all been short.
const measuredAtLeast = 1024

// runProcessors checks that the program is told when requests keep Go's
// processors: those that wait a little, one after the other, and, before the
// first of them is measured, some that wait long after many that were short.
func runProcessors(t *testing.T) {
	var k kept
	rt := startPython(t, func(o *python.Options) { o.Threads, o.KeepsProcessors = 3, k.tell })
	app := embedded{rt, "", ""}.app(writeScript(t, processorsScript))
	requests := 0
	request := func(path string) {
		if err := app.Serve(context.Background(), &gateway.Request{Method: "GET", PathInfo: path, Start: time.Now()}, &memory{}); err != nil {
			t.Error(err)
		}
	}
	until := func(path string, want ...int) {
		t.Helper()
		again := func() bool {
			for range 32 {
				request(path)
				requests++
			}
			return k.is(want...)
		}
		if !poll(t, again) {
			t.Fatalf("requests %s: told %v, want %v", path, k.all(), want)
		}
	}
	until("/sleep", 3)
	until("/", 3, 0)
	for requests < measuredAtLeast || requests%measuredAtLeast != 0 {
		request("/")
		requests++
	}
	for i := 0; i < measuredAtLeast/2 && !k.is(3, 0, 3); i += 3 {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { request("/doze") })
		}
		wg.Wait()
	}
	if !k.is(3, 0, 3) {
		t.Errorf("requests /doze: told %v, want [3 0 3]", k.all())
	}
	rt.close(t)
}
