package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/internal/hosting"
	"github.com/gophersnake/gophersnake/internal/procgroup"
)

// strayScript writes where it should not: to the sockets between the processes of the
// server. That to the server is the one which a daemon has under more numbers.
const strayScript = `import os, resource, socket, stat, time

def numbers():
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            status = os.fstat(int(name))
            if not stat.S_ISSOCK(status.st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as s:
                if s.type == socket.SOCK_SEQPACKET:
                    found.setdefault(status.st_ino, []).append(int(name))
        except OSError:
            pass
    return sorted(found.values(), key=len)

def write(where, what):
    fds = numbers()[-1 if where == "server" else 0]
    if what == "close":
        for fd in fds:
            os.close(fd)
        return
    with socket.socket(fileno=os.dup(fds[0])) as s:
        if what == "shut":
            s.shutdown(socket.SHUT_WR)
            return
        for _ in range(3):
            s.send({"text": b"hello", "empty": b"", "note": b"NOTE\x05hello", "large": b"x" * 70000}[what])

def application(environ, start_response):
    words = environ["PATH_INFO"].split("/")
    if words[1] == "stray":
        write(words[2], words[3])
    if words[1] == "limit":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(words[2]), hard))
        start_response("200 OK", [])
        return [str(soft).encode()]
    if words[1] == "wait":
        print("it waits")
        while not os.path.exists("go"):
            time.sleep(0.01)
    start_response("200 OK", [("X-Pid", str(os.getpid())), ("X-Server", environ["mod_wsgi.server_pid"])])
    return environ["wsgi.file_wrapper"](open("file", "rb"))
`

const strayFile = "the text of a file\n"

// straySite has two groups, and the same application in the server's own process.
func straySite(t *testing.T) *site {
	s := newSite(t)
	s.write("app.py", strayScript)
	s.write("file", strayFile)
	s.start(hosting.Plan{
		Groups:       []procgroup.Options{s.group("a", "threads=3"), s.group("b")},
		Applications: []hosting.Application{s.app("a"), s.app("b"), {MountPoint: "/here", Path: filepath.Join(s.dir, "app.py"), Callable: "application", ApplicationGroup: "%{GLOBAL}"}},
	}, nil)
	return s
}

// file asks for the file and returns the processes that have sent it.
func (s *site) file(path string) (pid, server string) {
	s.t.Helper()
	r := s.get(path)
	if r.StatusCode != http.StatusOK || r.body != strayFile {
		s.t.Fatalf("GET %s: %s %q; output:\n%s", path, r.Status, r.body, s.output)
	}
	return r.Header.Get("X-Pid"), r.Header.Get("X-Server")
}

// waits asks for the file of an application that waits first; the process with this
// number is to send it.
func (s *site) waits(pid string) error {
	r, err := s.ask("/a/wait")
	if err == nil && (r.StatusCode != http.StatusOK || r.body != strayFile || r.Header.Get("X-Pid") != pid) {
		err = fmt.Errorf("%s, %q of process %s, not %s", r.Status, r.body, r.Header.Get("X-Pid"), pid)
	}
	return err
}

