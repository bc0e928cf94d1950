package cli

import (
	"fmt"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/gophersnake/gophersnake/internal/hosting"
	"github.com/gophersnake/gophersnake/internal/procgroup"
)

// manyBytes is more than a process with the race detector reserves.
const manyBytes = 1 << 46

// TestRights: what a group may and is limited to is what the kernel says of its
// processes.
func TestRights(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start(hosting.Plan{
		Groups: []procgroup.Options{
			s.group("limited", "umask=027", "cpu-time-limit=1000", "shutdown-timeout=7", "cpu-priority=5",
				fmt.Sprintf("memory-limit=%d", manyBytes), fmt.Sprintf("virtual-memory-limit=%d", 2*manyBytes)),
			s.group("free"),
		},
		Applications: []hosting.Application{s.app("limited"), s.app("free")},
	}, nil)
	limited, free := s.report("/limited"), s.report("/free")
	if limited.Umask != 0o27 {
		t.Errorf("umask %o as Python sees it", limited.Umask)
	}
	for name, want := range map[string]string{
		"Max cpu time":      "1000 1008 seconds", // and the time to end
		"Max data size":     fmt.Sprintf("%d %[1]d bytes", int64(manyBytes)),
		"Max address space": fmt.Sprintf("%d %[1]d bytes", int64(2*manyBytes)),
	} {
		if got := procLine(t, limited.PID, "limits", name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		own := procLine(t, os.Getpid(), "limits", name)
		if got := procLine(t, free.PID, "limits", name); got != own {
			t.Errorf("%s of the group without: %s, want that of this process, %s", name, got, own)
		}
	}
	if got := procLine(t, limited.PID, "status", "Umask:"); got != "0027" {
		t.Errorf("umask %s", got)
	}
	if got, own := procLine(t, free.PID, "status", "Umask:"), procLine(t, os.Getpid(), "status", "Umask:"); got != own {
		t.Errorf("umask %s of the group without, want %s", got, own)
	}
	if got, other := nice(t, limited.PID), nice(t, free.PID); got != 5 || other != nice(t, os.Getpid()) {
		t.Errorf("nice %d and %d", got, other)
	}
}

// TestUsers: groups run as the users that they name, in every respect, and
// cannot read each other's files.
func TestUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: only root can run process groups as different users")
	}
	t.Parallel()
	s := newSite(t)
	shared := filepath.Join(s.dir, "shared")
	if err := os.Mkdir(shared, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(shared, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	first, second := userOf(t, "daemon"), userOf(t, "nobody")
	s.start(hosting.Plan{
		Groups: []procgroup.Options{
			s.group("first", "user=daemon"),
			s.group("second", "user=#"+second.Uid, "group=games", "supplementary-groups=daemon,adm"),
			s.group("third"),
		},
		Applications: []hosting.Application{s.app("first"), s.app("second"), s.app("third")},
	}, nil)
	s.checkUser("first", first.Uid, first.Gid, nil)
	s.checkUser("second", second.Uid, gidOf(t, "games"), []string{gidOf(t, "daemon"), gidOf(t, "adm")})
	standIn := s.await(`started as root: running as (\S+);`)[1]
	s.checkUser("third", userOf(t, standIn).Uid, userOf(t, standIn).Gid, nil)
	for i, want := range []string{"daemon", "nobody", standIn} {
		if g := s.snapshot().Groups[i]; g.User != want {
			t.Errorf("status shows that group %s runs as %s, want %s", g.Name, g.User, want)
		}
	}

	secret := filepath.Join(shared, "secret")
	if r := s.report("/first/write?" + url.QueryEscape(secret)); r.Error != "" {
		t.Fatalf("write the secret: %s", r.Error)
	}
	info, err := os.Stat(secret)
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; info.Mode().Perm() != 0o600 || fmt.Sprint(owner) != first.Uid {
		t.Errorf("the secret has mode %v and belongs to %d", info.Mode(), owner)
	}
	for group, want := range map[string]findings{"first": {Text: "secret"}, "second": {Error: "PermissionError"}, "third": {Error: "PermissionError"}} {
		if r := s.report("/" + group + "/read?" + url.QueryEscape(secret)); r.Text != want.Text || r.Error != want.Error {
			t.Errorf("%s reads %q (%s), want %q (%s)", group, r.Text, r.Error, want.Text, want.Error)
		}
	}
	s.stop()
}

// checkUser wants an application to be run as somebody, for good: Python and the
// kernel say so.
func (s *site) checkUser(group, uid, gid string, others []string) {
	s.t.Helper()
	r := s.report("/" + group)
	if fmt.Sprint(r.UID) != uid || fmt.Sprint(r.GID) != gid {
		s.t.Errorf("%s runs as %d:%d, want %s:%s", group, r.UID, r.GID, uid, gid)
	}
	for name, id := range map[string]string{"Uid:": uid, "Gid:": gid} { // real, effective, saved, file system
		if got, want := procLine(s.t, r.PID, "status", name), strings.Join([]string{id, id, id, id}, " "); got != want {
			s.t.Errorf("%s: %s %s, want %s", group, name, got, want)
		}
	}
	if caps := procLine(s.t, r.PID, "status", "CapEff:"); strings.Trim(caps, "0") != "" {
		s.t.Errorf("%s has capabilities %s", group, caps)
	}
	groups := strings.Fields(procLine(s.t, r.PID, "status", "Groups:"))
	for _, g := range groups {
		if n, err := strconv.Atoi(g); err != nil || !slices.Contains(r.Groups, n) {
			s.t.Errorf("%s: Python sees groups %v, the kernel %v", group, r.Groups, groups)
		}
	}
	if others == nil {
		return // those of the account
	}
	want := append([]string{gid}, others...)
	slices.Sort(want)
	slices.Sort(groups)
	if !slices.Equal(groups, want) {
		s.t.Errorf("%s has groups %v, want %v", group, groups, want)
	}
}

func userOf(t *testing.T, name string) *user.User {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// gidOf is the number of a group.
func gidOf(t *testing.T, name string) string {
	t.Helper()
	g, err := user.LookupGroup(name)
	if err != nil {
		t.Fatal(err)
	}
	return g.Gid
}

// procLine returns what follows a name in a file of /proc/PID, with one blank
// between words.
func procLine(t *testing.T, pid int, file, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?m)^" + name + "(.*)$").FindSubmatch(text)
	if m == nil {
		t.Fatalf("no %s in /proc/%d/%s:\n%s", name, pid, file, text)
	}
	return strings.Join(strings.Fields(string(m[1])), " ")
}

// nice is the priority of a process, from -20 to 19.
func nice(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	const field = 19 // of proc(5); the name, field 2, may have blanks
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	n, err := strconv.Atoi(fields[field-3])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
