package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gophersnake/gophersnake/internal/hosting"
	"github.com/gophersnake/gophersnake/internal/procgroup"
)

// TestScriptOwner: of two groups with the same script one is to run what its
// account owns only (script-user, script-group), and whoever looks at the log
// knows what to do.
func TestScriptOwner(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	uid, gid := strconv.Itoa(os.Geteuid()), strconv.Itoa(os.Getegid())
	other := "www-data"
	if uid == "33" {
		other = "root"
	}
	plan := hosting.Plan{Groups: []procgroup.Options{
		s.group("mine", "script-user=#"+uid), s.group("ours", "script-group=#"+gid),
		s.group("user", "script-user="+other), s.group("group", "script-group="+other),
	}}
	for _, g := range plan.Groups {
		plan.Applications = append(plan.Applications, s.app(g.Name))
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.start(plan, nil)
	for path, want := range map[string]int{
		"/mine": http.StatusOK, "/ours": http.StatusOK, "/user": http.StatusForbidden, "/group": http.StatusForbidden,
	} {
		if r := s.get(path); r.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, r.Status, want)
		}
	}
	script := filepath.Join(s.dir, "app.py")
	s.await(`\[wsgi:error\] .*WSGI script '` + script + `' is not run: .* script-user=` + other + ` wants .*chown '` + other + `' '` + script + `'$`)
	s.await(`\[wsgi:error\] .*WSGI script '` + script + `' is not run: .* script-group=` + other + ` wants .*chgrp '` + other + `' '` + script + `'$`)
}

// TestServiceCPULimit: a service that computes for too long is ended in order, and
// started again.
func TestServiceCPULimit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	script := s.write("service.py", "import atexit\natexit.register(print, 'it is over')\nwhile True:\n    pass\n")
	s.start(hosting.Plan{
		Groups:       []procgroup.Options{s.group("main"), s.group("service", "threads=0", "cpu-time-limit=1")},
		Applications: []hosting.Application{s.app("main")},
		Services:     []hosting.Service{{ProcessGroup: "service", Path: script}},
	}, nil)
	s.await(`service service used up its processor time \(cpu-time-limit\): it is told to end`)
	s.await(`it is over`)
	s.await(`group "service": process 1 .* ended: exited with status 0; .* another one is started`)
}

// TestServiceOwner: a service is held to it, too.
func TestServiceOwner(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	script := s.write("service.py", "print('it runs')\n")
	if err := os.Chmod(script, 0o666); err != nil {
		t.Fatal(err)
	}
	s.start(hosting.Plan{
		Groups:       []procgroup.Options{s.group("main"), s.group("service", "threads=0", "script-user=#"+strconv.Itoa(os.Geteuid()))},
		Applications: []hosting.Application{s.app("main")},
		Services:     []hosting.Service{{ProcessGroup: "service", Path: script}},
	}, nil)
	s.await(`WSGI script '` + script + `' is not run: .* the mode 0666`)
	s.await(`group "service": process 1 .* ended: exited with status 1`)
	if s.output.count("it runs") != 0 {
		t.Error("it was run")
	}
}
