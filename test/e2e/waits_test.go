package e2e

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

const waitsScript = `import os, time
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/pid":
        start_response("200 OK", [])
        return [str(os.getpid()).encode()]
    if path == "/download":
        start_response("200 OK", [("Content-Length", str(64 << 20))])
        return (b"x" * 65536 for _ in range(1024))
    size = 0
    while block := environ["wsgi.input"].read(10_000):
        size += len(block)
    if path == "/sleep":
        time.sleep(3600)
    start_response("200 OK", [])
    return [str(size).encode()]
`

// waitsServer has a request-timeout of a second, which is 1.7 for a request of one of
// two threads.
func waitsServer(t *testing.T, daemon bool, args ...string) *process {
	t.Helper()
	dir := tempDir(t)
	write(t, dir, "app.py", waitsScript)
	if daemon {
		args = append(args, "--request-timeout", "1", "--graceful-timeout", "1", "--shutdown-timeout", "1")
	}
	return launch{dir: dir, daemon: daemon, args: append(args, "--threads", "2", "app.py")}.start(t)
}

// uploaded is longer than what is read of a body before the application runs, in
// every version of the server.
const uploaded = 3 << 20

// uploadSlowly sends a body whose beginning comes at once and the rest over a time.
func uploadSlowly(t *testing.T, p *process, path string, over time.Duration) *net.TCPConn {
	t.Helper()
	c := p.dial()
	say := func(text string) {
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	}
	say("POST " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3145728\r\n\r\n")
	const parts = 20
	say(strings.Repeat("x", uploaded-parts))
	tick := time.NewTicker(over / parts)
	defer tick.Stop()
	for range parts {
		<-tick.C
		say("x")
	}
	return c
}

// TestWaitingForTheClientIsNotRunning: a slow upload and a slow download are not cut by
// request-timeout, and their process stays.
func TestWaitingForTheClientIsNotRunning(t *testing.T) {
	inBothModes(t, func(t *testing.T, l launch) {
		p := waitsServer(t, l.daemon)
		before := p.get("/pid").body
		download := p.dawdle("/download", narrow)
		c := uploadSlowly(t, p, "/upload", 5*time.Second)
		if r := answerOf(t, bufio.NewReader(c)); r.StatusCode != 200 || r.body != "3145728" {
			t.Errorf("slow upload: %s %q", r.Status, r.body)
		}
		if n, err := io.Copy(io.Discard, download); err != nil || n < 64<<20-narrow {
			t.Errorf("slow download: %d bytes, %v", n, err)
		}
		if after := p.get("/pid").body; after != before {
			t.Errorf("process %s serves, before it was %s", after, before)
		}
		if text := p.stderr.String(); strings.Contains(text, "request-timeout") {
			t.Errorf("stderr:\n%s", text)
		}
	})
}

// TestRunningAfterWaiting: what a request does after it has waited counts.
func TestRunningAfterWaiting(t *testing.T) {
	t.Parallel()
	p := waitsServer(t, true)
	c := uploadSlowly(t, p, "/sleep", 3*time.Second)
	p.stderr.await(t, `POST /sleep runs for [0-9.]+s, without the [0-9.]+s in which it waited for its client, longer than request-timeout allows`)
	if r := answerOf(t, bufio.NewReader(c)); r.StatusCode != 502 {
		t.Errorf("got %s, want 502", r.Status)
	}
}

// TestStalledUpload: a client that stops sending while the application waits for it
// gets 408 after socket-timeout, and the log says who was waited for.
func TestStalledUpload(t *testing.T) {
	t.Parallel()
	p := waitsServer(t, true, "--socket-timeout", "3")
	before := p.get("/pid").body
	c := p.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 3145728\r\n\r\n" + strings.Repeat("x", 2<<20))
	if r := answerOf(t, bufio.NewReader(c)); r.StatusCode != 408 {
		t.Errorf("got %s, want 408", r.Status)
	}
	p.stderr.await(t, `the application waited for the client, which stopped sending in the middle of the request body, .* socket-timeout 3s`)
	if after := p.get("/pid").body; after != before {
		t.Errorf("process %s serves, before it was %s", after, before)
	}
}
