package wsgi

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/internal/python"
)

// forkedScript forks where it is loaded and at the end. A child that does not end
// is ended by SIGALRM. What a child said and its status is in the response, or in
// the file notes.
const forkedScript = `
import atexit
import os
import signal

def forked(r, w):
    """Fork; return None in the child, and in the parent what became of that."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        os.dup2(w, 2)
        return None
    os.close(w)
    with os.fdopen(r, "rb") as f:
        said = f.read().decode()
    status = os.waitpid(pid, 0)[1]
    return "exit %d, signal %d, %s" % (os.WEXITSTATUS(status), os.WTERMSIG(status), said)

def at_end():
    try:
        became = forked(*os.pipe())
    except RuntimeError as exc:
        became = str(exc)  # 3.12 is like that
    if became is None:
        print("partial", end="")
    else:
        with open(os.path.join(os.path.dirname(__file__), "notes"), "a") as f:
            f.write(became)

def application(environ, start_response):
    start_response("200 OK", [])
    return [became.encode()]

became = forked(*os.pipe())
if became is None and "raise" in __file__:
    raise ValueError("in the child")
if became is not None and "raise" not in __file__:
    atexit.register(at_end)
`

// runForkLoad: a process that is forked while a script is loaded, or by an exit
// handler, comes to its end where it would return to the server, and tells nobody of
// a failure.
func runForkLoad(t *testing.T) {
	var told []string
	rt := startPython(t, func(o *python.Options) {
		o.NotLoaded = func(n python.NotLoaded) { told = append(told, n.Script+": "+n.Reason) }
	})
	const end = "a process forked by the application returned "
	scripts := map[string]string{"return": end, "raise": "WSGI0109", "raise-late": "WSGI0109"}
	var notes string
	for name, says := range scripts {
		script := filepath.Join(t.TempDir(), name+".py")
		if err := os.WriteFile(script, []byte(forkedScript), 0o644); err != nil {
			t.Fatal(err)
		}
		if name == "return" {
			notes = filepath.Join(filepath.Dir(script), "notes")
		}
		h := embedded{rt, "", ""}
		if name != "raise-late" { // that one is loaded by its first request
			if err := rt.app(python.Script{Path: script, Callable: "application", Reloading: true}).Preload(""); err != nil {
				t.Fatal(err)
			}
		}
		got := text(t, get(t, serve(t, rt, h, script), "/"))
		if !strings.HasPrefix(got, "exit 1, signal 0, ") || !strings.Contains(got, says) || !strings.Contains(got, end) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if len(told) != 0 {
		t.Errorf("scripts that have been loaded are said to have failed: %q", told)
	}
	rt.close(t)
	want := "exit 0, signal 0, partial\n"
	if strings.HasPrefix(rt.home.Version.String(), "3.12.") {
		want = "can't fork at interpreter shutdown"
	}
	if got, err := os.ReadFile(notes); err != nil || string(got) != want {
		t.Errorf("at the end: %q, %v, want %q", got, err, want)
	}
}

// runForkService: a process that a service forks ends as it would without a server.
func runForkService(t *testing.T) {
	rt := startPython(t, func(o *python.Options) {
		o.Service = true
		o.Lend = func(mainThread func()) { lent <- mainThread }
	})
	script := writeScript(t, `
import atexit
import os
import signal
import sys

r, w = os.pipe()
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    os.dup2(w, 2)
    atexit.register(print, "at its end")
    sys.exit(3)
os.close(w)
with os.fdopen(r, "rb") as f:
    said = f.read()
if os.waitpid(pid, 0)[1] != 3 << 8 or said != b"at its end\n":
    print(said)
    sys.exit(4)
`)
	status, err := rt.App(python.Script{Path: script}).RunService()
	if err != nil || status != 0 {
		t.Errorf("status %d, %v\n%s", status, err, show(rt.log.since(0)))
	}
	rt.close(t)
}

// runForkHead: a process that another thread forks while the head of a response goes
// out does not wait for the end of that when it writes.
func runForkHead(t *testing.T) {
	rt := startPython(t)
	script := writeScript(t, `
import os
import signal
import threading

def application(environ, start_response):
    write = start_response("200 OK", [])
    began, became = [], []
    ready = threading.Event()

    def fork():
        ready.set()
        while not began:
            pass
        pid = os.fork()
        if pid == 0:
            signal.alarm(5)
            try:
                write(b"from the child")
            except OSError:
                os._exit(7)
            os._exit(1)
        became.append(os.waitpid(pid, 0)[1])

    thread = threading.Thread(target=fork)
    thread.start()
    ready.wait()
    began.append(True)
    write(b"head ")
    thread.join()
    return [b"%d" % became[0]]
`)
	address := serve(t, rt, embedded{rt, "", ""}, script)
	for i := range 100 {
		if got := text(t, get(t, address, "/")); got != "head 1792" { // exit status 7
			t.Errorf("request %d: %q", i, got)
			break
		}
	}
	rt.close(t)
}
