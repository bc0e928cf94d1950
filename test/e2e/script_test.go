package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// requestID finds what a status page says of its request.
var requestID = regexp.MustCompile(`<p>Request ([0-9a-z]+-[0-9a-z]+)</p>`)

// checkPage wants a status page that names its request and tells nothing of the
// application or of the machine. It returns the request's id.
func checkPage(t *testing.T, r response, status int, secrets ...string) string {
	t.Helper()
	if r.StatusCode != status || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
		t.Errorf("got %s %s", r.Status, r.Header.Get("Content-Type"))
	}
	for _, secret := range append(secrets, "Traceback", "/tmp", ".py", "Error:") {
		if strings.Contains(r.body, secret) {
			t.Errorf("the page shows %q: %s", secret, r.body)
		}
	}
	id := requestID.FindStringSubmatch(r.body)
	if id == nil || !strings.Contains(r.body, "<h1>"+r.Status+"</h1>") {
		t.Fatalf("the page lacks its status or request: %s", r.body)
	}
	return id[1]
}

func TestMissingScript(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	p := launch{dir: dir, args: []string{"later.py"}}.start(t)
	p.stderr.await(t, `\[core:warn\] .* there is no script `+regexp.QuoteMeta(dir)+`/later\.py: requests for it will be answered with 404`)
	id := checkPage(t, p.get("/"), 404)
	p.stderr.await(t, `\[wsgi:error\] .*\[id `+id+`\] .*WSGI0135: .*`+regexp.QuoteMeta(dir)+`/later\.py`)
	write(t, dir, "later.py", helloScript)
	p.expect("/", 200, "hello")
	if err := os.Remove(filepath.Join(dir, "later.py")); err != nil {
		t.Fatal(err)
	}
	checkPage(t, p.get("/"), 404)
}

const helloScript = `def application(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]
`

func TestScriptIsDirectory(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "wsgi/file", "")
	p := launch{dir: dir, args: []string{"wsgi"}}.start(t)
	checkPage(t, p.get("/"), 403)
	p.stderr.await(t, `WSGI0136: .*/wsgi$`)
}

// A script that does not import: the whole traceback once, and then a line that
// points to it.
func TestScriptFails(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	path := write(t, dir, "broken.py", "import os\nimport no_such_module_of_ours\n")
	p := launch{dir: dir, args: []string{"broken.py"}}.start(t)
	for range 3 {
		id := checkPage(t, p.get("/"), 500, "no_such_module")
		p.stderr.await(t, `\[id `+id+`\] \[script `+regexp.QuoteMeta(path)+`\] WSGI0109: .*'`+regexp.QuoteMeta(path)+`' still fails: ModuleNotFoundError: .*; traceback logged at `)
	}
	for pattern, want := range map[string]int{
		`Traceback \(most recent call last\):$`:                                              1,
		`  File "` + regexp.QuoteMeta(path) + `", line 2, in <module>$`:                      1,
		`ModuleNotFoundError: No module named 'no_such_module_of_ours'$`:                     1,
		`WSGI0109: Unable to execute Python script file '` + regexp.QuoteMeta(path) + `'\.$`: 1,
		`sys\.path:$`: 1,
	} {
		if n := p.stderr.count(pattern); n != want {
			t.Errorf("%s is logged %d times, want %d:\n%s", pattern, n, want, p.stderr)
		}
	}
	write(t, dir, "broken.py", helloScript+"\n# repaired\n")
	p.expect("/", 200, "hello")
}

func TestSyntaxError(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	path := write(t, dir, "broken.py", "def application(environ, start_response:\n    pass\n")
	p := launch{dir: dir, args: []string{"broken.py"}}.start(t)
	checkPage(t, p.get("/"), 500)
	p.stderr.await(t, `File "`+regexp.QuoteMeta(path)+`", line 1$`)
	p.stderr.await(t, `SyntaxError: `)
}

func TestNoCallable(t *testing.T) {
	t.Parallel()
	p := serve(t, "--callable-object", "nothing")
	id := checkPage(t, p.get("/"), 500)
	p.stderr.await(t, `\[id `+id+`\] .*WSGI0089: Target WSGI script '.*/app\.py' does not contain WSGI application 'nothing'\. Did you mean --callable-object application `)
}

func TestRequestFails(t *testing.T) {
	t.Parallel()
	p := serve(t)
	id := checkPage(t, p.get("/boom"), 500, "the request broke")
	p.stderr.await(t, `\[id `+id+`\] .*WSGI0174: RuntimeError exception raised`)
	p.stderr.await(t, `\[id `+id+`\] .*RuntimeError: the request broke$`)
	p.expect("/", 200, "Hello World!\n")
}

// A script that changes is loaded anew without an option.
func TestScriptReloads(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "wsgi.py", helloScript)
	p := launch{dir: dir, args: []string{"wsgi.py"}}.start(t)
	p.expect("/", 200, "hello")
	write(t, dir, "wsgi.py", strings.ReplaceAll(helloScript, "hello", "changed"))
	p.expect("/", 200, "changed")
}
