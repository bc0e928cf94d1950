package front

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// echo answers with the lengths of prefix and rest, and the length of the
// whole as the request told it.
func echo(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
	rest := "-"
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		rest = fmt.Sprint(len(b))
		if err != nil {
			rest += " " + err.Error()
		}
	}
	return answer(w, fmt.Sprintf("%d %s of %d", len(r.Prefix), rest, r.ContentLength))
}

func post(length int, more string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", more, length, strings.Repeat("a", length))
}

func chunks(sizes ...int) string {
	var b strings.Builder
	b.WriteString("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, n := range append(sizes, 0) {
		fmt.Fprintf(&b, "%x\r\n%s", n, strings.Repeat("a", n))
		if n > 0 {
			b.WriteString("\r\n")
		}
	}
	return b.String() + "\r\n"
}

func TestBodies(t *testing.T) {
	s := start(t, Options{App: app(echo), LimitRequestBody: 100000, ReadAhead: 65536, ChunkedRequest: true})
	open := start(t, Options{App: app(echo), LimitRequestBody: NoLimit, ChunkedRequest: true})
	for _, c := range []struct {
		name, in string
		s        *site
		want     string
	}{
		{"none", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", s, "0 - of 0"},
		{"length 0", post(0, ""), s, "0 - of 0"},
		{"small", post(5, ""), s, "5 - of 5"},
		{"prefix at the edge", post(65536, ""), s, "65536 - of 65536"},
		{"more than a prefix", post(65537, ""), s, "0 65537 of 65537"},
		{"limit", post(100000, ""), s, "0 100000 of 100000"},
		{"expected", post(5, "Expect: 100-continue\r\n"), s, "0 5 of 5"},
		{"chunked", chunks(3, 2), s, "5 - of 5"},
		{"chunked, empty", chunks(), s, "0 - of 0"},
		{"chunked, prefix at the edge", chunks(65536), s, "65536 0 of -1"},
		{"chunked, prefix less one", chunks(65535), s, "65535 - of 65535"},
		{"chunked, limit", chunks(50000, 50000), s, "65536 34464 of -1"},
		{"chunked, limit and one", chunks(50000, 50001), s, "65536 34464 request body is larger than the limit of 100000 bytes of -1"},
		{"all that is read ahead", post(1<<20, ""), open, "1048576 - of 1048576"},
		{"more than is read ahead", post(1<<20+1, ""), open, "0 1048577 of 1048577"},
		{"chunked, all that is read ahead", chunks(1<<20 - 1), open, "1048575 - of 1048575"},
		{"chunked, more than is read ahead", chunks(1<<20, 3), open, "1048576 3 of -1"},
		{"no limit", post(11<<20, ""), open, fmt.Sprintf("0 %d of %d", 11<<20, 11<<20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := bufio.NewReader(send(t, c.s, c.in))
			if strings.Contains(c.in, "Expect") {
				if line, err := r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
					t.Fatalf("got %q, %v", line, err)
				}
				r.ReadString('\n')
			}
			if got := read(t, r, "POST"); got.StatusCode != 200 || got.body != c.want {
				t.Errorf("got %s %q, want %q", got.Status, got.body, c.want)
			}
		})
	}
}

func TestTransferEncodingIsTold(t *testing.T) {
	var kept []gateway.Request
	s := start(t, Options{App: capture(&kept), ChunkedRequest: true})
	ask(t, s, chunks(3))
	if got := kept[0].Header.Get("Transfer-Encoding"); got != "chunked" || string(kept[0].Prefix) != "aaa" {
		t.Errorf("got %q, %q", got, kept[0].Prefix)
	}
}

func TestRefusedBodies(t *testing.T) {
	never := app(func(context.Context, *gateway.Request, gateway.ResponseWriter) error {
		t.Error("application called")
		return nil
	})
	s := start(t, Options{App: never, LimitRequestBody: 1000})
	chunked := start(t, Options{App: never, LimitRequestBody: 1000, ChunkedRequest: true, SocketTimeout: 50 * time.Millisecond})
	usual := start(t, Options{App: never})
	for _, c := range []struct {
		name, in string
		s        *site
		status   int
		logged   string
	}{
		{"chunked", chunks(3), s, 411, "WSGIChunkedRequest On"},
		{"too large", post(1001, ""), s, 413, "1001 bytes"},
		{"too large, expected", "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n", s, 413, "1001 bytes"},
		{"beyond the default", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10485761\r\n\r\n", usual, 413, "10485760"},
		{"chunked, too large", chunks(500, 501), chunked, 413, "limit of 1000 bytes"},
		{"bad chunk", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", chunked, 400, "malformed chunk size"},
		{"stalled", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", chunked, 408, "stopped sending"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := bufio.NewReader(send(t, c.s, c.in))
			got := read(t, r, "POST")
			if got.StatusCode != c.status || !got.Close {
				t.Errorf("got %s, close %v", got.Status, got.Close)
			}
			if _, err := r.ReadByte(); err == nil {
				t.Error("the connection goes on")
			}
			c.s.await(t, c.logged)
		})
	}
}

// An application that fails over a body that is too large is not to blame.
func TestTooLargeWhileReading(t *testing.T) {
	s := start(t, Options{LimitRequestBody: 100000, ReadAhead: 65536, ChunkedRequest: true, App: app(
		func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
			_, err := io.Copy(io.Discard, r.Body)
			return &gateway.Error{Kind: gateway.Failed, Err: err}
		})})
	if r := ask(t, s, chunks(100001)); r.StatusCode != 413 || !r.Close {
		t.Errorf("got %s, close %v", r.Status, r.Close)
	}
}

