package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// reloadServer serves what a module says, and follows its changes.
func reloadServer(t *testing.T) *process {
	t.Helper()
	dir := tempDir(t)
	say(t, dir, 0)
	write(t, dir, "wsgi.py", `import words
import atexit
atexit.register(print, "goodbye of", words.TEXT)

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [words.TEXT.encode()]
`)
	return launch{dir: dir, args: []string{"--reload-on-changes", "--access-log", "wsgi.py"}}.start(t)
}

// say changes the module.
func say(t *testing.T, dir string, n int) {
	t.Helper()
	write(t, dir, "words.py", fmt.Sprintf("TEXT = 'version %d'\n", n))
}

// until waits until the new code answers and returns how long that took.
func (p *process) until(want string) time.Duration {
	p.t.Helper()
	start := time.Now()
	eventually(p.t, want+" is answered", func() bool { return strings.Contains(p.get("/").body, want) })
	return time.Since(start)
}

func TestReload(t *testing.T) {
	t.Parallel()
	p := reloadServer(t)
	p.expect("/", 200, "version 0")
	before := p.descriptors()
	say(t, p.dir, 10)
	if took := p.until("version 10"); took > 10*time.Second {
		t.Errorf("the change was followed after %v", took)
	}
	p.stderr.await(t, `\[core:notice\] .*/words\.py has changed: restarting when running requests are done`)
	p.stderr.await(t, `goodbye of version 0`)

	write(t, p.dir, "words.py", "TEXT = 'version 20'\nthis is a syntax error\n")
	eventually(t, "the error is answered", func() bool { return p.get("/").StatusCode == 500 })
	p.stderr.await(t, `SyntaxError: `)
	checkPage(t, p.get("/"), 500, "syntax")
	say(t, p.dir, 30)
	p.until("version 30")
	p.stdout.await(t, `(?s)(^Server URL.*){3}`) // one for each change that was noticed
	eventually(t, "no descriptor is left over", func() bool { return p.descriptors() <= before })
	p.checkStderr()
}

// A change that comes while the application is loaded is not lost, and one that
// comes after a repair, when no import had kept the module, is not either.
func TestReloadOfHastyChanges(t *testing.T) {
	t.Parallel()
	p := reloadServer(t)
	for n := range 3 {
		say(t, p.dir, 10+n) // at once, perhaps before the server has looked
		p.until(fmt.Sprint("version ", 10+n))
	}
	write(t, p.dir, "words.py", "TEXT = 'never seen'\nthis is a syntax error\n")
	eventually(t, "the error is answered", func() bool { return p.get("/").StatusCode == 500 })
	say(t, p.dir, 30)
	p.until("version 30")
	say(t, p.dir, 31)
	p.until("version 31")
}

// An application that writes a module whenever it is loaded restarts for that
// once and not for ever.
func TestReloadOfGenerated(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	// A module in the list of modules tells when the server looks at that list.
	write(t, dir, "wsgi.py", `import os, sys, types

class Watched(types.ModuleType):
    @property
    def __dict__(self):
        print("the server looks")
        return {}

sys.modules["watched"] = Watched("watched")

with open("made.py", "w") as f:
    f.write("TEXT = 'made'\n")
os.utime("made.py", (4e9, 4e9))
import made

def application(environ, start_response):
    start_response("200 OK", [])
    return [made.TEXT.encode()]
`)
	p := launch{dir: dir, args: []string{"--reload-on-changes", "wsgi.py"}}.start(t)
	// looked waits until the server has started n times, each time but the last
	// because of what it saw at its first look, and has then seen nothing new:
	// at its second look at the list it is through with the first.
	looked := func(n int) {
		t.Helper()
		p.stderr.await(t, `(?s)(Loading WSGI script.*){`+fmt.Sprint(n)+`}(the server looks.*){2}`)
		if starts := p.stderr.count("Loading WSGI script"); starts != n {
			t.Errorf("%d starts, want %d", starts, n)
		}
	}
	looked(2)
	p.expect("/", 200, "made")
	write(t, dir, "other.py", "")
	write(t, dir, "wsgi.py", contents(t, filepath.Join(dir, "wsgi.py"))+"import other\n")
	looked(4) // for this, and for the module
	p.expect("/", 200, "made")
	p.stop()
	if n := p.stderr.count(`/made\.py has changed`); n != 2 {
		t.Errorf("%d restarts for a file that the application writes itself:\n%s", n, p.stderr)
	}
}

// Without the option modules are left alone.
func TestNoReload(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	say(t, dir, 0)
	write(t, dir, "wsgi.py", strings.ReplaceAll(helloScript, `b"hello"`, "words.TEXT.encode()")+"import words\n")
	p := launch{dir: dir, args: []string{"wsgi.py"}}.start(t)
	p.expect("/", 200, "version 0")
	say(t, dir, 10)
	p.expect("/", 200, "version 0")
	p.stop()
	if strings.Contains(p.stderr.String(), "has changed") {
		t.Errorf("stderr:\n%s", p.stderr)
	}
}

