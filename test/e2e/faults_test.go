package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

const faultScript = `import os, time
def application(environ, start_response):
    headers = [("X-Pid", str(os.getpid()))]
    if environ["PATH_INFO"] == "/head":
        headers += [("X-%d" % i, "v" * 30000) for i in range(9 * 2 ** 20 // 30000)]
    start_response("200 OK", headers)
    yield b"begun"
    if environ["PATH_INFO"] == "/wait":
        print("it waits")
        while not os.path.exists("go"):
            time.sleep(0.01)
    yield b" and done"
`

// TestNineMegabytesOfResponseHeaders: the request of an application that answers with
// them fails, what runs beside it does not, and the process lives on.
func TestNineMegabytesOfResponseHeaders(t *testing.T) {
	t.Parallel()
	for _, daemon := range []bool{false, true} {
		t.Run(map[bool]string{false: "embedded", true: "daemon"}[daemon], func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			write(t, dir, "app.py", faultScript)
			p := launch{dir: dir, daemon: daemon, args: []string{"--threads", "2", "app.py"}}.start(t)
			before := p.get("/").Header.Get("X-Pid")
			beside := p.ask("/wait")
			p.stderr.await(t, `it waits`)
			for range 3 {
				checkPage(t, p.get("/head"), http.StatusInternalServerError)
			}
			p.stderr.await(t, `ValueError: response head is larger than 8388608 bytes in all \(status and headers\); send large data in the body`)
			if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if r := beside(); r.StatusCode != http.StatusOK || r.body != "begun and done" {
				t.Errorf("beside it: %s, %q", r.Status, r.body)
			}
			if after := p.get("/").Header.Get("X-Pid"); after != before {
				t.Errorf("process %s answers, before it was %s", after, before)
			}
		})
	}
}
