package e2e

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// full makes the tests of this file as long as they are meant to be; otherwise
// they are short enough to run each time.
var full = flag.Bool("full", false, "run the tests that nothing is lost at full length: about 3 minutes")

// count is how often something is done.
func count(whole, short int) int {
	if *full {
		return whole
	}
	return short
}

const pidScript = `import os, time
VERSION = %d
def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(0.05)
    start_response("200 OK", [("X-Pid", str(os.getpid())), ("X-Version", str(VERSION))])
    return [b"hello"]
`

// load sends requests over 32 connections all the time.
type load struct {
	p         *process
	transport *http.Transport
	stop      chan struct{}
	wg        sync.WaitGroup
	answered  atomic.Int64
	gone      atomic.Int64 // answers with 502
	mu        sync.Mutex
	failed    []string
	versions  map[string]bool
	pids      map[string]int
}

const loadConnections = 32

// startLoad begins to send requests for a path; the caller ends it.
func (p *process) startLoad(path string) *load {
	l := &load{p: p, stop: make(chan struct{}), versions: map[string]bool{}, pids: map[string]int{},
		transport: &http.Transport{MaxIdleConnsPerHost: loadConnections}}
	client := &http.Client{Transport: l.transport, Timeout: patience}
	for range loadConnections {
		l.wg.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
					l.one(client, path)
				}
			}
		})
	}
	return l
}

func (l *load) one(client *http.Client, path string) {
	r, err := client.Get(l.p.url + path)
	if err != nil {
		l.fail(err.Error())
		return
	}
	defer r.Body.Close()
	_, err = io.Copy(io.Discard, r.Body)
	switch {
	case err != nil:
		l.fail(err.Error())
	case r.StatusCode == http.StatusBadGateway:
		l.gone.Add(1)
	case r.StatusCode != http.StatusOK:
		l.fail(r.Status)
	default:
		l.answered.Add(1)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.versions[r.Header.Get("X-Version")] = true
	l.pids[r.Header.Get("X-Pid")]++
}

func (l *load) fail(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = append(l.failed, text)
}

// await blocks until n more requests have been answered.
func (l *load) await(n int64) {
	l.p.t.Helper()
	want := l.answered.Load() + n
	eventually(l.p.t, fmt.Sprintf("%d more answers", n), func() bool { return l.answered.Load() >= want })
}

// end stops the load and wants that nothing failed but requests with 502.
func (l *load) end() {
	l.p.t.Helper()
	close(l.stop)
	l.wg.Wait()
	l.transport.CloseIdleConnections()
	if n := len(l.failed); n > 0 {
		l.p.t.Errorf("%d of %d requests failed, the first: %s", n, n+int(l.answered.Load()), l.failed[0])
	}
	l.p.t.Logf("%d requests were answered by %d processes", l.answered.Load(), len(l.pids))
}

func (l *load) endWithout502() {
	l.p.t.Helper()
	l.end()
	if n := l.gone.Load(); n > 0 {
		l.p.t.Errorf("%d requests were answered with 502", n)
	}
}

// daemons serves pidScript in daemon mode.
func daemons(t *testing.T, args ...string) (p *process, script string) {
	t.Helper()
	dir := tempDir(t)
	script = write(t, dir, "app.py", fmt.Sprintf(pidScript, 0))
	return launch{dir: dir, daemon: true, args: append(args, "app.py")}.start(t), script
}

// children returns the processes that the server has started.
func (p *process) children() []int {
	p.t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.pid()))
	if err != nil {
		p.t.Fatal(err)
	}
	var all []int
	for _, name := range threads {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				all = append(all, pid)
			}
		}
	}
	return all
}

// roleOf returns the processes of a role.
func (p *process) roleOf(role string) []int {
	var of []int
	for _, pid := range p.children() {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && strings.Contains(string(line), "\x00@"+role) {
			of = append(of, pid)
		}
	}
	return of
}

func TestReloadLosesNothing(t *testing.T) {
	p, _ := daemons(t, "--processes", "2", "--threads", "4")
	l := p.startLoad("/")
	for i := range count(100, 4) {
		before := p.stderr.count(`\] reloaded$`)
		p.signal([]syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1}[i%2])
		eventually(t, "reload", func() bool { return p.stderr.count(`\] reloaded$`) > before })
		l.await(50)
	}
	l.endWithout502()
}

func TestScriptChangeLosesNothing(t *testing.T) {
	p, script := daemons(t, "--processes", "2", "--threads", "4")
	l := p.startLoad("/")
	for i := 1; i <= count(200, 6); i++ {
		next := script + ".new"
		if err := os.WriteFile(next, fmt.Appendf(nil, pidScript, i), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, script); err != nil {
			t.Fatal(err)
		}
		want := strconv.Itoa(i)
		eventually(t, "answer of version "+want, func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.versions[want]
		})
	}
	l.endWithout502()
}

func TestMaximumRequestsLosesNothing(t *testing.T) {
	p, _ := daemons(t, "--processes", "2", "--threads", "4", "--maximum-requests", "50")
	l := p.startLoad("/")
	for range count(100, 3) { // each has its own deadline
		l.await(500)
	}
	l.endWithout502()
	for pid, n := range l.pids {
		if n > 50 {
			t.Errorf("process %s served %d requests, at most 50 were allowed", pid, n)
		}
	}
}

func TestRetiringDaemonsLosesNothing(t *testing.T) {
	p, _ := daemons(t, "--processes", "2", "--threads", "4")
	l := p.startLoad("/")
	for range count(50, 2) {
		for _, pid := range p.roleOf("daemon") {
			if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
				continue // it was replaced already
			}
			eventually(t, fmt.Sprintf("end of daemon %d", pid), func() bool { return syscall.Kill(pid, 0) != nil })
		}
		l.await(50)
	}
	l.endWithout502()
}

// Requests that run in a killed process fail with 502, each with a line in the
// log, and no others.
func TestKilledDaemons(t *testing.T) {
	p, _ := daemons(t, "--processes", "2", "--threads", "4")
	l := p.startLoad("/slow")
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for range count(60, 3) {
		<-tick.C
		pids := p.roleOf("daemon")
		if len(pids) > 0 {
			_ = syscall.Kill(pids[rand.IntN(len(pids))], syscall.SIGKILL) // one that has just ended does not matter
		}
	}
	l.await(100)
	l.end()
	lost := int(l.gone.Load())
	eventually(t, "log of lost requests", func() bool { return p.stderr.count(`\[wsgi:error\].* ended while it served GET `) >= lost })
	if n := p.stderr.count(`\[wsgi:error\].* ended while it served GET `); n != lost {
		t.Errorf("%d requests got 502, and the log tells of %d", lost, n)
	}
	t.Logf("%d requests were lost", lost)
}

func TestKilledServer(t *testing.T) {
	p, _ := daemons(t)
	server := p.roleOf("server")
	if len(server) != 1 {
		t.Fatalf("%d server processes, want 1", len(server))
	}
	if err := syscall.Kill(server[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.stderr.await(t, `the server process \d+ ended: killed by signal 9`)
	p.expect("/", 200, "hello")
}
