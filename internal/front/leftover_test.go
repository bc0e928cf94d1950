package front

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// promised is a POST that sends n bytes of the length that it declares.
func promised(length int64, n int) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", length, strings.Repeat("a", n))
}

// interrupter is that of package daemon.
type interrupter interface{ Interrupt() }

var _ interrupter = (*body)(nil)

// impatient answers after a byte of the body, and ends a read that waits for
// more, as package daemon does.
func impatient(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
	if _, err := io.ReadFull(r.Body, make([]byte, 1)); err != nil {
		return err
	}
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(io.Discard, r.Body) })
	err := errors.Join(answer(w, "early"), w.Flush())
	r.Body.(interrupter).Interrupt()
	reading.Wait()
	return err
}

// half answers after a byte of the body.
func half(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
	if _, err := io.ReadFull(r.Body, make([]byte, 1)); err != nil {
		return err
	}
	return answer(w, "early")
}

// unread answers without the body.
func unread(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
	return answer(w, fmt.Sprint("early ", len(r.Prefix)))
}

// An answer does not wait for a body of which little has come, and then the
// connection ends, with nothing left of it.
func TestAnswerBeforeBody(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("all", func(t *testing.T) {
		for _, c := range []struct {
			name, in, want string
			app            app
		}{
			{"unread", promised(1<<30, 1000), "early 0", unread},
			{"nothing has come", promised(1<<30, 0), "early 0", unread},
			{"less than is swallowed", promised(100_000, 1000), "early 0", unread},
			{"half read", promised(1<<30, 1000), "early", half},
			{"interrupted", promised(1<<30, 1000), "early", impatient},
			{"interrupted, less", promised(100_000, 1000), "early", impatient},
			{"interrupted, in chunks", strings.TrimSuffix(chunks(70_000), "0\r\n\r\n"), "early", impatient},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				took := answerBeforeBody(t, c.app, c.in, c.want)
				if c.name == "half read" && took < 300*time.Millisecond {
					t.Errorf("the connection ends %v after the answer: the answer was held back", took)
				}
			})
		}
	})
	poll(t, "the goroutines", func() bool { return runtime.NumGoroutine() <= before })
}

// answerBeforeBody returns how long after the answer the connection ended.
func answerBeforeBody(t *testing.T, app app, in, want string) time.Duration {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{App: app, LimitRequestBody: NoLimit, ReadAhead: 65536, ChunkedRequest: true, SocketTimeout: NoLimit})
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	conn := send(t, &site{addr: l.Addr().String()}, in)
	defer conn.Close()
	r := bufio.NewReader(conn)
	if got := read(t, r, "POST"); got.StatusCode != 200 || got.body != want {
		t.Errorf("got %s %q", got.Status, got.body)
	}
	answered := time.Now()
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("the connection does not end: %v", err)
	}
	took := time.Since(answered)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	serving.Wait()
	return took
}

// A body that the server does not wait for any more is no fault of its client: an
// application that fails without it gets 500, and nothing is said of slowness.
func TestFailureBeforeBody(t *testing.T) {
	fails := app(func(_ context.Context, r *gateway.Request, _ gateway.ResponseWriter) error {
		var reading sync.WaitGroup
		reading.Go(func() { _, _ = io.Copy(io.Discard, r.Body) })
		r.Body.(interrupter).Interrupt()
		reading.Wait()
		return &gateway.Error{Kind: gateway.Failed, Err: errors.New("for its own reasons")}
	})
	s := start(t, Options{App: fails, LimitRequestBody: NoLimit})
	if got := ask(t, s, promised(1<<30, 1000)); got.StatusCode != 500 {
		t.Errorf("got %s", got.Status)
	}
	in, out := io.Pipe()
	defer out.Close()
	go out.Write(make([]byte, 1000))
	if got := do(t, http.MethodPost, "http://"+s.addr, in, func(r *http.Request) { r.ContentLength = 1 << 30 }); got.StatusCode != 500 {
		t.Errorf("HTTP/2: got %s", got.Status)
	}
	if found := s.find("too slowly"); len(found) > 0 {
		t.Errorf("logged %+v", found)
	}
}

