package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// ownServers are scripts that start a server while they are loaded.
var ownServers = map[string]string{
	"wsgiref": `from wsgiref.simple_server import make_server

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]

with make_server("127.0.0.1", 0, application) as server:
    server.serve_forever()
`,
	"framework": `import flask

application = flask.Flask(__name__)

if True:
    # a comment

    application.run()
`,
}

// fakeFlask is as much of Flask as it takes to hang in its run().
const fakeFlask = `import threading

class Flask:
    def __init__(self, name):
        pass

    def run(self):
        threading.Event().wait()
`

// A server that a script starts while it is loaded, as app.run() does, never
// returns: the start ends, with the line and the repair.
func TestServerInScript(t *testing.T) {
	t.Parallel()
	for name, script := range ownServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBothModes(t, func(t *testing.T, l launch) {
				path := write(t, l.dir, "app.py", script)
				write(t, l.dir, "flask/__init__.py", "from .app import Flask\n")
				write(t, l.dir, "flask/app.py", fakeFlask)
				l.args = []string{"app.py"}
				out := l.fail(t, 1)
				want := "\ngophersnake: load " + path + ": " + path + ", line 8, `" + strings.TrimSpace(lineOf(script, 8)) +
					"`, starts a server of its own, which does not return\nrepair: remove the call, or put it below `if __name__ == \"__main__\":`"
				if !strings.Contains(out, want) || strings.Contains(out, "did not become ready") {
					t.Errorf("got %s\nwant %s", out, want)
				}
				stack := regexp.MustCompile(`\[wsgi:error\] .* does not finish loading: [^\n]*\n(.*File ".*\n)*.*` + regexp.QuoteMeta(strings.TrimSpace(lineOf(script, 8))))
				if !stack.MatchString(out) {
					t.Errorf("no stack in %s", out)
				}
			})
		})
	}
}

// lineOf is one line of a text.
func lineOf(text string, number int) string { return strings.Split(text, "\n")[number-1] }

// A script that takes long for another reason is not ended before
// startup-timeout, but where it is gets logged.
func TestSlowScript(t *testing.T) {
	t.Parallel()
	l := launch{dir: tempDir(t), daemon: true, args: []string{"--startup-timeout", "12", "app.py"}}
	write(t, l.dir, "app.py", "import threading\nthreading.Event().wait()\n")
	out := l.fail(t, 1)
	for _, want := range []string{
		`\[wsgi:warn\] .*/app\.py is still being loaded after [0-9.]+s; it is at\n`,
		`File ".*/app\.py", line 2, in <module>`,
		`\ngophersnake: did not become ready within startup-timeout=12s`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("got %s\nwant %s", out, want)
		}
	}
}

// A server that cannot start, because its port is taken, ends the load: with the
// repair, too.
func TestServerInScriptEnds(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, l launch) {
		write(t, l.dir, "app.py", ownServers["framework"])
		write(t, l.dir, "flask/__init__.py", "from .app import Flask\n")
		write(t, l.dir, "flask/app.py", strings.ReplaceAll(fakeFlask, "threading.Event().wait()", "raise SystemExit(1)"))
		l.args = []string{"app.py"}
		p := l.start(t)
		p.stderr.await(t, "app\\.py, line 8, `application\\.run\\(\\)`, starts a server of its own\\. Repair: remove the call")
	})
}
