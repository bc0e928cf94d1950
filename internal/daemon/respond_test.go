package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/ring/ringtest"
)

// TestRequest: everything of a request arrives.
func TestRequest(t *testing.T) {
	s := newSite(t, Options{})
	got := make(chan *ringtest.Request, 1)
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		got <- q
		echo(q)
	})
	r := request("/a/b")
	r.Prefix, r.Body, r.ApplicationGroup = []byte("prefix"), strings.NewReader("rest"), "app"
	want, steady := flat.AppendEnviron(nil, r)
	if w := s.serve(context.Background(), r); w.text() != "/a/b" || w.kind() != "" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
	q := <-got
	if string(q.Environ) != string(want) || q.Steady != steady || q.Script != 3 || q.Group != "app" ||
		string(q.Prefix) != "prefix" || !q.More || q.Start != r.Start.UnixNano() {
		t.Errorf("%+v", q)
	}
	if n, _ := r.Body.Read(make([]byte, 10)); n != 4 {
		t.Error("the body was read, though nobody wanted it")
	}
	r.Body, r.Prefix = nil, nil
	s.serve(context.Background(), r)
	if q = <-got; q.More || len(q.Prefix) > 0 {
		t.Errorf("%+v", q)
	}
}

func TestComplete(t *testing.T) {
	s := newSite(t, Options{})
	var out atomic.Value
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		q.Done(ringtest.Outcome{Length: 3, Excess: 1, Out: out.Load().([]byte)})
	})
	for _, c := range []struct {
		method string
		head   gateway.Head
		body   string
		length int64
	}{
		{"GET", gateway.Head{Status: 200, Reason: "Fine", ContentLength: -1, Fields: []gateway.Field{{Name: "A", Value: "b"}}}, "body", 4},
		{"GET", gateway.Head{Status: 200, ContentLength: -1}, "", 0},
		{"GET", gateway.Head{Status: 200, ContentLength: 9}, "body", 9},
		{"GET", gateway.Head{Status: 204, ContentLength: -1}, "", -1},
		{"GET", gateway.Head{Status: 304, ContentLength: -1}, "", -1},
		{"HEAD", gateway.Head{Status: 200, ContentLength: -1}, "", -1},
		{"HEAD", gateway.Head{Status: 200, ContentLength: -1}, "x", 1},
		{"GET", gateway.Head{Status: 200, ContentLength: -1}, strings.Repeat("x", 65000), 65000},
	} {
		for range 2 { // the second head is that of the first
			out.Store(append(flat.AppendHead(nil, &c.head), c.body...))
			r := request("/")
			r.Method = c.method
			w := s.serve(context.Background(), r)
			want := c.head
			want.ContentLength = c.length
			if w.kind() != "" || w.text() != c.body || !reflect.DeepEqual(*w.head, want) {
				t.Errorf("%s: %s, %+v, %.20q; want %+v, %.20q", c.method, w.kind(), w.head, w.text(), want, c.body)
			}
		}
	}
	s.logged("response body is longer than its Content-Length of 3 bytes; the rest is dropped", 16)
}

func TestKinds(t *testing.T) {
	s := newSite(t, Options{})
	var kind atomic.Uint32
	s.add(ProcessOptions{PID: 7, Threads: 1}, func(q *ringtest.Request) {
		kind := kind.Load()
		if kind == ringtest.Aborted || kind == ringtest.Streamed {
			q.Send(plain("begin"))
		}
		q.Done(ringtest.Outcome{Kind: kind})
	})
	for k, want := range map[uint32]string{
		ringtest.Streamed: "", ringtest.Failed: "failed", ringtest.NotFound: "not found", ringtest.Forbidden: "forbidden", ringtest.Denied: "forbidden",
		ringtest.Timeout: "timeout", ringtest.Aborted: "aborted", ringtest.Gone: "gone",
	} {
		kind.Store(k)
		if w := s.get("/"); w.kind() != want {
			t.Errorf("kind %d: %q, not %q", k, w.kind(), want)
		}
	}
	s.logged("error [/script] [id /] [10.0.0.1:5] WSGI0135: Target WSGI script not found or unable to stat: /script", 1)
	s.logged("WSGI0136: Attempt to invoke directory as WSGI application: /script", 1)
	s.logged("the process stopped in the middle of the request", 1)
}

