package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// birthScript sends SIGTERM to children in the instant of their birth and looks
// whether one lives on.
const birthScript = `import multiprocessing, os, select, signal, subprocess, time

def ends(pid):
    fd = os.pidfd_open(pid)
    try:
        return bool(select.select([fd], [], [], 10)[0])
    finally:
        os.close(fd)

def forked():
    pid = os.fork()
    if pid == 0:
        while True:
            time.sleep(60)
    os.kill(pid, signal.SIGTERM)
    lost = not ends(pid)
    if lost:
        os.kill(pid, signal.SIGKILL)
    return lost or os.waitpid(pid, 0)[1] != signal.SIGTERM

def process():
    p = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    p.start()
    p.terminate()
    lost = not ends(p.pid)
    if lost:
        p.kill()
    p.join()
    return lost or p.exitcode != -signal.SIGTERM

def popen(**options):
    p = subprocess.Popen(["/bin/sleep", "60"], **options)
    p.terminate()
    lost = not ends(p.pid)
    if lost:
        p.kill()
    return p.wait() != -signal.SIGTERM or lost

kinds = {
    "fork": forked,
    "multiprocessing": process,
    "subprocess": popen,
    "preexec": lambda: popen(preexec_fn=lambda: None),
    "posix_spawn": lambda: popen(close_fds=False),
}

def application(environ, start_response):
    kind, rounds = environ["QUERY_STRING"].split("*")
    lost = any(kinds[kind]() for _ in range(int(rounds)))
    start_response("200 OK", [])
    return [b"one lived on after SIGTERM" if lost else b"none lost"]
`

// TestSignalAtBirth: a child of the application that gets a signal before it has
// done anything acts on it.
func TestSignalAtBirth(t *testing.T) {
	t.Parallel()
	const batch = 100
	for _, daemon := range []bool{false, true} {
		t.Run(modeName(daemon), func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			write(t, dir, "app.py", birthScript)
			p := launch{dir: dir, daemon: daemon, args: []string{"app.py"}}.start(t)
			for kind, rounds := range map[string]int{
				"fork": count(20_000, 400), "multiprocessing": count(2_000, 100), "subprocess": count(1_000, 100),
				"preexec": count(1_000, 100), "posix_spawn": count(1_000, 100),
			} {
				for done := 0; done < rounds; done += batch {
					if answer := p.get(fmt.Sprintf("/?%s*%d", kind, batch)).body; answer != "none lost" {
						t.Errorf("%s: after %d of %d children: %s", kind, done, rounds, answer)
						break
					}
				}
			}
		})
	}
}

func modeName(daemon bool) string {
	if daemon {
		return "daemon"
	}
	return "embedded"
}

// lastingScript forks a child that lives until its pipe is closed.
const lastingScript = `import os
def links():
    for fd in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink("/proc/self/fd/" + fd)
        except OSError:
            pass
def application(environ, start_response):
    path = environ["PATH_INFO"]
    answer = b"hello"
    if path == "/left":
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(r)
            os.write(w, repr([l for l in links() if l.startswith(("socket:", "anon_inode:", "/memfd:"))]).encode())
            os._exit(0)
        os.close(w)
        os.waitpid(pid, 0)
        with open(r, "rb") as said:
            answer = said.read()
    if path == "/fork":
        pid = os.fork()
        if pid == 0:
            with open(environ["QUERY_STRING"], "rb") as until:
                until.read()
            os._exit(0)
        answer = str(pid).encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]
`

// TestForkedChildLetsGo: while a child of the application lives on, the client
// sees the end of its connection, and a new server finds the port free.
func TestForkedChildLetsGo(t *testing.T) {
	t.Parallel()
	for _, daemon := range []bool{false, true} {
		t.Run(modeName(daemon), func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			write(t, dir, "app.py", lastingScript)
			fifo := filepath.Join(dir, "until")
			if err := errors.Join(syscall.Mkfifo(fifo, 0o666), os.Chmod(fifo, 0o666)); err != nil {
				t.Fatal(err)
			}
			until, err := os.OpenFile(fifo, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer until.Close()
			p := launch{dir: dir, daemon: daemon, args: []string{"app.py"}}.start(t)
			before := dial(t, p.addr) // another client, whose connection the child sees
			exchange(t, before, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "hello")

			p.expect("/left", 200, "[]")
			conn := dial(t, p.addr)
			exchange(t, conn, "GET /fork?"+fifo+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "")
			exchange(t, before, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "hello")
			p.stop()
			l, err := net.Listen("tcp", p.addr)
			if err != nil {
				t.Fatalf("the port after the end of the server: %v", err)
			}
			l.Close()
		})
	}
}

// withoutFdinfo runs a program where /proc lacks /proc/self/fdinfo, as it is for a
// process that is not dumpable before Linux 5.14. The real one is in $REAL.
const withoutFdinfo = `set -e
mkdir "$REAL"
mount --bind /proc "$REAL"
mount -t tmpfs none /proc
mkdir /proc/self
for path in "$REAL"/*; do
	case ${path##*/} in self|thread-self|[0-9]*) ;; *) ln -s "$path" /proc ;; esac
done
for path in "$REAL"/self/*; do
	case ${path##*/} in fdinfo) ;; *) ln -s "$REAL/self/${path##*/}" /proc/self ;; esac
done
exec "$@"`

// TestForkedChildWithoutFdinfo: a child lets go of what is the server's also where
// the kernel does not list what the poller watches.
func TestForkedChildWithoutFdinfo(t *testing.T) {
	t.Parallel()
	needRoot(t)
	inBothModes(t, func(t *testing.T, mode launch) {
		write(t, mode.dir, "app.py", lastingScript)
		mode.env = []string{"REAL=" + filepath.Join(mode.dir, "real")}
		mode.before = []string{"unshare", "--mount", "sh", "-c", withoutFdinfo, "sh"}
		mode.args = []string{"app.py"}
		p := mode.start(t)
		before := dial(t, p.addr)
		exchange(t, before, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "hello")
		p.expect("/left", 200, "[]")
		exchange(t, before, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "hello")
		p.stop()
		if text := p.stderr.String(); strings.Contains(text, "keeps connections") {
			t.Errorf("it is said that the child kept something:\n%s", text)
		}
	})
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// exchange sends a request and reads its answer, and the end of the connection
// if the request asks for it.
func exchange(t *testing.T, conn net.Conn, request, want string) {
	t.Helper()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	from := bufio.NewReader(conn)
	r, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 || want != "" && string(body) != want {
		t.Fatalf("status %d, body %q, %v", r.StatusCode, body, err)
	}
	if r.Close {
		if _, err := from.ReadByte(); err != io.EOF {
			t.Fatalf("after the answer: %v, want the end of the connection", err)
		}
	}
}
