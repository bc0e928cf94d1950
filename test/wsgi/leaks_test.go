package wsgi

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// leakScript answers in every way there is; GET /objects counts what is alive.
const leakScript = `
import gc
import os
import sys
import mod_wsgi

def lazy(n):
    for _ in range(3):
        yield b"x" * n

def failing(n):
    yield b"x" * n
    raise ValueError("late")

class Closing:
    def __iter__(self):
        return iter([b"x"])
    def close(self):
        raise ValueError("close")

def attempt(f, *args):
    try:
        f(*args)
    except Exception as exc:
        return exc

def application(environ, start_response):
    kind = environ["PATH_INFO"]
    if kind == "/objects":
        gc.collect()
        sentinels = (None, True, False, environ["wsgi.file_wrapper"], mod_wsgi.RequestTimeout,
                     type(environ["wsgi.input"]), type(environ["wsgi.errors"].buffer), type(start_response),
                     gc, application, ValueError, start_response.__class__, (), "", b"")
        counts = [len(gc.get_objects()), sys.getallocatedblocks()] + [sys.getrefcount(o) for o in sentinels]
        counts = [c for c in counts if c < 1 << 29]  # immortal
        start_response("200 OK", [])
        return [" ".join(map(str, counts)).encode()]
    if kind == "/unstarted":
        return [b"x"]
    if kind == "/arguments":
        for args in ((200, []), ("200 OK", ()), ("2000", []), ("200 OK", [("a",)]), ("200 OK", [["a", "b"]]),
                     ("200 OK", [("a", "\n")]), ("200 OK", [("\u20ac", "b")]), ("200 OK", [("a", 1)]),
                     ("200 OK", [], 5), ("200", [], (ValueError, ValueError("v"), None)), ()):
            attempt(start_response, *args)
        for method in ("read", "readline", "readlines"):
            attempt(getattr(environ["wsgi.input"], method), "x")
        attempt(environ["wsgi.errors"].buffer.write, "x")
        attempt(environ["wsgi.errors"].buffer.writelines, [b"", 5])
        attempt(environ["wsgi.errors"].fileno)
    write = start_response("200 OK", [("X-\xe4", "\xe4"), ("Content-Length", "x")] if kind in ("/length", "/filelength") else [("X", "\xe4\xe5\xe6")])
    if kind == "/raise":
        raise ValueError("early")
    if kind == "/again":
        write(b"x")
        attempt(start_response, "200 OK", [])
        try:
            raise ValueError("v")
        except ValueError:
            attempt(start_response, "200 OK", [], sys.exc_info())
        attempt(write, "x")
    if kind == "/write":
        write(b"x" * 50000)
        return []
    if kind == "/timeout":
        raise mod_wsgi.RequestTimeout()
    if kind in ("/large", "/filelarge"):
        start_response("200 OK", [("X", "v" * 40000)])
    if kind == "/keep":
        return [repr(environ).encode(), repr(mod_wsgi.request_data()).encode()]
    if kind == "/log":
        print("partial", end="")
        environ["wsgi.errors"].write("partial")
        environ["kept"] = environ["wsgi.errors"].buffer
    body = environ["wsgi.input"]
    return {
        "/read": lambda: [body.read()], "/readlines": body.readlines, "/iterate": lambda: list(body),
        "/readline": lambda: [body.readline(5), body.readline(), body.read(3), body.read(70000)],
        "/lazy": lambda: lazy(10), "/lazylarge": lambda: lazy(50000), "/failing": lambda: failing(50000),
        "/closing": Closing, "/file": lambda: environ["wsgi.file_wrapper"](open(__file__, "rb")),
        "/filelarge": lambda: environ["wsgi.file_wrapper"](open(__file__, "rb")),
        "/filelength": lambda: environ["wsgi.file_wrapper"](open(__file__, "rb")),
        "/type": lambda: [5], "/none": lambda: None, "/str": lambda: iter(["x"]),
    }.get(kind, lambda: [b"x"])()
`

// leakKinds are the paths of leakScript.
var leakKinds = strings.Fields(`/ /unstarted /arguments /length /raise /again /write /timeout /large /keep /log
	/read /readlines /iterate /readline /lazy /lazylarge /failing /closing /file /filelarge /filelength /type /none /str`)

// runLeaks asks for everything thousands of times and looks at what stays.
func runLeaks(t *testing.T) {
	rt := startPython(t)
	for _, h := range rt.hosts() {
		t.Run(h.name(), func(t *testing.T) { testLeaks(t, rt, h.app(writeScript(t, leakScript)), h.group()) })
	}
	rt.close(t)
}

func testLeaks(t *testing.T, rt *runtime, app gateway.App, group string) {
	for _, kind := range leakKinds {
		var growth string
		before := measure(t, app, group)
		// caches fill up and then rest; what leaks goes on
		for range 6 {
			many(app, group, kind, leakRounds)
			rt.log.forget()
			after := measure(t, app, group)
			if growth = after.growth(before); growth == "" {
				break
			}
			before = after
		}
		if growth != "" {
			t.Errorf("%s: in %d requests %s", kind, leakRounds, growth)
		}
	}
	settle(t, app, group, rt)
}

// leakRounds is how many requests of a kind are made between measurements.
const leakRounds = 300

// growth says what has become more since before, if anything has.
func (m measurement) growth(before measurement) string {
	for i := range m.objects {
		if more := m.objects[i] - before.objects[i]; more > leakRounds/4 {
			return fmt.Sprintf("count %d grew by %d", i, more)
		}
	}
	if m.descriptors > before.descriptors+2 {
		return fmt.Sprintf("%d descriptors became %d", before.descriptors, m.descriptors)
	}
	return ""
}

// settle asks for everything until the resident size stays where it is.
func settle(t *testing.T, app gateway.App, group string, rt *runtime) {
	const limit = 2 << 20
	var last, growth int64
	for range 8 {
		for _, kind := range leakKinds {
			many(app, group, kind, 200)
			rt.log.forget()
		}
		goruntime.GC()
		now := resident(t)
		if growth = now - last; growth < limit/4 {
			return
		}
		last = now
	}
	if growth > limit {
		t.Errorf("the process grew by %d bytes in the last round of %d requests", growth, 200*len(leakKinds))
	}
}

// many makes n requests from four goroutines.
func many(app gateway.App, group, kind string, n int) {
	body := bytes.Repeat([]byte("0123456789\n"), 10000)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range n / 4 {
				r := &gateway.Request{Method: "POST", PathInfo: kind, ApplicationGroup: group,
					Prefix: body[:20000], Body: bytes.NewReader(body[20000:]), ContentLength: int64(len(body))}
				// failures are what is asked for
				_ = app.Serve(context.Background(), r, &memory{})
			}
		})
	}
	all.Wait()
}

type measurement struct {
	objects     []int
	descriptors int
}

func measure(t *testing.T, app gateway.App, group string) (m measurement) {
	t.Helper()
	w := &memory{}
	r := &gateway.Request{Method: "GET", PathInfo: "/objects", ApplicationGroup: group}
	if err := app.Serve(context.Background(), r, w); err != nil {
		t.Fatal(err)
	}
	for _, field := range strings.Fields(w.body.String()) {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		m.objects = append(m.objects, n)
	}
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	m.descriptors = len(open)
	return m
}

// resident returns the resident size of this process in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
