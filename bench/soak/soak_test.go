package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
	base := procfs.Usage{Resident: 40 * mb, Files: 9, Threads: 12}
	tests := []struct {
		name  string
		last  procfs.Usage
		clean bool
		want  bool
	}{
		{"nothing changed", base, true, true},
		{"exactly the limit", procfs.Usage{Resident: 45 * mb, Files: 9}, true, true},
		{"a byte more", procfs.Usage{Resident: 45*mb + 1, Files: 9}, true, false},
		{"less memory", procfs.Usage{Resident: 30 * mb, Files: 9}, true, true},
		{"a descriptor left over", procfs.Usage{Resident: 40 * mb, Files: 10}, true, false},
		{"killed at the end", base, false, false},
	}
	for _, test := range tests {
		v := verdict{baseline: base, last: test.last, clean: test.clean}
		if got := v.passed(5); got != test.want {
			t.Errorf("%s: passed %v, want %v", test.name, got, test.want)
		}
		if got := strings.HasPrefix(v.text(5), "PASS"); got != test.want {
			t.Errorf("%s: text %q", test.name, v.text(5))
		}
	}
	if (verdict{clean: true}).passed(5) {
		t.Error("figures that cannot be read must not pass")
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-requests", "0"}, {"-uploads", "-1"}, {"-connections", "0"}, {"-nonsense"}, {"left", "over"},
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