// Half a body: the application hears of it only if it was called already.
func TestHalfBody(t *testing.T) {
	got := make(chan error, 1)
	s := start(t, Options{App: app(func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		_, err := io.Copy(io.Discard, r.Body)
		got <- err
		return &gateway.Error{Kind: gateway.Failed, Err: err}
	})})
	send(t, s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab").Close()
	s.await(t, "the request body cannot be read")
	for reason, leave := range map[string]func(interface {
		CloseWrite() error
		SetLinger(int) error
		Close() error
	}){
		"Connection closed by client": func(c interface {
			CloseWrite() error
			SetLinger(int) error
			Close() error
		}) {
			c.CloseWrite()
		},
		"Connection reset by client": func(c interface {
			CloseWrite() error
			SetLinger(int) error
			Close() error
		}) {
			c.SetLinger(0)
			c.Close()
		},
	} {
		c := send(t, s, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
		if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		leave(c)
		var body *gateway.BodyError
		if err := <-got; !errors.As(err, &body) || body.Reason != reason {
			t.Errorf("got %v, want %s", err, reason)
		}
	}
}

// A client that stalls in a large body does not keep the application.
func TestStalledLargeBody(t *testing.T) {
	s := start(t, Options{App: app(echo), ReadAhead: 65536, SocketTimeout: 50 * time.Millisecond})
	in := post(70000, "")
	if r := ask(t, s, in[:len(in)-100]); !strings.Contains(r.body, "timeout") {
		t.Errorf("got %q", r.body)
	}
}

// Whom an application waits for in vain, and fails over, is answered 408, and the log
// says who was waited for.
func TestStalledBodyIsTheClients(t *testing.T) {
	s := start(t, Options{SocketTimeout: 50 * time.Millisecond, App: app(
		func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
			_, err := io.Copy(io.Discard, r.Body)
			return &gateway.Error{Kind: gateway.Failed, Err: err}
		})})
	in := post(4<<20, "")
	r := bufio.NewReader(send(t, s, in[:len(in)-100]))
	if got := read(t, r, "POST"); got.StatusCode != 408 || !got.Close {
		t.Errorf("got %s, close %v", got.Status, got.Close)
	}
	s.await(t, "the application waited for the client, which stopped sending in the middle of the request body, or sends it too slowly: ")
}

// An error of the body comes again at every Read.
func TestBodyErrorIsSticky(t *testing.T) {
	s := start(t, Options{SocketTimeout: 50 * time.Millisecond, App: app(
		func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
			_, first := io.Copy(io.Discard, r.Body)
			n, second := r.Body.Read(make([]byte, 1))
			return answer(w, fmt.Sprint(first, n, second))
		})})
	in := "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nab"
	r := bufio.NewReader(send(t, s, in))
	for range 2 {
		r.ReadString('\n')
	}
	if got := read(t, r, "POST"); got.body != "timeout 0 timeout" {
		t.Errorf("got %q", got.body)
	}
}

func TestExpectWithoutRead(t *testing.T) {
	s := start(t, Options{App: app(func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		return answer(w, "no thanks")
	})})
	got := raw(t, s, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || strings.Contains(got, "100 Continue") {
		t.Errorf("got %q", got)
	}
}

// What the application does not read does not disturb the next request.
func TestUnreadBody(t *testing.T) {
	s := start(t, Options{ReadAhead: 65536, App: app(func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		return answer(w, r.Method)
	})})
	r := bufio.NewReader(send(t, s, post(80000, "")+"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	for _, method := range []string{"POST", "GET"} {
		if got := read(t, r, method); got.body != method {
			t.Errorf("got %q", got.body)
		}
	}
}
