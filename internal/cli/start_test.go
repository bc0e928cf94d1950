package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/pyhome"
	"github.com/gophersnake/gophersnake/internal/server"
	"github.com/gophersnake/gophersnake/internal/watch"
)

// testLogs returns logs that write to w.
func testLogs(w io.Writer) *logFiles { return &logFiles{errors: logs.NewErrorLog(w, logs.Debug)} }

// TestStops plays what may happen while a server runs: "TERM", "INT", "HUP" and
// "USR1" are signals, "begin" is a change of the sources.
func TestStops(t *testing.T) {
	for events, want := range map[string]string{
		"":                "",
		"HUP USR1":        "",
		"TERM":            "stop",
		"INT":             "stop",
		"TERM HUP":        "stop",
		"TERM INT":        "stop force",
		"begin":           "stop restart",
		"begin HUP":       "stop restart",
		"begin begin":     "stop restart",
		"TERM begin":      "stop",
		"begin TERM":      "stop",
		"begin TERM TERM": "stop force",
	} {
		t.Run(events, func(t *testing.T) {
			t.Cleanup(func() { signal.Reset(syscall.SIGHUP, syscall.SIGUSR1) })
			s := holdSignals(t.Context())
			var log bytes.Buffer
			for _, event := range strings.Fields(events) {
				if event == "begin" {
					s.begin()
					continue
				}
				s.take(map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP, "USR1": syscall.SIGUSR1}[event], testLogs(&log))
			}
			var got []string
			if s.stop.Err() != nil {
				got = append(got, "stop")
			}
			if s.force.Err() != nil {
				got = append(got, "force")
			}
			if s.end() {
				got = append(got, "restart")
			}
			if strings.Join(got, " ") != want {
				t.Errorf("got %v, want %s; log:\n%s", got, want, log.String())
			}
			if s.end() {
				t.Error("a second end restarts")
			}
		})
	}
}

// A stop that nobody has taken when the server ended is not forgotten.
func TestStopsEndTakesWhatIsLeft(t *testing.T) {
	t.Cleanup(func() { signal.Reset(syscall.SIGHUP, syscall.SIGUSR1) })
	for sig, want := range map[os.Signal]bool{syscall.SIGHUP: true, syscall.SIGTERM: false} {
		s := holdSignals(t.Context())
		s.begin()
		s.signals <- sig
		if got := s.end(); got != want {
			t.Errorf("%v: restart %v, want %v", sig, got, want)
		}
	}
}

