package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/hosting"
	"github.com/gophersnake/gophersnake/internal/procgroup"
	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/test/nobody"
)

// siteVariable makes this test program serve a site: it holds its text, JSON.
const siteVariable = "GOPHERSNAKE_TEST_SITE"

// siteText is what a server of these tests is told that start-server cannot
// express.
type siteText struct {
	Args []string // of start-server
	Plan hosting.Plan
}

// TestMain also is the program under test, in each of its roles: the real one
// executes itself again, and so does this.
func TestMain(m *testing.M) {
	if _, ok := spawn.RoleOf(os.Args); ok {
		os.Exit(Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	if text, ok := os.LookupEnv(siteVariable); ok {
		os.Unsetenv(siteVariable)
		os.Exit(serveSite(text))
	}
	os.Exit(m.Run())
}

// serveSite does what start-server does, with another plan.
func serveSite(text string) int {
	var s siteText
	cwd, err := os.Getwd()
	if err == nil {
		err = json.Unmarshal([]byte(text), &s)
	}
	o := defaultStartOptions()
	if err == nil {
		_, err = parse(startTable(), o, s.Args)
	}
	if err == nil {
		err = o.complete(nil, cwd)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return statusUsage
	}
	return startParent(context.Background(), o, s.Plan, s.Args, os.Stdout, os.Stderr)
}

// patience is how long a test waits for what must happen.
const patience = 60 * time.Second

// site is a server while it runs.
type site struct {
	t      *testing.T
	dir    string // current directory, and where its scripts are
	cmd    *exec.Cmd
	url    string
	output *transcript // of both streams
	ended  chan struct{}
}

// newSite returns one that has not been started, with a directory that every
// account can read.
func newSite(t *testing.T) *site {
	s := &site{t: t, dir: nobody.Dir(t), output: newTranscript(), ended: make(chan struct{})}
	s.write("app.py", reportScript)
	return s
}

// write writes a file that everyone can read, and returns its path.
func (s *site) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// group returns a process group with the options of WSGIDaemonProcess, and the
// site's directory as its home.
func (s *site) group(name string, options ...string) procgroup.Options {
	s.t.Helper()
	o, err := procgroup.Parse(name, append([]string{"home=" + s.dir}, options...))
	if err != nil {
		s.t.Fatal(err)
	}
	return *o
}

// app returns app.py in a process group, mounted below its name.
func (s *site) app(group string) hosting.Application {
	return hosting.Application{
		MountPoint: "/" + group, Path: filepath.Join(s.dir, "app.py"), Callable: "application",
		ApplicationGroup: "%{GLOBAL}", ProcessGroup: group,
	}
}

// launch starts the server; as says how its process is made.
func (s *site) launch(plan hosting.Plan, as *syscall.SysProcAttr) {
	s.t.Helper()
	text, err := json.Marshal(siteText{Args: []string{"--host", "127.0.0.1", "--port", "0"}, Plan: plan})
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command("/proc/self/exe")
	s.cmd.Dir = s.dir
	s.cmd.Env = []string{siteVariable + "=" + string(text), "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + os.Getenv("HOME"),
		"PYTHONDONTWRITEBYTECODE=1", "GORACE=atexit_sleep_ms=0"}
	s.cmd.SysProcAttr = as
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.cmd.WaitDelay = patience
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { defer close(s.ended); _ = s.cmd.Wait() }() // its state says the same
	s.t.Cleanup(s.end)
}

// start starts the server and waits for its banner.
func (s *site) start(plan hosting.Plan, as *syscall.SysProcAttr) {
	s.t.Helper()
	s.launch(plan, as)
	s.await(`^Running As `)
	s.url = "http://127.0.0.1:" + s.await(`^Server URL         : http://\S+:([0-9]+)/$`)[1]
}

// await waits for a line of the output, and returns it with its groups.
func (s *site) await(pattern string) []string {
	s.t.Helper()
	m := s.output.find(pattern, s.ended)
	if m == nil {
		s.t.Fatalf("no line matches %s in\n%s", pattern, s.output)
	}
	return m
}

// stop ends the server as an administrator does, and wants that to go well.
func (s *site) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Error(err)
	}
	s.wait(0)
}

