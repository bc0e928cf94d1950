package front

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// begin begins to shut s down, and waits until that has taken effect.
func (s *site) begin(t *testing.T) (down <-chan error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(t.Context()) }()
	poll(t, "the drain", func() bool { return s.draining.Load() })
	return done
}

// keep opens a connection on which a request has been answered.
func keep(t *testing.T, s *site) (io.ReadWriter, *bufio.Reader) {
	t.Helper()
	c := send(t, s, helloRequest)
	r := bufio.NewReader(c)
	if got := read(t, r, "GET"); got.StatusCode != 200 || got.Close {
		t.Fatalf("got %s, close %v", got.Status, got.Close)
	}
	return c, r
}

// last wants one more answer, the last, and then the end and no reset.
func last(t *testing.T, r *bufio.Reader, body string) {
	t.Helper()
	if got := read(t, r, "POST"); got.StatusCode != 200 || got.body != body || !got.Close {
		t.Errorf("got %s %q, close %v", got.Status, got.body, got.Close)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("after the last answer: %v", err)
	}
}

// A request that comes on an idle connection after the drain has begun is answered
// by the last response of the connection.
func TestDrainAnswersOnIdleConnections(t *testing.T) {
	s := start(t, Options{App: app(echo)})
	c, r := keep(t, s)
	down := s.begin(t)
	soon := time.NewTimer(idleGrace / 3)
	<-soon.C
	io.WriteString(c, post(5, ""))
	last(t, r, "5 - of 5")
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// One that has begun is waited for, longer than an idle connection stays.
func TestDrainWaitsForBegunRequests(t *testing.T) {
	for _, in := range []string{"P", "POST / HTTP/1.1\r\nHost: x\r\nConte", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe"} {
		t.Run(strings.ReplaceAll(in, "\r\n", " "), func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{App: app(echo)})
			c, r := keep(t, s)
			io.WriteString(c, in)
			down := s.begin(t)
			later := time.NewTimer(2 * idleGrace)
			<-later.C
			io.WriteString(c, strings.TrimPrefix("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", in))
			last(t, r, "5 - of 5")
			if err := <-down; err != nil {
				t.Error(err)
			}
		})
	}
}

// A connection that stays idle ends after the grace; one that has never been used
// as well. What crosses the end on its way is dropped, and not answered by a reset.
func TestDrainEndsIdleConnections(t *testing.T) {
	s := start(t, Options{App: app(echo)})
	c, r := keep(t, s)
	unused := bufio.NewReader(dial(t, s))
	began := time.Now()
	down := s.begin(t)
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("an idle connection: %v", err)
	}
	if took := time.Since(began); took < idleGrace {
		t.Errorf("an idle connection was closed after %v", took)
	}
	io.WriteString(c, post(5, ""))
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("a request that comes too late: %v", err)
	}
	if _, err := unused.ReadByte(); err != io.EOF {
		t.Errorf("a connection that was not used: %v", err)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// The last response is not lost when the client has sent more than was answered.
func TestDrainLingersAfterTheLastResponse(t *testing.T) {
	s := start(t, Options{App: app(echo)})
	c, r := keep(t, s)
	down := s.begin(t)
	io.WriteString(c, post(5, "")+strings.Repeat(post(5, ""), 2000)) // more than is read at once
	if err := <-down; err != nil {
		t.Error(err)
	}
	if got := read(t, r, "POST"); got.body != "5 - of 5" || !got.Close {
		t.Errorf("got %s %q, close %v", got.Status, got.body, got.Close)
	}
}

// A response that has begun before the drain has not said that it is the last one:
// the next request on its connection is answered, too.
func TestDrainAfterLongResponse(t *testing.T) {
	begun, finish := make(chan bool), make(chan bool)
	s := start(t, Options{App: app(func(ctx context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		if r.PathInfo != "/long" {
			return echo(ctx, r, w)
		}
		if err := w.WriteHead(&gateway.Head{Status: 200, ContentLength: 2}); err != nil {
			return err
		}
		if _, err := w.Write([]byte("a")); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		begun <- true
		<-finish
		_, err := w.Write([]byte("b"))
		return err
	})})
	c := send(t, s, "GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
	r := bufio.NewReader(c)
	<-begun
	down := s.begin(t)
	later := time.NewTimer(2 * idleGrace)
	<-later.C
	close(finish)
	if got := read(t, r, "GET"); got.body != "ab" {
		t.Errorf("got %q", got.body)
	}
	soon := time.NewTimer(idleGrace / 3)
	<-soon.C
	io.WriteString(c, post(5, ""))
	last(t, r, "5 - of 5")
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// HTTP/2 connections are told by GOAWAY: a request that comes while others would
// be idle is answered.
func TestDrainHTTP2(t *testing.T) {
	s := start(t, Options{ChunkedRequest: true, App: app(echo)})
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	ask := func() {
		t.Helper()
		request, err := http.NewRequest("POST", "http://"+s.addr+"/", io.NopCloser(strings.NewReader("hello"))) // cannot be sent again
		if err != nil {
			t.Fatal(err)
		}
		r, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != "5 - of 5" || r.ProtoMajor != 2 {
			t.Errorf("got %s %q, %v", r.Proto, body, err)
		}
	}
	ask()
	down := s.begin(t)
	ask()
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// When the time is up nobody lingers.
func TestDrainByForce(t *testing.T) {
	s := start(t, Options{App: app(echo)})
	_, r := keep(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	began := time.Now()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err) // nothing was running
	}
	if took := time.Since(began); took > idleGrace {
		t.Errorf("took %v", took)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Error(err)
	}
}

// A static file is the last response of its connection, too.
func TestDrainEndsWithFiles(t *testing.T) {
	s, _ := files(t, Options{})
	c, r := keep(t, s)
	down := s.begin(t)
	io.WriteString(c, "GET /static/a.css HTTP/1.1\r\nHost: x\r\n\r\n")
	last(t, r, "body {}")
	if err := <-down; err != nil {
		t.Error(err)
	}
}
