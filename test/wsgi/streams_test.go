package wsgi

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
)

// runStreams tests what depends on when bytes arrive.
func runStreams(t *testing.T, rt *runtime, h host) {
	t.Run("block-while-waiting", func(t *testing.T) { testBlockWhileWaiting(t, rt, h) })
	t.Run("block-while-computing", func(t *testing.T) { testBlockWhileComputing(t, rt, h) })
	t.Run("length-of-lazy", func(t *testing.T) { testLengthOfLazy(t, rt, h) })
	t.Run("disconnect", func(t *testing.T) { testDisconnect(t, rt, h) })
	t.Run("disconnect-from-nothing", func(t *testing.T) { testDisconnectFromNothing(t, rt, h) })
	t.Run("half-closed", func(t *testing.T) { testHalfClosed(t, rt, h) })
	t.Run("slow-upload", func(t *testing.T) { testSlowUpload(t, rt, h) })
	t.Run("all-threads-busy", func(t *testing.T) { testAllThreadsBusy(t, rt, h) })
}

// get sends a request and returns the response with its body unread.
func get(t testing.TB, address, path string) *http.Response {
	t.Helper()
	r, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	return r
}

// text returns the whole body of a response.
func text(t testing.TB, r *http.Response) string {
	t.Helper()
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Errorf("read body: %v", err)
	}
	return string(body)
}

const waitingScript = `
import threading
import time

events = {}

def event(environ):
    return events.setdefault(environ["QUERY_STRING"], threading.Event())

def body(environ):
    yield b"first "
    assert event(environ).wait(60)
    yield b"last"

def compute(environ):
    yield b"first "
    while not event(environ).is_set():
        pass
    yield b"last"

def application(environ, start_response):
    path = environ["PATH_INFO"]
    headers = [("Content-Length", "10")] if path == "/length" else []
    write = start_response("200 OK", headers)
    if path == "/set":
        event(environ).set()
        return []
    if path == "/write":
        write(b"first ")
        assert event(environ).wait(60)
        write(b"last")
        return []
    if path == "/compute":
        return compute(environ)
    return body(environ)
`

// testBlockWhileWaiting: a block is on its way although the application waits
// for another request.
func testBlockWhileWaiting(t *testing.T, rt *runtime, h host) {
	address := serve(t, rt, h, writeScript(t, waitingScript))
	for _, path := range []string{"/lazy", "/length", "/write"} {
		t.Run(path[1:], func(t *testing.T) {
			testFirstBlock(t, address, path)
		})
	}
}

func testBlockWhileComputing(t *testing.T, rt *runtime, h host) {
	testFirstBlock(t, serve(t, rt, h, writeScript(t, waitingScript)), "/compute")
}

// testFirstBlock reads the first block of several responses before it lets the
// application go on, and wants the quickest one soon.
func testFirstBlock(t *testing.T, address, path string) {
	best := patience
	for i := range 10 {
		query := fmt.Sprintf("?%s%d", path, i)
		start := time.Now()
		r := get(t, address, path+query)
		first := make([]byte, len("first "))
		if _, err := io.ReadFull(r.Body, first); err != nil || string(first) != "first " {
			t.Fatalf("first block %q: %v", first, err)
		}
		best = min(best, time.Since(start))
		get(t, address, "/set"+query)
		if rest := text(t, r); rest != "last" {
			t.Fatalf("rest of the body %q", rest)
		}
	}
	if best > 60*time.Millisecond {
		t.Errorf("the first block took %v at best", best)
	}
}

// testLengthOfLazy: an iterable that ends at once is answered with its length,
// as long as nothing delays it.
func testLengthOfLazy(t *testing.T, rt *runtime, h host) {
	address := serve(t, rt, h, writeScript(t, `
def application(environ, start_response):
    start_response("200 OK", [])
    yield b"some"
    yield b""
    yield b"thing"
`))
	ended := poll(t, func() bool {
		r := get(t, address, "/")
		if body := text(t, r); body != "something" {
			t.Errorf("body %q", body)
		}
		return r.ContentLength == 9
	})
	if !ended {
		t.Error("never answered with Content-Length")
	}
}

const endlessScript = `
class Endless:
    def __iter__(self):
        return self

    def __next__(self):
        return b"x" * 10000

    def close(self):
        print("closed endless")

def application(environ, start_response):
    write = start_response("200 OK", [])
    if environ["PATH_INFO"] == "/iterate":
        return Endless()
    try:
        while True:
            write(b"x" * 10000)
    except OSError as exc:
        print("write said: %s" % exc)
    return []
`

// testDisconnect: a client that goes away ends the response, close() is
// called, and nothing is an error.
func testDisconnect(t *testing.T, rt *runtime, h host) {
	address := serve(t, rt, h, writeScript(t, endlessScript))
	for path, record := range map[string]string{
		"/iterate": "info: ^closed endless$",
		"/write":   "info: ^write said: mod_wsgi client connection closed$",
	} {
		mark := rt.log.mark()
		r := get(t, address, path)
		if _, err := io.CopyN(io.Discard, r.Body, 100000); err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		wanted, err := parseExpectations(record)
		if err != nil {
			t.Fatal(err)
		}
		rt.log.expect(t, mark, wanted)
		for _, entry := range rt.log.since(mark) {
			if entry.Level <= logs.Warn {
				t.Errorf("%s: %v record %s", path, entry.Level, entry.Message)
			}
		}
	}
}

