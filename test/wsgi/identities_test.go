package wsgi

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gophersnake/gophersnake/internal/python"
)

// identitiesScript counts the threads that it runs on, and what a thread keeps.
const identitiesScript = `import sqlite3, threading, time
threads, connections = set(), []
local = threading.local()
meeting = threading.Barrier(%d)

def application(environ, start_response):
    threads.add(threading.get_ident())
    if not hasattr(local, "connection"):
        local.connection = sqlite3.connect(":memory:")
        connections.append(local.connection)
    local.connection.execute("select 1")
    path = environ["PATH_INFO"]
    if path == "/sleep":
        time.sleep(0.003)
    if path == "/compute":
        end = time.thread_time() + 0.002
        while time.thread_time() < end:
            pass
    if path == "/read":
        environ["wsgi.input"].read()
    if path == "/meet":
        meeting.wait(60)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%%d %%d" %% (len(threads), len(connections))]
`

// fewThreads is fewer than Go has of its own for these requests.
const fewThreads = 3

// runIdentities: however requests come, an interpreter sees as many threads as may
// run at the same time, each of them keeps what is its own, and all of them are used.
func runIdentities(t *testing.T) {
	rt := startPython(t, func(o *python.Options) { o.Threads = fewThreads })
	for _, h := range rt.hosts() {
		t.Run(h.name(), func(t *testing.T) {
			address := serve(t, rt, h, writeScript(t, fmt.Sprintf(identitiesScript, fewThreads)))
			for range 5 {
				mixed(t, address)
				var met sync.WaitGroup
				for range fewThreads {
					met.Go(func() { askFor(t, address, "/meet", "") })
				}
				met.Wait()
			}
			want := fmt.Sprintf("%d %d", fewThreads, fewThreads)
			if got := text(t, get(t, address, "/")); got != want {
				t.Errorf("threads and connections to a database: %s, want %s", got, want)
			}
		})
	}
	rt.close(t)
}

// mixed sends requests that return at once, wait, compute and have a body.
func mixed(t *testing.T, address string) {
	var all sync.WaitGroup
	for i := range 16 {
		path := []string{"/", "/sleep", "/compute", "/read"}[i%4]
		body := map[string]string{"/read": strings.Repeat("x", 100_000)}[path]
		all.Go(func() {
			for range 20 {
				askFor(t, address, path, body)
			}
		})
	}
	all.Wait()
}

func askFor(t *testing.T, address, path, body string) {
	r, err := http.Post("http://"+address+path, "text/plain", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != 200 {
		t.Errorf("%s: status %d, %v", path, r.StatusCode, err)
	}
}
