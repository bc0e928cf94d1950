package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/ring"
	"github.com/gophersnake/gophersnake/internal/ring/ringtest"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// site is a group and its log.
type site struct {
	t testing.TB
	g *Group
	*journal
}

func newSite(t testing.TB, o Options) *site {
	s := &site{t: t, journal: &journal{}}
	if o.Name = "group"; o.Log == nil {
		o.Log = s.journal
	}
	s.g = NewGroup(o)
	t.Cleanup(s.g.Close)
	return s
}

// journal is a log that tests look at.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) Enabled(logs.Level) bool { return true }

func (j *journal) Log(r logs.Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf("%v [%s] [%s] [%s] %s", r.Level, r.Script, r.RequestID, r.Client, r.Message))
}

// logged returns the lines with a text, and fails if there are not so many.
func (s *site) logged(text string, want int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, line := range s.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	if n != want {
		s.t.Errorf("%d lines of the log, not %d, say %q:\n%s", n, want, text, strings.Join(s.lines, "\n"))
	}
}

// process is a daemon of the test's.
type process struct {
	*ringtest.Daemon
	*Process
}

// add adds a process with this many threads.
func (s *site) add(o ProcessOptions, handler func(*ringtest.Request)) process {
	s.t.Helper()
	region, err := ring.Create(Slots(o.Threads), 64<<10)
	if err != nil {
		s.t.Fatal(err)
	}
	if o.Ring, err = ring.NewServer(region); err != nil {
		s.t.Fatal(err)
	}
	d, err := ringtest.Start(region.File(), o.Ring.Event(), o.Threads, handler)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(d.Stop)
	return process{d, s.g.Add(o)}
}

// recorder is a ResponseWriter.
type recorder struct {
	mu      sync.Mutex
	head    *gateway.Head
	body    bytes.Buffer
	flushes int
	err     error // of Write
}

func (w *recorder) WriteHead(h *gateway.Head) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.head != nil {
		return errors.New("write head: twice")
	}
	c := *h
	c.Fields = append([]gateway.Field(nil), h.Fields...)
	w.head = &c
	return nil
}

func (w *recorder) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return 0, w.err
	}
	return w.body.Write(p)
}

func (w *recorder) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flushes++
	return w.err
}

func (w *recorder) SendFile(f *os.File, n int64) (int64, error) {
	b := make([]byte, n)
	got, err := f.Read(b)
	_, _ = w.Write(b[:got])
	return int64(got), err
}

// text returns the body.
func (w *recorder) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.body.String()
}

// response is what Serve led to.
type response struct {
	*recorder
	err error
}

// kind returns what the error is, and "" if there is none.
func (r response) kind() string {
	var e *gateway.Error
	switch {
	case r.err == nil:
		return ""
	case errors.As(r.err, &e):
		return e.Kind.String()
	}
	return r.err.Error()
}

func request(uri string) *gateway.Request {
	return &gateway.Request{ID: "id " + uri, Start: time.Now(), Method: http.MethodGet, URI: uri, PathInfo: uri, Conn: &gateway.Conn{RemoteAddr: "10.0.0.1", RemotePort: "5"}}
}

// serve serves one request.
func (s *site) serve(ctx context.Context, r *gateway.Request) response {
	w := &recorder{}
	return response{w, s.g.App(Script{Index: 3, Path: "/script"}).Serve(ctx, r, w)}
}

func (s *site) get(uri string) response { return s.serve(context.Background(), request(uri)) }

// send serves a request in a goroutine of its own.
func (s *site) send(ctx context.Context, r *gateway.Request) <-chan response {
	c := make(chan response, 1)
	go func() { c <- s.serve(ctx, r) }()
	return c
}

// within waits for something that must come.
func within[T any](t testing.TB, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatal("it does not come")
	}
	return v
}

// await waits until something holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it does not happen", what)
		}
	}
}

// waiting waits until so many requests wait.
func (s *site) waiting(n int) {
	s.t.Helper()
	await(s.t, fmt.Sprintf("%d requests wait", n), func() bool { return s.g.Snapshot().Waiting == n })
}

// path returns the PATH_INFO of a request.
func path(q *ringtest.Request) string {
	for b := q.Environ; len(b) > 0; {
		e, rest, err := flat.Next(b)
		if err != nil {
			return err.Error()
		}
		if e.Name() == "PATH_INFO" {
			return string(e.Value)
		}
		b = rest
	}
	return ""
}

// plain is the head of most responses.
func plain(body string) []byte {
	return append(flat.AppendHead(nil, &gateway.Head{Status: 200, ContentLength: -1, Fields: []gateway.Field{{Name: "X", Value: "y"}}}), body...)
}

// answer is a complete response.
func answer(q *ringtest.Request, body string) {
	q.Done(ringtest.Outcome{Status: 200, Length: -1, Out: plain(body)})
}

// echo answers with the path.
func echo(q *ringtest.Request) { answer(q, path(q)) }

// gate is a handler that lets requests wait: each tells of its start and ends
// when it is let.
type gate struct {
	started chan string
	let     chan bool
}

func newGate() *gate { return &gate{make(chan string, 100), make(chan bool)} }

func (g *gate) serve(q *ringtest.Request) {
	g.started <- path(q)
	<-g.let
	echo(q)
}

// open lets all requests end, those to come too.
func (g *gate) open() { close(g.let) }
