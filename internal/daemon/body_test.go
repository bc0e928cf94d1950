package daemon

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/ring/ringtest"
)

// upload answers with the body, piece for piece.
func upload(q *ringtest.Request) {
	q.Send(plain(""))
	buf := make([]byte, 50_000)
	for {
		n, err := q.Read(buf)
		if q.Write(buf[:n], true) != nil {
			return
		}
		if err != nil {
			q.Write([]byte(err.Error()), true)
			q.Done(ringtest.Outcome{Kind: ringtest.Streamed})
			return
		}
	}
}

func withBody(uri string, body io.Reader) *gateway.Request {
	r := request(uri)
	r.Method, r.Body, r.ContentLength = "POST", body, -1
	return r
}

func TestBody(t *testing.T) {
	s := newSite(t, Options{})
	s.add(ProcessOptions{Threads: 1}, upload)
	for _, n := range []int{0, 1, 65535, 65536, 65537, 2_000_000} {
		text := strings.Repeat("0123456789", n/10+1)[:n]
		for name, body := range map[string]io.Reader{
			"plain":          strings.NewReader(text),
			"end with data":  iotest.DataErrReader(strings.NewReader(text)),
			"half":           iotest.HalfReader(strings.NewReader(text)),
			"often nothing":  &stutter{src: strings.NewReader(text)},
			"not by pointer": bytes.NewBufferString(text),
		} {
			if w := s.serve(context.Background(), withBody("/", body)); w.text() != text+"EOF" || w.kind() != "" {
				t.Errorf("%s, %d bytes: %d come back, %s", name, n, len(w.text()), w.kind())
			}
		}
	}
}

// TestLongPrefix: what has been read ahead and does not fit into a slot is not
// lost, and nobody waits for the client to get it to the process.
func TestLongPrefix(t *testing.T) {
	s := newSite(t, Options{})
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		prefix := bytes.Clone(q.Prefix)
		q.Send(plain(""))
		_ = q.Write(prefix, true)
		buf := make([]byte, 50_000)
		for q.More {
			n, err := q.Read(buf)
			if n > 0 && q.Write(buf[:n], true) != nil {
				return
			}
			if err != nil {
				_ = q.Write([]byte(err.Error()), true)
				break
			}
		}
		q.Done(ringtest.Outcome{Kind: ringtest.Streamed})
	})
	for _, n := range []int{65535, 65536, 65537, 131072, 1_000_000} {
		text := strings.Repeat("0123456789", n/10+1)[:n]
		r := withBody("/", nil)
		r.Prefix, r.Body = []byte(text), nil
		want := text
		if n > 65536 {
			want += "EOF"
		}
		if w := s.serve(context.Background(), r); w.text() != want || w.kind() != "" {
			t.Errorf("%d bytes, all of it: %d come back, %s", n, len(w.text()), w.kind())
		}
		r = withBody("/", strings.NewReader("the rest"))
		r.Prefix = []byte(text)
		if w := s.serve(context.Background(), r); w.text() != text+"the restEOF" || w.kind() != "" {
			t.Errorf("%d bytes and the rest: %d come back, %s", n, len(w.text()), w.kind())
		}
	}
}

// stutter reads nothing every second time.
type stutter struct {
	src  io.Reader
	turn bool
}

func (r *stutter) Read(p []byte) (int, error) {
	if r.turn = !r.turn; r.turn {
		return 0, nil
	}
	return r.src.Read(p)
}

// TestBodyFails: the application is told why.
func TestBodyFails(t *testing.T) {
	s := newSite(t, Options{})
	s.add(ProcessOptions{Threads: 1}, upload)
	body := io.MultiReader(strings.NewReader("begin "), iotest.ErrReader(&gateway.BodyError{Reason: "the reason"}))
	if w := s.serve(context.Background(), withBody("/", body)); w.text() != "begin the reason" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
	if w := s.serve(context.Background(), withBody("/", never{})); !strings.Contains(w.text(), io.ErrNoProgress.Error()) {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
}

type never struct{}

func (never) Read([]byte) (int, error) { return 0, nil }

// stuck is a body that comes only when it is interrupted.
type stuck struct {
	reading, interrupted chan bool
}

func newStuck() *stuck { return &stuck{make(chan bool), make(chan bool)} }

func (b *stuck) Read([]byte) (int, error) {
	close(b.reading)
	<-b.interrupted
	return 0, errors.New("interrupted")
}

type interruptible struct{ *stuck }

func (b interruptible) Interrupt() { close(b.interrupted) }

// TestAnswerBeforeBody: the response does not wait for a body that does not come.
func TestAnswerBeforeBody(t *testing.T) {
	s := newSite(t, Options{})
	let := make(chan bool)
	s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		if q.More {
			q.Want()
			<-let
		}
		answer(q, "early")
	})
	body := newStuck()
	c := s.send(context.Background(), withBody("/", interruptible{body}))
	<-body.reading
	let <- true
	if w := within(t, c); w.text() != "early" || w.kind() != "" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
	// a body that cannot be interrupted keeps the request, not the response,
	// nor the process
	body = newStuck()
	w, result := &recorder{}, make(chan error, 1)
	go func() { result <- s.g.App(Script{}).Serve(context.Background(), withBody("/", body), w) }()
	<-body.reading
	let <- true
	await(t, "the response is sent", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.body.String() == "early" && w.flushes == 1
	})
	if w := s.get("/other"); w.text() != "early" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
	close(body.interrupted)
	if err := within(t, result); err != nil {
		t.Error(err)
	}
}

// TestDeathInBody: a process that dies while the client is waited for.
func TestDeathInBody(t *testing.T) {
	s := newSite(t, Options{})
	p := s.add(ProcessOptions{Threads: 1}, upload)
	body := newStuck()
	c := s.send(context.Background(), withBody("/", interruptible{body}))
	<-body.reading
	p.Kill()
	s.g.Remove(p.Process, "killed")
	if w := within(t, c); w.kind() != "gone" {
		t.Errorf("%q", w.kind())
	}
}

// TestSlowUpload: time in which the client is waited for is no silence of the
// process.
func TestSlowUpload(t *testing.T) {
	const limit = 50 * time.Millisecond
	s := newSite(t, Options{SocketTimeout: limit})
	s.add(ProcessOptions{Threads: 1}, upload)
	reading, writing := io.Pipe()
	c := s.send(context.Background(), withBody("/", reading))
	for range 2 {
		<-time.After(3 * limit)
		io.WriteString(writing, "x")
	}
	writing.Close()
	if w := within(t, c); w.text() != "xxEOF" {
		t.Errorf("%q, %s", w.text(), w.kind())
	}
}

// TestDuplex: an application answers while it reads, in step with its client.
func TestDuplex(t *testing.T) {
	s := newSite(t, Options{})
	s.add(ProcessOptions{Threads: 1}, upload)
	reading, writing := io.Pipe()
	w := &recorder{}
	result := make(chan error, 1)
	go func() { result <- s.g.App(Script{}).Serve(context.Background(), withBody("/", reading), w) }()
	want := ""
	for range 10 {
		io.WriteString(writing, "ping ")
		want += "ping "
		await(t, "it comes back", func() bool { return w.text() == want })
	}
	writing.Close()
	if err := within(t, result); err != nil {
		t.Error(err)
	}
}
