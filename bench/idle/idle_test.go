package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/gophersnake/gophersnake/bench/launch"
	"github.com/gophersnake/gophersnake/bench/procfs"
	"github.com/gophersnake/gophersnake/bench/readme"
)

// counting answers like hello.py and counts.
type counting struct {
	opened, closed, served atomic.Int64
	answer                 http.HandlerFunc
}

func serve(t *testing.T, answer http.HandlerFunc) (*counting, string) {
	t.Helper()
	h := &counting{answer: answer}
	server := httptest.NewUnstartedServer(h)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			h.opened.Add(1)
		case http.StateClosed:
			h.closed.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return h, server.Listener.Addr().String()
}

func (h *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.served.Add(1)
	h.answer(w, r)
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, helloBody) }

func TestCrowd(t *testing.T) {
	h, address := serve(t, hello)
	c, err := open(t.Context(), address, 100)
	if err != nil {
		t.Fatal(err)
	}
	if h.opened.Load() != 100 || h.closed.Load() != 0 || h.served.Load() != 100 {
		t.Errorf("%d opened, %d closed, %d requests; want 100, 0, 100", h.opened.Load(), h.closed.Load(), h.served.Load())
	}
	if err := c.askAll(t.Context()); err != nil || h.opened.Load() != 100 || h.served.Load() != 200 {
		t.Errorf("again: %v; %d opened, %d requests; want 100, 200", err, h.opened.Load(), h.served.Load())
	}
	c.connections[70].Close()
	if err := c.askAll(t.Context()); err == nil || !strings.Contains(err.Error(), "connection 70") {
		t.Errorf("error %v, want one that names the closed connection", err)
	}
}

func TestCrowdRefusesAnswers(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"an error":   func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadGateway) },
		"other body": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Hello Moon!") },
		"closing": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close")
			hello(w, r)
		},
	} {
		_, address := serve(t, answer)
		if _, err := open(t.Context(), address, 3); err == nil || !strings.Contains(err.Error(), "answered") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := open(t.Context(), "127.0.0.1:1", mostClients+1); err == nil {
		t.Error("no error for more connections than there are ports")
	}
}

func TestSource(t *testing.T) {
	for i, want := range map[int]string{0: "127.0.0.1", perAddress - 1: "127.0.0.1", perAddress: "127.0.0.2", mostClients - 1: "127.0.0.250"} {
		if got := source(i).IP.String(); got != want {
			t.Errorf("connection %d comes from %s, want %s", i, got, want)
		}
	}
	_, address := serve(t, hello)
	dialer := net.Dialer{LocalAddr: source(perAddress)}
	connection, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	c := crowd{address: address, connections: []net.Conn{connection}}
	if err := c.ask(0); err != nil || !strings.HasPrefix(connection.LocalAddr().String(), "127.0.0.2:") {
		t.Errorf("from %v: %v", connection.LocalAddr(), err)
	}
}

func TestEach(t *testing.T) {
	var done [500]atomic.Int64
	if err := each(t.Context(), len(done), func(_ context.Context, i int) error { done[i].Add(1); return nil }); err != nil {
		t.Error(err)
	}
	for i := range done {
		if done[i].Load() != 1 {
			t.Errorf("%d was done %d times", i, done[i].Load())
		}
	}
	broken := errors.New("broken")
	var calls atomic.Int64
	err := each(t.Context(), 100_000, func(ctx context.Context, i int) error {
		if calls.Add(1); i == 20 {
			return broken
		}
		if i > 20 {
			<-ctx.Done() // those beside it must not do all the rest meanwhile
		}
		return nil
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "connection 20") {
		t.Errorf("error %v", err)
	}
	if calls.Load() == 100_000 {
		t.Error("it went on after an error")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := each(ended, 5, func(context.Context, int) error { return nil }); err == nil {
		t.Error("no error when the context has ended")
	}
}

func TestCompareNeedsTheServer(t *testing.T) {
	_, address := serve(t, hello)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := options{connections: 10}
	if _, err := o.compare(ctx, os.Getpid(), address); err == nil {
		t.Error("no error when the context has ended")
	}
	if _, err := o.compare(t.Context(), 1<<30, address); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("error %v, want that the server has ended", err)
	}
}

func TestRender(t *testing.T) {
	const mb = 1 << 20
	p := func(pid int, role string, resident int64, files int) launch.Process {
		return launch.Process{PID: pid, Role: role, Usage: procfs.Usage{Resident: resident, Files: files}}
	}
	got := render([]finding{
		{mode: "embedded", before: []launch.Process{p(1, "server", 40*mb, 9)}, after: []launch.Process{p(1, "server", 240*mb, 10_009)},
			limits: map[int][2]string{1: {"20000", "20000"}}},
		{mode: "daemon", before: []launch.Process{p(2, "parent", 10*mb, 20)},
			after:  []launch.Process{p(2, "parent", 10*mb, 20), p(3, "daemon", 5*mb/2, 7)},
			limits: map[int][2]string{2: {"1024", "20000"}}},
	}, 10_000)
	want := tableHead +
		"| embedded | server | 40.0 | 240.0 | 20.5 | 10009 | 20000 |\n" +
		"| daemon | parent | 10.0 | 10.0 | 0.0 | 20 | 1024 of 20000 |\n" +
		"| daemon | daemon | - | 2.5 | - | 7 |  |\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestServerFiles(t *testing.T) {
	processes := []launch.Process{
		{Role: "parent", Usage: procfs.Usage{Files: 5}}, {Role: "server", Usage: procfs.Usage{Files: 7}}, {Role: "daemon", Usage: procfs.Usage{Files: 9}}}
	if got := serverFiles(processes); got != 7 {
		t.Errorf("%d descriptors of the server, want 7", got)
	}
	if got := serverFiles(processes[:1]); got != 0 {
		t.Errorf("%d descriptors without a server", got)
	}
}

func TestRaiseLimit(t *testing.T) {
	if err := raiseLimit(1 << 40); err == nil || !strings.Contains(err.Error(), "ulimit") {
		t.Errorf("error %v, want one that says what to do", err)
	}
	if err := raiseLimit(10); err != nil {
		t.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur != limit.Max {
		t.Errorf("limit %+v, %v; want the soft one as high as the hard one", limit, err)
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-connections", "0"}, {"-files", "-1"}, {"-rest", "-1s"}, {"-rest", "50s"}, {"-modes", "threads"}, {"-modes", ""},
		{"-processes", "0"}, {"-threads", "0"}, {"-update-readme", "main.go"}, {"left"},
	} {
		var stderr strings.Builder
		if status := run(t.Context(), args, io.Discard, &stderr); status != 2 || stderr.Len() == 0 {
			t.Errorf("%q: status %d, %q; want 2 and an explanation", args, status, stderr.String())
		}
	}
}

func TestMissingProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "none")
	var stderr strings.Builder
	if status := run(t.Context(), []string{"-gophersnake", program, "-connections", "10"}, io.Discard, &stderr); status != 1 || !strings.Contains(stderr.String(), program) {
		t.Errorf("status %d, %q", status, stderr.String())
	}
}

func TestReadmeHasMarkers(t *testing.T) {
	if err := readme.Check("../README.md", readmePart); err != nil {
		t.Error(err)
	}
}
