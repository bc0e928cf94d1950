package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

const loopScript = `import os, threading
if os.path.exists("crash"):
    threading.Timer(0, os._exit, [3]).start()
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]
`

// TestCrashLoop: processes that die as soon as they are in service are started at
// growing intervals. When the reason is gone the requests that waited are served.
func TestCrashLoop(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", loopScript)
	p := launch{dir: dir, daemon: true, args: []string{"app.py"}}.start(t)
	p.expect("/", 200, "hello")
	crash := filepath.Join(dir, "crash")
	if err := os.WriteFile(crash, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(p.onlyDaemon(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.stderr.await(t, `ended: killed by signal 9 \(killed\); it lived .*; another one is started at once`)
	for _, wait := range []string{"at once", "in 1s", "in 2s", "in 4s"} {
		p.stderr.await(t, `process 1 \(pid [0-9]+\) (ended: exited with status 3; it lived .*; another one is started|could not start: exited with status 3 before it was ready; it is tried again) `+wait)
	}
	if err := os.Remove(crash); err != nil {
		t.Fatal(err)
	}
	p.expect("/", 200, "hello")
}
