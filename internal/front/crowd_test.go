package front

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/framing"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// openConnections waits until the server has so many.
func (s *site) openConnections(t *testing.T, n int) {
	t.Helper()
	poll(t, "the connections", func() bool { s.crowd.mu.Lock(); defer s.crowd.mu.Unlock(); return len(s.crowd.open) == n })
}

// TestIdleConnectionsMakeRoom: connections that send nothing, or a part of a head,
// or are kept for the next request, keep nobody out.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	for name, in := range map[string]string{"nothing": "", "half a head": "GET / HTTP/1.1\r\nHo", "kept": helloRequest,
		"HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{App: hello{}, Descriptors: 32}) // 20 connections
			for range 20 {
				c := send(t, s, in)
				if in == helloRequest {
					read(t, bufio.NewReader(c), http.MethodGet)
				}
			}
			s.openConnections(t, 20)
			for range 50 {
				if r := get(t, s, "/"); r.StatusCode != 200 {
					t.Fatalf("got %s", r.Status)
				}
			}
			if line := s.await(t, "too many connections"); line.Level != logs.Warn {
				t.Errorf("logged %+v", line)
			}
		})
	}
}

// TestTurnedAway: when a request is served on every connection, a new one is told
// so, and nothing else happens to the others.
func TestTurnedAway(t *testing.T) {
	goOn := make(chan bool)
	s := start(t, Options{Descriptors: 8, App: app(func(_ context.Context, _ *gateway.Request, w gateway.ResponseWriter) error {
		<-goOn
		return answer(w, "ok")
	})})
	var served []net.Conn
	for range 5 {
		served = append(served, send(t, s, helloRequest))
	}
	poll(t, "the requests", func() bool { return s.Active() == 5 })
	for range 20 { // more than are waited for at a time
		if r := get(t, s, "/"); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
			t.Errorf("got %s, %v", r.Status, r.Header)
		}
	}
	if line := s.await(t, "new ones get 503"); line.Level != logs.Error {
		t.Errorf("logged %+v", line)
	}
	close(goOn)
	for _, c := range served {
		if got := read(t, bufio.NewReader(c), http.MethodGet); got.body != "ok" {
			t.Errorf("got %q", got.body)
		}
	}
	poll(t, "room again", func() bool { return get(t, s, "/").StatusCode == 200 })
}

// TestResetStreamsMakeRoom: a stream of HTTP/2 can be reset before its handler begins.
// Its connection waits when the handler has returned, and not before.
func TestResetStreamsMakeRoom(t *testing.T) {
	var conn *connection
	s := New(Options{Log: &record{}, App: app(func(_ context.Context, _ *gateway.Request, w gateway.ResponseWriter) error {
		if conn.waits() {
			t.Error("a connection waits that has a handler")
		}
		return answer(w, "ok")
	})})
	ctx := connContext(t.Context(), framing.Guard(&net.TCPConn{}, framing.Options{}))
	conn = connectionOf(ctx)
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	r.ProtoMajor = 2
	s.crowd.note(conn, http.StateNew)
	s.crowd.note(conn, http.StateActive)
	s.crowd.note(conn, http.StateIdle) // the stream has been reset
	for range 2 {
		s.ServeHTTP(httptest.NewRecorder(), r)
		if !conn.waits() {
			t.Error("a connection without handlers does not wait")
		}
	}
}

// TestStreamsAreKept: a connection of HTTP/2 with an open stream does not make room.
func TestStreamsAreKept(t *testing.T) {
	goOn := make(chan bool)
	s := start(t, Options{App: app(func(_ context.Context, _ *gateway.Request, w gateway.ResponseWriter) error {
		<-goOn
		return answer(w, "ok")
	})})
	w := dialHTTP2(t, s)
	stream := w.begin(endStream)
	poll(t, "the request", func() bool { return s.Active() == 1 })
	if s.crowd.makeRoom() {
		t.Error("a connection is closed that is served")
	}
	close(goOn)
	if got := w.await(stream); got.body != "ok" {
		t.Errorf("got %+v", got)
	}
	poll(t, "the connection to wait", s.crowd.makeRoom)
}

// scarce is a listener that has descriptors for one connection, and for others
// only the one in reserve.
type scarce struct {
	net.Listener
	calls int
}

