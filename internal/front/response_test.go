package front

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// with is an application that writes this response.
func with(write func(w gateway.ResponseWriter) error) app {
	return func(_ context.Context, _ *gateway.Request, w gateway.ResponseWriter) error { return write(w) }
}

// headOf returns the head lines of the raw response to in, without the date.
func headOf(t *testing.T, s *site, in string) []string {
	t.Helper()
	head, _, _ := strings.Cut(raw(t, s, in), "\r\n\r\n")
	var lines []string
	for _, line := range strings.Split(head, "\r\n") {
		if !strings.HasPrefix(line, "Date: ") {
			lines = append(lines, line)
		}
	}
	return lines
}

const getAndClose = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

func TestHeadLines(t *testing.T) {
	for _, c := range []struct {
		name string
		head gateway.Head
		want string // joined by "|"
	}{
		{"plain", gateway.Head{Status: 200, Fields: []gateway.Field{{Name: "Content-Type", Value: "text/plain"}}},
			"HTTP/1.1 200 OK|Content-Length: 0|Content-Type: text/plain"},
		{"no type is invented", gateway.Head{Status: 200}, "HTTP/1.1 200 OK|Content-Length: 0"},
		{"merged", gateway.Head{Status: 200, Fields: []gateway.Field{{Name: "vary", Value: "a"}, {Name: "Vary", Value: "b"}, {Name: "VARY", Value: "c"}}},
			"HTTP/1.1 200 OK|Content-Length: 0|Vary: a, b, c"},
		{"not merged", gateway.Head{Status: 401, Fields: []gateway.Field{
			{Name: "Set-Cookie", Value: "a"}, {Name: "set-cookie", Value: "b"}, {Name: "Link", Value: "c"}, {Name: "LINK", Value: "d"},
			{Name: "WWW-Authenticate", Value: "e"}, {Name: "Www-Authenticate", Value: "f"}}},
			"HTTP/1.1 401 Unauthorized|Content-Length: 0|Link: c|Link: d|Set-Cookie: a|Set-Cookie: b|Www-Authenticate: e|Www-Authenticate: f"},
		{"values as they are", gateway.Head{Status: 200, Fields: []gateway.Field{{Name: "X", Value: "a\tb"}, {Name: "Y", Value: "\xe9"}}},
			"HTTP/1.1 200 OK|Content-Length: 0|X: a\tb|Y: \xe9"},
		{"invalid names", gateway.Head{Status: 200, Fields: []gateway.Field{{Name: "a b", Value: "1"}, {Name: "", Value: "2"}, {Name: "c:d", Value: "3"}, {Name: "\xe9", Value: "4"}}},
			"HTTP/1.1 200 OK|Content-Length: 0"},
		{"hop by hop", gateway.Head{Status: 200, Fields: []gateway.Field{{Name: "Connection", Value: "upgrade"}, {Name: "Keep-Alive", Value: "x"},
			{Name: "Transfer-Encoding", Value: "chunked"}, {Name: "Upgrade", Value: "x"}, {Name: "Trailer", Value: "x"}}},
			"HTTP/1.1 200 OK|Content-Length: 0"},
		{"reason", gateway.Head{Status: 200, Reason: "Tr\xe8s Bien"}, "HTTP/1.1 200 Tr\xe8s Bien|Content-Length: 0"},
		{"usual reason", gateway.Head{Status: 404, Reason: "Not Found"}, "HTTP/1.1 404 Not Found|Content-Length: 0"},
		{"unusual status", gateway.Head{Status: 600, Reason: "X"}, "HTTP/1.1 600 X|Content-Length: 0"},
		{"unusual status without reason", gateway.Head{Status: 999}, "HTTP/1.1 999 |Content-Length: 0"},
		{"length from the fields", gateway.Head{Status: 200, ContentLength: -1, Fields: []gateway.Field{{Name: "Content-Length", Value: "0"}}},
			"HTTP/1.1 200 OK|Content-Length: 0"},
		{"equal lengths", gateway.Head{Status: 200, ContentLength: -1, Fields: []gateway.Field{{Name: "Content-Length", Value: "0"}, {Name: "content-length", Value: "0"}}},
			"HTTP/1.1 200 OK|Content-Length: 0"},
		{"205", gateway.Head{Status: 205, ContentLength: -1}, "HTTP/1.1 205 Reset Content|Content-Length: 0"},
		{"205 with a length", gateway.Head{Status: 205, ContentLength: 9}, "HTTP/1.1 205 Reset Content|Content-Length: 0"},
		{"204", gateway.Head{Status: 204, ContentLength: 0}, "HTTP/1.1 204 No Content"},
		{"304", gateway.Head{Status: 304, ContentLength: -1, Fields: []gateway.Field{{Name: "Etag", Value: `"x"`}, {Name: "Content-Type", Value: "text/plain"}}},
			`HTTP/1.1 304 Not Modified|Etag: "x"`},
		{"many", gateway.Head{Status: 200, Fields: manyFields(20)}, "HTTP/1.1 200 OK|Content-Length: 0|" + manyLines(20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, Options{App: with(func(w gateway.ResponseWriter) error { return w.WriteHead(&c.head) })})
			lines := headOf(t, s, getAndClose)
			if got := strings.TrimSuffix(strings.Join(lines, "|"), "|Connection: close"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func manyFields(n int) (fields []gateway.Field) {
	for i := range n {
		fields = append(fields, gateway.Field{Name: fmt.Sprintf("X-%02d", i), Value: fmt.Sprint(i)})
	}
	return fields
}

func manyLines(n int) string {
	var lines []string
	for _, f := range manyFields(n) {
		lines = append(lines, f.Name+": "+f.Value)
	}
	return strings.Join(lines, "|")
}

func TestHopByHopIsToldOnce(t *testing.T) {
	s := start(t, Options{App: with(func(w gateway.ResponseWriter) error {
		return respond(w, 200, "", gateway.Field{Name: "Upgrade", Value: "x"})
	})})
	get(t, s, "/")
	get(t, s, "/")
	if found := s.find("Upgrade"); len(found) != 1 || found[0].Level != logs.Warn {
		t.Errorf("logged %v", found)
	}
}

func TestServerHeader(t *testing.T) {
	fields := []gateway.Field{}
	s := start(t, Options{ServerHeader: "Gophersnake", App: with(func(w gateway.ResponseWriter) error { return respond(w, 200, "", fields...) })})
	if got := get(t, s, "/").Header["Server"]; len(got) != 1 || got[0] != "Gophersnake" {
		t.Errorf("got %q", got)
	}
	fields = append(fields, gateway.Field{Name: "Server", Value: "Mine"})
	if got := get(t, s, "/").Header["Server"]; len(got) != 1 || got[0] != "Mine" {
		t.Errorf("got %q", got)
	}
}

func TestConnectionCloseOfApplication(t *testing.T) {
	s := start(t, Options{App: with(func(w gateway.ResponseWriter) error {
		return respond(w, 200, "x", gateway.Field{Name: "Connection", Value: "Close"})
	})})
	if got := raw(t, s, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.Contains(got, "\r\nConnection: close\r\n") {
		t.Errorf("got %q", got)
	}
}

// streamed writes the parts, each flushed, without a length.
func streamed(w gateway.ResponseWriter, parts ...string) error {
	if err := w.WriteHead(&gateway.Head{Status: 200, ContentLength: -1}); err != nil {
		return err
	}
	for _, p := range parts {
		if _, err := io.WriteString(w, p); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func TestStreaming(t *testing.T) {
	s := start(t, Options{App: with(func(w gateway.ResponseWriter) error { return streamed(w, "abc", "de") })})
	if got := raw(t, s, getAndClose); !strings.HasSuffix(got, "\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") {
		t.Errorf("got %q", got)
	}
	if got := raw(t, s, "GET / HTTP/1.0\r\n\r\n"); !strings.HasSuffix(got, "\r\n\r\nabcde") {
		t.Errorf("got %q", got)
	}
}

// The head and the first block travel together.
func TestHeadAndBlockInOneWrite(t *testing.T) {
	more := make(chan bool)
	s := start(t, Options{App: with(func(w gateway.ResponseWriter) error {
		err := streamed(w, "abc")
		<-more
		return err
	})})
	c := send(t, s, getAndClose)
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil || !strings.HasSuffix(string(buf[:n]), "3\r\nabc\r\n") {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	close(more)
}

func TestContentLengthIsKept(t *testing.T) {
	for _, c := range []struct {
		name   string
		length int64
		parts  []string
		body   string
		cut    bool
		level  logs.Level
		logged string
	}{
		{"exact", 5, []string{"abc", "de"}, "abcde", false, 0, ""},
		{"more", 5, []string{"abc", "defgh", "ijk"}, "abcde", false, logs.Debug, "more than its Content-Length of 5"},
		{"less", 5, []string{"abc"}, "abc", true, logs.Warn, "3 bytes of a Content-Length of 5"},
		{"nothing", 5, nil, "", true, logs.Warn, "0 bytes of a Content-Length of 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, Options{App: with(func(w gateway.ResponseWriter) error {
				if err := w.WriteHead(&gateway.Head{Status: 200, ContentLength: c.length}); err != nil {
					return err
				}
				for _, p := range c.parts {
					if n, err := io.WriteString(w, p); n != len(p) || err != nil {
						t.Errorf("wrote %d, %v", n, err)
					}
				}
				return nil
			})})
			r := bufio.NewReader(send(t, s, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
			got := read(t, r, "GET")
			if got.body != c.body || (got.err != nil) != c.cut {
				t.Errorf("got %q, %v", got.body, got.err)
			}
			if c.cut {
				if _, err := r.Peek(1); err != io.EOF {
					t.Errorf("the connection goes on: %v", err)
				}
			}
			if c.logged != "" {
				if found := s.find(c.logged); len(found) != 1 || found[0].Level != c.level {
					t.Errorf("logged %v", s.find(""))
				}
			}
		})
	}
}

func TestNoBodyGoesOut(t *testing.T) {
	for _, c := range []struct {
		method string
		status int
		length int64
		header string
		warned int
	}{
		{"HEAD", 200, 3, "3", 0},
		{"HEAD", 200, -1, "", 0},
		{"GET", 204, -1, "", 1},
		{"GET", 204, 3, "", 1},
		{"GET", 304, 3, "", 1},
		{"GET", 205, 3, "0", 1},
		{"GET", 205, -1, "0", 1},
		{"HEAD", 205, 3, "0", 0},
	} {
		s := start(t, Options{App: with(func(w gateway.ResponseWriter) error {
			if err := w.WriteHead(&gateway.Head{Status: c.status, ContentLength: c.length}); err != nil {
				return err
			}
			n, err := w.Write([]byte("abc"))
			if n != 3 || err != nil {
				t.Errorf("wrote %d, %v", n, err)
			}
			return w.Flush()
		})})
		for range 2 {
			got := raw(t, s, c.method+" / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			head, body, _ := strings.Cut(got, "\r\n\r\n")
			_, length, _ := strings.Cut(head, "Content-Length: ")
			length, _, _ = strings.Cut(length, "\r\n")
			if body != "" || length != c.header {
				t.Errorf("%+v: got %q", c, got)
			}
		}
		if found := s.find("has none"); len(found) != c.warned {
			t.Errorf("%+v: logged %v", c, s.find(""))
		}
	}
}

func TestFailures(t *testing.T) {
	why := errors.New("secret")
	for _, c := range []struct {
		err    error
		status int
		retry  string
	}{
		{&gateway.Error{Kind: gateway.Failed, Err: why}, 500, ""},
		{&gateway.Error{Kind: gateway.NotFound, Err: why}, 404, ""},
		{&gateway.Error{Kind: gateway.Forbidden, Err: why}, 403, ""},
		{&gateway.Error{Kind: gateway.Busy, Err: why}, 503, "5"},
		{&gateway.Error{Kind: gateway.Gone, Err: why}, 502, ""},
		{&gateway.Error{Kind: gateway.Aborted, Err: why}, 500, ""},
		{fmt.Errorf("serve: %w", &gateway.Error{Kind: gateway.Busy, Err: why}), 503, "5"},
		{why, 500, ""},
		{nil, 500, ""},
	} {
		s := start(t, Options{App: with(func(gateway.ResponseWriter) error { return c.err })})
		r := bufio.NewReader(send(t, s, strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 2)))
		for range 2 { // the connection stays usable
			got := read(t, r, "GET")
			if got.StatusCode != c.status || got.Header.Get("Retry-After") != c.retry || got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("%v: got %s, %v", c.err, got.Status, got.Header)
			}
			if strings.Contains(got.body, "secret") || !strings.Contains(got.body, fmt.Sprint(c.status)) || !strings.Contains(got.body, s.ids.prefix) {
				t.Errorf("%v: page %q", c.err, got.body)
			}
		}
	}
}

// A request that was interrupted is answered without a page.
func TestInterrupted(t *testing.T) {
	s := start(t, Options{App: with(func(gateway.ResponseWriter) error {
		return &gateway.Error{Kind: gateway.Timeout, Err: errors.New("interrupted")}
	})})
	for _, method := range []string{"GET", "HEAD"} {
		r := bufio.NewReader(send(t, s, strings.Repeat(method+" / HTTP/1.1\r\nHost: x\r\n\r\n", 2)))
		for range 2 { // the connection stays usable
			got := read(t, r, method)
			if got.Status != "504 Gateway Timeout" || got.body != "" || got.ContentLength != 0 || got.Header["Content-Type"] != nil {
				t.Errorf("%s: got %s, %v, %q", method, got.Status, got.Header, got.body)
			}
		}
	}
}

func TestBadHeads(t *testing.T) {
	for _, h := range []gateway.Head{
		{Status: 0}, {Status: 100}, {Status: 199}, {Status: 1000}, {Status: -1},
		{Status: 200, ContentLength: -1, Fields: []gateway.Field{{Name: "X", Value: "y"}, {Name: "Content-Length", Value: "abc"}}},
		{Status: 200, ContentLength: -1, Fields: []gateway.Field{{Name: "Content-Length", Value: "-1"}}},
		{Status: 200, ContentLength: -1, Fields: []gateway.Field{{Name: "Content-Length", Value: "5"}, {Name: "Content-Length", Value: "6"}}},
		{Status: 200, ContentLength: 6, Fields: []gateway.Field{{Name: "Content-Length", Value: "5"}, {Name: "content-length", Value: "6"}}},
		{Status: 200, ContentLength: -1, Fields: []gateway.Field{{Name: "Content-Length", Value: "5, 5"}}},
		{Status: 200, Fields: []gateway.Field{{Name: "X", Value: "y"}, {Name: "Y", Value: "a\r\nEvil: 1"}}},
		{Status: 200, Fields: []gateway.Field{{Name: "X", Value: "y"}, {Name: "Y", Value: "a\x00b"}}},
		{Status: 200, Fields: []gateway.Field{{Name: "X", Value: "y"}, {Name: "Y", Value: "\x1b[1m"}}},
		{Status: 200, Fields: []gateway.Field{{Name: "X", Value: "y"}, {Name: "Set-Cookie", Value: "a\x7f"}}},
		{Status: 200, Fields: []gateway.Field{{Name: "X", Value: "y"}, {Name: "Connection", Value: "close\n"}}},
		{Status: 200, Fields: []gateway.Field{{Name: "X", Value: "y"}, {Name: "Y\x01", Value: "a"}}},
		{Status: 200, Fields: []gateway.Field{{Name: "X", Value: "y"}, {Name: "Y\nZ", Value: "a"}}},
	} {
		s := start(t, Options{App: with(func(w gateway.ResponseWriter) error {
			if err := w.WriteHead(&h); err == nil {
				t.Errorf("%+v accepted", h)
			} else {
				return &gateway.Error{Kind: gateway.Failed, Err: err}
			}
			return nil
		})})
		for i, r := range []reply{get(t, s, "/"), do(t, "GET", "http://"+s.addr, nil, nil)} {
			if r.StatusCode != 500 || r.Header.Get("X") != "" || r.ProtoMajor != i+1 {
				t.Errorf("%+v: %s got %s, %v", h, r.Proto, r.Status, r.Header)
			}
		}
		if found := s.find(""); len(found) != 2 || found[0].Level != logs.Error {
			t.Errorf("%+v: logged %v", h, found)
		}
	}
}

func TestMisuse(t *testing.T) {
	s := start(t, Options{App: with(func(w gateway.ResponseWriter) error {
		_, write := w.Write([]byte("x"))
		_, file := w.SendFile(nil, 1)
		if write == nil || w.Flush() == nil || file == nil {
			t.Error("body before head accepted")
		}
		if err := answer(w, "ok"); err != nil {
			t.Error(err)
		}
		if w.WriteHead(&gateway.Head{Status: 200}) == nil {
			t.Error("second head accepted")
		}
		return nil
	})})
	if r := get(t, s, "/"); r.body != "ok" {
		t.Errorf("got %q", r.body)
	}
}

// A response that breaks off can be told from a complete one.
func TestCut(t *testing.T) {
	for name, end := range map[string]func() error{
		"aborted": func() error { return &gateway.Error{Kind: gateway.Aborted, Err: io.EOF} },
		"failed":  func() error { return &gateway.Error{Kind: gateway.Failed, Err: io.EOF} },
		"panic":   func() error { panic("oops") },
	} {
		s := start(t, Options{App: with(func(w gateway.ResponseWriter) error {
			if err := w.WriteHead(&gateway.Head{Status: 200, ContentLength: -1}); err != nil {
				return err
			}
			_, _ = io.WriteString(w, "abc")
			return end()
		})})
		got := raw(t, s, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(got, "\r\n\r\n3\r\nabc\r\n") {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestPanic(t *testing.T) {
	s := start(t, Options{App: with(func(gateway.ResponseWriter) error { panic("oops") })})
	if r := get(t, s, "/"); r.StatusCode != 500 || strings.Contains(r.body, "oops") {
		t.Errorf("got %s %q", r.Status, r.body)
	}
	if found := s.find("oops"); len(found) != 1 || found[0].Level != logs.Crit || !strings.Contains(found[0].Message, "response_test.go") {
		t.Errorf("logged %v", found)
	}
	if s.Active() != 0 {
		t.Errorf("%d active", s.Active())
	}
}

func TestSendFile(t *testing.T) {
	content := strings.Repeat("0123456789", 100000)
	name := t.TempDir() + "/f"
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name         string
		method       string
		length, n    int64
		skip         int64
		sent, expect int64 // what SendFile returns, what the client gets
		cut          bool
	}{
		{"all", "GET", 1000000, 1000000, 0, 1000000, 1000000, false},
		{"from the middle", "GET", 999995, 999995, 5, 999995, 999995, false},
		{"without length", "GET", -1, 1000000, 0, 1000000, 1000000, false},
		{"more than declared", "GET", 10, 1000000, 0, 1000000, 10, false},
		{"shorter than asked", "GET", -1, 1000001, 0, 1000000, 1000000, false},
		{"shorter than declared", "GET", 1000001, 1000001, 0, 1000000, 1000000, true},
		{"HEAD", "HEAD", 1000000, 1000000, 0, 1000000, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, Options{App: with(func(w gateway.ResponseWriter) error {
				f, err := os.Open(name)
				if err != nil {
					return err
				}
				defer f.Close()
				if _, err := f.Seek(c.skip, io.SeekStart); err != nil {
					return err
				}
				if err := w.WriteHead(&gateway.Head{Status: 200, ContentLength: c.length}); err != nil {
					return err
				}
				if n, err := w.SendFile(f, c.n); n != c.sent || err != nil {
					t.Errorf("sent %d, %v", n, err)
				}
				return nil
			})})
			r := bufio.NewReader(send(t, s, c.method+" / HTTP/1.1\r\nHost: x\r\n\r\n"))
			got := read(t, r, c.method)
			if got.body != content[c.skip:c.skip+c.expect] || (got.err != nil) != c.cut {
				t.Errorf("got %d bytes, %v", len(got.body), got.err)
			}
		})
	}
}

// A client that goes away in the middle is an error of Write, and no more.
func TestClientGoesAway(t *testing.T) {
	failed := make(chan error, 1)
	s := start(t, Options{App: with(func(w gateway.ResponseWriter) error {
		if err := w.WriteHead(&gateway.Head{Status: 200, ContentLength: 1 << 40}); err != nil {
			return err
		}
		block := make([]byte, 1<<16)
		for {
			if _, err := w.Write(block); err != nil {
				_, again := w.Write(block)
				if again == nil || w.Flush() == nil {
					t.Error("the error does not last")
				}
				failed <- err
				return nil
			}
		}
	})})
	c := send(t, s, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	io.ReadFull(c, make([]byte, 1000))
	c.SetLinger(0)
	c.Close()
	if err := <-failed; err == nil {
		t.Error("no error")
	}
	if found := s.find("Content-Length"); len(found) != 0 {
		t.Errorf("logged %v", found)
	}
}
