package framing

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// sink is a connection that keeps what is written, and notes deadlines.
type sink struct {
	net.Conn
	bytes.Buffer
	deadlines []time.Time
	sources   []io.Reader
	err       error
}

func (s *sink) Read([]byte) (int, error) { return 0, io.EOF }
func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	return s.Buffer.Write(p)
}
func (s *sink) SetWriteDeadline(t time.Time) error { s.deadlines = append(s.deadlines, t); return nil }
func (s *sink) ReadFrom(r io.Reader) (int64, error) {
	s.sources = append(s.sources, r)
	return s.Buffer.ReadFrom(r)
}

func TestSetReason(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		phrase string
		in     string
		want   string
	}{
		{"replaced", 200, "Fine", "HTTP/1.1 200 OK\r\nX: y\r\n\r\n", "HTTP/1.1 200 Fine\r\nX: y\r\n\r\n"},
		{"latin-1", 200, "Tr\xe8s bien", "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.0 200 Tr\xe8s bien\r\n\r\n"},
		{"empty", 600, "", "HTTP/1.1 600 status code 600\r\n\r\n", "HTTP/1.1 600 \r\n\r\n"},
		{"no injection", 200, "a\r\nX: y\x00", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 a  X: y \r\n\r\n"},
		{"another status", 200, "Fine", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"},
		{"no head", 200, "Fine", "body", "body"},
	} {
		t.Run(c.name, func(t *testing.T) {
			under := &sink{}
			conn := Guard(under, Options{})
			conn.SetReason(c.status, c.phrase)
			n, err := conn.Write([]byte(c.in))
			if n != len(c.in) || err != nil || under.String() != c.want {
				t.Errorf("wrote %d, %v, %q; want %q", n, err, under.String(), c.want)
			}
		})
	}
}

// The phrase waits for its response, and is good for one.
func TestSetReasonOnce(t *testing.T) {
	under := &sink{}
	conn := Guard(under, Options{})
	conn.SetReason(200, "Fine")
	for _, p := range []string{"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"} {
		if _, err := conn.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	if want := "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Fine\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"; under.String() != want {
		t.Errorf("got %q, want %q", under.String(), want)
	}
}

func TestWriteDeadlines(t *testing.T) {
	under := &sink{}
	conn := Guard(under, Options{WriteTimeout: time.Hour})
	for range 100 {
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetWriteDeadline(time.Time{})
	}
	if len(under.deadlines) != 1 {
		t.Errorf("%d deadlines set for writes at the same time", len(under.deadlines))
	}
	past := time.Unix(1, 0)
	_ = conn.SetWriteDeadline(past)
	if got := under.deadlines[len(under.deadlines)-1]; got != past {
		t.Errorf("deadline %v, want the caller's", got)
	}
	_, _ = conn.Write([]byte("x"))
	if got := under.deadlines[len(under.deadlines)-1]; time.Until(got) < 50*time.Minute {
		t.Errorf("deadline %v was not renewed", got)
	}
}

func TestWriteErrors(t *testing.T) {
	under := &sink{err: errors.New("gone")}
	conn := Guard(under, Options{WriteTimeout: time.Hour})
	if n, err := conn.Write([]byte("x")); n != 0 || err == nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	conn.SetReason(200, "Fine")
	if n, err := conn.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")); n != 0 || err == nil {
		t.Errorf("wrote %d, %v", n, err)
	}
}

// The connection below sees files in a form it can hand to sendfile(2).
func TestReadFromPassesFiles(t *testing.T) {
	name := t.TempDir() + "/f"
	if err := os.WriteFile(name, []byte(strings.Repeat("x", piece+100)), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	under := &sink{}
	limited := &io.LimitedReader{R: f, N: piece + 50}
	n, err := Guard(under, Options{WriteTimeout: time.Hour}).ReadFrom(limited)
	if n != piece+50 || err != nil || limited.N != 0 || under.Len() != piece+50 {
		t.Fatalf("sent %d, %v, %d to go", n, err, limited.N)
	}
	for _, src := range under.sources {
		if part, ok := src.(*io.LimitedReader); !ok || part.R != io.Reader(f) {
			t.Errorf("source is a %T", src)
		}
	}
}

func TestReadFromShortFile(t *testing.T) {
	under := &sink{}
	n, err := Guard(under, Options{WriteTimeout: time.Hour}).ReadFrom(strings.NewReader("abc"))
	if n != 3 || err != nil || under.String() != "abc" {
		t.Errorf("sent %d, %v, %q", n, err, under.String())
	}
}

// Without ReadFrom below, bytes are copied.
func TestReadFromElsewhere(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	got := make(chan string)
	go func() {
		all, _ := io.ReadAll(b)
		got <- string(all)
	}()
	if _, err := Guard(a, Options{}).ReadFrom(strings.NewReader("abc")); err != nil {
		t.Fatal(err)
	}
	a.Close()
	if s := <-got; s != "abc" {
		t.Errorf("got %q", s)
	}
}

func TestRefusalOfServerIsRecognised(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string
	}{
		{"HTTP/1.1 400 Bad Request" + ownRefusal + "400 Bad Request", "malformed target in the request line"},
		{"HTTP/1.1 400 Bad Request: invalid header name" + ownRefusal + "400", "invalid header name"},
		{"HTTP/1.1 431 Request Header Fields Too Large" + ownRefusal + "431", "Request Header Fields Too Large"},
		{"HTTP/1.1 200 OK" + ownRefusal, ""},
		{"HTTP/1.1 400 Bad Request\r\nDate: x\r\nConnection: close\r\n\r\n", ""},
		{"HTTP/1.1 4xx Bad Request" + ownRefusal, ""},
		{"short", ""},
	} {
		r := refusedByServer([]byte(c.in))
		if (r == nil) != (c.want == "") || r != nil && r.Reason != c.want {
			t.Errorf("%q: got %v", c.in, r)
		}
	}
}
