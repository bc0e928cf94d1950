package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/bench/launch"
	"github.com/gophersnake/gophersnake/bench/procfs"
	"github.com/gophersnake/gophersnake/bench/readme"
)

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-rounds", "0"}, {"-duration", "0s"}, {"-duration", "3500ms"}, {"-peers", "nginx"}, {"-cases", "hello,none"},
		{"-modes", "threads"}, {"-modes", "daemon", "-peers", "fastpysgi"}, {"-modes", "daemon", "-cases", "echo"},
		{"-update-readme", "apps/hello.py"}, {"-update-readme", "none.md"},
		{"-nonsense"}, {"left"},
	} {
		var stderr strings.Builder
		if status := run(t.Context(), args, io.Discard, &stderr); status != 2 || stderr.Len() == 0 {
			t.Errorf("%q: status %d, %q; want 2 and an explanation", args, status, stderr.String())
		}
	}
}

func TestChooseModes(t *testing.T) {
	for _, test := range []struct{ modes, peers, cases, want string }{
		{"", "", "hello", "embedded: floor gophersnake apache gunicorn granian fastpysgi; hello / " +
			"daemon: floor gophersnake apache gunicorn granian; hello / daemon: floor gophersnake apache gunicorn granian; hello"},
		{"daemon", "granian,floor", "", "daemon: floor granian; hello flask django / daemon: floor granian; wait hash / daemon: floor granian; hello"},
		{"", "fastpysgi", "django,echo", "embedded: fastpysgi; echo django"},
		{"daemon,embedded", "floor", "flask", "embedded: floor; flask / daemon: floor; flask"},
	} {
		modes, err := chooseModes(test.modes, test.peers, test.cases)
		if err != nil {
			t.Errorf("%+v: %v", test, err)
			continue
		}
		var got []string
		for _, m := range modes {
			for _, l := range m.lineups {
				got = append(got, m.key+": "+strings.Join(keys(l.peers), " ")+"; "+strings.Join(keys(l.cases), " "))
			}
		}
		if text := strings.Join(got, " / "); text != test.want {
			t.Errorf("%+v: got %s", test, text)
		}
	}
	if _, err := chooseModes("", "", "helo"); err == nil || !strings.Contains(err.Error(), "hello") {
		t.Errorf("error %v, want one that lists the cases", err)
	}
}

// TestSameProcessesAndThreads: in daemon mode nobody has more of them than another.
func TestSameProcessesAndThreads(t *testing.T) {
	for _, l := range allModes()[1].lineups {
		for _, p := range l.peers {
			if size := strings.ReplaceAll(l.title, " ", ""); p.mode != "" && !strings.HasSuffix(p.label(), " "+size) {
				t.Errorf("%s in the lineup %s", p.label(), l.title)
			}
		}
	}
}

func TestGophersnakeModes(t *testing.T) {
	s := &site{apps: "/w/apps", gophersnake: "/p/gophersnake"}
	at := target{module: "hello", host: "127.0.0.1", port: 8000}
	for _, m := range allModes() {
		for _, l := range m.lineups {
			p, _, ok := l.find("gophersnake", l.cases[0].key, 32)
			command, err := gophersnakeCommand(s, p, at)
			if !ok || err != nil {
				t.Fatal(m.key, ok, err)
			}
			if embedded := slices.Contains(command.Args, "--embedded-mode"); embedded != (m.key == "embedded") {
				t.Errorf("%s mode is started with %q", m.key, command.Args)
			}
		}
	}
}

func TestReadmeHasMarkers(t *testing.T) {
	if err := readme.Check("README.md", modeKeys()...); err != nil {
		t.Error(err)
	}
}

func TestVerify(t *testing.T) {
	c := allCases[0]
	tests := []struct {
		name, complaint string
		handler         http.HandlerFunc
	}{
		{"right", "", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, c.want) }},
		{"error page", "500", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "broken", 500) }},
		{"other body", "bytes", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "Hello Moon!!\n") }},
		{"chunked", "Content-Length", func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, c.want)
		}},
	}
	for _, test := range tests {
		server := httptest.NewServer(test.handler)
		err := verify(t.Context(), server.URL, c)
		server.Close()
		if (err == nil) != (test.complaint == "") || err != nil && !strings.Contains(err.Error(), test.complaint) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.complaint)
		}
	}
}

