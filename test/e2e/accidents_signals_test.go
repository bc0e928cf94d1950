package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const signalScript = `import ctypes, os, signal, time
import mod_wsgi
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/ignore":
        SIG_IGN = 1
        ctypes.CDLL(None).signal(signal.SIGTERM, ctypes.c_void_p(SIG_IGN))
    if path == "/sleep":
        print("falls asleep")
        time.sleep(3600)
    if path == "/server":
        start_response("200 OK", [])
        return [environ["mod_wsgi.server_pid"].encode(), b" ", str(seen).encode()]
    start_response("200 OK", [("X-Pid", str(os.getpid())), ("X-Version", "1")])
    return [str(os.getpid()).encode()]
seen = 0
@mod_wsgi.subscribe_events
def event(name, **about):
    global seen
    if name == "request_started":
        seen = about["server_pid"]
`

// signalServer serves signalScript in daemon mode.
func signalServer(t *testing.T, args ...string) *process {
	t.Helper()
	dir := tempDir(t)
	write(t, dir, "app.py", signalScript)
	return launch{dir: dir, daemon: true, args: append(args, "app.py")}.start(t)
}

// TestIgnoredSIGTERM: a process whose application ignores SIGTERM is replaced and
// stopped like any other, because its parent tells it in another way.
func TestIgnoredSIGTERM(t *testing.T) {
	t.Parallel()
	p := signalServer(t)
	before := p.get("/ignore").body
	pid := p.onlyDaemon()
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.expect("/", 200, before)
	if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	p.stderr.await(t, fmt.Sprintf(`process 1 \(pid %d\) ended: exited with status 0, after it received user defined signal 1; it lived`, pid))
	p.expect("/ignore", 200, "")
	p.stop()
}

// TestStoppedDaemon: a process that does nothing at all any more, not even end,
// is killed when its time is over, and the log says so.
func TestStoppedDaemon(t *testing.T) {
	t.Parallel()
	p := signalServer(t, "--graceful-timeout", "1", "--shutdown-timeout", "1", "--restart-interval", "5")
	p.expect("/", 200, "")
	pid := p.onlyDaemon()
	freeze(t, pid)
	p.stderr.await(t, fmt.Sprintf(`\[core:warn\] .*process 1 \(pid %d\) ended: did not end within shutdown-timeout=1s, killed, after restart-interval=5s: it runs for .*; it lived`, pid))
	p.expect("/", 200, "")
}

// TestKilledServerRefusesNobody: while the server process is replaced, and while
// that happens again and again, connections are taken: they wait.
func TestKilledServerRefusesNobody(t *testing.T) {
	t.Parallel()
	p := signalServer(t)
	stop := make(chan struct{})
	var dialling sync.WaitGroup
	dialling.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				dialOnce(t, p.addr)
			}
		}
	})
	for range 3 {
		server := p.roleOf("server")
		if len(server) != 1 {
			t.Fatalf("servers %v, want one", server)
		}
		daemon := p.onlyDaemon()
		if err := syscall.Kill(server[0], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		p.stderr.await(t, fmt.Sprintf(`\[core:error\] .*the server process %d ended: killed by signal 9 \(killed\); it lived .*; starting another one$`, server[0]))
		p.expect("/", 200, "") // as soon as there is another one
		p.stderr.await(t, fmt.Sprintf(`process 1 \(pid %d\) ended: .*; it lived`, daemon))
		eventually(t, "the old processes are gone", func() bool { return len(p.children()) == 2 })
	}
	close(stop)
	dialling.Wait()
}

// dialOnce wants a connection, if only to wait.
func dialOnce(t *testing.T, addr string) {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Errorf("connect: %v", err)
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if err == nil {
		_, err = io.Copy(io.Discard, c)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection waited for longer than %v", patience)
	} // any other error is that of a connection of the killed server
}

// TestShutdownOfASleeper: what was cut off when its process was stopped is said.
func TestShutdownOfASleeper(t *testing.T) {
	t.Parallel()
	p := signalServer(t, "--graceful-timeout", "1", "--shutdown-timeout", "1", "--threads", "1")
	asleep := p.ask("/sleep")
	p.stderr.await(t, `\] falls asleep$`)
	pid := p.onlyDaemon()
	if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	checkPage(t, asleep(), 502)
	p.stderr.await(t, fmt.Sprintf(`\[core:warn\] .*process 1 \(pid %d\) ended: .*, after it received user defined signal 1; it lived`, pid))
	p.stderr.await(t, `\[wsgi:error\] .*ended while it served GET /sleep, for [0-9.]+s: `)
}

// TestServerPID: applications are told which process has the connection, in
// environ and in events.
func TestServerPID(t *testing.T) {
	t.Parallel()
	p := signalServer(t)
	server := p.roleOf("server")
	if len(server) != 1 {
		t.Fatalf("servers %v, want one", server)
	}
	want := strconv.Itoa(server[0])
	p.expect("/server", 200, strings.Join([]string{want, want}, " "))
}

// freeze stops a process and returns when none of its threads runs.
func freeze(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all threads are stopped", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(threads) == 0 {
			t.Fatalf("list threads of process %d: %v, %v", pid, threads, err)
		}
		return !slices.ContainsFunc(threads, func(name string) bool {
			text, err := os.ReadFile(name)
			return err == nil && !bytes.Contains(text, []byte(") T "))
		})
	})
}

// TestFrozenDaemon: a process that is stopped, and so cannot even find out that it
// is stuck, is killed after deadlock-timeout. Its requests get 504, and the log
// says why; others are served by its replacement.
func TestFrozenDaemon(t *testing.T) {
	t.Parallel()
	p := signalServer(t, "--deadlock-timeout", "4", "--threads", "2")
	before := p.get("/").body
	answered := make(chan int, 1)
	go func() { answered <- p.get("/sleep").StatusCode }()
	p.stderr.await(t, `falls asleep`)
	pid := p.onlyDaemon()
	freeze(t, pid)
	if after := p.get("/"); after.StatusCode != 200 || after.body == before {
		t.Errorf("%s from process %s, before it was %s", after.Status, after.body, before)
	}
	if status := <-answered; status != 504 {
		t.Errorf("the request of the frozen process got %d, want 504", status)
	}
	reason := `nothing in it has run for [0-9.]+s, deadlock-timeout is 4s`
	p.stderr.await(t, fmt.Sprintf(`\[core:error\] .*process 1 \(pid %d\) is killed: %s`, pid, reason))
	p.stderr.await(t, fmt.Sprintf(`\[wsgi:error\] .*process %d of group .* ended while it served GET /sleep, for .*: killed, because %s`, pid, reason))
	p.stop()
}
