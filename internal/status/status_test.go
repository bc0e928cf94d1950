package status

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// moment is when the figures of the tests were taken.
func moment() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) }

func example() Snapshot {
	return Snapshot{PID: 4242, Version: "0.3", Address: "http://localhost:8000/", Started: moment().Add(-51 * time.Hour), Groups: []Group{
		{Name: "localhost:8000", User: "www-data", Python: "3.11.2", Waiting: 3, Bound: 100, Rejected: 12, Processes: []Process{
			{PID: 4250, State: "ready", Threads: 5, Busy: 2, Served: 1234567, GILWait: new(1234 * time.Microsecond), Restarts: 3, LastCause: "maximum-requests reached", Resident: 86 << 20, Started: moment().Add(-3*time.Hour - 4*time.Minute)},
			{PID: 999999, State: "draining", NotLoaded: "script x has not loaded: a\x1b[2Jb", Threads: 5, Busy: 5, Queued: 2, Served: 1, GILWait: new(time.Duration(0)), Resident: 1023, Started: moment().Add(-61 * time.Second)},
			{State: "waiting to start", Threads: 5, Restarts: 10, LastCause: "exit status 1"},
		}},
		{Name: "bad\x1b[2Jname", User: "büro", Bound: 0},
	}}
}

const exampleTable = `Server 4242 on http://localhost:8000/, version 0.3, up 2d3h

Group localhost:8000: user www-data, Python 3.11.2, waiting 3 of 100, rejected 12
  script x has not loaded: a?[2Jb
     PID  STATE             THREADS  BUSY  QUEUED   SERVED  GIL WAIT  MEMORY    UP  RESTARTS  LAST CAUSE
    4250  ready                   5     2       0  1234567    1.23ms   86.0M  3h4m         3  maximum-requests reached
  999999  draining                5     5       2        1        0s    1023  1m1s         0  -
       -  waiting to start        5     0       0        0         -       -     -        10  exit status 1

Group bad?[2Jname: user büro, Python not known yet, waiting 0 of 0, rejected 0
  PID  STATE  THREADS  BUSY  QUEUED  SERVED  GIL WAIT  MEMORY  UP  RESTARTS  LAST CAUSE
`

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := example().WriteTable(&b, moment()); err != nil || b.String() != exampleTable {
		t.Errorf("%v\n%s\nwant\n%s", err, b.String(), exampleTable)
	}
	b.Reset()
	const empty = "Server 1, up 0s\n\nNo process groups.\n"
	if err := (Snapshot{PID: 1, Started: moment()}).WriteTable(&b, moment().Add(-time.Second)); err != nil || b.String() != empty {
		t.Errorf("%v\n%s\nwant\n%s", err, b.String(), empty)
	}
	if err := example().WriteTable(brokenWriter{fs.ErrClosed}, moment()); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a broken writer: %v", err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWaitText(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 400: "0s", 500: "1µs", 999 * time.Microsecond: "999µs", 1234567: "1.23ms", 999999999: "1s", 12345678901: "12.3s"} {
		if got := waitText(d); got != want {
			t.Errorf("waitText(%d) = %s, want %s", d, got, want)
		}
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 1023: "1023", 1024: "1.0K", 1536: "1.5K", 1<<20 - 1: "1.0M", 1047000: "1022.5K", 5 << 30: "5.0G", 1<<63 - 1: "8.0E"} {
		if got := bytesText(n); got != want {
			t.Errorf("bytesText(%d) = %s, want %s", n, got, want)
		}
	}
}

// serving is a server in a test.
type serving struct {
	*Server
	stop func() error // ends it and returns what Serve returned
	mu   sync.Mutex
	said []string
}

func (s *serving) log(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, err.Error())
}

// messages returns what was logged.
func (s *serving) messages() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.said, "\n")
}

// serve starts a server that the test may change before, and ends it.
func serve(t *testing.T, path string, change func(*Server)) *serving {
	t.Helper()
	s := &serving{}
	server, err := Listen(path, example, s.log)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(server)
	}
	s.Server = server
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- server.Serve(ctx) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-result
	})
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

func TestFetch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gophersnake", "8000.sock")
	s := serve(t, path, nil)
	if info, err := os.Lstat(path); err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("socket: %v, %v", info, err)
	}
	if info, err := os.Lstat(filepath.Dir(path)); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("directory: %v, %v", info, err)
	}
	for range 3 {
		if got, err := Fetch(t.Context(), path); err != nil || !reflect.DeepEqual(got, example()) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if err := s.stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	if _, err := Fetch(t.Context(), path); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after the end: %v", err)
	}
	if s.messages() != "" {
		t.Errorf("logged: %s", s.messages())
	}
}

