package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

const talkScript = `def application(environ, start_response):
    print("line of", environ["QUERY_STRING"], "." * 500)
    start_response("200 OK", [])
    return [b"hello"]
`

// smallDisk is a file system for logs that is soon full.
type smallDisk struct {
	dir    string   // as the server sees it
	before []string // what has it mounted, if it is not there yet
}

// newSmallDisk returns a directory that is a file system of 64 KiB for the
// server that is started with before, and for nobody else. Only root can mount.
func newSmallDisk(t *testing.T) smallDisk {
	t.Helper()
	dir := tempDir(t)
	return smallDisk{dir: dir, before: []string{"unshare", "-m", "sh", "-c",
		fmt.Sprintf(`mount -t tmpfs -o size=64k,mode=755 tmpfs '%s' && exec "$0" "$@"`, dir)}}
}

// path returns where the test finds a file of the disk.
func (d smallDisk) path(p *process, name string) string {
	return filepath.Join(fmt.Sprintf("/proc/%d/root", p.pid()), d.dir, name)
}

// fill writes a file until nothing more fits.
func (d smallDisk) fill(t *testing.T, p *process) {
	t.Helper()
	f, err := os.Create(d.path(p, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for range 1000 {
		if _, err = f.Write(block); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
}

// TestFullDisk: a log that cannot be written keeps nobody waiting, and what was
// lost is said when it can be written again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if !isRoot() {
		testFullDevice(t)
		return
	}
	for _, mode := range []struct {
		name   string
		daemon bool
	}{{"embedded", false}, {"daemon", true}} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			disk, dir := newSmallDisk(t), tempDir(t)
			write(t, dir, "app.py", talkScript)
			p := launch{dir: dir, daemon: mode.daemon, before: disk.before,
				args: []string{"--log-directory", disk.dir, "--log-level", "info", "--access-log", "app.py"}}.start(t)
			p.expect("/?before", 200, "hello")
			disk.fill(t, p)
			for i := range 100 {
				p.expect(fmt.Sprintf("/?full-%d", i), 200, "hello")
			}
			if !mode.daemon { // there the parent, which has stderr, logs nothing now
				p.stderr.await(t, `^gophersnake: write error log: .*no space left on device; records are lost until it can be written again$`)
			}
			if err := os.Remove(disk.path(p, "filler")); err != nil {
				t.Fatal(err)
			}
			p.expect("/?after", 200, "hello")
			eventually(t, "the request is in the access log", func() bool {
				return strings.Contains(contents(t, disk.path(p, "access_log")), "?after")
			})
			checkLost(t, contents(t, disk.path(p, "error_log")), contents(t, disk.path(p, "access_log")))
		})
	}
}

// checkLost wants the logs to own up to what they lost.
func checkLost(t *testing.T, errorLog, accessLog string) {
	t.Helper()
	for _, pattern := range []string{
		`\[core:warn\] .*\] [0-9]+ records could not be written here and are lost: .*no space left on device$`,
		`\[core:warn\] .*\] the access log can be written again; [0-9]+ lines are lost$`,
		`\] line of after \.+$`,
	} {
		if !regexp.MustCompile("(?m)" + pattern).MatchString(errorLog) {
			t.Errorf("no line of the error log matches %s:\n%s", pattern, errorLog)
		}
	}
	for _, text := range []string{"line of full-99", "line of full-50"} {
		if strings.Contains(errorLog, text) {
			t.Errorf("%q is in the log: the disk was not full", text)
		}
	}
	if !strings.Contains(accessLog, "?before") || !strings.Contains(accessLog, "?after") {
		t.Errorf("access log:\n%s", accessLog)
	}
}

// testFullDevice is TestFullDisk for those who cannot mount: the log is a device
// that is always full, until it is replaced.
func testFullDevice(t *testing.T) {
	dir, logDir := tempDir(t), tempDir(t)
	write(t, dir, "app.py", talkScript)
	path := filepath.Join(logDir, "error_log")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	p := launch{dir: dir, args: []string{"--log-directory", logDir, "--log-level", "info", "app.py"}}.start(t)
	for range 100 {
		p.expect("/", 200, "hello")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	eventually(t, "the loss is said", func() bool {
		text, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(text), "records could not be written here and are lost: ")
	})
}

// TestFullStderr: so it is with a log that nobody can ever read.
func TestFullStderr(t *testing.T) {
	t.Parallel()
	for name, daemon := range map[string]bool{"embedded": false, "daemon": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			write(t, dir, "app.py", talkScript)
			p := launch{dir: dir, daemon: daemon, before: []string{"sh", "-c", `exec "$0" "$@" 2>/dev/full`}, args: []string{"app.py"}}.start(t)
			for range 20 {
				p.expect("/", 200, "hello")
			}
			p.stop()
		})
	}
}