// A stream of HTTP/2 ends as well, at once, and disturbs no other.
func TestHTTP2AnswerBeforeBody(t *testing.T) {
	s := start(t, Options{App: app(impatient), LimitRequestBody: NoLimit, SocketTimeout: NoLimit})
	client := http2Client(t)
	in, out := io.Pipe()
	defer out.Close()
	go out.Write(make([]byte, 1000))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.addr, in)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 1 << 30
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); string(body) != "early" {
		t.Errorf("got %q, %v", body, err)
	}
	poll(t, "the end of the request", func() bool { return s.Active() == 0 })
}

// A client that sends on is not cut off: it gets the answer, and may go on with
// the next request.
func TestAnswerWhileBodyComes(t *testing.T) {
	for name, in := range map[string]string{"of known length": post(3_000_000, ""), "in chunks": chunks(1_000_000, 1_000_000)} {
		s := start(t, Options{App: app(impatient), ChunkedRequest: true})
		c := dial(t, s)
		var sending sync.WaitGroup
		sending.Go(func() {
			for range 3 {
				if _, err := io.WriteString(c, in); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
		r := bufio.NewReader(c)
		for i := range 3 {
			if got := read(t, r, "POST"); got.body != "early" || got.Close {
				t.Errorf("%s, request %d: %q, close %v", name, i, got.body, got.Close)
			}
		}
		sending.Wait()
	}
}

// What was left of one body does not hurry the next one.
func TestLeaveIsForgotten(t *testing.T) {
	s := start(t, Options{ReadAhead: 65536, App: app(func(ctx context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		if r.PathInfo == "/half" {
			return impatient(ctx, r, w)
		}
		return echo(ctx, r, w)
	})})
	c := dial(t, s)
	r := bufio.NewReader(c)
	for range 2 {
		in := strings.Replace(post(300_000, ""), "/", "/half", 1)
		if _, err := io.WriteString(c, in); err != nil {
			t.Fatal(err)
		}
		if got := read(t, r, "POST"); got.body != "early" {
			t.Errorf("got %q", got.body)
		}
		<-time.After(1100 * time.Millisecond) // more than lingerTime of package framing
		if _, err := io.WriteString(c, post(300_000, "")); err != nil {
			t.Fatal(err)
		}
		if got := read(t, r, "POST"); got.body != "0 300000 of 300000" {
			t.Errorf("got %q", got.body)
		}
	}
}

// Behind a body that broke off nothing is taken for a request.
func TestNothingFollowsABrokenBody(t *testing.T) {
	var paths sync.Map
	over := make(chan bool, 10)
	s := start(t, Options{ReadAhead: 65536, ChunkedRequest: true, SocketTimeout: 50 * time.Millisecond, App: app(
		func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
			paths.Store(r.PathInfo, true)
			if r.Body == nil {
				return answer(w, "smuggled")
			}
			_, err := io.ReadFull(r.Body, make([]byte, 1))
			err = errors.Join(err, answer(w, "early"), w.Flush())
			_, _ = io.Copy(io.Discard, r.Body) // until the time-out
			over <- true
			return err
		})})
	c := send(t, s, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n"+strings.Repeat("a", 70_000))
	r := bufio.NewReader(c)
	if got := read(t, r, "POST"); got.body != "early" {
		t.Errorf("got %q", got.body)
	}
	<-over
	_, _ = io.WriteString(c, "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n") // the connection may have ended
	if rest, _ := io.ReadAll(r); len(rest) > 0 {
		t.Errorf("more came: %q", rest)
	}
	if _, smuggled := paths.Load("/smuggled"); smuggled {
		t.Error("a part of the body was served as a request")
	}
}
