package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const tokenScript = `import time
def application(environ, start_response):
    if environ["PATH_INFO"].startswith("/leaves"):
        time.sleep(0.002)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]
`

// How many requests have a client that leaves, how many leave at a time, and how
// many clients stay meanwhile.
const (
	leavingClients = 1000
	leavingAtOnce  = 60
	stayingClients = 4
)

// leaver makes as many requests as its connection has streams, and lets go of them
// after a while.
type leaver struct {
	protocol string
	streams  int
	leave    func(p *process, path string, after time.Duration)
}

var leavers = []leaver{{"HTTP1", 1, leave1}, {"HTTP2", http2Streams, leave2}}

const http2Streams = 20

// TestAnswersReachTheirClient: a thousand clients leave at random moments, most of
// them while their requests wait for a thread. Those that stay get the answers
// to their own requests, all of them, and the server ends as fast as ever. The
// processors are busy meanwhile, which makes the moments more various.
func TestAnswersReachTheirClient(t *testing.T) {
	for _, daemon := range []bool{true, false} {
		for _, l := range leavers {
			t.Run(fmt.Sprintf("daemon %v/%s", daemon, l.protocol), func(t *testing.T) {
				dir := tempDir(t)
				write(t, dir, "app.py", tokenScript)
				// a request counts until it is seen that its client has gone
				args := []string{"--daemon-backlog", strconv.Itoa(leavingClients), "app.py"}
				p := launch{dir: dir, daemon: daemon, args: args}.start(t)
				p.keepBusy(func() { p.letMostLeave(l) })
				start := time.Now()
				p.stop()
				if took := time.Since(start); took > patience/2 {
					t.Errorf("it takes %v to stop", took)
				}
				for _, complaint := range []string{"[wsgi:error]", "[wsgi:crit]", "broke the rules"} {
					if strings.Contains(p.stderr.String(), complaint) {
						t.Errorf("%s in stderr:\n%s", complaint, p.stderr)
					}
				}
			})
		}
	}
}

// keepBusy runs f beside an endless loop for each processor.
func (p *process) keepBusy(f func()) {
	var over atomic.Bool
	var loops sync.WaitGroup
	defer loops.Wait()
	defer over.Store(true)
	for range runtime.NumCPU() {
		loops.Go(func() {
			for !over.Load() {
			}
		})
	}
	f()
}

// letMostLeave returns when all who leave have left, and all who stay are answered.
func (p *process) letMostLeave(l leaver) {
	var left, stay sync.WaitGroup
	var gone atomic.Bool
	var answered atomic.Int64
	for i := range stayingClients {
		stay.Go(func() { answered.Add(p.stayAndCompare(l.protocol, i, &gone)) })
	}
	var next atomic.Int64
	for range leavingAtOnce / l.streams {
		left.Go(func() {
			for n := next.Add(1); n <= int64(leavingClients/l.streams); n = next.Add(1) {
				l.leave(p, fmt.Sprintf("/leaves/%d", n), rand.N(40*time.Millisecond))
			}
		})
	}
	left.Wait()
	gone.Store(true)
	stay.Wait()
	p.t.Logf("%d answers to those who stayed", answered.Load())
}

// stayAndCompare asks for one path of its own after the other, on connections that are
// kept, until the others have gone.
func (p *process) stayAndCompare(protocol string, client int, gone *atomic.Bool) (answered int64) {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(protocol == "HTTP1")
	transport.Protocols.SetUnencryptedHTTP2(protocol == "HTTP2")
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport, Timeout: patience}
	for i := 0; i < 50 || !gone.Load(); i++ {
		path := fmt.Sprintf("/stays/%d/%d", client, i)
		r, err := read(c.Get(p.url + path))
		if err != nil {
			p.t.Errorf("GET %s: %v", path, err)
			return answered
		}
		if r.StatusCode != 200 || r.body != path {
			p.t.Errorf("GET %s: %s, %q", path, r.Status, r.body)
		}
		answered++
	}
	return answered
}

// leave1 closes its connection after a while, whatever has come until then; every
// second client resets it.
func leave1(p *process, path string, after time.Duration) {
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		p.t.Errorf("connect: %v", err)
		return
	}
	defer c.Close()
	if rand.IntN(2) == 0 {
		err = c.(*net.TCPConn).SetLinger(0)
	}
	_, err2 := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	if err := errors.Join(err, err2, c.SetReadDeadline(time.Now().Add(after))); err != nil {
		p.t.Errorf("send %s: %v", path, err)
		return
	}
	compareWhole(p, path, c)
}

// compareWhole reads until the deadline; what has come must be the answer to the
// request.
func compareWhole(p *process, path string, c io.Reader) {
	got, _ := io.ReadAll(c) // it ends with the deadline
	if _, body, ok := strings.Cut(string(got), "\r\n\r\n"); ok && body != path {
		p.t.Errorf("GET %s: %q", path, got)
	}
}

// leave2 resets the streams of one connection.
func leave2(p *process, path string, after time.Duration) {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	var streams sync.WaitGroup
	for i := range http2Streams {
		streams.Go(func() {
			own := fmt.Sprintf("%s/%d", path, i)
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+own, nil)
			if err != nil {
				p.t.Error(err)
				return
			}
			got, err := read((&http.Client{Transport: transport}).Do(r))
			if err == nil && (got.StatusCode != 200 || got.body != own) {
				p.t.Errorf("GET %s: %s %q", own, got.Status, got.body)
			}
		})
	}
	streams.Wait()
}
