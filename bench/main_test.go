package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/bench/launch"
)

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-rounds", "0"}, {"-duration", "1s"}, {"-duration", "3500ms"}, {"-peers", "nginx"}, {"-cases", "hello,none"},
		{"-nonsense"}, {"left"},
	} {
		var stderr strings.Builder
		if status := run(t.Context(), args, io.Discard, &stderr); status != 2 || stderr.Len() == 0 {
			t.Errorf("%q: status %d, %q; want 2 and an explanation", args, status, stderr.String())
		}
	}
}

func TestChoose(t *testing.T) {
	got, err := choosePeers("granian,floor")
	if err != nil || strings.Join(keys(got), ",") != "floor,granian" {
		t.Errorf("choosePeers: %v, %v; want the order of the table", keys(got), err)
	}
	if got, err := choosePeers(""); err != nil || len(got) != len(allPeers) {
		t.Errorf("choosePeers of nothing: %v, %v; want all", keys(got), err)
	}
	if _, err := chooseCases("helo"); err == nil || !strings.Contains(err.Error(), "hello") {
		t.Errorf("error %v, want one that lists the cases", err)
	}
}

func TestReplaceBetween(t *testing.T) {
	text := "before\n" + beginMarker + "old\n" + endMarker + "after\n"
	got, err := replaceBetween(text, "\nnew\n")
	if want := "before\n" + beginMarker + "\nnew\n\n" + endMarker + "after\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	again, err := replaceBetween(got, "new")
	if err != nil || again != got {
		t.Errorf("a second time: %q, %v", again, err)
	}
	for _, bad := range []string{"", beginMarker, endMarker + beginMarker, text + text} {
		if _, err := replaceBetween(bad, "new"); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

func TestReadmeHasMarkers(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replaceBetween(string(text), "x"); err != nil {
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
	m := &measurement{site: &site{work: t.TempDir()}, options: options{rounds: 2, duration: 3 * time.Second},
		progress: &progress, results: newResults()}
	m.measure(t.Context(), peers, allCases[:1])
	if got := m.results.reason(peers[0], allCases[0]); got != "missing: file does not exist" {
		t.Errorf("absent: %q", got)
	}
	if got := m.results.reason(peers[1], allCases[0]); got != "failed: server ended (exit status 3)" || !m.results.failed {
		t.Errorf("broken: %q, failed %v", got, m.results.failed)
	}
	if !strings.Contains(progress.String(), "no module") || starts != 1 {
		t.Errorf("%d starts, progress without the log:\n%s", starts, progress.String())
	}
}

func TestApacheText(t *testing.T) {
	p := peer{processes: 2, threads: 25}
	at := target{module: "hello", host: "127.0.0.1", port: 8000, log: "/w/log"}
	s := &site{work: "/w", apps: "/w/apps", venv: "/v", root: true}
	got := apacheText(s, p, at)
	for _, line := range []string{"Listen 127.0.0.1:8000", "User www-data", "ServerLimit 2", "ThreadsPerChild 25",
		"MaxRequestWorkers 50", `WSGIPythonHome "/v"`, `WSGIScriptAlias / "/w/apps/hello.py"`, "</Directory>"} {
		if !strings.Contains(got, "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, got)
		}
	}
	s.root = false
	if strings.Contains(apacheText(s, p, at), "User ") {
		t.Error("a User for a server that was not started by root")
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
