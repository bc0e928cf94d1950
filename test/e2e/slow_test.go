package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// largeFile is far more than the buffers between a server and its client hold.
const largeFile = 100 << 20

const slowScript = `import os
BLOCK = b"x" * 65536
def application(environ, start_response):
    path = environ["PATH_INFO"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/file":
        return environ["wsgi.file_wrapper"](open(os.path.join(os.path.dirname(__file__), "data.bin"), "rb"))
    if path == "/list":
        return [BLOCK] * (100 << 4)
    if path == "/generated":
        return (BLOCK for _ in range(100 << 4))
    if path == "/small":
        return [BLOCK[:60000]]
    return [b"quick"]
`

func slowServer(t *testing.T, daemon bool, threads int) *process {
	t.Helper()
	dir := tempDir(t)
	write(t, dir, "app.py", slowScript)
	if err := os.Truncate(write(t, dir, "data.bin", ""), largeFile); err != nil {
		t.Fatal(err)
	}
	return launch{dir: dir, daemon: daemon, args: []string{"--threads", fmt.Sprint(threads), "app.py"}}.start(t)
}

// narrow is a small buffer for what a client receives.
const narrow = 4 << 10

// dawdle asks for a path, reads the first n bytes of the answer, and then no
// more. If they are few, its system takes little more.
func (p *process) dawdle(path string, n int) *net.TCPConn {
	p.t.Helper()
	c := p.dial()
	if n < narrow {
		if err := c.SetReadBuffer(narrow); err != nil {
			p.t.Fatal(err)
		}
	}
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		p.t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, n)); err != nil {
		p.t.Fatal(err)
	}
	return c
}

// busy returns how many threads of the daemons have a request.
func (p *process) busy() int {
	p.t.Helper()
	_, port, err := net.SplitHostPort(p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	command := launch{}.run(p.t, "status", "--port", port, "--json")
	command.wait()
	var servers []struct {
		Groups []struct{ Processes []struct{ Busy int } }
	}
	if err := json.Unmarshal([]byte(command.stdout.String()), &servers); err != nil {
		p.t.Fatalf("%v in %q", err, command.stdout)
	}
	busy := 0
	for _, s := range servers {
		for _, g := range s.Groups {
			for _, process := range g.Processes {
				busy += process.Busy
			}
		}
	}
	return busy
}

// TestSlowClients: a client that takes its time keeps no thread of the
// application if the response is a file, or small; otherwise it keeps one.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path string
		read int // bytes that the client takes
		busy int // threads that it keeps
	}{
		{"/file", 10_000, 0}, {"/small", 100, 0}, {"/list", 10_000, 1}, {"/generated", 10_000, 1},
	} {
		for _, daemon := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, daemon %v", strings.TrimPrefix(c.path, "/"), daemon), func(t *testing.T) {
				t.Parallel()
				p := slowServer(t, daemon, c.busy+1)
				p.expect("/", 200, "quick") // the script is loaded
				p.dawdle(c.path, c.read)
				for range 20 {
					p.expect("/", 200, "quick")
				}
				if daemon {
					// no request runs but the slow one
					eventually(t, fmt.Sprint(c.busy, " threads are busy"), func() bool { return p.busy() == c.busy })
				}
			})
		}
	}
}

// TestManySlowClients: as many as there may be connections; a file costs no
// thread, and comes whole.
func TestManySlowClients(t *testing.T) {
	t.Parallel()
	for _, daemon := range []bool{true, false} {
		t.Run(fmt.Sprintf("daemon %v", daemon), func(t *testing.T) {
			t.Parallel()
			p := slowServer(t, daemon, 1)
			var last net.Conn
			for range 50 {
				last = p.dawdle("/file", 10_000)
			}
			p.expect("/", 200, "quick")
			rest, err := io.Copy(io.Discard, last)
			if err != nil || rest+10_000 < largeFile {
				t.Errorf("%d bytes, %v", rest+10_000, err)
			}
			if open := p.openFiles(filepath.Join(p.dir, "data.bin")); open < 49 {
				t.Errorf("%d files are being sent, want 49: the clients are not slow", open)
			}
			if r := p.do(http.MethodHead, "/file", nil, nil); r.ContentLength != largeFile {
				t.Errorf("length %d", r.ContentLength)
			}
		})
	}
}

// openFiles returns how often the process that serves HTTP has a file open.
func (p *process) openFiles(name string) (n int) {
	p.t.Helper()
	for _, link := range p.links(p.httpPID()) {
		if target, err := os.Readlink(link); err == nil && target == name {
			n++
		}
	}
	return n
}

// httpPID returns the process that serves HTTP: another one than the first in
// daemon mode.
func (p *process) httpPID() int {
	p.t.Helper()
	if server := p.roleOf("server"); len(server) == 1 {
		return server[0]
	}
	return p.pid()
}

// links returns the paths of a process's open descriptors.
func (p *process) links(pid int) []string {
	p.t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		p.t.Fatal(err)
	}
	return links
}
