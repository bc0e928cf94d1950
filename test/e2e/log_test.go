package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const (
	accessTime = `\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}\]`
	errorTime  = `\[[A-Z][a-z]{2} [A-Z][a-z]{2} [0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6} [0-9]{4}\]`
)

func TestAccessLog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want []string // of the three requests and one refusal
	}{
		"common": {[]string{"--access-log"}, []string{
			`"GET /a%20b\?c=d HTTP/1\.1" 200 13`, `"HEAD / HTTP/1\.1" 200 -`, `"POST /boom HTTP/1\.1" 500 [0-9]+`, `"-" 400 -`}},
		"combined": {[]string{"--access-log", "--access-log-format", "combined"}, []string{
			`"GET /a%20b\?c=d HTTP/1\.1" 200 13 "http://example\.org/" "tester \\"1\\""`, `"HEAD / HTTP/1\.1" 200 - "-" "Go-http-client/1\.1"`,
			`"POST /boom HTTP/1\.1" 500 [0-9]+ "-" "Go-http-client/1\.1"`, `"-" 400 - "-" "-"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serve(t, c.args...)
			p.stdout.await(t, `^Access Log File    : /dev/stdout$`)
			p.do(http.MethodGet, "/a%20b?c=d", http.Header{"Referer": {"http://example.org/"}, "User-Agent": {`tester "1"`}}, nil)
			p.do(http.MethodHead, "/", nil, nil)
			p.do(http.MethodPost, "/boom", nil, nil)
			p.send("nonsense\r\n\r\n")
			p.stdout.await(t, `"-" 400`)
			_, got, _ := strings.Cut(p.stdout.String(), "Running As")
			_, got, _ = strings.Cut(got, "\n")
			want := "^"
			for _, line := range c.want {
				want += `127\.0\.0\.1 - - ` + accessTime + " " + line + "\n"
			}
			if !regexp.MustCompile(want + "$").MatchString(got) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestErrorLogFormat(t *testing.T) {
	t.Parallel()
	p := serve(t, "--log-level", "debug")
	p.expect("/levels", 200, "logged\n")
	p.stop()
	prefix := func(level string) string {
		return `^` + errorTime + ` \[wsgi:` + level + `\] \[pid ` + strconv.Itoa(p.pid()) + `:tid [0-9]+\] \[client 127\.0\.0\.1:[0-9]+\] \[id [0-9a-z]+-[0-9a-z]+\] \[script ` +
			regexp.QuoteMeta(filepath.Join(p.dir, "app.py")) + `\] `
	}
	for message, level := range map[string]string{
		"logged as debug": "debug", "logged as info": "info", "logged as warning": "warn", "logged as error": "error", "logged as critical": "crit",
		"printed": "info", "to stderr": "error", "to wsgi.errors": "error",
	} {
		if n := p.stderr.count(prefix(level) + regexp.QuoteMeta(message) + "$"); n != 1 {
			t.Errorf("%q at level %s is logged %d times:\n%s", message, level, n, p.stderr)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(p.stderr.String()), "\n") {
		if !regexp.MustCompile(`^` + errorTime + ` \[(core|wsgi|http):[a-z0-9]+\] \[pid [0-9]+:tid [0-9]+\] `).MatchString(line) {
			t.Errorf("line in another form: %q", line)
		}
	}
}

// What is printed can be seen in a terminal without any option, and in a log
// directory it can not.
func TestLevels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args         []string
		shows, hides string
	}{
		{nil, "printed", "logged as debug"},
		{[]string{"--log-level", "notice"}, "logged as warning", "printed"},
		{[]string{"--log-level", "error"}, "logged as error", "logged as warning"},
		{[]string{"--log-level", "crit"}, "logged as critical", "to stderr"},
	} {
		p := serve(t, c.args...)
		p.expect("/levels", 200, "logged\n")
		p.stop()
		if p.stderr.count(c.shows+"$") != 1 || p.stderr.count(c.hides+"$") != 0 {
			t.Errorf("%v: want %q and not %q:\n%s", c.args, c.shows, c.hides, p.stderr)
		}
	}
}

// logDirServer serves with logs in files, which it returns.
func logDirServer(t *testing.T, dir string) (p *process, errorLog, accessLog string) {
	t.Helper()
	p = serve(t, "--log-directory", dir, "--access-log")
	errorLog, accessLog = filepath.Join(dir, "error_log"), filepath.Join(dir, "access_log")
	p.stdout.await(t, `^Error Log File     : `+regexp.QuoteMeta(errorLog)+` \(warn\)$`)
	p.stdout.await(t, `^Access Log File    : `+regexp.QuoteMeta(accessLog)+`$`)
	return p, errorLog, accessLog
}

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLogDirectory(t *testing.T) {
	t.Parallel()
	p, errorLog, accessLog := logDirServer(t, openDir(t))
	p.expect("/levels", 200, "logged\n")
	p.stop()
	text := contents(t, errorLog)
	if !strings.Contains(text, "] logged as warning\n") || !strings.Contains(text, "] to stderr\n") || strings.Contains(text, "printed") {
		t.Errorf("error_log:\n%s", text)
	}
	if got := contents(t, accessLog); !regexp.MustCompile(`^127\.0\.0\.1 - - ` + accessTime + ` "GET /levels HTTP/1\.1" 200 7\n$`).MatchString(got) {
		t.Errorf("access_log: %q", got)
	}
	if p.stderr.String() != "" {
		t.Errorf("stderr: %q", p.stderr)
	}
	want := uint32(os.Getuid())
	if isRoot() {
		want = 33
	}
	for _, path := range []string{errorLog, accessLog} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Uid != want || info.Mode().Perm()&0o644 != 0o644 {
			t.Errorf("%s: %v, owner %d, want %d", path, info.Mode(), stat.Uid, want)
		}
	}
}

// After a rotation by renaming both signals open new files, and no line is lost.
func TestReopen(t *testing.T) {
	t.Parallel()
	p, errorLog, accessLog := logDirServer(t, openDir(t))
	for n, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1} {
		p.expect("/boom", 500, "")
		old := fmt.Sprint(".", n)
		if err := errors.Join(os.Rename(errorLog, errorLog+old), os.Rename(accessLog, accessLog+old)); err != nil {
			t.Fatal(err)
		}
		p.expect("/boom", 500, "")
		p.signal(sig)
		for _, path := range []string{errorLog, accessLog} {
			eventually(t, path+" is there again", func() bool { _, err := os.Stat(path); return err == nil })
		}
		p.expect("/boom", 500, "")
		if got := strings.Count(contents(t, accessLog+old), "/boom"); got != 2+n%2 {
			t.Errorf("%v: %d lines in the old access log, want %d", sig, got, 2+n%2)
		}
	}
	for path, want := range map[string]int{accessLog: 1, errorLog: 1} {
		if got := regexp.MustCompile(`GET /boom|RuntimeError: the request broke`).FindAllString(contents(t, path), -1); len(got) != want {
			t.Errorf("%s: %q", path, got)
		}
	}
}

// A rotation that the server's account cannot follow is said, and the log goes
// on in the old file; with a file made for it, as logrotate does, it can.
func TestReopenWithoutRights(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	p, errorLog, _ := logDirServer(t, dir)
	if err := os.Rename(errorLog, errorLog+".0"); err != nil {
		t.Fatal(err)
	}
	if !isRoot() {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	p.signal(syscall.SIGHUP)
	eventually(t, "the failure is logged", func() bool {
		return strings.Contains(contents(t, errorLog+".0"), "[core:error]") &&
			strings.Contains(contents(t, errorLog+".0"), "reopen log file: open log file: open "+errorLog+": permission denied")
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "error_log", "")
	if isRoot() {
		if err := os.Chown(errorLog, 33, 33); err != nil {
			t.Fatal(err)
		}
	}
	p.signal(syscall.SIGHUP)
	eventually(t, "the new file is used", func() bool {
		p.expect("/boom", 500, "")
		return strings.Contains(contents(t, errorLog), "the request broke")
	})
}