// No request is lost over five restarts, whether clients open a connection for
// each or keep theirs; those send a request again that met the end of their
// connection, as HTTP has it (net/http does for a connection used before).
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	p := reloadServer(t)
	stop := make(chan struct{})
	var served, failed atomic.Int64
	var wg sync.WaitGroup
	for n := range 8 {
		transport := &http.Transport{DisableKeepAlives: n%2 == 0}
		defer transport.CloseIdleConnections()
		c := &http.Client{Transport: transport, Timeout: patience}
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r, err := read(c.Get(p.url))
				if err != nil || r.StatusCode != 200 || !strings.HasPrefix(r.body, "version ") {
					failed.Add(1)
					t.Errorf("client %d: %v %+v", n, err, r)
					return
				}
				served.Add(1)
			}
		})
	}
	for n := 1; n <= 5; n++ {
		version := 1
		for range n {
			version *= 10
		}
		say(t, p.dir, version) // a text of another length
		p.until(fmt.Sprint("version ", version))
	}
	close(stop)
	wg.Wait()
	p.stdout.await(t, `(?s)(^Server URL.*){6}`)
	t.Logf("%d requests during 5 restarts, %d lost", served.Load(), failed.Load())
}

// A stop during a restart is a stop.
func TestStopDuringReload(t *testing.T) {
	t.Parallel()
	p := launch{dir: appDir(t), args: []string{"--reload-on-changes", "app.py"}}.start(t)
	h := p.holdOne()
	write(t, p.dir, "app.py", helloScript)
	p.stderr.await(t, `app\.py has changed`)
	p.signal(syscall.SIGHUP) // reopens logs, no more
	p.stderr.await(t, `log files reopened`)
	p.signal(syscall.SIGTERM)
	p.stderr.await(t, `caught terminated, stopping when running requests are done`)
	h.open()
	p.wait()
	if r := <-h.answer; r.body != "released\n" {
		t.Errorf("the running request got %q", r.body)
	}
	if p.stdout.count("^Server URL") != 1 {
		t.Errorf("it was started again:\n%s", p.stdout)
	}
}

// A reload whose old processes still have a request, which may take for ever, holds up
// neither the next one nor the rotation of logs.
func TestReloadWhileOldRequestRuns(t *testing.T) {
	t.Parallel()
	logDir := openDir(t)
	errorLog := filepath.Join(logDir, "error_log")
	p := launch{dir: appDir(t), daemon: true, args: []string{"--log-directory", logDir, "--log-level", "info", "--graceful-timeout", "0", "app.py"}}.start(t)
	logged := func(text string, times int) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d times %q in the log", times, text), func() bool {
			now, err := os.ReadFile(errorLog) // it may not be there yet
			return err == nil && strings.Count(string(now), text) == times
		})
	}
	open := gate(t, p.dir, "gate")
	answer := p.ask("/hold")
	logged("holding", 1)
	for n := range 2 {
		must(t, os.Rename(errorLog, fmt.Sprint(errorLog, ".", n)))
		p.signal(syscall.SIGHUP)
		logged("Loading WSGI script", 1)
		eventually(t, "a server beside the first one", func() bool { return len(p.roleOf("server")) == 2 })
		p.expect("/", 200, "Hello World!\n")
	}
	open()
	if r := answer(); r.StatusCode != 200 || r.body != "released\n" {
		t.Errorf("the request got %s %q", r.Status, r.body)
	}
	logged("] reloaded", 2)
	p.stop()
}

// A process that still has a request, which may take for ever, holds up no process
// that is to load the next change of the script.
func TestScriptChangesWhileOldRequestRuns(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	version := func(n int) string {
		return fmt.Sprintf(`def application(environ, start_response):
    if environ["PATH_INFO"] == "/hold":
        print("holding")
        with open("gate") as gate:
            gate.readline()
    start_response("200 OK", [])
    return [b"version %d"]
`, n)
	}
	script := write(t, dir, "app.py", version(0))
	p := launch{dir: dir, daemon: true, args: []string{"--graceful-timeout", "0", "app.py"}}.start(t)
	open := gate(t, dir, "gate")
	answer := p.ask("/hold")
	p.stderr.await(t, "holding")
	for n := range 3 {
		rewrite(t, script, version(n+1))
		p.expect("/", 200, fmt.Sprint("version ", n+1))
	}
	open()
	if r := answer(); r.StatusCode != 200 || r.body != "version 0" {
		t.Errorf("the request got %s %q", r.Status, r.body)
	}
	p.stop()
}
