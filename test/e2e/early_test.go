package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

const earlyScript = `import itertools
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path != "/unread":
        environ["wsgi.input"].read(10)
    if path == "/fails":
        raise RuntimeError("it had enough")
    start_response("200 OK", [])
    if path == "/many":
        return itertools.repeat(b"early\n", 3)
    return [b"early\n"] * 3
`

// TestEarlyAnswer: an application that answers before it has read the body need
// not wait for it, nor need its client; then the connection ends.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	for _, daemon := range []bool{true, false} {
		t.Run(fmt.Sprintf("daemon %v", daemon), func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			write(t, dir, "app.py", earlyScript)
			p := launch{dir: dir, daemon: daemon, args: []string{"--threads", "1", "--limit-request-body", "0", "app.py"}}.start(t)
			p.expect("/", 200, "") // the server has opened what it needs for the daemon
			before := p.descriptorsOfServer()
			clients := map[net.Conn]string{}
			for range 5 {
				for _, path := range []string{"/unread", "/read", "/many", "/fails"} {
					c := p.send(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, 1<<30, strings.Repeat("a", 1000)))
					clients[c] = path
				}
			}
			for c, path := range clients {
				want, status := "early\nearly\nearly\n", 200
				if path == "/fails" {
					want, status = "", 500
				}
				r := bufio.NewReader(c)
				if got := answerOf(t, r); got.StatusCode != status || want != "" && got.body != want {
					t.Errorf("%s: %s %q", path, got.Status, got.body)
				}
				if _, err := r.ReadByte(); err != io.EOF {
					t.Errorf("%s: the connection does not end: %v", path, err)
				}
			}
			p.expect("/", 200, "")
			eventually(t, "the connections are closed", func() bool { return p.descriptorsOfServer() <= before+1 })
		})
	}
}

// descriptorsOfServer returns how many the process that serves HTTP has open.
func (p *process) descriptorsOfServer() int {
	p.t.Helper()
	return len(p.links(p.httpPID()))
}
