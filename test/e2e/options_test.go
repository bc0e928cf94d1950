package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFlushDelay: a block of a response waits for more of it as long as it is told
// to.
func TestFlushDelay(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		delay        string
		least, below time.Duration
	}{{"0", 0, 400 * time.Millisecond}, {"500", 500 * time.Millisecond, patience}} {
		t.Run(test.delay, func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			write(t, dir, "app.py", `import os
def application(environ, start_response):
    start_response("200 OK", [])
    yield b"first "
    with open("go", "rb") as gate:
        gate.readline()
    yield b"last"
`)
			open := gate(t, dir, "go")
			p := launch{dir: dir, daemon: true, args: []string{"--response-flush-delay", test.delay, "app.py"}}.start(t)
			start := time.Now()
			r, err := client(t).Get(p.url)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			first := make([]byte, len("first "))
			_, err = io.ReadFull(r.Body, first)
			if took := time.Since(start); err != nil || string(first) != "first " || took < test.least || took > test.below {
				t.Errorf("%q after %v, %v", first, took, err)
			}
			open()
			if rest, err := io.ReadAll(r.Body); err != nil || string(rest) != "last" {
				t.Errorf("rest %q, %v", rest, err)
			}
		})
	}
}

// TestResponseSocketTimeout: a client that takes nothing of a response does not
// keep its thread.
func TestResponseSocketTimeout(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", `import os
def endless():
    try:
        while True:
            yield b"x" * 100_000
    finally:
        print("given up")
def application(environ, start_response):
    start_response("200 OK", [])
    return endless() if environ["PATH_INFO"] == "/endless" else [b"free"]
`)
	p := launch{dir: dir, daemon: true, args: []string{"--threads", "1", "--response-socket-timeout", "1", "app.py"}}.start(t)
	start := time.Now()
	p.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
	p.stderr.await(t, `the client took nothing of the response for 1s \(response-socket-timeout\): the response is cut`)
	if took := time.Since(start); took < 800*time.Millisecond {
		t.Errorf("given up after %v", took)
	}
	p.stderr.await(t, `given up`)
	p.expect("/", 200, "free")
}

// TestRestlessScript: a script that always wants to be loaded again is, and still
// serves every request.
func TestRestlessScript(t *testing.T) {
	t.Parallel()
	for name, wish := range map[string]string{
		"reload_required": "def reload_required(resource):\n    return True\nforget = lambda: None\n",
		"__mtime__":       "forget = lambda: globals().pop('__mtime__', None)\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testRestlessScript(t, wish)
		})
	}
}

func testRestlessScript(t *testing.T, wish string) {
	dir := tempDir(t)
	write(t, dir, "app.py", wish+`import os
def application(environ, start_response):
    forget()
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
`)
	p := launch{dir: dir, daemon: true, args: []string{"--threads", "2", "app.py"}}.start(t)
	const requests = 100
	seen := map[string]bool{}
	for range requests {
		r := p.get("/")
		if r.StatusCode != 200 {
			t.Fatalf("%s; stderr:\n%s", r.Status, p.stderr)
		}
		seen[r.body] = true
	}
	if len(seen) > requests/4 {
		t.Errorf("%d processes served %d requests", len(seen), requests)
	}
	eventually(t, "another process", func() bool { return !seen[p.get("/").body] })
}

// TestServerMetrics: the figures are told where that is switched on.
func TestServerMetrics(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{"": "None", "--server-metrics": "['access_count', 'bytes_served', 'current_time', 'processes', " +
		"'restart_time', 'running_time', 'server_limit', 'thread_limit']"} {
		dir := tempDir(t)
		write(t, dir, "app.py", `import mod_wsgi
def application(environ, start_response):
    start_response("200 OK", [])
    figures = mod_wsgi.server_metrics()
    return [repr(figures and sorted(figures)).encode()]
`)
		p := launch{dir: dir, daemon: true, args: append(strings.Fields(args), "app.py")}.start(t)
		p.expect("/", 200, want)
	}
}

// TestOptionsWithoutEffect: who sets one is told.
func TestOptionsWithoutEffect(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", helloScript)
	p := launch{dir: dir, daemon: true, args: []string{"--send-buffer-size", "512", "--receive-buffer-size", "4096", "--response-buffer-size", "65536", "app.py"}}.start(t)
	p.stderr.await(t, `\[core:warn\] .*send-buffer-size=512 of process group "localhost" has no effect`)
	p.stderr.await(t, `\[core:warn\] .*receive-buffer-size=4096 of process group "localhost" has no effect`)
	if n := p.stderr.count(`has no effect`); n != 2 {
		t.Errorf("%d warnings, want 2:\n%s", n, p.stderr)
	}
}

// TestStatusShowsGILWait: requests that wait for Python's lock are seen.
func TestStatusShowsGILWait(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", `def application(environ, start_response):
    for _ in range(2_000_000):
        pass
    start_response("200 OK", [])
    return [b"x"]
`)
	p := launch{dir: dir, daemon: true, args: []string{"--threads", "4", "app.py"}}.start(t)
	_, port, _ := strings.Cut(p.addr, ":")
	eventually(t, "a figure above 0", func() bool {
		done := make(chan bool)
		for range 4 {
			go func() { p.get("/"); done <- true }()
		}
		for range 4 {
			<-done
		}
		out, err := exec.Command(program, "status", "--json", "--port", port).Output()
		if err != nil {
			t.Fatalf("status: %v", err)
		}
		var servers []struct {
			Groups []struct {
				Processes []struct {
					GILWait *int64 `json:"gil_wait_ns"`
				} `json:"processes"`
			} `json:"groups"`
		}
		if err := json.Unmarshal(out, &servers); err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		wait := servers[0].Groups[0].Processes[0].GILWait
		return wait != nil && *wait > 0
	})
	out, err := exec.Command(program, "status", "--port", port).Output()
	if err != nil || !strings.Contains(string(out), "GIL WAIT") {
		t.Errorf("%v:\n%s", err, out)
	}
}

// serviceText runs until it is told to end, and tells its log what happens.
const serviceText = `import atexit, os, signal, time
print("service begins in", os.getcwd(), "as", os.getuid(), "pid", os.getpid())
atexit.register(print, "service says goodbye")
try:
    while True:
        if os.path.exists("end"):
            os.remove("end")
            raise SystemExit(3)
        time.sleep(0.02 if os.path.exists("watch") else 3600)
except SystemExit as exc:
    print("service ends with", exc.code)
    raise
`

// TestService: a service runs beside the server, is started again when it ends,
// and gets SIGTERM at the end.
func TestService(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", helloScript)
	write(t, dir, "service.py", serviceText)
	args := []string{"--service-script", "clock", "service.py", "--working-directory", dir, "app.py"}
	uid := os.Getuid()
	if isRoot() {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"--service-user", "clock", "nobody", "--service-group", "clock", "nogroup"}, args...)
		uid = 65534
	}
	write(t, dir, "watch", "")
	p := launch{dir: dir, daemon: true, args: args}.start(t)
	begins := fmt.Sprintf(`service begins in %s as %d pid ([0-9]+)`, dir, uid)
	first := p.stderr.await(t, begins)[1]
	p.expect("/", 200, "")
	if name, err := os.ReadFile("/proc/" + first + "/cmdline"); err != nil || !strings.HasPrefix(string(name), "(wsgi:service:clock)") {
		t.Errorf("ps shows %q, %v", name, err)
	}
	write(t, dir, "end", "")
	p.stderr.await(t, `service ends with 3`)
	p.stderr.await(t, `service says goodbye`)
	p.stderr.await(t, `group "service:clock": process 1 \(pid `+first+`\) ended: exited with status 3; .* another one is started`)
	eventually(t, "another process", func() bool { return p.stderr.count(begins) == 2 })
	if err := os.Remove(dir + "/watch"); err != nil { // the next one sleeps for long
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP) // a new generation
	eventually(t, "a third process", func() bool { return p.stderr.count(begins) == 3 })
	eventually(t, "the end of the second", func() bool { return p.stderr.count(`service ends with None`) == 1 })
	p.stderr.await(t, `\] reloaded$`)
	p.stop()
	if n := p.stderr.count(`service ends with None`); n != 2 {
		t.Errorf("%d services were ended by SIGTERM, want 2; stderr:\n%s", n, p.stderr)
	}
	if n := p.stderr.count(`service says goodbye`); n != 3 {
		t.Errorf("%d exit handlers were run, want 3; stderr:\n%s", n, p.stderr)
	}
}

// TestServiceBecomesAnotherProgram: it is ended as a service is, also one that
// knows nothing of signals.
func TestServiceBecomesAnotherProgram(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", helloScript)
	write(t, dir, "service.py", `import os
