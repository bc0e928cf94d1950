package e2e

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
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

// posters are clients that send POST requests with bodies on connections that they
// keep, and never send one again: net/http's client would repeat what met the end
// of a connection, and hide that it was lost.
type posters struct {
	p        *process
	stop     chan struct{}
	wg       sync.WaitGroup
	answered atomic.Int64
	reopened atomic.Int64
	stopping atomic.Bool // the server has been told to stop: connections may be refused

	mu     sync.Mutex
	failed []string
	seen   map[string]bool // answers
}

// startPosters begins to send requests; the caller ends it.
func (p *process) startPosters(clients int) *posters {
	s := &posters{p: p, stop: make(chan struct{}), seen: map[string]bool{}}
	for n := range clients {
		s.wg.Go(func() {
			for !s.over() {
				if !s.connect(n) {
					return
				}
			}
		})
	}
	return s
}

func (s *posters) over() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// connect sends requests on one connection until an answer says that it was the
// last. It reports false when there is to be no other connection.
func (s *posters) connect(n int) bool {
	c, err := net.Dial("tcp", s.p.addr)
	if err != nil {
		if !s.stopping.Load() {
			s.fail("connect: %v", err)
		}
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	s.reopened.Add(1)
	r := bufio.NewReader(c)
	for i := 0; !s.over(); i++ {
		body := strings.Repeat(fmt.Sprintf("client %d, request %d\n", n, i), 1+rand.IntN(100))
		last, err := s.post(c, r, body)
		if err != nil {
			s.fail("request %d of a connection: %v", i, err)
			return false
		}
		if last {
			return !s.stopping.Load()
		}
		pause := time.NewTimer(time.Duration(rand.IntN(4)) * time.Millisecond)
		<-pause.C
	}
	return false
}

// post sends one request, and reports whether its answer is the last of the
// connection.
func (s *posters) post(c net.Conn, r *bufio.Reader, body string) (last bool, err error) {
	_, err = fmt.Fprintf(c, "POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if err != nil {
		return false, err
	}
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return false, err
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return false, err
	}
	version, echo, _ := strings.Cut(string(text), ":")
	if answer.StatusCode != 200 || echo != body {
		return false, fmt.Errorf("%s with %d bytes for a body of %d", answer.Status, len(echo), len(body))
	}
	s.answered.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[version] = true
	return answer.Close, nil
}

func (s *posters) fail(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = append(s.failed, fmt.Sprintf(format, args...))
}

// await blocks until n more requests have been answered.
func (s *posters) await(n int64) {
	s.p.t.Helper()
	want := s.answered.Load() + n
	eventually(s.p.t, fmt.Sprintf("%d more answers", n), func() bool { return s.answered.Load() >= want })
}

// awaitVersion blocks until a version of the script has answered.
func (s *posters) awaitVersion(version string) {
	s.p.t.Helper()
	eventually(s.p.t, "an answer of "+version, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.seen[version]
	})
}

// end ends the clients and wants that nothing was lost.
func (s *posters) end() {
	s.p.t.Helper()
	close(s.stop)
	s.wg.Wait()
	if n := len(s.failed); n > 0 {
		s.p.t.Errorf("%d of %d requests were lost, the first: %s", n, n+int(s.answered.Load()), s.failed[0])
	}
	s.p.t.Logf("%d requests were answered on %d connections", s.answered.Load(), s.reopened.Load())
}

// echoScript answers with a version and the body.
const echoScript = `def application(environ, start_response):
    start_response("200 OK", [])
    return [b"version %d:", environ["wsgi.input"].read()]
`

// echoServer serves echoScript, which change replaces.
func echoServer(t *testing.T, l launch) (p *process, change func(n int)) {
	t.Helper()
	l.dir = tempDir(t)
	script := filepath.Join(l.dir, "app.py")
	change = func(n int) {
		t.Helper()
		next := script + ".new"
		if err := os.WriteFile(next, fmt.Appendf(nil, echoScript, n), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, script); err != nil {
			t.Fatal(err)
		}
	}
	change(0)
	l.args = append(l.args, "app.py")
	return l.start(t), change
}

// TestReloadLosesNothingOnKeptConnections: SIGHUP and SIGUSR1 in daemon mode.
func TestReloadLosesNothingOnKeptConnections(t *testing.T) {
	p, _ := echoServer(t, launch{daemon: true, args: []string{"--processes", "2"}})
	clients := p.startPosters(loadConnections)
	for i := range count(100, 4) {
		before := p.stderr.count(`\] reloaded$`)
		p.signal([]syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1}[i%2])
		eventually(t, "reload", func() bool { return p.stderr.count(`\] reloaded$`) > before })
		clients.await(50)
	}
	clients.end()
}

// TestScriptChangeLosesNothingOnKeptConnections: a changed script alone, which
// replaces daemons, or is loaded again in the same process.
func TestScriptChangeLosesNothingOnKeptConnections(t *testing.T) {
	inBothModes(t, func(t *testing.T, l launch) {
		p, change := echoServer(t, l)
		clients := p.startPosters(loadConnections)
		for n := 1; n <= count(100, 4); n++ {
			change(n)
			clients.awaitVersion(fmt.Sprint("version ", n))
			clients.await(50)
		}
		clients.end()
	})
}

// TestReloadOnChangesLosesNothingOnKeptConnections: in embedded mode the whole
// program is run again.
func TestReloadOnChangesLosesNothingOnKeptConnections(t *testing.T) {
	inBothModes(t, func(t *testing.T, l launch) {
		l.args = []string{"--reload-on-changes"}
		p, change := echoServer(t, l)
		clients := p.startPosters(loadConnections)
		for n := 1; n <= count(20, 3); n++ {
			change(n)
			clients.awaitVersion(fmt.Sprint("version ", n))
			clients.await(50)
			if !l.daemon {
				eventually(t, "the next run", func() bool { return p.stdout.count("^Server URL") > n })
			}
		}
		clients.end()
	})
}

// TestStopLosesNothingOnKeptConnections: a stop may refuse connections, but each
// request on one that is open is answered.
func TestStopLosesNothingOnKeptConnections(t *testing.T) {
	inBothModes(t, func(t *testing.T, l launch) {
		for range count(20, 3) {
			p, _ := echoServer(t, launch{daemon: l.daemon})
			clients := p.startPosters(loadConnections)
			clients.await(200)
			clients.stopping.Store(true)
			p.signal(syscall.SIGTERM)
			clients.wg.Wait() // each has got its last answer
			clients.end()
			p.wait()
		}
	})
}
