package framing_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/framing"
)

// site is an http.Server behind the guard.
type site struct {
	addr string

	mu       sync.Mutex
	refusals []framing.Refusal
}

func (s *site) refused() []framing.Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]framing.Refusal(nil), s.refusals...)
}

func serve(t *testing.T, o framing.Options, handler http.HandlerFunc) *site {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{addr: l.Addr().String()}
	o.OnRefuse = func(_ *framing.Conn, r *framing.Refusal) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refusals = append(s.refusals, *r)
	}
	server := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(o.HTTP2)
	var done sync.WaitGroup
	done.Go(func() { _ = server.Serve(framing.Listen(l, o)) })
	t.Cleanup(func() {
		server.Close()
		done.Wait()
	})
	return s
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// exchange sends in and returns all that comes back until the server closes.
func exchange(t *testing.T, addr, in string) string {
	t.Helper()
	c := dial(t, addr)
	if _, err := io.WriteString(c, in); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("after %q: %v", out, err)
	}
	return string(out)
}

func TestRefusalsReachTheClient(t *testing.T) {
	for _, c := range []struct {
		name, in string
		status   string
	}{
		{"both", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400 Bad Request"},
		{"bare LF", "GET / HTTP/1.1\nHost: x\n\n", "400 Bad Request"},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00\x00", "400 Bad Request"},
		{"empty line", "\r\n\r\nGET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
		{"coding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501 Not Implemented"},
		{"version", "GET / HTTP/3.0\r\nHost: x\r\n\r\n", "505 HTTP Version Not Supported"},
		{"line", "GET /" + strings.Repeat("a", 9000) + " HTTP/1.1\r\n", "414 URI Too Long"},
		{"header", "GET / HTTP/1.1\r\nX: " + strings.Repeat("a", 9000) + "\r\n", "431 Request Header Fields Too Large"},
		{"headers", "GET / HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 101), "431 Request Header Fields Too Large"},
		{"10 MB of headers", "GET / HTTP/1.1\r\n" + strings.Repeat("X: "+strings.Repeat("a", 1000)+"\r\n", 10000), "431 Request Header Fields Too Large"},
		{"no Host", "GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
		{"two Hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", "400 Bad Request"},
		// The next one passes the guard and is net/http's to refuse.
		{"target", "GET x HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"},
	} {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, http2=%v", c.name, http2), func(t *testing.T) {
				s := serve(t, framing.Options{HTTP2: http2}, func(http.ResponseWriter, *http.Request) { t.Error("handler called") })
				out := refusalTo(t, s.addr, c.in)
				if !strings.HasPrefix(out, "HTTP/1.1 "+c.status+"\r\n") || !strings.Contains(out, "\r\nConnection: close\r\n") ||
					!strings.HasSuffix(out, "<h1>"+c.status+"</h1>\n") {
					t.Errorf("got %q, want %s", out, c.status)
				}
				if r := s.refused(); len(r) != 1 || !strings.HasPrefix(c.status, fmt.Sprint(r[0].Status)) || r[0].Reason == "" {
					t.Errorf("told of %+v", r)
				}
			})
		}
	}
}

// refusalTo is exchange for more than the server will read: the client closes
// its side when it has been answered.
func refusalTo(t *testing.T, addr, in string) string {
	t.Helper()
	c := dial(t, addr)
	var sending sync.WaitGroup
	sending.Go(func() { _, _ = io.WriteString(c, in) })
	defer sending.Wait()
	defer c.Close()
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := response.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The requests before a bad one are answered, and not cancelled by it.
func TestBadRequestAfterGoodOnes(t *testing.T) {
	for _, bad := range []string{"\x16\x03\x01\x02", "\r\n\r\n", "GET / HTTP/1.1\r\nbad\r\n\r\n", "G"} {
		s := serve(t, framing.Options{}, func(w http.ResponseWriter, r *http.Request) {
			// "G" is not refused: what follows is the end of what the client
			// sends, which net/http may take for its leaving.
			if err := r.Context().Err(); err != nil && bad != "G" {
				t.Errorf("before %q: %s: %v", bad, r.URL, err)
			}
			fmt.Fprintf(w, "<%s>", r.URL.Path)
		})
		in := "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi" + bad
		c := dial(t, s.addr)
		if _, err := io.WriteString(c, in); err != nil {
			t.Fatal(err)
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(c)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out), "</1>") || !strings.Contains(string(out), "</2>") {
			t.Errorf("%q: got %q", bad, out)
		}
		if wants := bad != "G"; strings.Contains(string(out), "400 Bad Request") != wants {
			t.Errorf("%q: got %q", bad, out)
		}
	}
}

// One empty line before each request is as if it were not there, in whatever
// pieces it comes, and does not disturb the request that is served.
func TestEmptyLineBeforeRequest(t *testing.T) {
	arrived, seen := make(chan bool), make(chan bool)
	s := serve(t, framing.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			arrived <- true
			<-seen
		}
		if err := r.Context().Err(); err != nil {
			t.Errorf("%s: %v", r.URL, err)
		}
		fmt.Fprintf(w, "<%s>", r.URL.Path)
	})
	c := dial(t, s.addr)
	in := "\r\nPOST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n\r\n"
	for i := range in {
		if _, err := io.WriteString(c, in[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	io.WriteString(c, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
	<-arrived
	io.WriteString(c, "\r\n")
	seen <- true
	io.WriteString(c, "GET /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	out, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"</1>", "</2>", "</wait>", "</4>"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in %q", want, out)
		}
	}
	if r := s.refused(); len(r) != 0 {
		t.Errorf("told of %+v", r)
	}
}

// Bytes that come while a request runs, and are refused, do not cancel it.
func TestBadBytesDuringRequest(t *testing.T) {
	arrived, seen := make(chan bool), make(chan bool)
	s := serve(t, framing.Options{}, func(w http.ResponseWriter, r *http.Request) {
		arrived <- true
		<-seen
		select {
		case <-r.Context().Done():
			t.Error("request cancelled")
		default:
		}
		fmt.Fprint(w, "done")
	})
	c := dial(t, s.addr)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-arrived
	io.WriteString(c, "\x16\x03\x01\x02\x03")
	seen <- true
	out, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(out), "done") || !strings.Contains(string(out), "400 Bad Request") {
		t.Errorf("got %q, %v", out, err)
	}
	if r := s.refused(); len(r) != 1 {
		t.Errorf("told of %+v", r)
	}
}

