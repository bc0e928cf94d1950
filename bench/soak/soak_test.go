package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/bench/launch"
	"github.com/gophersnake/gophersnake/bench/procfs"
)

func TestPlanSpreadsUploads(t *testing.T) {
	for _, p := range []plan{{1_000_000, 20_000}, {10, 0}, {3, 7}, {1, 1}, {5, 5}} {
		seen := 0
		for job := range p.total() {
			if p.isUpload(job) {
				seen++
			}
			if want := (job + 1) * p.uploads / p.total(); seen != want {
				t.Fatalf("%+v: %d uploads up to job %d, want %d", p, seen, job, want)
			}
		}
		if seen != p.uploads {
			t.Errorf("%+v: %d uploads", p, seen)
		}
	}
}

// counting answers like soak.py.
type counting struct{ gets, posts, open, most atomic.Int64 }

func (h *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for open := h.open.Add(1); ; {
		most := h.most.Load()
		if open <= most || h.most.CompareAndSwap(most, open) {
			break
		}
	}
	defer h.open.Add(-1)
	if r.Method == http.MethodGet {
		h.gets.Add(1)
		_, _ = io.WriteString(w, helloBody)
		return
	}
	h.posts.Add(1)
	n, _ := io.Copy(io.Discard, r.Body)
	fmt.Fprintln(w, n)
}

func TestClient(t *testing.T) {
	var h counting
	server := httptest.NewServer(&h)
	defer server.Close()
	c := newClient(server.URL, options{requests: 900, uploads: 100, uploadSize: 3000, connections: 8})
	for _, part := range [][2]int{{0, 300}, {300, 300}, {300, 1000}} {
		if err := c.do(t.Context(), part[0], part[1]); err != nil {
			t.Fatal(err)
		}
	}
	if h.gets.Load() != 900 || h.posts.Load() != 100 || h.most.Load() > 8 {
		t.Errorf("%d GET, %d POST, %d at once; want 900, 100, at most 8", h.gets.Load(), h.posts.Load(), h.most.Load())
	}
}

func TestClientStopsAtAWrongAnswer(t *testing.T) {
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if served.Add(1) > 20 {
			http.Error(w, "broken", http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, helloBody)
	}))
	defer server.Close()
	c := newClient(server.URL, options{requests: 100_000, uploadSize: 1, connections: 4})
	err := c.do(t.Context(), 0, 100_000)
	if err == nil || !strings.Contains(err.Error(), "500") || !strings.Contains(err.Error(), "broken") {
		t.Errorf("error %v, want the status and the body", err)
	}
	if served.Load() > 1000 {
		t.Errorf("%d requests after a wrong answer", served.Load())
	}
}

func TestClientCancelled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	if err := newClient(server.URL, options{requests: 5, uploadSize: 1, connections: 2}).do(ctx, 0, 5); err == nil {
		t.Error("no error when the time is up")
	}
}

func TestVerdict(t *testing.T) {
	const mb = 1 << 20
	of := func(pid int, role string, resident int64, files int) launch.Process {
		return launch.Process{PID: pid, Role: role, Usage: procfs.Usage{Resident: resident, Files: files, Threads: 12}}
	}
	server, daemon := of(1, "server", 40*mb, 9), of(2, "daemon", 30*mb, 7)
	base := reading{server, daemon}
	tests := []struct {
		name      string
		last      reading
		killed    bool
		left      reading
		complaint string // "" for PASS
	}{
		{name: "nothing changed", last: base},
		{name: "exactly the limit", last: reading{of(1, "server", 45*mb, 9), of(2, "daemon", 35*mb, 7)}},
		{name: "a byte more", last: reading{server, of(2, "daemon", 35*mb+1, 7)}, complaint: "memory of daemon 2"},
		{name: "less memory does not make up for another", last: reading{of(1, "server", 10*mb, 9), of(2, "daemon", 36*mb, 7)}, complaint: "memory of daemon 2"},
		{name: "a descriptor left over", last: reading{of(1, "server", 40*mb, 10), daemon}, complaint: "from 9 to 10"},
		{name: "a process has ended", last: reading{server}, complaint: "daemon 2 has ended"},
		{name: "a process was replaced", last: reading{server, of(3, "daemon", 30*mb, 7)}, complaint: "daemon 3 has come"},
		{name: "figures that cannot be read", last: reading{server, of(2, "daemon", 0, 0)}, complaint: "/proc does not show"},
		{name: "killed at the end", last: base, killed: true, complaint: "was killed"},
		{name: "a process stays", last: base, left: base[1:], complaint: "daemon 2 still ran"},
	}
	for _, test := range tests {
		v := verdict{baseline: base, last: test.last, clean: !test.killed, left: test.left}
		text := v.text(5)
		if want := test.complaint == ""; v.passed(5) != want || strings.HasSuffix(text, "PASS\n") != want || strings.Contains(text, "FAIL") == want {
			t.Errorf("%s: passed %v, %q", test.name, v.passed(5), text)
		}
		if !strings.Contains(text, test.complaint) {
			t.Errorf("%s: %q, want %q", test.name, text, test.complaint)
		}
	}
	hidden := reading{of(1, "server", 0, 0)}
	for _, v := range []verdict{{clean: true}, {clean: true, baseline: hidden, last: hidden}} {
		if v.passed(5) {
			t.Errorf("%+v: figures that cannot be read must not pass", v)
		}
	}
}

// TestReading looks at this test itself.
func TestReading(t *testing.T) {
	processes, err := launch.Processes(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	r := reading(processes)
	self, ok := r.find(launch.Process{PID: os.Getpid(), Role: filepath.Base(os.Args[0])})
	if !ok || self.Resident <= 0 || self.Files < 3 || r.files() < self.Files {
		t.Errorf("read %+v, %d descriptors", r, r.files())
	}
	if left := (reading{{PID: 1 << 30, Role: "daemon"}, self}).left(); len(left) != 1 || left[0].PID != os.Getpid() {
		t.Errorf("left %+v, want this process only", left)
	}
}

func TestProgram(t *testing.T) {
	o := options{gophersnake: "g", threads: 5, processes: 2}
	if got := o.program("s").Args("h", 1); !slices.Contains(got, "--embedded-mode") {
		t.Errorf("embedded mode: %q", got)
	}
	o.daemon = true
	if got := o.program("s").Args("h", 1); slices.Contains(got, "--embedded-mode") || !slices.Contains(got, "--processes") {
		t.Errorf("daemon mode: %q", got)
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-requests", "0"}, {"-uploads", "-1"}, {"-connections", "0"}, {"-daemon", "-processes", "0"}, {"-nonsense"}, {"left", "over"},
		{"-requests", "10", "-uploads", "0", "-warm-up", "10"},
	} {
		var stderr strings.Builder
		if status := run(t.Context(), args, io.Discard, &stderr); status != 2 || stderr.Len() == 0 {
			t.Errorf("%q: status %d, %q; want 2 and an explanation", args, status, stderr.String())
		}
	}
}

func TestMissingProgram(t *testing.T) {
	var stderr strings.Builder
	args := []string{"-gophersnake", "/no/such/program"}
	if status := run(t.Context(), args, io.Discard, &stderr); status != 1 || !strings.Contains(stderr.String(), "/no/such/program") {
		t.Errorf("status %d, %q", status, stderr.String())
	}
}