// Real signals, of which those that came before the server was ready wait.
func TestStopsObey(t *testing.T) {
	s := holdSignals(t.Context())
	defer s.end()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	defer r.Close()
	s.obey(testLogs(w))
	line := make([]byte, 200)
	if n, err := r.Read(line); err != nil || !strings.Contains(string(line[:n]), "log files reopened") {
		t.Fatalf("got %q, %v", line[:n], err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if n, err := r.Read(line); err != nil || !strings.Contains(string(line[:n]), "caught interrupt") {
		t.Errorf("got %q, %v", line[:n], err)
	}
	<-s.stop.Done()
}

// A rotation that fails is not said to have gone well.
func TestStopsReopenFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	l, err := openLogs(&StartOptions{LogDirectory: dir, LogLevel: logs.Info}, account.Current(), io.Discard, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Rename(dir, dir+".moved"); err != nil {
		t.Fatal(err)
	}
	s := holdSignals(t.Context())
	defer s.end()
	s.take(syscall.SIGHUP, l)
	text, err := os.ReadFile(filepath.Join(dir+".moved", "error_log"))
	if err != nil || !strings.Contains(string(text), "reopen log file") || strings.Contains(string(text), "log files reopened") {
		t.Errorf("the old log holds %q, %v", text, err)
	}
}

func TestServerURL(t *testing.T) {
	for _, c := range [][3]string{
		{"localhost", "8000", "http://localhost:8000/"},
		{"www.example.org", "80", "http://www.example.org/"},
		{"0.0.0.0", "8000", "http://localhost:8000/"},
		{"::", "80", "http://localhost/"},
		{"::1", "8000", "http://[::1]:8000/"},
		{"::1", "80", "http://[::1]/"},
		{"127.0.0.1", "8080", "http://127.0.0.1:8080/"},
	} {
		if got := serverURL(c[0], c[1]); got != c[2] {
			t.Errorf("serverURL(%q, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

func TestSkippedLevel(t *testing.T) {
	for source, want := range map[string]logs.Level{"VIRTUAL_ENV": logs.Warn, "PATH": logs.Info, "pyenv": logs.Debug} {
		if got := skippedLevel(pyhome.Candidate{Source: source}); got != want {
			t.Errorf("%s: %v, want %v", source, got, want)
		}
	}
}

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("bad luck"), "gophersnake: bad luck\n"},
		{&pyhome.Error{Home: "/x", Reason: pyhome.TooOld, Repair: "use another"}, "gophersnake: Python in /x: too old\nrepair: use another\n"},
	} {
		var b bytes.Buffer
		if explain(&b, c.err); b.String() != c.want {
			t.Errorf("got %q, want %q", b.String(), c.want)
		}
	}
}

// A file that was written while it was loaded is told to the next run, which
// knows it by its digest; after ten in a row nothing is taken for changed at
// the first look.
func TestReloadEnvironment(t *testing.T) {
	s := &serving{o: &StartOptions{startedIn: "/start"}, loading: time.Unix(1, 0)}
	r := &reload{s: s, changed: &watch.Change{Name: "/a.py"}, written: []string{"0 /old.py"}}
	if got := r.environment(); !slices.Equal(got, []string{"GOPHERSNAKE_CWD=/start"}) {
		t.Errorf("after an ordinary change: %q", got)
	}
	r.changed.Digest = "1f"
	got := r.environment()
	if want := []string{"GOPHERSNAKE_CWD=/start", "GOPHERSNAKE_WRITTEN=0 /old.py\n1f /a.py"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	r.written = []string{"0 /old.py", "1f /with space.py"}
	w := r.watcher()
	if want := map[string]string{"/old.py": "0", "/with space.py": "1f"}; !maps.Equal(w.Read, want) || !w.Loading.Equal(s.loading) {
		t.Errorf("watcher %+v", w)
	}
	r.written = slices.Repeat(r.written, maxWritten)
	if w := r.watcher(); !w.Loading.IsZero() {
		t.Errorf("after many: %+v", w)
	}
}

// Python is not ended while its modules are listed.
func TestReloadCloseWaits(t *testing.T) {
	r := &reload{watched: make(chan struct{})}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(server.ErrForced)
	if err := r.Close(ctx); !errors.Is(err, server.ErrForced) || !strings.Contains(err.Error(), "source files") {
		t.Errorf("got %v", err)
	}
}

func TestOpenLogs(t *testing.T) {
	dir := t.TempDir()
	who := account.Current()
	var stdout, stderr bytes.Buffer
	format, err := logs.ParseFormat("common")
	if err != nil {
		t.Fatal(err)
	}
	l, err := openLogs(&StartOptions{AccessLog: true, AccessLogFormat: format, LogLevel: logs.Info}, who, &stdout, &stderr)
	if err != nil || l.errorName != "/dev/stderr" || l.name != "/dev/stdout" {
		t.Fatalf("%+v, %v", l, err)
	}
	l.errors.Log(logs.Record{Level: logs.Info, Message: "to stderr"})
	l.access.LogAccess(&logs.AccessEntry{Status: 200})
	if !strings.Contains(stderr.String(), "to stderr") || !strings.Contains(stdout.String(), " 200 ") {
		t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
	}
	if err := os.Mkdir(filepath.Join(dir, "access_log"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = openLogs(&StartOptions{AccessLog: true, AccessLogFormat: format, LogDirectory: dir}, who, &stdout, &stderr)
	if err == nil || !strings.Contains(err.Error(), "access_log") || !strings.Contains(err.Error(), "--log-directory") {
		t.Errorf("error %v", err)
	}
}
