package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// www is the number of the account that servers started as root run as, and of
// its group.
const www = 33

// needRoot fails the test for everyone else: what it tests is not there for them.
func needRoot(t *testing.T) {
	t.Helper()
	if !isRoot() {
		t.Fatal("what root does for another account is tested as root: run this test as root")
	}
}

// must fails the test if something in its preparation has failed.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// logPlace is a directory for logs that belongs to the application's account,
// as does the one that it lies in, and a file that is root's alone.
type logPlace struct {
	t                          *testing.T
	dir, errorLog, secret, app string
}

func newLogPlace(t *testing.T) logPlace {
	t.Helper()
	needRoot(t)
	app := appDir(t)
	l := logPlace{t: t, app: app, dir: filepath.Join(app, "logs"), secret: filepath.Join(app, "secret")}
	l.errorLog = filepath.Join(l.dir, "error_log")
	must(t, os.Mkdir(l.dir, 0o755), os.WriteFile(l.secret, []byte("secret\n"), 0o600),
		os.Chown(l.dir, www, www), os.Chown(app, www, www))
	return l
}

// checkSecret wants the file of root's to be as it was.
func (l logPlace) checkSecret() {
	l.t.Helper()
	info, err := os.Stat(l.secret)
	must(l.t, err)
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 || info.Mode().Perm() != 0o600 || contents(l.t, l.secret) != "secret\n" {
		l.t.Errorf("root's file now belongs to %d, has mode %v and holds %q", owner, info.Mode(), contents(l.t, l.secret))
	}
}

// traps are what an application can put in the place of a log, and what is said
// of it.
func (l logPlace) traps() map[string]struct {
	set  func(path string) error
	says string
} {
	return map[string]struct {
		set  func(path string) error
		says string
	}{
		"link":      {func(path string) error { return os.Symlink(l.secret, path) }, "is a symbolic link; remove it"},
		"hard link": {func(path string) error { return os.Link(l.secret, path) }, `has 2 names \(hard links\); remove it`},
		"pipe":      {func(path string) error { return syscall.Mkfifo(path, 0o666) }, "is a named pipe; remove it"},
		"directory": {func(path string) error { return os.Mkdir(path, 0o755) }, "is a directory; remove it"},
	}
}

// What an application has put in the place of a log is refused at the start, and
// what it leads to stays as it is.
func TestLogTrapAtStart(t *testing.T) {
	t.Parallel()
	needRoot(t)
	inBothModes(t, func(t *testing.T, mode launch) {
		for name := range newLogPlace(t).traps() {
			t.Run(name, func(t *testing.T) {
				l := newLogPlace(t)
				trap := l.traps()[name]
				must(t, trap.set(l.errorLog))
				out := launch{dir: l.app, daemon: mode.daemon, args: []string{"--log-directory", l.dir, "app.py"}}.fail(t, 1)
				want := `open log file ` + regexp.QuoteMeta(l.errorLog) + `: ` + regexp.QuoteMeta(l.errorLog) + ` ` + trap.says
				if !regexp.MustCompile(want).MatchString(out) {
					t.Errorf("got %q, want %s", out, want)
				}
				l.checkSecret()
			})
		}
	})
}

// A directory that the application has put a link in place of is not gone through.
func TestLogDirectoryLinkAtStart(t *testing.T) {
	t.Parallel()
	needRoot(t)
	inBothModes(t, func(t *testing.T, mode launch) {
		l := newLogPlace(t)
		other := tempDir(t)
		must(t, os.Remove(l.dir), os.Symlink(other, l.dir))
		out := launch{dir: l.app, daemon: mode.daemon, args: []string{"--log-directory", l.dir, "app.py"}}.fail(t, 1)
		if !strings.Contains(out, l.errorLog+": "+l.dir+" is a symbolic link that another account than root could have put there") {
			t.Errorf("got %q", out)
		}
		if entries, err := os.ReadDir(other); err != nil || len(entries) != 0 {
			t.Errorf("there are %v in the directory behind the link, %v", entries, err)
		}
	})
}