// TestStrayWrites: what an application writes to the sockets of its process has that
// process replaced, and nothing else: its own requests, those beside them, the files
// that it sends, the server and the other groups go on.
func TestStrayWrites(t *testing.T) {
	t.Parallel()
	for path, reason := range map[string]string{
		"server/text":  `malformed control message: it begins with "hell"`,
		"server/empty": `malformed control message: 0 bytes`,
		"server/note":  `malformed control message: "hello"`,
		"parent/text":  `malformed control message: it begins with "hell"`,
		"parent/large": `malformed control message: truncated`,
		"parent/note":  `malformed control message: "hello"`,
	} {
		t.Run(strings.ReplaceAll(path, "/", "-"), func(t *testing.T) {
			t.Parallel()
			s := straySite(t)
			first, server := s.file("/a/")
			other, _ := s.file("/b/")
			slow := make(chan error, 1)
			go func() { slow <- s.waits(first) }()
			s.await(`it waits`)
			if pid, _ := s.file("/a/stray/" + path); pid != first {
				t.Errorf("process %s has answered, want %s", pid, first)
			}
			s.await(`\[core:error\] .*process ` + first + ` of group a is replaced: .*` + regexp.QuoteMeta(reason) + `.*; code in it writes to`)
			eventually(t, "another process", func() bool { pid, _ := s.file("/a/"); return pid != first })
			if err := os.WriteFile(filepath.Join(s.dir, "go"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := <-slow; err != nil {
				t.Errorf("the request beside it: %v", err)
			}
			s.await(`process 1 \(pid ` + first + `\) ended: exited with status 0`)
			if pid, sender := s.file("/b/"); pid != other || sender != server {
				t.Errorf("group b: process %s of server %s, want %s of %s", pid, sender, other, server)
			}
			if n := s.output.count("is replaced: "); n != 2 { // once by each of those who have a part in it
				t.Errorf("%d lines tell that a process is replaced, want 2", n)
			}
		})
	}
}

// TestShutSocket: a process that can send no files any more is replaced, too. One that
// cannot be told to stop is killed then.
func TestShutSocket(t *testing.T) {
	t.Parallel()
	for path, c := range map[string]struct {
		status int
		end    string
	}{
		"server/shut":  {http.StatusBadGateway, ""},
		"parent/shut":  {http.StatusOK, ""},
		"parent/close": {http.StatusOK, "killed, because it cannot be told to stop: "},
	} {
		t.Run(strings.ReplaceAll(path, "/", "-"), func(t *testing.T) {
			t.Parallel()
			s := straySite(t)
			first, _ := s.file("/a/")
			if r := s.get("/a/stray/" + path); r.StatusCode != c.status {
				t.Errorf("got %s", r.Status)
			}
			s.await(`process ` + first + ` of group a is replaced: its (control socket|socket to the server) is closed; `)
			eventually(t, "another process", func() bool {
				return s.get("/a/").StatusCode == http.StatusOK && s.get("/a/").Header.Get("X-Pid") != first
			})
			s.await(`process 1 \(pid ` + first + `\) ended: ` + c.end)
			s.file("/a/")
			s.file("/b/")
		})
	}
}

// TestStrayWritesOfServer: an application in the server's own process does not end it.
func TestStrayWritesOfServer(t *testing.T) {
	t.Parallel()
	s := straySite(t)
	_, server := s.file("/a/")
	for _, what := range []string{"text", "empty", "note", "large"} {
		s.file("/here/stray/parent/" + what)
	}
	s.await(`\[core:error\] .*the server process serves on, but: .*malformed control message`)
	for _, path := range []string{"/a/", "/b/", "/here/"} {
		if _, sender := s.file(path); sender != server {
			t.Errorf("%s: server %s, want %s", path, sender, server)
		}
	}
	if n := s.output.count("malformed"); n != 1 {
		t.Errorf("%d complaints, want 1", n)
	}
}

// TestNoDescriptorForFile: a server that may open nothing more refuses what it cannot
// send, and nothing else comes of it.
func TestNoDescriptorForFile(t *testing.T) {
	t.Parallel()
	s := straySite(t)
	transport := &http.Transport{} // no connection is accepted meanwhile
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Timeout: patience}
	get := func(path string, status int) answer {
		t.Helper()
		r, err := client.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		if err = errors.Join(err, r.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != status {
			t.Errorf("GET %s: %s, want %d", path, r.Status, status)
		}
		return answer{r, string(body)}
	}
	first := get("/a/", http.StatusOK)
	limit := get("/here/limit/0", http.StatusOK).body
	get("/a/", http.StatusServiceUnavailable)
	s.await(`\[wsgi:error\] .*no descriptor was left for the file that answers GET /a/; repair: `)
	get("/here/limit/"+limit, http.StatusOK)
	now := get("/a/", http.StatusOK)
	if now.body != strayFile || now.Header.Get("X-Pid") != first.Header.Get("X-Pid") || now.Header.Get("X-Server") != first.Header.Get("X-Server") {
		t.Errorf("%q of %v, before it was of %v", now.body, now.Header, first.Header)
	}
}
