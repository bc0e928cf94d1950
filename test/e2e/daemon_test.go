package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

const accidentScript = `import ctypes, os, re, sys, time
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/exit":
        os._exit(3)
    if path == "/segv":
        ctypes.string_at(0)
    if path == "/python-loop":
        while True:
            pass
    if path == "/c-loop":
        re.match(r"(a+)+$", "a" * 60 + "b")
    if path == "/sleep":
        time.sleep(3600)
    if path == "/memory":
        x = bytearray(1 << 30)
        for i in range(0, len(x), 4096):
            x[i] = 1
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
`

// TestAccidents: what a request does to its process is survived, the client gets
// 502, and the log says why.
func TestAccidents(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path string
		args []string
		logs []string // patterns
	}{
		{"/exit", nil, []string{`exited with status 3`, `ended while it served GET /exit, for .*: exited with status 3`}},
		{"/segv", nil, []string{`killed by signal 11 \(segmentation fault\)`, `ended while it served GET /segv, for .*: killed by signal 11`}},
		{"/python-loop", []string{"--request-timeout", "1", "--graceful-timeout", "1", "--shutdown-timeout", "1"},
			[]string{`GET /python-loop runs for .*, longer than request-timeout allows; thread 1 is at`, `in application`, `is replaced: a request runs for`}},
		{"/sleep", []string{"--request-timeout", "1", "--graceful-timeout", "1", "--shutdown-timeout", "1"},
			[]string{`GET /sleep runs for .*, longer than request-timeout allows`, `time\.sleep\(3600\)`}},
		{"/c-loop", []string{"--deadlock-timeout", "1", "--graceful-timeout", "1", "--shutdown-timeout", "1"},
			[]string{`no thread could get Python's lock for 1s \(deadlock-timeout\)`, `Current thread|Thread 0x`}},
	} {
		t.Run(strings.TrimPrefix(test.path, "/"), func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			write(t, dir, "app.py", accidentScript)
			p := launch{dir: dir, daemon: true, args: append(test.args, "--threads", "1", "app.py")}.start(t)
			before := p.get("/").body
			checkPage(t, p.get(test.path), 502)
			for _, pattern := range test.logs {
				p.stderr.await(t, pattern)
			}
			if after := p.get("/"); after.StatusCode != 200 || after.body == before {
				t.Errorf("after the accident: %s, process %s, before it %s", after.Status, after.body, before)
			}
		})
	}
}

// TestInterrupt: a request that heeds RequestTimeout gets 504, and its process
// lives on.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", accidentScript)
	p := launch{dir: dir, daemon: true, args: []string{"--threads", "1", "--request-timeout", "1", "--interrupt-timeout", "20", "app.py"}}.start(t)
	before := p.get("/").body
	if r := p.get("/python-loop"); r.StatusCode != 504 {
		t.Errorf("got %s, want 504", r.Status)
	}
	p.stderr.await(t, `Injected RequestTimeout into thread 1: GET /python-loop runs for`)
	if after := p.get("/").body; after != before {
		t.Errorf("process %s serves, before it was %s", after, before)
	}
}

// TestRestartMemory: a process that has grown is replaced.
func TestRestartMemory(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", strings.Replace(accidentScript, "        x = ", "        global x\n        x = ", 1))
	p := launch{dir: dir, daemon: true, args: []string{"--restart-memory", "300M", "app.py"}}.start(t)
	before := p.get("/memory").body
	p.stderr.await(t, `is replaced: its resident memory of .* is above restart-memory=300`)
	eventually(t, "another process", func() bool { return p.get("/").body != before })
}

// TestDaemonReloadOnChanges: a changed module, not the script, has the processes
// replaced.
func TestDaemonReloadOnChanges(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", "import part\ndef application(e, s):\n    s('200 OK', [])\n    return [part.text]\n")
	write(t, dir, "part.py", "text = b'one'\n")
	p := launch{dir: dir, daemon: true, args: []string{"--reload-on-changes", "app.py"}}.start(t)
	p.expect("/", 200, "one")
	tick := time.NewTicker(1100 * time.Millisecond) // another time of change, also with seconds
	defer tick.Stop()
	<-tick.C
	write(t, dir, "part.py", "text = b'another'\n")
	eventually(t, "the new text", func() bool { return p.get("/").body == "another" })
}

// TestDaemonCannotStart: what the user has to repair is said at once.
func TestDaemonCannotStart(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", helloScript)
	out := launch{dir: dir, daemon: true, args: []string{"--python-home", dir, "app.py"}}.fail(t, 1)
	if !regexp.MustCompile(`gophersnake: .*` + regexp.QuoteMeta(dir)).MatchString(out) {
		t.Errorf("stderr:\n%s", out)
	}
	if isRoot() {
		if err := os.Chmod(dir+"/app.py", 0o600); err != nil {
			t.Fatal(err)
		}
		out = launch{dir: dir, daemon: true, args: []string{"app.py"}}.fail(t, 1)
		if !strings.Contains(out, "app.py") || !strings.Contains(out, "--user") {
			t.Errorf("stderr:\n%s", out)
		}
	}
}

// TestUpload: a large body goes through a daemon unharmed, in both directions.
func TestUpload(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", `import hashlib
def application(environ, start_response):
    digest = hashlib.sha256()
    while block := environ["wsgi.input"].read(100_000):
        digest.update(block)
    start_response("200 OK", [])
    yield digest.hexdigest().encode()
    for _ in range(500):
        yield b"0123456789" * 1000
`)
	p := launch{dir: dir, daemon: true, args: []string{"--limit-request-body", "0", "app.py"}}.start(t)
	body := strings.Repeat("0123456789", 2_000_000)
	r := p.do("POST", "/", nil, strings.NewReader(body))
	const sum = 64
	if r.StatusCode != 200 || len(r.body) != sum+5_000_000 {
		t.Fatalf("%s, %d bytes", r.Status, len(r.body))
	}
	if want := fmt.Sprintf("%x", sha256.Sum256([]byte(body))); r.body[:sum] != want {
		t.Errorf("digest %s, want %s", r.body[:sum], want)
	}
}