// TestStream: pieces arrive in order, and what is to be sent at once is flushed.
func TestStream(t *testing.T) {
	s := newSite(t, Options{})
	large := strings.Repeat("0123456789", 30000)
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		q.Send(plain("first "))
		q.Write([]byte("second "), true)
		q.Write([]byte(large), false)
		q.Done(ringtest.Outcome{Kind: ringtest.Streamed})
	})
	w := s.get("/")
	if w.kind() != "" || w.text() != "first second "+large || w.flushes != 2 || w.head.ContentLength != -1 {
		t.Errorf("%s, %d bytes, %d flushes, %+v", w.kind(), len(w.text()), w.flushes, w.head)
	}
}

// TestHeaderLine: a line of the longest length passes, one of a byte more fails,
// in a complete response and in a streamed one.
func TestHeaderLine(t *testing.T) {
	for _, c := range []struct{ option, limit int }{{0, 32768}, {10000, 10000}} {
		s := newSite(t, Options{HeaderBufferSize: c.option})
		var n atomic.Int32
		s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
			head := flat.AppendHead(nil, &gateway.Head{Status: 200, ContentLength: 0, Fields: []gateway.Field{{Name: "A", Value: strings.Repeat("x", int(n.Load())-3)}}})
			if path(q) == "/complete" {
				q.Done(ringtest.Outcome{Out: head})
				return
			}
			q.Send(head)
			q.Done(ringtest.Outcome{Kind: ringtest.Streamed})
		})
		for _, uri := range []string{"/complete", "/streamed"} {
			n.Store(int32(c.limit))
			if w := s.get(uri); w.kind() != "" {
				t.Errorf("%s, a line of %d: %s", uri, n.Load(), w.kind())
			}
			n.Store(int32(c.limit + 1))
			if w := s.get(uri); w.kind() != "failed" || w.head != nil {
				t.Errorf("%s, a line of %d: %q", uri, n.Load(), w.kind())
			}
			await(t, "the process is idle", func() bool { return s.g.Snapshot().Processes[0].Running == 0 })
		}
		s.logged("WSGI0144: response header line of", 2)
	}
}

// TestLargeHead: a head may come in parts, up to a bound.
func TestLargeHead(t *testing.T) {
	broken := make(chan error, 1)
	s := newSite(t, Options{OnBroken: func(_ *Process, err error) { broken <- err }})
	var fields atomic.Int32
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		h := gateway.Head{Status: 200, ContentLength: -1}
		for i := range fields.Load() {
			h.Fields = append(h.Fields, gateway.Field{Name: fmt.Sprint("X", i), Value: strings.Repeat("v", 1000)})
		}
		q.Send(append(flat.AppendHead(nil, &h), "body"...))
		q.Done(ringtest.Outcome{Kind: ringtest.Streamed})
	})
	fields.Store(1000)
	if w := s.get("/"); w.kind() != "" || w.text() != "body" || len(w.head.Fields) != 1000 {
		t.Errorf("%s, %q, %+v", w.kind(), w.text(), w.head)
	}
	fields.Store(9000)
	if w := s.get("/"); w.kind() != "gone" {
		t.Errorf("%q", w.kind())
	}
	t.Log(within(t, broken))
}

