package confine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/timeout"
	"github.com/gophersnake/gophersnake/test/nobody"
)

// Accounts by number, so that the tests need no /etc/passwd.
func first() *account.Account {
	return &account.Account{Name: "first", UID: 54321, GID: 54322, Groups: []uint32{54323, 54322}}
}
func second() *account.Account { return &account.Account{Name: "second", UID: 54331, GID: 54332} }

// needRoot fails the test for everyone else: what it tests is not there for them.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("only root can change accounts: run this test as root")
	}
}

func TestNothing(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	umask := syscall.Umask(0)
	syscall.Umask(umask)
	c := start(t, Plan{}, []string{"name", "argument"})
	if c.Dir != dir || c.Umask != umask || !slices.Equal(c.Args, []string{"name", "argument"}) {
		t.Errorf("something changed: %+v", c.told)
	}
	if got := c.proc(t, "cmdline"); got != "name\x00argument\x00" {
		t.Errorf("cmdline %q", got)
	}
}

func TestDisplayName(t *testing.T) {
	args := []string{"gophersnake", "daemon", "some more to make room"} // 41 bytes with the NULs between
	for _, c := range []struct{ name, ps, comm string }{
		{"(wsgi:a b)", "(wsgi:a b)", "(wsgi:a b)"},
		{"(wsgi:" + strings.Repeat("x", 40) + ")", "(wsgi:" + strings.Repeat("x", 35), "(wsgi:xxxxxxxxx"},
		{strings.Repeat("x", 40) + "äb", strings.Repeat("x", 40), "xxxxxxxxxxxxxxx"},
		{"a\x00b\nc", "a b c", "a b c"},
	} {
		child := start(t, Plan{DisplayName: c.name}, args)
		if !slices.Equal(child.Args, args) {
			t.Errorf("os.Args became %q", child.Args)
		}
		if got := child.proc(t, "cmdline"); len(got) != 42 || strings.TrimRight(got, "\x00") != c.ps {
			t.Errorf("%q: cmdline %q", c.name, got)
		}
		if got := child.proc(t, "comm"); got != c.comm+"\n" {
			t.Errorf("%q: comm %q, want %q", c.name, got, c.comm)
		}
		out, err := exec.Command("ps", "-ww", "-o", "args=", "-p", strconv.Itoa(child.pid)).Output()
		if got := strings.TrimRight(string(out), "\n"); err != nil || got != c.ps {
			t.Errorf("%q: ps shows %q, %v; want %q", c.name, got, err, c.ps)
		}
		environ := child.proc(t, "environ")
		if !strings.HasSuffix(environ, "\x00") || !strings.Contains(environ, planFor+"={") {
			t.Errorf("the name ran into the environment: %q", environ)
		}
	}
}

// TestForeignArguments are arguments that the kernel did not put there.
func TestForeignArguments(t *testing.T) {
	for _, args := range [][]string{nil, {""}, {"constant"}, {string([]byte("made"))}} {
		if room := argumentMemory(args); room != nil {
			t.Errorf("%q: would overwrite %d bytes", args, len(room))
		}
	}
	if room := argumentMemory(append([]string{os.Args[0]}, "elsewhere")); len(room) != len(os.Args[0]) {
		t.Errorf("%d bytes of a name of %d", len(room), len(os.Args[0]))
	}
}

func TestPriority(t *testing.T) {
	c := start(t, Plan{Priority: 7}, nil)
	for i, stat := range c.threads(t, "stat") {
		fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
		if nice := fields[19-3]; nice != "7" {
			t.Errorf("thread %d has nice value %s", i, nice)
		}
	}
}

func TestEveryThreadFindsNewOnes(t *testing.T) {
	done := make(chan struct{})
	defer close(done)
	seen := map[int]bool{}
	var late int
	if err := everyThread(func(tid int) error {
		if late == 0 { // while the list is gone through
			startThreads(done)
			late = len(threadsOf(t))
		}
		seen[tid] = true
		return syscall.ESRCH // as if it had ended
	}); err != nil {
		t.Fatal(err)
	}
	if len(seen) < late {
		t.Errorf("saw %d of %d threads", len(seen), late)
	}
	if err := everyThread(func(int) error { return syscall.EPERM }); !errors.Is(err, syscall.EPERM) {
		t.Errorf("got %v", err)
	}
}

func threadsOf(t *testing.T) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestAccount(t *testing.T) {
	needRoot(t)
	c := start(t, Plan{Account: first(), Umask: new(uint32(0o027)), Directory: "/", Environment: map[string]string{"LANG": "xx"}}, nil)
	for i, status := range c.threads(t, "status") {
		for _, want := range []string{"Uid:\t54321\t54321\t54321\t54321\n", "Gid:\t54322\t54322\t54322\t54322\n",
			"Groups:\t54322 54323 \n", "CapEff:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "Umask:\t0027\n"} {
			if !strings.Contains(status, want) {
				t.Errorf("status of thread %d lacks %q:\n%s", i, want, status)
			}
		}
	}
	if c.Dumpable != 1 || c.Dir != "/" || c.Lang != "xx" || c.Umask != 0o027 {
		t.Errorf("got %+v", c.told)
	}
}