// TestOneAnswer holds the protocol to one line of JSON and the end.
func TestOneAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	serve(t, path, nil)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	text, err := io.ReadAll(conn)
	var got Snapshot
	if err != nil || strings.Count(string(text), "\n") != 1 || json.Unmarshal(text, &got) != nil || !strings.Contains(string(text), `"last_cause":"exit status 1"`) {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	if _, err := Fetch(t.Context(), path); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a dead server: %v", err)
	}
	serve(t, path, nil)
	if _, err := Fetch(t.Context(), path); err != nil {
		t.Error(err)
	}
}

func TestLivingServerStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	s := serve(t, path, nil)
	if _, err := Listen(path, example, s.log); !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), path) {
		t.Errorf("a second server: %v", err)
	}
	if _, err := Fetch(t.Context(), path); err != nil {
		t.Errorf("the first one is gone: %v", err)
	}
}

// TestForeignSocketStays: a server that ends leaves what is not its own.
func TestForeignSocketStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	s := serve(t, path, nil)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	serve(t, path, nil)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if _, err := Fetch(t.Context(), path); err != nil {
		t.Errorf("the new one is gone: %v", err)
	}
}

func TestListenErrors(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name, "s") }
	err := errors.Join(os.Mkdir(filepath.Join(dir, "shared"), 0o700), os.Chmod(filepath.Join(dir, "shared"), 0o770),
		os.Mkdir(filepath.Join(dir, "own"), 0o700), os.Symlink("own", filepath.Join(dir, "link")),
		os.WriteFile(filepath.Join(dir, "own", "s"), []byte("precious"), 0o600), os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{path("shared"), "others may write in " + dir + "/shared (mode drwxrwx---); take that right away (chmod go-w)"},
		{path("link"), dir + "/link is a symbolic link"},
		{path("own"), path("own") + ": there is something else (mode -rw-------); remove it or name another path"},
		{path("file"), dir + "/file is not a directory"},
		{path("no/no"), "no such file or directory"},
		{"/" + strings.Repeat("x", 107), "has 108 bytes, a socket can have 107; name a shorter one"},
	} {
		if _, err := Listen(c.path, example, func(error) {}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.path, err, c.want)
		}
	}
	if text, err := os.ReadFile(path("own")); err != nil || string(text) != "precious" {
		t.Errorf("the file is gone: %q, %v", text, err)
	}
}

// TestLongestPath is the edge of what a socket can have.
func TestLongestPath(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, strings.Repeat("x", maxPath-len(dir)-1))
	serve(t, path, nil)
	if _, err := Fetch(t.Context(), path); err != nil {
		t.Error(err)
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		peer uint32
		uid  int
		ok   bool
	}{{1000, 1000, true}, {0, 1000, true}, {0, 0, true}, {1001, 1000, false}, {1000, 0, false}} {
		if err := judge(&unix.Ucred{Uid: c.peer, Pid: 1}, c.uid); (err == nil) != c.ok {
			t.Errorf("peer %d, server %d: %v", c.peer, c.uid, err)
		}
	}
}

// TestSilentPeer takes nothing: more than the socket holds is waiting for it.
func TestSilentPeer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	s := serve(t, path, func(s *Server) {
		s.limit = 50 * time.Millisecond
		s.report = func() Snapshot { return Snapshot{Version: strings.Repeat("x", 8<<20)} }
	})
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for !strings.Contains(s.messages(), "i/o timeout") {
		select {
		case <-deadline.C:
			t.Fatal("it was not given up")
		case <-time.After(time.Millisecond):
		}
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// TestPeerThatLeaves is not worth a word in the log.
func TestPeerThatLeaves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	entered := make(chan struct{})
	left := make(chan struct{})
	s := serve(t, path, func(s *Server) {
		s.report = func() Snapshot {
			entered <- struct{}{}
			<-left
			return example()
		}
	})
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	<-entered
	conn.Close()
	close(left)
	if err := s.stop(); err != nil || s.messages() != "" {
		t.Errorf("%v, logged %q", err, s.messages())
	}
}

func TestFetchGivesUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	mute, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := Fetch(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestServeReportsItsEnd(t *testing.T) {
	server, err := Listen(filepath.Join(t.TempDir(), "s"), example, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	server.socket.Close()
	if err := server.Serve(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