os.execv("/bin/sh", ["sh", "-c", "trap 'kill $!; echo the shell ends; exit 0' TERM; sleep 3600 & echo now a shell; wait $!"])
`)
	write(t, dir, "sleep.py", "import os\nos.execv('/bin/sleep', ['sleep', '3600'])\n")
	p := launch{dir: dir, daemon: true, args: []string{"--service-script", "sh", "service.py", "--service-script", "sleep", "sleep.py", "app.py"}}.start(t)
	p.stderr.await(t, `now a shell`)
	p.awaitSleeper()
	p.expect("/", 200, "")
	p.stop()
	if n := p.stderr.count(`the shell ends`); n != 1 {
		t.Errorf("the shell was not told; stderr:\n%s", p.stderr)
	}
}

// awaitSleeper waits until a child of the server is the program sleep, and returns
// its number.
func (p *process) awaitSleeper() (sleeper int) {
	p.t.Helper()
	eventually(p.t, "a process that sleeps", func() bool {
		for _, pid := range p.children() {
			if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil && string(name) == "sleep\n" {
				sleeper = pid
				return true
			}
		}
		return false
	})
	return sleeper
}

// TestServiceDiesWithServer: what a service has become does not outlive a server
// that was killed.
func TestServiceDiesWithServer(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", helloScript)
	write(t, dir, "sleep.py", "import os\nos.execv('/bin/sleep', ['sleep', '3600'])\n")
	p := launch{dir: dir, daemon: true, status: -1, args: []string{"--service-script", "sleep", "sleep.py", "app.py"}}.start(t)
	sleeper := p.awaitSleeper()
	p.signal(syscall.SIGKILL)
	p.wait()
	eventually(t, "the end of the process that sleeps", func() bool {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", sleeper))
		return err != nil || strings.Contains(string(state), ") Z ") // nobody may have waited for it yet
	})
}

// TestServiceLogFile: a service may log to a file of its own, which is opened again
// like all logs.
func TestServiceLogFile(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", helloScript)
	write(t, dir, "service.py", serviceText)
	file := dir + "/clock.log"
	p := launch{dir: dir, daemon: true, args: []string{"--service-script", "clock", "service.py", "--service-log-file", "clock", "clock.log", "app.py"}}.start(t)
	says := func(text string) func() bool {
		return func() bool { return strings.Contains(contents(t, file), text) }
	}
	eventually(t, "a line in clock.log", says("service begins in "))
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	eventually(t, "a new file", func() bool { _, err := os.Stat(file); return err == nil })
	eventually(t, "a line in it", says("service begins in "))
	p.stderr.await(t, `\] reloaded$`)
	p.stop()
	if text := contents(t, file); !strings.Contains(text, "service says goodbye") {
		t.Errorf("the new file:\n%s", text)
	}
	if p.stderr.count("service (begins|ends|says)") != 0 {
		t.Errorf("it also wrote to the error log:\n%s", p.stderr)
	}
}

// TestServiceThatFails: the server serves, and the log says what is wrong.
func TestServiceThatFails(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", helloScript)
	write(t, dir, "service.py", "raise ValueError('no clock')\n")
	p := launch{dir: dir, daemon: true, args: []string{"--service-script", "clock", "service.py", "app.py"}}.start(t)
	p.stderr.await(t, `WSGI0109: Unable to execute Python script file '.*/service\.py'`)
	p.stderr.await(t, `ValueError: no clock`)
	p.stderr.await(t, `group "service:clock": .* ended: exited with status 1; .* another one is started`)
	if r := p.get("/"); r.StatusCode != http.StatusOK {
		t.Errorf("%s", r.Status)
	}
}