const emptyScript = `
import time

class Empty:
    def __init__(self, first):
        self.blocks = [first]

    def __iter__(self):
        return self

    def __next__(self):
        time.sleep(0.01)
        print("yields")
        return self.blocks.pop() if self.blocks else b""

    def close(self):
        print("closed empty")

def few():
    print("few begins")
    for block in (b"", b"", b"few"):
        time.sleep(0.05)
        yield block

def application(environ, start_response):
    write = start_response("200 OK", [])
    path = environ["PATH_INFO"]
    if path == "/iterate":
        return Empty(b"")
    if path == "/after-a-block":
        return Empty(b"block")
    if path == "/few":
        return few()
    try:
        while True:
            write(b"")
            print("writes")
            time.sleep(0.01)
    except OSError as exc:
        print("write said: %s" % exc)
    return []
`

// ask sends a request for path on a connection that belongs to the caller.
func ask(t *testing.T, address, path string) *client {
	t.Helper()
	c, err := dial(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	head := "GET " + path + " HTTP/1.1"
	if target, ok := strings.CutSuffix(path, " POST"); ok { // with a body that nobody reads
		head = "POST " + target + " HTTP/1.1\nContent-Length: 1000000\n\n" + strings.Repeat("x", 100000)
	}
	if err := c.request(head); err != nil {
		t.Fatal(err)
	}
	return c
}

// testDisconnectFromNothing: a response that sends nothing ends when its client
// has left, and nothing is an error.
func testDisconnectFromNothing(t *testing.T, rt *runtime, h host) {
	address := serve(t, rt, h, writeScript(t, emptyScript))
	for path, records := range map[string][2]string{
		"/iterate":       {"info: ^yields$", "info: ^closed empty$"},
		"/after-a-block": {"info: ^yields$", "info: ^closed empty$"},
		"/write":         {"info: ^writes$", "info: ^write said: mod_wsgi client connection closed$"},
		"/iterate POST":  {"info: ^yields$", "info: ^closed empty$"},
	} {
		mark := rt.log.mark()
		c := ask(t, address, path)
		for _, record := range records {
			wanted, err := parseExpectations(record)
			if err != nil {
				t.Fatal(err)
			}
			rt.log.expect(t, mark, wanted)
			c.conn.Close() // when the response runs, and once more when it has ended
		}
		for _, entry := range rt.log.since(mark) {
			if entry.Level <= logs.Warn {
				t.Errorf("%s: %v record %s", path, entry.Level, entry.Message)
			}
		}
	}
}

// testHalfClosed: a client that has only closed its side is answered, also when
// the answer begins with nothing. A request that still waits for a thread would be
// given up: there such a client looks like one that has left.
func testHalfClosed(t *testing.T, rt *runtime, h host) {
	address := serve(t, rt, h, writeScript(t, emptyScript))
	begins, err := parseExpectations("info: ^few begins$")
	if err != nil {
		t.Fatal(err)
	}
	mark := rt.log.mark()
	c := ask(t, address, "/few")
	rt.log.expect(t, mark, begins)
	if err := c.closeWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := c.response()
	if err != nil || answer.body != "few" {
		t.Errorf("got %+v, %v", answer, err)
	}
}

// testSlowUpload: the application reads what has arrived of a body whose end
// is still to come, while other requests are served.
func testSlowUpload(t *testing.T, rt *runtime, h host) {
	address := serve(t, rt, h, writeScript(t, `
lines = []

def application(environ, start_response):
    start_response("200 OK", [])
    if environ["REQUEST_METHOD"] == "GET":
        return [str(len(lines)).encode()]
    del lines[:]
    for line in environ["wsgi.input"]:
        lines.append(line)
    return [str(sum(map(len, lines))).encode()]
`))
	line := strings.Repeat("x", 99) + "\n"
	body, send := io.Pipe()
	var sending sync.WaitGroup
	sending.Go(func() {
		// an error is reported by the request
		io.WriteString(send, strings.Repeat(line, 1000))
		poll(t, func() bool { return text(t, get(t, address, "/")) == "1000" })
		io.WriteString(send, "the end")
		send.Close()
	})
	r, err := http.Post("http://"+address+"/", "text/plain", bufio.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if got := text(t, r); got != "100007" {
		t.Errorf("the application read %s bytes", got)
	}
	sending.Wait()
}

// testAllThreadsBusy: requests beyond the number of threads wait and are then
// served.
func testAllThreadsBusy(t *testing.T, rt *runtime, h host) {
	address := serve(t, rt, h, writeScript(t, `
import threading

lock = threading.Lock()
now = most = 0
full = threading.Event()

def application(environ, start_response):
    global now, most
    with lock:
        now += 1
        most = max(most, now)
        if now == 8:
            full.set()
    full.wait(20)
    with lock:
        now -= 1
    start_response("200 OK", [])
    return [str(most).encode()]
`))
	var all sync.WaitGroup
	for range 3 * threads {
		all.Go(func() {
			r, err := http.Get("http://" + address + "/")
			if err != nil {
				t.Error(err)
				return
			}
			if most := text(t, r); most != fmt.Sprint(threads) {
				t.Errorf("%s requests ran at the same time, want %d", most, threads)
			}
		})
	}
	all.Wait()
}
