package cli

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/gophersnake/gophersnake/internal/hosting"
	"github.com/gophersnake/gophersnake/internal/procgroup"
	"github.com/gophersnake/gophersnake/internal/status"
)

// TestGroupsThatCannotStart: requests for them get 503, the log says why at each
// attempt, the others serve; one that becomes able to start does.
func TestGroupsThatCannotStart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	nowhere := filepath.Join(s.dir, "nowhere")
	unreadable := s.app("later")
	unreadable.Path = s.write("later.py", reportScript)
	if err := os.Chmod(unreadable.Path, 0); err != nil {
		t.Fatal(err)
	}
	s.start(hosting.Plan{
		Groups: []procgroup.Options{
			s.group("good"), s.group("bad", "python-home="+nowhere, "connect-timeout=1", "listen-backlog=7"), s.group("later", "connect-timeout=1"),
		},
		Applications: []hosting.Application{s.app("good"), s.app("bad"), unreadable},
	}, nil)
	s.report("/good")
	a := s.get("/bad")
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || strings.Contains(a.body, "nowhere") {
		t.Errorf("%s, Retry-After %q: %s", a.Status, a.Header.Get("Retry-After"), a.body)
	}
	reason := `group "bad": process 1 \(pid \d+\) could not start: Python in ` + nowhere + `: no such directory.*repair: .*; it is tried again `
	s.await(reason + `at once`)
	s.await(reason + `in 1s`)
	s.await(reason + `in 2s`)
	s.await(`process group bad could not start: the others serve, and requests for it get 503 until it can`)
	s.await(`process group bad has no process: Python in ` + nowhere)
	s.await(`group "later": process 1 \(pid \d+\) could not start: read script: .*later\.py`)
	s.await(`^Python             : good: \S+ \(.*\), bad: not started, later: not started$`)
	checkSnapshot(t, s)
	if err := os.Chmod(unreadable.Path, 0o644); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the group that can start", func() bool { return s.get("/later").StatusCode == http.StatusOK })
	if a := s.get("/bad"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the one that cannot: %s", a.Status)
	}
	s.report("/good")
	s.stop()
}

// load asks for paths again and again, on new connections, until stop is called,
// which reports how often that failed.
func (s *site) load(paths ...string) (stop func() int) {
	var asking sync.WaitGroup
	var failures atomic.Int64
	done := make(chan struct{})
	for _, path := range paths {
		asking.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
			for {
				select {
				case <-done:
					return
				default:
				}
				r, err := client.Get(s.url + path)
				if err == nil {
					_, err = io.Copy(io.Discard, r.Body)
					r.Body.Close()
				}
				if err != nil || r.StatusCode != http.StatusOK {
					failures.Add(1)
				}
			}
		})
	}
	return func() int { close(done); asking.Wait(); return int(failures.Load()) }
}

// TestReloadOfSeveralGroups: a reload that would take a group out of service is
// not carried out, and no request is lost by the attempt; one that can be
// replaces the processes of all.
func TestReloadOfSeveralGroups(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	second := s.app("second")
	second.Path = s.write("second.py", reportScript)
	s.start(hosting.Plan{
		Groups:       []procgroup.Options{s.group("first"), s.group("second", "connect-timeout=1")},
		Applications: []hosting.Application{s.app("first"), second},
	}, nil)
	reload := func(mode os.FileMode, outcome string) {
		t.Helper()
		if err := os.Chmod(second.Path, mode); err != nil {
			t.Fatal(err)
		}
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.await(outcome)
	}
	before := []int{s.report("/first").PID, s.report("/second").PID}
	stop := s.load("/first", "/second")
	reload(0, `reload: the old processes go on: start process group second: read script: `)
	if after := []int{s.report("/first").PID, s.report("/second").PID}; !slices.Equal(before, after) {
		t.Errorf("processes %v serve, before %v", after, before)
	}
	reload(0o644, `\] reloaded$`)
	if n := stop(); n != 0 {
		t.Errorf("%d requests failed", n)
	}
	for i, pid := range []int{s.report("/first").PID, s.report("/second").PID} {
		if slices.Contains(before, pid) {
			t.Errorf("group %d: process %d still serves", i+1, pid)
		}
	}
	s.stop()
}

// snapshot is what `gophersnake status` would print.
func (s *site) snapshot() status.Snapshot {
	s.t.Helper()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	snapshot, err := status.Fetch(ctx, status.DefaultPath(number))
	if err != nil {
		s.t.Fatal(err)
	}
	return snapshot
}

// checkSnapshot looks at the figures of TestGroupsThatCannotStart.
func checkSnapshot(t *testing.T, s *site) {
	t.Helper()
	snapshot := s.snapshot()
	var names []string
	for _, g := range snapshot.Groups {
		names = append(names, g.Name)
	}
	if !slices.Equal(names, []string{"good", "bad", "later"}) {
		t.Fatalf("groups %v", names)
	}
	good, bad := snapshot.Groups[0], snapshot.Groups[1]
	if good.Processes[0].Served == 0 || good.Python == "" || good.Bound != 100 || good.Rejected != 0 {
		t.Errorf("good: %+v", good)
	}
	if bad.Python != "" || bad.Bound != 7 || bad.Rejected == 0 || bad.Processes[0].LastCause == "" {
		t.Errorf("bad: %+v", bad)
	}
}

// TestNoGroupCanStart: the program ends, and says why for each.
func TestNoGroupCanStart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.launch(hosting.Plan{
		Groups: []procgroup.Options{
			s.group("one", "python-home="+filepath.Join(s.dir, "first")), s.group("two", "python-home="+filepath.Join(s.dir, "second")),
		},
		Applications: []hosting.Application{s.app("one"), s.app("two")},
	}, nil)
	s.wait(statusFailure)
	s.await(`^gophersnake: start process group one: Python in ` + s.dir + `/first: no such directory`)
	s.await(`^start process group two: Python in ` + s.dir + `/second: no such directory`)
	s.await(`^repair: `)
}

// TestPlanThatContradictsItself is refused before anything is started.
func TestPlanThatContradictsItself(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	app := s.app("gruop")
	s.launch(hosting.Plan{Groups: []procgroup.Options{s.group("group")}, Applications: []hosting.Application{app}}, nil)
	s.wait(statusFailure)
	s.await(`^gophersnake: No WSGI daemon process called 'gruop' has been configured\. .*; did you mean "group"\?$`)
}
