package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
)

const largeScript = `BLOCK = b"0123456789abcdef" * 65536
def application(environ, start_response):
    megabytes = int(environ["QUERY_STRING"] or 0)
    if environ["REQUEST_METHOD"] == "POST":
        size = 0
        while data := environ["wsgi.input"].read(100_000):
            size += len(data)
        start_response("200 OK", [])
        return [b"%d" % size]
    start_response("200 OK", [("Content-Length", str(megabytes << 20))])
    return (BLOCK for _ in range(megabytes))
`

// memoryLimit is how much a process may grow while it passes on a large body.
const memoryLimit = 10 << 10 // kilobytes

// TestLargeBodies: what goes through a daemon stays in no memory, however much
// it is: 1 GB with -full.
func TestLargeBodies(t *testing.T) {
	dir := tempDir(t)
	write(t, dir, "app.py", largeScript)
	p := launch{dir: dir, daemon: true, args: []string{"--limit-request-body", "0", "app.py"}}.start(t)
	megabytes := count(1024, 100)
	upload := func(megabytes int) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url, io.LimitReader(zeroes{}, int64(megabytes)<<20))
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = int64(megabytes) << 20
		if answer, err := read(client(t).Do(r)); err != nil || answer.body != fmt.Sprint(megabytes<<20) {
			t.Errorf("upload of %d MB: %q, %v", megabytes, answer.body, err)
		}
	}
	download := func(megabytes int) {
		answer, err := client(t).Get(p.url + "/?" + strconv.Itoa(megabytes))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if n, err := io.Copy(io.Discard, answer.Body); err != nil || n != int64(megabytes)<<20 {
			t.Errorf("download of %d MB: %d bytes, %v", megabytes, n, err)
		}
	}
	for name, transfer := range map[string]func(int){"upload": upload, "download": download} {
		t.Run(name, func(t *testing.T) {
			transfer(20) // what is needed once
			processes := map[string]int{"server": p.roleOf("server")[0], "daemon": p.roleOf("daemon")[0]}
			before := map[string]int{}
			for role, pid := range processes {
				forgetPeak(t, pid)
				before[role] = memoryOf(t, pid, "VmRSS")
			}
			transfer(megabytes)
			for role, pid := range processes {
				grown := memoryOf(t, pid, "VmHWM") - before[role]
				if grown > memoryLimit {
					t.Errorf("%s of %d MB: the %s process has grown by %d kB", name, megabytes, role, grown)
				}
				t.Logf("%s of %d MB: the %s process grows from %d kB by at most %d", name, megabytes, role, before[role], grown)
			}
		})
	}
}

// zeroes never ends.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// forgetPeak makes the present size of a process its largest so far.
func forgetPeak(t *testing.T, pid int) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}

// memoryOf returns a figure of a process in kilobytes.
func memoryOf(t *testing.T, pid int, field string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s in %s", field, text)
	return 0
}
