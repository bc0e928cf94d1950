package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gophersnake/gophersnake/internal/hosting"
	"github.com/gophersnake/gophersnake/internal/procgroup"
	"github.com/gophersnake/gophersnake/internal/pyhome"
)

// reader makes a process that can read everything, and has no other right: what
// it takes to run a Python in a private directory of root.
func reader() *syscall.SysProcAttr {
	if os.Geteuid() != 0 {
		return nil // private directories are ours
	}
	const nobody = 65534
	return &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: nobody, Gid: nobody},
		AmbientCaps: []uintptr{unix.CAP_DAC_READ_SEARCH},
	}
}

// twoPythons are 3.10 and 3.13, or others where this machine lacks them.
func twoPythons(t *testing.T) []*pyhome.Installation {
	t.Helper()
	var found []*pyhome.Installation // newest first
	for _, c := range pyhome.List(t.Context()) {
		if c.Installation != nil {
			found = append(found, c.Installation)
		}
	}
	if len(found) == 0 {
		t.Fatal("no Python with a shared library on this machine: run `make setup`")
	}
	pick := func(version string, otherwise *pyhome.Installation) *pyhome.Installation {
		i := slices.IndexFunc(found, func(p *pyhome.Installation) bool { return p.Version.Short() == version })
		if i < 0 {
			return otherwise
		}
		return found[i]
	}
	return []*pyhome.Installation{pick("3.10", found[len(found)-1]), pick("3.13", found[0])}
}

// TestTwoPythons: each group has its own Python, options and names.
func TestTwoPythons(t *testing.T) {
	t.Parallel()
	pythons := twoPythons(t)
	s := newSite(t)
	modules := filepath.Join(s.dir, "modules")
	if err := os.Mkdir(modules, 0o755); err != nil {
		t.Fatal(err)
	}
	s.start(hosting.Plan{
		Groups: []procgroup.Options{
			s.group("old", "python-home="+pythons[0].Home, "threads=1"),
			s.group("new", "python-home="+pythons[1].Home, "processes=2", "threads=3", "python-path="+modules),
		},
		Applications: []hosting.Application{s.app("old"), s.app("new")},
	}, reader())
	for i, group := range []string{"old", "new"} {
		r := s.report("/" + group + "/where")
		if r.Version != pythons[i].Version.Short() || r.Prefix != pythons[i].Prefix {
			t.Errorf("%s: Python %s in %s, want that in %s", group, r.Version, r.Prefix, pythons[i].Prefix)
		}
		if r.Directory != s.dir || len(r.Path) < 2 || r.Path[0] != s.dir || (r.Path[1] == modules) != (group == "new") {
			t.Errorf("%s: directory %s, path %v", group, r.Directory, r.Path)
		}
		for name, want := range map[string]any{
			"mod_wsgi.process_group": group, "mod_wsgi.application_group": "",
			"SCRIPT_NAME": "/" + group, "PATH_INFO": "/where",
			"wsgi.multiprocess": group == "new", "wsgi.multithread": group == "new",
		} {
			if got := r.Environ[name]; got != want {
				t.Errorf("%s: %s is %v, want %v", group, name, got, want)
			}
		}
	}
	if a := s.get("/elsewhere"); a.StatusCode != http.StatusNotFound {
		t.Errorf("no application is there: %s", a.Status)
	}
	s.await(`^Python             : old: ` + pythons[0].Version.String() + ` \(.*\), new: ` + pythons[1].Version.String() + ` `)
	s.await(`^Request Capacity   : 7 \(1 process \* 1 threads \+ 2 processes \* 3 threads\)$`)
	s.stop()
}

// TestSeveralScriptsInGroup: applications of one group share its processes, and
// have their own callable and interpreter.
func TestSeveralScriptsInGroup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, second := s.app("one"), s.app("one")
	second.MountPoint, second.Callable, second.ApplicationGroup = "/two", "second", "%{RESOURCE}"
	s.start(hosting.Plan{
		Groups:       []procgroup.Options{s.group("one")},
		Applications: []hosting.Application{first, second},
	}, nil)
	a, b := s.report("/one"), s.report("/two")
	if a.PID != b.PID || a.Second || !b.Second {
		t.Errorf("got %+v and %+v", a, b)
	}
	name, _ := b.Environ["mod_wsgi.application_group"].(string)
	if a.Environ["mod_wsgi.application_group"] != "" || !strings.HasSuffix(name, "|/two") {
		t.Errorf("application groups %v and %q", a.Environ["mod_wsgi.application_group"], name)
	}
}

