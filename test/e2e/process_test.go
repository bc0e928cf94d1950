package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// launch says how the program is run.
type launch struct {
	dir    string   // current directory; "" for a new one
	args   []string // after the usual ones of start-server
	env    []string // added to the environment
	before []string // a command that runs the program
	binary string   // the program; "" for the usual one
	status int      // expected of a server that is stopped
	daemon bool     // daemon mode
}

// command is start-server with what all servers of the tests have.
func (l launch) command() []string {
	args := []string{"start-server", "--host", "127.0.0.1", "--port", "0"}
	if !l.daemon {
		args = append(args, "--embedded-mode")
	}
	return append(args, l.args...)
}

// inBothModes runs a test of a server in each mode, in a directory of its own.
func inBothModes(t *testing.T, test func(t *testing.T, l launch)) {
	t.Helper()
	for name, daemon := range map[string]bool{"embedded": false, "daemon": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, launch{dir: tempDir(t), daemon: daemon})
		})
	}
}

// process is the program while it runs, and what is left of it after.
type process struct {
	t              *testing.T
	cmd            *exec.Cmd
	dir            string
	url, addr      string // of a server
	stdout, stderr *transcript
	exited         chan struct{}
	status         int // valid once exited is closed
	want           int
}

// isRoot tells which of two behaviours is to be seen.
func isRoot() bool { return os.Geteuid() == 0 }

// tempDir returns a directory of the test that the server's account can read.
func tempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// write writes a file that everyone can read and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// appDir returns a directory with the application of testdata as app.py.
func appDir(t *testing.T) string {
	t.Helper()
	dir := tempDir(t)
	text, err := os.ReadFile("testdata/app.py")
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "app.py", string(text))
	return dir
}

// environment is that of a terminal in which nothing about Python is set: the
// Debian one is found.
func environment(extra ...string) []string {
	base := []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + os.Getenv("HOME"), "PYTHONDONTWRITEBYTECODE=1",
		"GORACE=atexit_sleep_ms=0"}
	return append(base, extra...)
}

// run starts the program with exactly these arguments.
func (l launch) run(t *testing.T, args ...string) *process {
	t.Helper()
	if l.dir == "" {
		l.dir = tempDir(t)
	}
	if l.binary == "" {
		l.binary = program
	}
	line := append(append(l.before, l.binary), args...)
	p := &process{t: t, dir: l.dir, want: l.status, stdout: newTranscript(), stderr: newTranscript(), exited: make(chan struct{})}
	p.cmd = exec.Command(line[0], line[1:]...)
	p.cmd.Dir, p.cmd.Env = l.dir, environment(l.env...)
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	p.cmd.WaitDelay = 5 * time.Second // for what an application started
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // its state says the same
		p.status = p.cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(p.end)
	return p
}

// start starts a server and waits for its banner.
func (l launch) start(t *testing.T) *process {
	t.Helper()
	p := l.run(t, l.command()...)
	if p.stdout.find(`^Running As .*\n`, p.exited) == nil {
		t.Fatalf("the server does not start:\n%s%s", p.stdout, p.stderr)
	}
	p.addr = "127.0.0.1:" + p.stdout.await(t, `^Server URL         : http://\S+:([0-9]+)/$`)[1]
	p.url = "http://" + p.addr
	return p
}

// serve starts a server of app.py with more arguments.
func serve(t *testing.T, args ...string) *process {
	t.Helper()
	return launch{dir: appDir(t), args: append(args, "app.py")}.start(t)
}

// fail runs start-server, which has to fail, and returns what it complains.
func (l launch) fail(t *testing.T, status int) string {
	t.Helper()
	l.status = status
	p := l.run(t, l.command()...)
	p.wait()
	return p.stderr.String()
}

// pid is also that of the program behind launch.before, which runs it in its
// place.
func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Errorf("send %v: %v", s, err)
	}
}

// wait waits for the end and looks at what the process leaves behind.
func (p *process) wait() {
	p.t.Helper()
	timeout := time.NewTimer(2 * patience)
	defer timeout.Stop()
	select {
	case <-p.exited:
	case <-timeout.C:
		p.t.Errorf("process %d does not end; killed", p.pid())
		_ = p.cmd.Process.Kill() // it is our child and has not been waited for
		<-p.exited
	}
	if p.status != p.want {
		p.t.Errorf("exit status %d (%v), want %d; stderr:\n%s", p.status, p.cmd.ProcessState, p.want, p.stderr)
	}
	p.checkStderr()
}

// crash matches what only a fault of the program prints.
var crash = regexp.MustCompile(`goroutine \d+|DATA RACE|fatal error:|panic: |SIGSEGV|Fatal Python error|please report`)

func (p *process) checkStderr() {
	p.t.Helper()
	if found := crash.FindString(p.stderr.String()); found != "" {
		p.t.Errorf("%q in stderr:\n%s", found, p.stderr)
	}
}

// stop ends a server as an administrator does.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.wait()
}

// end makes sure that the process is gone when its test is over.
func (p *process) end() {
	select {
	case <-p.exited:
	default:
		p.stop()
	}
	if p.t.Failed() {
		p.t.Logf("stdout of process %d:\n%s\nstderr:\n%s", p.pid(), p.stdout, p.stderr)
	}
}