func (l *scarce) Accept() (net.Conn, error) {
	if l.calls++; l.calls%2 == 0 {
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

// TestReserve: without descriptors connections are still accepted: with those that
// waiting ones give up, or to be told.
func TestReserve(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{Server: nil, record: &record{}, addr: l.Addr().String()}
	s.Server = New(Options{App: hello{}, Log: s.record})
	served := make(chan error, 1)
	go func() { served <- s.Serve(&scarce{Listener: l}) }()
	kept := bufio.NewReader(send(t, s, helloRequest))
	read(t, kept, http.MethodGet)
	poll(t, "the connection to wait", func() bool {
		s.crowd.mu.Lock()
		defer s.crowd.mu.Unlock()
		for c := range s.crowd.open {
			return c.waits()
		}
		return false
	})
	if r := get(t, s, "/"); r.StatusCode != 200 {
		t.Errorf("with one that waits: got %s", r.Status)
	}
	if _, err := kept.ReadByte(); err == nil {
		t.Error("the one that waited goes on")
	}
	s.openConnections(t, 0)
	if r := get(t, s, "/"); r.StatusCode != 503 {
		t.Errorf("with nothing to give up: got %s", r.Status)
	}
	s.await(t, "those are closed that have waited longest")
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// stalled asks for a file and reads nothing of it.
func stalled(t *testing.T, s *site, path string) net.Conn {
	t.Helper()
	c := dial(t, s)
	if err := c.SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFilesAreBounded: files of which clients take nothing do not use up the
// descriptors; another one is refused, with a word in the log, and the rest of
// the server goes on.
func TestFilesAreBounded(t *testing.T) {
	s, dir := files(t, Options{Descriptors: 16})
	if err := os.Truncate(filepath.Join(dir, "big.bin"), 256<<20); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		stalled(t, s, "/static/big.bin")
	}
	poll(t, "the files", func() bool { return s.crowd.files.Load() == 0 })
	if r := get(t, s, "/static/a.css"); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("got %s", r.Status)
	}
	if line := s.await(t, "too many open files"); line.Level != logs.Error {
		t.Errorf("logged %+v", line)
	}
	if r := get(t, s, "/other"); r.StatusCode != 200 {
		t.Errorf("the application: got %s", r.Status)
	}
}

// TestApplicationsFilesAreBounded: one that an application answers with is refused
// before the response has begun, by both doors, and is no concern of a response
// without a body. The place of one is free again when its response is over.
func TestApplicationsFilesAreBounded(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	const size = 256 << 20
	if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Truncate(name, size)); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Descriptors: 16, App: app(func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		h := &gateway.Head{Status: 200, ContentLength: size, FromFile: true}
		if r.PathInfo == "/304" {
			h = &gateway.Head{Status: 304, ContentLength: -1, FromFile: true}
		}
		err = w.WriteHead(h)
		if err != nil || r.PathInfo == "/head" {
			return err
		}
		_, err = w.SendFile(f, size)
		return err
	})})
	var clients []net.Conn
	for range 4 {
		clients = append(clients, stalled(t, s, "/"))
	}
	poll(t, "the files", func() bool { return s.crowd.files.Load() == 0 })
	if r := get(t, s, "/"); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || r.Header.Get("Content-Length") == fmt.Sprint(size) {
		t.Errorf("got %s, %v", r.Status, r.Header)
	}
	if line := s.await(t, "a file is not sent"); line.Level != logs.Error {
		t.Errorf("logged %+v", line)
	}
	if r := do(t, "GET", "http://"+s.addr, nil, nil); r.StatusCode != 503 || r.err != nil {
		t.Errorf("HTTP/2: got %s, %v", r.Status, r.err)
	}
	if r := do(t, "HEAD", "http://"+s.addr, nil, nil); r.StatusCode != 200 || r.ContentLength != size {
		t.Errorf("HEAD: got %s, length %d", r.Status, r.ContentLength)
	}
	if r := get(t, s, "/304"); r.StatusCode != 304 {
		t.Errorf("without a body: got %s", r.Status)
	}
	for _, c := range clients {
		c.Close()
	}
	poll(t, "places", func() bool { return s.crowd.files.Load() == 4 })
	for range 5 { // ends before the file is sent
		if r := get(t, s, "/head"); r.StatusCode != 200 {
			t.Errorf("got %s", r.Status)
		}
	}
	poll(t, "places again", func() bool { return s.crowd.files.Load() == 4 })
}

// TestHTTP2KeepsNoFiles: a stream whose client takes nothing has no file open.
func TestHTTP2KeepsNoFiles(t *testing.T) {
	s, dir := files(t, Options{})
	big := filepath.Join(dir, "big.bin")
	if err := os.Truncate(big, 64<<20); err != nil {
		t.Fatal(err)
	}
	client := http2Client(t)
	var responses []*http.Response
	for range 50 {
		r, err := client.Get("http://" + s.addr + "/static/big.bin")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		responses = append(responses, r)
	}
	poll(t, "the end of reading", func() bool { return openFiles(t, big) == 0 })
	if s.Active() != 50 {
		t.Errorf("%d requests are served", s.Active())
	}
	n, err := io.Copy(io.Discard, responses[0].Body)
	if n != 64<<20 || err != nil {
		t.Errorf("then read %d bytes, %v", n, err)
	}
	if err := os.WriteFile(big, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, responses[1].Body); err == nil {
		t.Error("a response made of two files")
	}
	s.await(t, "changed or replaced")
}

// openFiles counts the descriptors of this process for a file.
func openFiles(t *testing.T, name string) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && to == name {
			n++
		}
	}
	return n
}

func TestVisited(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	v := &visited{name: name, info: info}
	if n, err := v.Seek(-4, io.SeekEnd); n != 6 || err != nil {
		t.Errorf("at %d, %v", n, err)
	}
	if rest, err := io.ReadAll(v); string(rest) != "6789" || err != nil {
		t.Errorf("read %q, %v", rest, err)
	}
	if _, err := v.Seek(-1, io.SeekStart); !errors.Is(err, fs.ErrInvalid) {
		t.Error(err)
	}
	if n, err := v.Seek(-9, io.SeekCurrent); n != 1 || err != nil {
		t.Errorf("at %d, %v", n, err)
	}
	if err := os.Chtimes(name, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Read(make([]byte, 1)); !errors.Is(err, errReplaced) {
		t.Error(err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Read(make([]byte, 1)); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), name) {
		t.Error(err)
	}
}