// TestEmbeddedBesideGroup: an application in the server's own process and one in
// a group, in one server, which comes back when it is killed.
func TestEmbeddedBesideGroup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	embedded := s.app("")
	s.start(hosting.Plan{
		Groups:       []procgroup.Options{s.group("one")},
		Applications: []hosting.Application{s.app("one"), embedded},
	}, nil)
	s.await(`^Operating Mode     : daemon and embedded$`)
	there, here := s.report("/one"), s.report("/x")
	if there.PID == here.PID || there.Parent != s.cmd.Process.Pid || here.Parent != s.cmd.Process.Pid {
		t.Errorf("process %d of %d and %d of %d; the parent is %d", there.PID, there.Parent, here.PID, here.Parent, s.cmd.Process.Pid)
	}
	if there.Environ["mod_wsgi.process_group"] != "one" || here.Environ["mod_wsgi.process_group"] != "" || here.Environ["PATH_INFO"] != "/x" {
		t.Errorf("environ %v and %v", there.Environ, here.Environ)
	}
	if err := syscall.Kill(here.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.await(`the server process ` + strconv.Itoa(here.PID) + ` ended: killed by signal 9`)
	if a, b := s.report("/one"), s.report("/x"); a.PID == there.PID || b.PID == here.PID {
		t.Errorf("processes %d and %d serve, as before", a.PID, b.PID)
	}
	s.stop()
}

// TestUnreadableScriptAmongOthers: the log says why it cannot be served, and the
// others of its group are.
func TestUnreadableScriptAmongOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	closed := s.app("one")
	closed.MountPoint, closed.Path = "/closed", s.write("closed.py", reportScript)
	if err := os.Chmod(closed.Path, 0); err != nil {
		t.Fatal(err)
	}
	s.start(hosting.Plan{
		Groups:       []procgroup.Options{s.group("one")},
		Applications: []hosting.Application{closed, s.app("one")},
	}, nil)
	s.await(`\[core:error\] .*read script: \S+ may not read ` + closed.Path)
	if a := s.get("/closed"); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("the script that cannot be read: %s", a.Status)
	}
	s.report("/one")
	s.stop()
}

// TestMaximumRequestsOfOneGroup: a limit is that of its group, and replaces no
// process of another.
func TestMaximumRequestsOfOneGroup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(hosting.Plan{
		Groups:       []procgroup.Options{s.group("steady"), s.group("limited", "maximum-requests=10")},
		Applications: []hosting.Application{s.app("steady"), s.app("limited")},
	}, nil)
	served := map[int]int{} // requests by process
	for range 30 {
		served[s.report("/limited").PID]++
		served[s.report("/steady").PID]++
	}
	steady := s.report("/steady").PID
	if served[steady] != 30 {
		t.Errorf("the group without a limit had %d of 30 requests in one process", served[steady])
	}
	delete(served, steady)
	for pid, n := range served {
		if n > 10 {
			t.Errorf("process %d had %d requests", pid, n)
		}
	}
	if len(served) < 3 {
		t.Errorf("processes %v", served)
	}
}

// TestScriptOfOneGroup: a changed script replaces the processes of its group and
// of no other.
func TestScriptOfOneGroup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	changing := s.app("changing")
	changing.Path = s.write("changing.py", reportScript)
	s.start(hosting.Plan{
		Groups:       []procgroup.Options{s.group("steady"), s.group("changing")},
		Applications: []hosting.Application{s.app("steady"), changing},
	}, nil)
	steady, before := s.report("/steady").PID, s.report("/changing").PID
	s.write("changing.py", strings.Replace(reportScript, `result = report(environ)`, `result = report(environ) | {"text": "changed"}`, 1))
	future := time.Now().Add(time.Minute) // another time of change, also with seconds
	if err := os.Chtimes(changing.Path, future, future); err != nil {
		t.Fatal(err)
	}
	if r := s.report("/changing"); r.Text != "changed" || r.PID == before {
		t.Errorf("after the change: %+v", r)
	}
	if got := s.report("/steady").PID; got != steady {
		t.Errorf("the other group is served by %d, before by %d", got, steady)
	}
	if s.output.count(`group "steady": all processes are replaced`) != 0 {
		t.Error("the other group was replaced")
	}
}