// wait waits for the end, with an exit status.
func (s *site) wait(status int) {
	s.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-s.ended:
	case <-timeout.C:
		s.t.Error("the server does not end; killed")
		_ = s.cmd.Process.Kill() // it is our child and has not been waited for
		<-s.ended
	}
	if got := s.cmd.ProcessState.ExitCode(); got != status {
		s.t.Errorf("exit status %d, want %d", got, status)
	}
}

// end makes sure that the server is gone when its test is over.
func (s *site) end() {
	select {
	case <-s.ended:
	default:
		s.stop()
	}
	if s.t.Failed() {
		s.t.Logf("output of the server:\n%s", s.output)
	}
}

// answer is a response whose body has been read.
type answer struct {
	*http.Response
	body string
}

// get asks for a path on a connection of its own.
func (s *site) get(path string) answer {
	s.t.Helper()
	a, err := s.ask(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// ask is get for goroutines that are not the test's.
func (s *site) ask(path string) (answer, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: patience}
	r, err := client.Get(s.url + path)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(r.Body)
	return answer{r, string(body)}, errors.Join(err, r.Body.Close())
}

// reportScript answers with what the process and the request are.
const reportScript = `import json, os, sys
from urllib.parse import unquote

def report(environ):
    umask = os.umask(0)
    os.umask(umask)
    return {
        "version": "%d.%d" % sys.version_info[:2], "prefix": sys.prefix, "directory": os.getcwd(), "path": sys.path,
        "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(), "pid": os.getpid(), "parent": os.getppid(),
        "umask": umask,
        "environ": {name: value for name, value in environ.items() if isinstance(value, (str, bool))},
    }

def application(environ, start_response):
    result = report(environ)
    argument = unquote(environ["QUERY_STRING"])
    try:
        if environ["PATH_INFO"] == "/read":
            with open(argument) as f:
                result["text"] = f.read()
        if environ["PATH_INFO"] == "/write":
            with os.fdopen(os.open(argument, os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
                f.write("secret")
    except OSError as e:
        result["error"] = type(e).__name__
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(result).encode()]

def second(environ, start_response):
    result = report(environ)
    result["second"] = True
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(result).encode()]
`

// findings is what reportScript answers.
type findings struct {
	Version, Prefix, Directory string
	Path                       []string
	UID, GID, PID, Parent      int
	Groups                     []int
	Umask                      int
	Environ                    map[string]any
	Text, Error                string
	Second                     bool
}

// report asks an application for its report.
func (s *site) report(path string) findings {
	s.t.Helper()
	a := s.get(path)
	var r findings
	if err := json.Unmarshal([]byte(a.body), &r); err != nil || a.StatusCode != http.StatusOK {
		s.t.Fatalf("GET %s: %s %q; output:\n%s", path, a.Status, a.body, s.output)
	}
	return r
}

// transcript keeps what a process writes, and lets a test wait for parts of it.
// Safe for concurrent use.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed and replaced at each write
}

func newTranscript() *transcript { return &transcript{changed: make(chan struct{})} }

func (tr *transcript) Write(p []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	close(tr.changed)
	tr.changed = make(chan struct{})
	return tr.text.Write(p)
}

func (tr *transcript) String() string {
	text, _ := tr.snapshot()
	return text
}

// snapshot returns the text so far, and what is closed when there is more.
func (tr *transcript) snapshot() (string, <-chan struct{}) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.String(), tr.changed
}

// find waits until pattern matches; nil if it does not before the end or the
// end of patience.
func (tr *transcript) find(pattern string, ended <-chan struct{}) []string {
	re := regexp.MustCompile("(?m)" + pattern)
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		text, changed := tr.snapshot()
		if m := re.FindStringSubmatch(text); m != nil {
			return m
		}
		select {
		case <-changed:
		case <-ended:
			return re.FindStringSubmatch(tr.String())
		case <-timeout.C:
			return nil
		}
	}
}

// count returns how many lines hold a text.
func (tr *transcript) count(text string) int { return strings.Count(tr.String(), text) }

// eventually asks again and again until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		<-tick.C
	}
}