// Links of root's are followed on the way, and existing files keep their owner.
func TestLogDirectoryOfRoot(t *testing.T) {
	t.Parallel()
	l := newLogPlace(t)
	link := filepath.Join(tempDir(t), "link")
	must(t, os.Symlink(l.dir, link), os.WriteFile(l.errorLog, []byte("before\n"), 0o640), os.Chown(l.errorLog, 0, 4))
	p := launch{dir: l.app, daemon: true, args: []string{"--log-directory", link, "app.py"}}.start(t)
	p.expect("/boom", 500, "")
	p.stop()
	if text := contents(t, l.errorLog); !strings.HasPrefix(text, "before\n") || !strings.Contains(text, "the request broke") {
		t.Errorf("error_log holds %q", text)
	}
	checkOwner(t, l.errorLog, 0, 4, 0o640)
}

func checkOwner(t *testing.T, path string, uid, gid uint32, mode fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	if stat.Uid != uid || stat.Gid != gid || info.Mode().Perm() != mode {
		t.Errorf("%s belongs to %d:%d and has mode %v, want %d:%d and %v", path, stat.Uid, stat.Gid, info.Mode(), uid, gid, mode)
	}
}

// What an application puts in the place of a log while the server runs is
// refused at a rotation: the old file stays in use and says so, and nothing is
// said to have been reopened. The server still ends.
func TestLogTrapAtReopen(t *testing.T) {
	t.Parallel()
	needRoot(t)
	inBothModes(t, func(t *testing.T, mode launch) {
		for name := range newLogPlace(t).traps() {
			t.Run(name, func(t *testing.T) {
				l := newLogPlace(t)
				trap := l.traps()[name]
				p := launch{dir: l.app, daemon: mode.daemon, args: []string{"--log-directory", l.dir, "--log-level", "info", "app.py"}}.start(t)
				old := l.errorLog + ".0"
				must(t, os.Rename(l.errorLog, old), trap.set(l.errorLog))
				p.signal(syscall.SIGHUP)
				l.awaitIn(old, `\[core:error\] .*reopen log file: open log file `+regexp.QuoteMeta(l.errorLog)+`: .* `+trap.says+`.*; the old file stays in use$`)
				if mode.daemon {
					l.awaitIn(old, `\[core:notice\] .*reloaded$`)
				}
				p.expect("/boom", 500, "")
				l.awaitIn(old, "the request broke")
				p.stop()
				if strings.Contains(contents(t, old), "log files reopened") {
					t.Errorf("it says that it has reopened:\n%s", contents(t, old))
				}
				l.checkSecret()
			})
		}
	})
}

// awaitIn waits for a line of a file.
func (l logPlace) awaitIn(path, pattern string) {
	l.t.Helper()
	eventually(l.t, fmt.Sprintf("%s in %s", pattern, path), func() bool {
		return regexp.MustCompile("(?m)" + pattern).MatchString(contents(l.t, path))
	})
}

// A new file has the owner and the mode of the one before; one that something
// else has made keeps its own.
func TestLogRotationKeepsOwner(t *testing.T) {
	t.Parallel()
	l := newLogPlace(t)
	p := launch{dir: l.app, daemon: true, args: []string{"--log-directory", l.dir, "--log-level", "info", "app.py"}}.start(t)
	checkOwner(t, l.errorLog, www, www, 0o644)
	must(t, os.Chmod(l.errorLog, 0o640), os.Chown(l.errorLog, www, 4), os.Rename(l.errorLog, l.errorLog+".0"))
	p.signal(syscall.SIGHUP)
	eventually(t, "the new log is there", func() bool { _, err := os.Stat(l.errorLog); return err == nil })
	l.awaitIn(l.errorLog, "reloaded$")
	checkOwner(t, l.errorLog, www, 4, 0o640)
	must(t, os.Rename(l.errorLog, l.errorLog+".1"), os.WriteFile(l.errorLog, nil, 0o604), os.Chown(l.errorLog, 0, 0))
	p.signal(syscall.SIGHUP)
	l.awaitIn(l.errorLog, "reloaded$")
	checkOwner(t, l.errorLog, 0, 0, 0o604)
}

// The log of a service is opened with the same care.
func TestServiceLogTrap(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for name := range newLogPlace(t).traps() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLogPlace(t)
			trap := l.traps()[name]
			service := write(t, l.app, "service.py", "import time\nprint('the service runs')\nwhile True:\n    time.sleep(3600)\n")
			log := filepath.Join(l.dir, "service.log")
			args := []string{"--log-level", "info", "--service-script", "s", service, "--service-log-file", "s", log, "app.py"}
			must(t, trap.set(log))
			if out := (launch{dir: l.app, daemon: true, args: args}).fail(t, 1); !regexp.MustCompile(trap.says).MatchString(out) {
				t.Errorf("got %q", out)
			}
			l.checkSecret()
			must(t, os.Remove(log))
			p := launch{dir: l.app, daemon: true, args: args}.start(t)
			checkOwner(t, log, www, www, 0o644)
			must(t, os.Rename(log, log+".0"), trap.set(log))
			p.signal(syscall.SIGHUP)
			p.stderr.await(t, regexp.QuoteMeta(log)+` `+trap.says+`.*; the old file stays in use`)
			p.stderr.await(t, "reloaded")
			l.checkSecret()
		})
	}
}