// A bad chunk is an error of the body; the handler answers.
func TestBadChunk(t *testing.T) {
	s := serve(t, framing.Options{}, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var refusal *framing.Refusal
		if !errors.As(err, &refusal) || !refusal.InBody || string(body) != "abc" {
			t.Errorf("read %q, %v", body, err)
		}
		w.WriteHeader(422)
	})
	out := exchange(t, s.addr, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")
	if !strings.HasPrefix(out, "HTTP/1.1 422 ") || strings.Count(out, "HTTP/1.1") != 1 {
		t.Errorf("got %q", out)
	}
	if r := s.refused(); len(r) != 1 || !r[0].InBody {
		t.Errorf("told of %+v", r)
	}
}

func TestStalledBody(t *testing.T) {
	s := serve(t, framing.Options{BodyTimeout: 50 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if !errors.Is(err, os.ErrDeadlineExceeded) || string(body) != "ab" {
			t.Errorf("read %q, %v", body, err)
		}
	})
	if out := exchange(t, s.addr, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"); !strings.Contains(out, "200 OK") {
		t.Errorf("got %q", out)
	}
}

func TestStalledWrite(t *testing.T) {
	failed := make(chan error, 1)
	s := serve(t, framing.Options{WriteTimeout: 100 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		block := make([]byte, 1<<20)
		for {
			if _, err := w.Write(block); err != nil {
				failed <- err
				return
			}
		}
	})
	c := dial(t, s.addr)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write ended with %v", err)
	}
}

func TestHTTP2PassesThrough(t *testing.T) {
	s := serve(t, framing.Options{HTTP2: true}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.Proto, body)
	})
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Post("http://"+s.addr, "", strings.NewReader("hi"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "HTTP/2.0 hi" {
		t.Errorf("got %q", body)
	}
}

func TestReadFromLimitsAndFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	content := strings.Repeat("0123456789abcdef", 50000) // more than one piece
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, timeout := range []time.Duration{0, time.Minute} {
		s := serve(t, framing.Options{WriteTimeout: timeout}, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, name)
		})
		response, err := http.Get("http://" + s.addr)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(body) != content {
			t.Errorf("got %d bytes, %v; want %d", len(body), err, len(content))
		}
	}
}