// TestBroken: a process that writes nonsense is given nothing more.
func TestBroken(t *testing.T) {
	for name, handler := range map[string]func(*ringtest.Request){
		"no such kind":          func(q *ringtest.Request) { q.Done(ringtest.Outcome{Kind: 11}) },
		"no head":               func(q *ringtest.Request) { q.Done(ringtest.Outcome{Out: []byte("x")}) },
		"no streamed head":      func(q *ringtest.Request) { q.Send([]byte("x")) },
		"complete after pieces": func(q *ringtest.Request) { q.Send(plain("")); answer(q, "") },
		"body without a head":   func(q *ringtest.Request) { q.Write([]byte("x"), false) },
		"stale after reading": func(q *ringtest.Request) {
			q.Read(make([]byte, 10))
			q.Done(ringtest.Outcome{Kind: ringtest.Stale})
		},
	} {
		t.Run(name, func(t *testing.T) {
			broken := make(chan *Process, 1)
			s := newSite(t, Options{Backlog: 1, OnBroken: func(p *Process, _ error) { broken <- p }})
			p := s.add(ProcessOptions{PID: 7, Threads: 1}, handler)
			r := request("/")
			r.Body = strings.NewReader("body")
			if w := s.serve(context.Background(), r); w.kind() != "gone" {
				t.Errorf("%q", w.kind())
			}
			if within(t, broken) != p.Process {
				t.Error("another process is called broken")
			}
			next := s.send(context.Background(), request("/next"))
			s.waiting(1)
			s.g.Remove(p.Process, "killed")
			s.add(ProcessOptions{Threads: 1}, echo)
			if w := within(t, next); w.text() != "/next" {
				t.Errorf("%q, %s", w.text(), w.kind())
			}
			s.logged("process 7 of group \"group\", serving GET /:", 1)
		})
	}
}

// TestClientLeaves: the writer's error ends the request, not the process.
func TestClientLeaves(t *testing.T) {
	s := newSite(t, Options{})
	ended := make(chan error, 1)
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		if path(q) != "/leaves" {
			echo(q)
			return
		}
		err := q.Send(plain("x"))
		for err == nil {
			err = q.Write([]byte("more"), true)
		}
		q.Done(ringtest.Outcome{Kind: ringtest.Gone})
		ended <- err
	})
	w := &recorder{err: errors.New("gone")}
	if err := s.g.App(Script{}).Serve(context.Background(), request("/leaves"), w); err != nil {
		t.Error(err)
	}
	if err := within(t, ended); !errors.Is(err, ringtest.ErrCancelled) {
		t.Error(err)
	}
	if w := s.get("/ok"); w.text() != "/ok" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
	s.logged("", 0)
}

// watched is a recorder whose client has left after some questions.
type watched struct {
	recorder
	stays int
}

func (w *watched) Left() bool { w.stays--; return w.stays < 0 }

// TestClientLeavesNothing: a response that sends nothing asks for its client, also
// before its head, and is cancelled when that has left. Questions are no part of
// the response, and no sign that there will be one.
func TestClientLeavesNothing(t *testing.T) {
	s := newSite(t, Options{})
	ended := make(chan error, 1)
	ask := func(q *ringtest.Request) error { return q.Write(nil, false) }
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		err := ask(q)
		switch path(q) {
		case "/complete":
			answer(q, "complete")
			return
		case "/stream":
			q.Send(plain("st"))
			ask(q)
			q.Write([]byte("ream"), false)
			q.Done(ringtest.Outcome{Kind: ringtest.Streamed})
			return
		case "/after":
			err = q.Send(plain("x"))
		}
		for err == nil {
			err = ask(q)
		}
		q.Done(ringtest.Outcome{Kind: ringtest.Gone})
		ended <- err
	})
	for _, uri := range []string{"/before", "/after"} {
		w := &watched{stays: 3}
		if err := s.g.App(Script{}).Serve(context.Background(), request(uri), w); err != nil {
			t.Errorf("%s: %v", uri, err)
		}
		if err := within(t, ended); !errors.Is(err, ringtest.ErrCancelled) {
			t.Errorf("%s: %v", uri, err)
		}
	}
	for _, uri := range []string{"/complete", "/stream"} {
		if w := s.get(uri); w.text() != uri[1:] {
			t.Errorf("%q, %s", w.text(), w.kind())
		}
	}
	s.logged("", 0)
}

// TestSilentAsks: a process that asks and sends nothing is silent all the same.
func TestSilentAsks(t *testing.T) {
	s := newSite(t, Options{SocketTimeout: 50 * time.Millisecond})
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		for q.Write(nil, false) == nil {
		}
		q.Done(ringtest.Outcome{Kind: ringtest.Gone})
	})
	if w := s.get("/"); w.kind() != "timeout" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
}

// file makes one.
func file(t *testing.T, text string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	return f
}

func closed(f *os.File) bool {
	_, err := f.Stat()
	return errors.Is(err, os.ErrClosed)
}