// A service may log to where the server does, whatever that is.
func TestServiceLogDevices(t *testing.T) {
	t.Parallel()
	for _, device := range []string{"/dev/stdout", "/dev/stderr", "/dev/null"} {
		t.Run(device, func(t *testing.T) {
			t.Parallel()
			dir := appDir(t)
			service := write(t, dir, "service.py", "import sys, time\nprint('the service runs', file=sys.stderr)\nwhile True:\n    time.sleep(3600)\n")
			p := launch{dir: dir, daemon: true, args: []string{"--log-level", "info", "--service-script", "s", service, "--service-log-file", "s", device, "app.py"}}.start(t)
			for where, log := range map[string]*transcript{"/dev/stdout": p.stdout, "/dev/stderr": p.stderr} {
				if where == device {
					log.await(t, "the service runs$")
				}
			}
			p.signal(syscall.SIGHUP)
			p.stderr.await(t, "reloaded")
			if text := p.stderr.String(); strings.Contains(text, "reopen log file") {
				t.Errorf("not reopened:\n%s", text)
			}
		})
	}
}

// In embedded mode rights are given up before a rotation. Where the account may
// write it works, with the account as owner, even below directories that it
// cannot pass.
func TestReopenAfterRightsAreGone(t *testing.T) {
	t.Parallel()
	l := newLogPlace(t)
	above := filepath.Join(tempDir(t), "closed")
	dir := filepath.Join(above, "logs")
	must(t, os.Mkdir(above, 0o700), os.Rename(l.dir, dir))
	errorLog := filepath.Join(dir, "error_log")
	p := launch{dir: l.app, args: []string{"--log-directory", dir, "--log-level", "info", "app.py"}}.start(t)
	must(t, os.Chmod(errorLog, 0o640), os.Rename(errorLog, errorLog+".0"))
	p.signal(syscall.SIGHUP)
	eventually(t, "the new log is there", func() bool { _, err := os.Stat(errorLog); return err == nil })
	l.awaitIn(errorLog, "log files reopened$")
	checkOwner(t, errorLog, www, www, 0o640)
}

// Where the account may not write, the old file is kept and nothing is claimed.
func TestReopenRefusedAfterRightsAreGone(t *testing.T) {
	t.Parallel()
	l := newLogPlace(t)
	must(t, os.Chown(l.dir, 0, 0))
	p := launch{dir: l.app, args: []string{"--log-directory", l.dir, "--log-level", "info", "app.py"}}.start(t)
	old := l.errorLog + ".0"
	must(t, os.Rename(l.errorLog, old))
	p.signal(syscall.SIGHUP)
	l.awaitIn(old, `reopen log file: open log file: open `+regexp.QuoteMeta(l.errorLog)+`: permission denied; the old file stays in use; let www-data write in the directory`)
	p.expect("/boom", 500, "")
	p.stop()
	if text := contents(t, old); strings.Contains(text, "log files reopened") || !strings.Contains(text, "the request broke") {
		t.Errorf("the old log holds:\n%s", text)
	}
}

// A restart for a changed source keeps the logs of a server that could not open
// them again.
func TestReloadKeepsLogs(t *testing.T) {
	t.Parallel()
	l := newLogPlace(t)
	must(t, os.Chown(l.dir, 0, 0), os.WriteFile(l.errorLog, nil, 0o600))
	p := launch{dir: l.app, args: []string{"--log-directory", l.dir, "--log-level", "info", "--reload-on-changes", "app.py"}}.start(t)
	p.expect("/boom", 500, "")
	write(t, l.app, "app.py", helloScript)
	p.stdout.await(t, `(?s)(^Server URL.*){2}`)
	p.stop()
	if n := strings.Count(contents(t, l.errorLog), "stopping when running requests are done"); n != 1 {
		t.Errorf("error_log:\n%s", contents(t, l.errorLog))
	}
	checkOwner(t, l.errorLog, 0, 0, 0o600)
}