// TestSecrets has two groups, each with a file of its own and one of its user.
func TestSecrets(t *testing.T) {
	needRoot(t)
	dir := nobody.Dir(t)
	for _, who := range []*account.Account{first(), second()} {
		path := filepath.Join(dir, who.Name)
		err := errors.Join(os.WriteFile(path, []byte("secret"), 0o640), os.Chown(path, int(who.UID), int(who.GID)))
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, who := range []*account.Account{first(), second()} {
		for _, owner := range []*account.Account{first(), second()} {
			path := filepath.Join(dir, owner.Name)
			c := start(t, Plan{Account: who}, nil, probeFor+"="+path)
			if may := who.UID == owner.UID; may != (c.Read == "") || !may && !strings.Contains(c.Read, "permission denied") {
				t.Errorf("%s reads the file of %s: %q", who.Name, owner.Name, c.Read)
			}
		}
	}
	victim := start(t, Plan{Account: first()}, nil)
	c := start(t, Plan{Account: second()}, nil, probeFor+"="+fmt.Sprintf("/proc/%d/environ", victim.pid))
	if !strings.Contains(c.Read, "permission denied") {
		t.Errorf("second reads the environment of first: %q", c.Read)
	}
}

func TestChroot(t *testing.T) {
	needRoot(t)
	root := nobody.Dir(t)
	if err := errors.Join(os.Mkdir(filepath.Join(root, "inside"), 0o755), os.WriteFile(filepath.Join(root, "file"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	// limits and names are settled although there is no /proc inside
	c := start(t, Plan{Chroot: root, Account: first(), Directory: "/inside", DisplayName: "x", Priority: 1, Data: 1 << 40}, nil, probeFor+"=/file")
	if c.Dir != "/inside" || c.Read != "" {
		t.Errorf("got %+v", c.told)
	}
	if got, err := os.Readlink(fmt.Sprintf("/proc/%d/root", c.pid)); err != nil || got != root {
		t.Errorf("root is %s, %v", got, err)
	}
	if c := start(t, Plan{Chroot: root}, nil); c.Dir != "/" {
		t.Errorf("without a directory it is in %s", c.Dir)
	}
}

// limits reads lines of /proc/PID/limits: soft and hard limit by name.
func (c child) limits(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for line := range strings.Lines(c.proc(t, "limits")) {
		if len(line) > 26 {
			all[strings.TrimSpace(line[:26])] = strings.Fields(line[26:])[:2]
		}
	}
	return all
}

func TestLimits(t *testing.T) {
	used, err := memory("VmSize")
	if err != nil {
		t.Fatal(err)
	}
	space := (used + 1<<40) &^ 4095
	got := start(t, Plan{CPUTime: 60 * time.Second, CPUGrace: timeout.Limit(5 * time.Second), Data: 1 << 40, AddressSpace: space}, nil).limits(t)
	for name, want := range map[string][]string{
		"Max cpu time":      {"60", "66"},
		"Max data size":     {"1099511627776", "1099511627776"},
		"Max address space": {strconv.FormatInt(space, 10), strconv.FormatInt(space, 10)},
	} {
		if !slices.Equal(got[name], want) {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
}

func TestCPUKill(t *testing.T) {
	for want, p := range map[time.Duration]Plan{
		66 * time.Second: {CPUTime: 60 * time.Second, CPUGrace: timeout.Limit(5 * time.Second)},
		2 * time.Second:  {CPUTime: 1900 * time.Millisecond, CPUGrace: timeout.Limit(900 * time.Millisecond)},
	} {
		if got := p.CPUKill(); got != want {
			t.Errorf("%+v: %v, want %v", p, got, want)
		}
	}
	for _, p := range []Plan{{CPUGrace: timeout.Limit(5 * time.Second)}, {CPUTime: 60 * time.Second, CPUGrace: timeout.None}} {
		if got := p.CPUKill(); got != 0 {
			t.Errorf("%+v: %v, want none", p, got)
		}
	}
}

func TestLimitBelowUse(t *testing.T) {
	got := fails(t, Plan{AddressSpace: 1 << 20})
	for _, want := range []string{"limit memory to 1048576 bytes: the process has ", " before Python starts; give virtual-memory-limit more than that"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := fails(t, Plan{Data: 4096}); !strings.Contains(got, "; give memory-limit more than that") {
		t.Errorf("got %q", got)
	}
}

func TestFailures(t *testing.T) {
	needRoot(t)
	dir := nobody.Dir(t)
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		plan Plan
		want string
	}{
		{"no root", Plan{Chroot: dir + "/no"}, `change root directory to "` + dir + `/no": no such file or directory; name a directory that exists`},
		{"root", Plan{Account: &account.Account{Name: "root", GID: 1}}, "run as root: applications are not run as root: name another account with --user; name another account with user"},
		{"no directory", Plan{Directory: dir + "/no"}, `change to home directory: chdir ` + dir + `/no: no such file or directory; name a directory that exists with home`},
		{"directory closed", Plan{Account: first(), Directory: closed},
			`change to home directory: chdir ` + closed + ": permission denied: first may not read and search " + closed + " (owner root:root, mode drwx------); let the account in, or name another directory with home"},
		{"environment", Plan{Environment: map[string]string{"LANG": "a\x00b"}}, `set LANG="a\x00b": setenv: invalid argument; take NUL and = out of it`},
		{"eggs missing", Plan{Writable: []string{dir + "/no"}}, `write in "` + dir + `/no": no such file or directory; create it`},
		{"eggs not mine", Plan{Account: first(), Writable: []string{dir}}, `write in "` + dir + `": permission denied; let the account write in it`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fails(t, c.plan); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestWithoutRights is what root alone can do, tried by an ordinary account.
func TestWithoutRights(t *testing.T) {
	if nobody.Again(t) {
		return
	}
	for _, c := range []struct {
		plan Plan
		want string
	}{
		{Plan{Priority: -5}, "set priority -5: permission denied; only root can lower a nice value"},
		{Plan{Chroot: "/"}, `change root directory to "/": operation not permitted; only root can`},
		{Plan{Account: first()}, "run as first: become group 54322: operation not permitted; only root can change its account"},
	} {
		if got := fails(t, c.plan); !strings.HasPrefix(got, c.want) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if c := start(t, Plan{Account: new(account.Current()), Priority: 19}, nil); c.Dumpable < 0 {
		t.Errorf("got %+v", c.told)
	}
}

// TestHardLimit: who is not root cannot go beyond what was set before.
func TestHardLimit(t *testing.T) {
	if nobody.Again(t) {
		return
	}
	for want, p := range map[string]Plan{
		"set limit to 100, at most 102": {CPUTime: 100 * time.Second, CPUGrace: timeout.Limit(time.Second)},
		"set limit to 100, at most 100": {CPUTime: 100 * time.Second, CPUGrace: timeout.None},
		"set limit to 40, at most 51":   {CPUTime: 40 * time.Second, CPUGrace: timeout.Limit(10 * time.Second)},
	} {
		want += ": operation not permitted: the limit that was set for this program is 50; give a smaller cpu-time-limit"
		out, err := belowHardLimit(t, p).Output()
		if err == nil || !strings.HasPrefix(string(out), want) {
			t.Errorf("got %s, %v; want %s", out, err, want)
		}
	}
}

// TestHardLimitKept: where the end may take as long as it likes, the limit that was
// set before is the one at which the kernel kills.
func TestHardLimitKept(t *testing.T) {
	if nobody.Again(t) {
		return
	}
	for soft, want := range map[time.Duration][]string{40: {"40", "50"}, 50: {"50", "50"}} {
		c := startCommand(t, belowHardLimit(t, Plan{CPUTime: soft * time.Second, CPUGrace: timeout.None}))
		if got := c.limits(t)["Max cpu time"]; !slices.Equal(got, want) {
			t.Errorf("processor time %q, want %q", got, want)
		}
	}
	c := start(t, Plan{CPUTime: 40 * time.Second, CPUGrace: timeout.None}, nil)
	if got := c.limits(t)["Max cpu time"]; !slices.Equal(got, []string{"40", "unlimited"}) {
		t.Errorf("processor time %q without a limit before", got)
	}
}

// belowHardLimit is the command of a child with 50 seconds of processor time.
func belowHardLimit(t *testing.T, p Plan) *exec.Cmd {
	t.Helper()
	cmd := command(t, p, nil)
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", "ulimit -t 50; exec " + executable(t)}
	return cmd
}

// executable returns a path at which an account without rights finds this program.
func executable(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("/proc/%d/exe", os.Getpid())
}

func TestJSON(t *testing.T) {
	p := Plan{"name", 1, "/root", first(), "/home", new(uint32(0)), map[string]string{"A": "b"}, []string{"/eggs"}, time.Second, timeout.Limit(time.Minute), 2, 3}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var got Plan
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("sent %+v\ngot %+v, %v", p, got, err)
	}
}

func TestStepErrorUnwraps(t *testing.T) {
	err := changeDirectory(Plan{Directory: filepath.Join(t.TempDir(), "no")})
	step, ok := errors.AsType[*StepError](err)
	if !ok || step.Option != "home" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %#v", err)
	}
}