// answersWithFile is a handler whose answer is a file. It tells of a request before it
// is done, and waits, or after, as its path says.
func answersWithFile(at chan<- *ringtest.Request, let <-chan bool) func(*ringtest.Request) {
	return func(q *ringtest.Request) {
		if path(q) == "/before" {
			at <- q
			<-let
		}
		q.Done(ringtest.Outcome{Kind: ringtest.File, Out: flat.AppendHead(nil, &gateway.Head{Status: 200, ContentLength: 4}), Count: 4})
		if path(q) == "/after" {
			at <- q
		}
	}
}

// TestFile: the descriptor and the result may come in either order.
func TestFile(t *testing.T) {
	s := newSite(t, Options{})
	at, let := make(chan *ringtest.Request), make(chan bool)
	p := s.add(ProcessOptions{Threads: 1}, answersWithFile(at, let))
	for _, uri := range []string{"/before", "/after", "/before"} {
		c := s.send(context.Background(), request(uri))
		q := <-at
		f := file(t, "text and more")
		other := file(t, "")
		p.Deliver(q.Index, q.Generation+1, other)
		if !closed(other) {
			t.Error("the file for another request is kept")
		}
		reading, writing, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		writing.Close()
		p.Deliver(q.Index, q.Generation, reading)
		if !closed(reading) {
			t.Error("what is no file is kept")
		}
		p.Deliver(q.Index, q.Generation, f)
		if uri == "/before" {
			let <- true
		}
		if w := within(t, c); w.kind() != "" || w.text() != "text" || w.head.ContentLength != 4 {
			t.Errorf("%s, %q, %+v", w.kind(), w.text(), w.head)
		}
		if !closed(f) {
			t.Error("the file is left open")
		}
		late := file(t, "")
		p.Deliver(q.Index, q.Generation, late)
		if !closed(late) {
			t.Error("a file that comes too late is kept")
		}
	}
	stray := file(t, "")
	p.Deliver(-1, 0, stray)
	if !closed(stray) {
		t.Error("a file for no slot is kept")
	}
}

// TestFileLost: a file that could not be received fails its request, whether that has
// come to its end before or after; another's does not.
func TestFileLost(t *testing.T) {
	s := newSite(t, Options{})
	at, let := make(chan *ringtest.Request), make(chan bool)
	p := s.add(ProcessOptions{Threads: 1}, answersWithFile(at, let))
	for i, uri := range []string{"/before", "/after", "/before"} {
		c := s.send(context.Background(), request(uri))
		q := <-at
		p.Lost(-1, 0)
		p.Lost(q.Index, q.Generation+1)
		p.Lost(q.Index, q.Generation)
		if uri == "/before" {
			let <- true
		}
		if w := within(t, c); w.kind() != "busy" || w.head != nil {
			t.Errorf("%s: %s, %q, %+v", uri, w.kind(), w.text(), w.head)
		}
		s.logged("no descriptor was left for the file that answers GET "+uri, i/2+1)
	}
	await(t, "all slots are free", func() bool { return s.g.Snapshot().Processes[0].Served == 3 })
}

// TestFileUnclaimed: the file of a request that ends otherwise is closed.
func TestFileUnclaimed(t *testing.T) {
	s := newSite(t, Options{})
	at := make(chan *ringtest.Request)
	p := s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		at <- q
		<-at
		answer(q, "complete")
	})
	c := s.send(context.Background(), request("/"))
	q, f := <-at, file(t, "")
	p.Deliver(q.Index, q.Generation, f)
	at <- q
	if w := within(t, c); w.text() != "complete" || !closed(f) {
		t.Errorf("%q, closed: %v", w.text(), closed(f))
	}
}

// TestEnvironTooLarge: the request fails, and nothing else.
func TestEnvironTooLarge(t *testing.T) {
	s := newSite(t, Options{})
	s.add(ProcessOptions{Threads: 1}, echo)
	r := request("/")
	r.Header = http.Header{"X": {strings.Repeat("x", 64<<10)}}
	if w := s.serve(context.Background(), r); w.kind() != "failed" {
		t.Errorf("%q", w.kind())
	}
	s.logged("does not fit", 1)
	if w := s.get("/ok"); w.text() != "/ok" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
}