// TestFailingPeers: what is missing and what does not start are told, and not tried again in the next round.
func TestFailingPeers(t *testing.T) {
	starts := 0
	peers := []peer{
		{key: "absent", mode: "embedded", missing: func(*site) error { return os.ErrNotExist }},
		{key: "broken", mode: "embedded", missing: nothing, command: func(s *site, _ peer, t target) (launch.Command, error) {
			starts++
			return launch.Command{Args: []string{"/bin/sh", "-c", "echo no module >&2; exit 3"}, Log: t.log}, nil
		}},
	}
	var progress strings.Builder
	m := &measurement{site: &site{work: t.TempDir()}, options: options{rounds: 2, duration: time.Second}, progress: &progress}
	l := newLineup("", peers, "hello", 1)
	m.measure(t.Context(), []*lineup{l})
	if got := l.results.reason(peers[0], allCases[0]); got != "missing: file does not exist" {
		t.Errorf("absent: %q", got)
	}
	if got := l.results.reason(peers[1], allCases[0]); got != "failed: server ended (exit status 3)" || !l.results.failed {
		t.Errorf("broken: %q, failed %v", got, l.results.failed)
	}
	if !strings.Contains(progress.String(), "no module") || starts != 1 {
		t.Errorf("%d starts, progress without the log:\n%s", starts, progress.String())
	}
}

func TestApacheText(t *testing.T) {
	at := target{module: "hello", host: "127.0.0.1", port: 8000, log: "/w/log"}
	s := &site{work: "/w", apps: "/w/apps", venv: "/v", root: true}
	common := []string{"Listen 127.0.0.1:8000", "User www-data", `WSGIScriptAlias / "/w/apps/hello.py"`,
		"WSGIApplicationGroup %{GLOBAL}", "</Directory>"}
	embedded := []string{"ServerLimit 2", "ThreadsPerChild 25", "MaxRequestWorkers 50", `WSGIPythonHome "/v"`}
	daemon := []string{"ServerLimit 2", "ThreadsPerChild 32", "MaxRequestWorkers 64", `WSGISocketPrefix "/w/wsgi-8000"`,
		`WSGIDaemonProcess bench processes=3 threads=5 python-home="/v" python-path="/w/apps"`, "WSGIProcessGroup bench"}
	for _, test := range []struct {
		p          peer
		want, none []string
	}{
		{peer{mode: "embedded", processes: 2, threads: 25}, embedded, daemon[3:]},
		{peer{mode: "daemon", processes: 3, threads: 5}, daemon, embedded[3:]},
	} {
		got := apacheText(s, test.p, at)
		for _, line := range slices.Concat(common, test.want) {
			if !strings.Contains(got, "\n"+line+"\n") {
				t.Errorf("%s: no line %q in\n%s", test.p.mode, line, got)
			}
		}
		for _, line := range test.none {
			if strings.Contains(got, line) {
				t.Errorf("%s: a line %q in\n%s", test.p.mode, line, got)
			}
		}
	}
	s.root = false
	if strings.Contains(apacheText(s, peer{}, at), "User ") {
		t.Error("a User for a server that was not started by root")
	}
}

// TestTooFewProcesses: a server whose processes were not all found is not praised.
func TestTooFewProcesses(t *testing.T) {
	seen := load{requests: 10, elapsed: time.Second}
	if _, err := newSample(seen, procfs.Snapshot{}, os.Getpid(), 1); err != nil {
		t.Errorf("one process of one: %v", err)
	}
	if _, err := newSample(seen, procfs.Snapshot{}, os.Getpid(), 1000); err == nil || !strings.Contains(err.Error(), "at least 1000") {
		t.Errorf("error %v, want the number that is expected", err)
	}
}

func TestClosedAbove(t *testing.T) {
	dir := t.TempDir()
	closed := filepath.Join(dir, "closed")
	if err := os.MkdirAll(filepath.Join(closed, "venv"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := closedAbove("/usr"); got != "" {
		t.Errorf("/usr: closed at %q", got)
	}
	if got := closedAbove(filepath.Join(closed, "venv")); got != closed {
		t.Errorf("closed at %q, want %q", got, closed)
	}
}

func TestProcessor(t *testing.T) {
	for text, want := range map[string]string{
		"processor\t: 0\nmodel name\t: A Processor\nflags\t: x\n": "A Processor",
		"": "unknown processor",
	} {
		if got := processor(text); got != want {
			t.Errorf("processor(%q) = %q, want %q", text, got, want)
		}
	}
}
