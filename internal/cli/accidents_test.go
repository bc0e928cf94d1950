package cli

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/internal/hosting"
	"github.com/gophersnake/gophersnake/internal/procgroup"
)

// TestDisplayName: ps shows the whole of a name, however long, and the name of the
// group in place of %{GROUP}.
func TestDisplayName(t *testing.T) {
	t.Parallel()
	long := strings.TrimSpace(strings.Repeat("a long name ", 30))
	s := newSite(t)
	s.start(hosting.Plan{
		Groups: []procgroup.Options{
			s.group("long", "display-name="+long),
			s.group("own name", "display-name=%{GROUP}"),
		},
		Applications: []hosting.Application{s.app("long"), s.app("own name")},
	}, nil)
	for path, want := range map[string]string{"/long": long, "/own%20name": "(wsgi:own name)"} {
		pid := strconv.Itoa(s.report(path).PID)
		line, err := os.ReadFile("/proc/" + pid + "/cmdline")
		if got := strings.TrimRight(string(line), "\x00"); err != nil || got != want {
			t.Errorf("%s: command line %q, %v; want %q", path, got, err, want)
		}
		out, err := exec.Command("ps", "-ww", "-o", "args=", "-p", pid).Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s: ps shows %q, %v; want %q", path, got, err, want)
		}
		if comm := procLine(t, s.report(path).PID, "comm", ""); comm != want[:15] {
			t.Errorf("%s: comm %q, want %q", path, comm, want[:15])
		}
	}
}

// greedyScript takes as much memory as the query says.
const greedyScript = `import os
def application(environ, start_response):
    if environ["QUERY_STRING"]:
        len(bytearray(int(environ["QUERY_STRING"])))
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
`

// greedy starts a site with greedyScript in a group, and returns the process of
// that.
func greedy(t *testing.T, options ...string) (s *site, pid string) {
	t.Helper()
	s = newSite(t)
	s.write("greedy.py", greedyScript)
	app := s.app("greedy")
	app.Path = filepath.Join(s.dir, "greedy.py")
	s.start(hosting.Plan{
		Groups: []procgroup.Options{s.group("greedy", options...)}, Applications: []hosting.Application{app},
	}, nil)
	return s, s.get("/greedy").body
}

// TestMemoryLimits: who wants more than memory-limit or virtual-memory-limit allow
// gets a MemoryError, the client 500; the process lives on.
func TestMemoryLimits(t *testing.T) {
	t.Parallel()
	const room, much = 512 << 20, 16 << 30
	free, pid := greedy(t)
	for option, field := range map[string]string{"memory-limit": "VmData:", "virtual-memory-limit": "VmSize:"} {
		t.Run(option, func(t *testing.T) {
			n, err := strconv.Atoi(pid)
			if err != nil {
				t.Fatal(err)
			}
			used, err := strconv.Atoi(strings.Fields(procLine(t, n, "status", field))[0])
			if err != nil {
				t.Fatal(err)
			}
			s, before := greedy(t, fmt.Sprintf("%s=%d", option, used<<10+room))
			if a := s.get(fmt.Sprint("/greedy?", much)); a.StatusCode != http.StatusInternalServerError {
				t.Errorf("%s %q", a.Status, a.body)
			}
			s.await(`^\| \[id \S+\] MemoryError$`)
			for range 10 {
				if a := s.get("/greedy"); a.StatusCode != http.StatusOK || a.body != before {
					t.Errorf("%s, process %s, want %s", a.Status, a.body, before)
				}
			}
		})
	}
	if a := free.get(fmt.Sprint("/greedy?", 1<<30)); a.StatusCode != http.StatusOK {
		t.Errorf("without a limit: %s", a.Status)
	}
}
