package front

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// app is a gateway.App that is a function.
type app func(context.Context, *gateway.Request, gateway.ResponseWriter) error

func (a app) Serve(ctx context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
	return a(ctx, r, w)
}

// answer sends a response of status 200.
func answer(w gateway.ResponseWriter, body string) error {
	return respond(w, 200, body)
}

func respond(w gateway.ResponseWriter, status int, body string, fields ...gateway.Field) error {
	if err := w.WriteHead(&gateway.Head{Status: status, Fields: fields, ContentLength: int64(len(body))}); err != nil {
		return err
	}
	_, err := io.WriteString(w, body)
	return err
}

// record keeps what is logged.
type record struct {
	mu      sync.Mutex
	lines   []logs.Record
	entries []logs.AccessEntry
}

func (r *record) Enabled(logs.Level) bool { return true }
func (r *record) Log(line logs.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}
func (r *record) LogAccess(e *logs.AccessEntry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, *e)
}

// find returns the lines that contain text.
func (r *record) find(text string) (found []logs.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.lines {
		if strings.Contains(line.Message, text) {
			found = append(found, line)
		}
	}
	return found
}

// await waits until there is a line with text.
func (r *record) await(t *testing.T, text string) logs.Record {
	t.Helper()
	var found []logs.Record
	poll(t, "a log line with "+text, func() bool { found = r.find(text); return len(found) > 0 })
	return found[0]
}

// poll waits until done reports true.
func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// site is a running server.
type site struct {
	*Server
	*record
	addr string
}

func start(t *testing.T, o Options) *site {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{record: &record{}, addr: l.Addr().String()}
	o.Log = s.record
	o.AccessLog = s.record
	s.Server = New(o)
	var done sync.WaitGroup
	done.Go(func() {
		if err := s.Serve(l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		done.Wait()
	})
	return s
}

func dial(t *testing.T, s *site) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// send writes in on a new connection.
func send(t *testing.T, s *site, in string) *net.TCPConn {
	t.Helper()
	c := dial(t, s)
	if _, err := io.WriteString(c, in); err != nil {
		t.Fatal(err)
	}
	return c
}

// raw returns all that the server sends in answer to in until it closes.
func raw(t *testing.T, s *site, in string) string {
	t.Helper()
	out, err := io.ReadAll(send(t, s, in))
	if err != nil {
		t.Fatalf("after %q: %v", out, err)
	}
	return string(out)
}

// reply is a response that has been read.
type reply struct {
	*http.Response
	body string
	err  error
}

func read(t *testing.T, r *bufio.Reader, method string) reply {
	t.Helper()
	response, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	return reply{response, string(body), err}
}

// ask sends in, which is one request, and returns the answer.
func ask(t *testing.T, s *site, in string) reply {
	t.Helper()
	method, _, _ := strings.Cut(in, " ")
	return read(t, bufio.NewReader(send(t, s, in)), method)
}

// get asks for a path.
func get(t *testing.T, s *site, path string) reply {
	t.Helper()
	return ask(t, s, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}
