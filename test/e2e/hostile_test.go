package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// leave ends a connection in the rudest way there is: with a reset.
func leave(t *testing.T, c *net.TCPConn) {
	t.Helper()
	if err := c.SetLinger(0); err != nil {
		t.Error(err)
	}
	c.Close()
}

const (
	head     = "GET / HTTP/1.1\r\nHost: x\r\n"
	postHead = "POST /read HTTP/1.1\r\nHost: x\r\n"
)

// stages are what a client has sent when it goes away or falls silent.
var stages = map[string]string{
	"nothing":             "",
	"half a request line": "GET /so",
	"half a head":         head + "Accept: te",
	"a head":              head + "\r\n",
	"a body's head":       postHead + "Content-Length: 100\r\n\r\n",
	"half a small body":   postHead + "Content-Length: 100\r\n\r\nhalf",
	"half a large body":   postHead + "Content-Length: 1000000\r\n\r\n" + strings.Repeat("a", 100000),
	"an expectation":      postHead + "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
	"half a chunk":        postHead + "Transfer-Encoding: chunked\r\n\r\nff\r\nhalf",
	"half a chunk size":   postHead + "Transfer-Encoding: chunked\r\n\r\nf",
	"half an HTTP/2 head": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00",
	"a pipeline":          head + "\r\n" + head + "\r\n" + head,
	"a long response":     "GET /stream?100000 HTTP/1.1\r\nHost: x\r\n\r\n",
	"a file":              "GET /file HTTP/1.1\r\nHost: x\r\n\r\n",
}

// hostileServer has few threads, so that each that is taken shows.
func hostileServer(t *testing.T) *process {
	t.Helper()
	dir := appDir(t)
	write(t, dir, "data.bin", strings.Repeat("0123456789abcdef", 1<<17))
	return launch{dir: dir, args: []string{"--threads", "2", "--chunked-request", "app.py"}}.start(t)
}

func TestDisconnects(t *testing.T) {
	t.Parallel()
	p := hostileServer(t)
	p.expect("/", 200, "Hello World!\n")
	before := p.descriptors()
	for name, text := range stages {
		for range 3 {
			leave(t, p.send(text))
			p.send(text).Close()
			half := p.send(text)
			if err := half.CloseWrite(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			half.Close()
		}
		p.expect("/", 200, "Hello World!\n")
	}
	eventually(t, "all connections are closed again", func() bool { return p.descriptors() <= before })
}

// Clients that send part of something and then nothing do not keep a thread of
// the application, except in the middle of a large body.
func TestSilentClients(t *testing.T) {
	t.Parallel()
	p := hostileServer(t)
	for _, name := range []string{"nothing", "half a request line", "half a head", "a body's head", "half a small body",
		"half a chunk", "half a chunk size", "half an HTTP/2 head"} {
		for range 10 {
			p.send(stages[name])
		}
		p.expect("/", 200, "Hello World!\n")
	}
	for range 20 {
		p.expect("/", 200, "Hello World!\n")
	}
}

// A slow loris sends its head byte by byte; nobody else waits for it.
func TestSlowLoris(t *testing.T) {
	t.Parallel()
	p := hostileServer(t)
	var loris []net.Conn
	for range 50 {
		loris = append(loris, p.dial())
	}
	text := head + "X: y\r\n\r\n"
	for i := range len(text) {
		for _, c := range loris {
			if _, err := io.WriteString(c, text[i:i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if i%10 == 0 {
			p.expect("/", 200, "Hello World!\n")
		}
	}
	for _, c := range loris {
		if r := answerOf(t, bufio.NewReader(c)); r.StatusCode != 200 {
			t.Errorf("in the end: %s", r.Status)
		}
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	p := hostileServer(t)
	for name, c := range map[string]struct {
		text   string
		status int
	}{
		"bad chunk":              {postHead + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\nmore", 400},
		"chunk without its end":  {postHead + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n", 400},
		"TLS":                    {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("x", 100), 400},
		"binary":                 {"\x00\x01\x02\x03\r\n\r\n", 400},
		"two lengths":            {postHead + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
		"length and chunked":     {postHead + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"folded header":          {head + "A: b\r\n c\r\n\r\n", 400},
		"space before the colon": {head + "A : b\r\n\r\n", 400},
		"no Host":                {"GET / HTTP/1.1\r\n\r\n", 400},
		"HTTP/3":                 {"GET / HTTP/3.0\r\n\r\n", 505},
		"long request line":      {"GET /" + strings.Repeat("a", 10000) + " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
		"long header":            {head + "A: " + strings.Repeat("a", 10000) + "\r\n\r\n", 431},
		"too large a body":       {postHead + "Content-Length: 10485761\r\n\r\n", 413},
		"odd encoding":           {postHead + "Transfer-Encoding: gzip\r\n\r\n", 501},
	} {
		conn := p.send(c.text)
		r := bufio.NewReader(conn)
		got := answerOf(t, r)
		if got.StatusCode != c.status || !got.Close {
			t.Errorf("%s: %s, close %v, want %d", name, got.Status, got.Close, c.status)
		}
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("%s: the connection goes on: %v", name, err)
		}
	}
	p.expect("/", 200, "Hello World!\n")
}

func TestTenMegabytesOfHeaders(t *testing.T) {
	t.Parallel()
	p := hostileServer(t)
	many := strings.Repeat("X-Header: "+strings.Repeat("x", 90)+"\r\n", 10<<20/102)
	for name, text := range map[string]string{
		"many lines": head + many,
		"one line":   head + "X-Header: " + strings.Repeat("x", 10<<20),
		"line":       strings.Repeat("x", 10<<20),
	} {
		start := time.Now()
		c := p.send(text)
		if r := answerOf(t, bufio.NewReader(c)); r.StatusCode != 431 && r.StatusCode != 414 && r.StatusCode != 400 {
			t.Errorf("%s: %s", name, r.Status)
		}
		c.Close()
		if took := time.Since(start); took > patience/2 {
			t.Errorf("%s took %v", name, took)
		}
	}
	if kilobytes := p.memory(); kilobytes > 500<<10 {
		t.Errorf("%d kB of memory", kilobytes)
	}
	p.expect("/", 200, "Hello World!\n")
}

// A client that reads nothing of a long response takes a thread, and no more:
// others are served, and the stop is not held up beyond its time limit.
func TestClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	p := launch{dir: appDir(t), args: []string{"--threads", "2", "--graceful-timeout", "1", "--shutdown-timeout", "5", "app.py"}}.start(t)
	c := p.send("GET /stream?100000 HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		p.expect(fmt.Sprint("/", i), 200, "Hello World!\n")
	}
	p.stop()
	p.stderr.await(t, `1 responses without a length, such as streams of events, were cut off`)
	p.stderr.await(t, `exit handler was run`)
}
