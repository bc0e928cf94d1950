package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestBanner(t *testing.T) {
	t.Parallel()
	logDir := openDir(t)
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"terminal", []string{"--threads", "3", "--access-log"}, `Server URL         : http://127\.0\.0\.1:[0-9]+/
Error Log File     : /dev/stderr \(info\)
Access Log File    : /dev/stdout
Operating Mode     : embedded
Request Capacity   : 3 \(1 process \* 3 threads\)
Server Backlog     : [0-9]+ \(connections\)
Locale Setting     : UTF-8 mode
Python             : 3\.[0-9]+\.[0-9]+ \(/usr(/bin/python3)?\)
Running As         : \S+
`},
		{"files", []string{"--server-name", "www.example.org", "--log-directory", logDir}, `Server URL         : http://www\.example\.org:[0-9]+/
Error Log File     : ` + regexp.QuoteMeta(logDir) + `/error_log \(warn\)
Operating Mode     : embedded
Request Capacity   : 5 \(1 process \* 5 threads\)
(?s:.*)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := launch{args: c.args}
			p := l.run(t, l.command()...)
			p.stdout.await(t, "^Running As")
			p.stop()
			if !regexp.MustCompile("^" + c.want + "$").MatchString(p.stdout.String()) {
				t.Errorf("got\n%swant\n%s", p.stdout, c.want)
			}
		})
	}
}

func TestHello(t *testing.T) {
	t.Parallel()
	p := serve(t)
	r := p.get("/")
	if r.StatusCode != 200 || r.body != "Hello World!\n" || r.Header.Get("Content-Type") != "text/plain" || r.ContentLength != 13 {
		t.Errorf("got %s %v %q", r.Status, r.Header, r.body)
	}
	if r := p.do(http.MethodHead, "/", nil, nil); r.StatusCode != 200 || r.body != "" || r.ContentLength != 13 {
		t.Errorf("HEAD: %s, length %d, %q", r.Status, r.ContentLength, r.body)
	}
	if e := p.environ("/environ"); e.text("group") != "" || e.text("SCRIPT_NAME") != "" || e.text("PATH_INFO") != "/environ" ||
		e.text("SCRIPT_FILENAME") != filepath.Join(p.dir, "app.py") {
		t.Errorf("environ %v", e)
	}
}

func TestMountPoint(t *testing.T) {
	t.Parallel()
	p := serve(t, "--mount-point", "app")
	if e := p.environ("/app/environ"); e.text("SCRIPT_NAME") != "/app" || e.text("PATH_INFO") != "/environ" {
		t.Errorf("environ %v", e)
	}
	for _, path := range []string{"/", "/other", "/apple", "/ap"} {
		p.expect(path, 404, "")
	}
	p.expect("/app", 200, "Hello World!\n")
}

func TestAliases(t *testing.T) {
	t.Parallel()
	dir := appDir(t)
	write(t, dir, "static/style.css", "body {}")
	write(t, dir, "static/deep/page.txt", "from static/deep")
	write(t, dir, "other/page.txt", "from other")
	write(t, dir, "favicon.ico", "icon")
	write(t, dir, "root/hello.txt", "from the document root")
	write(t, dir, "root/static/style.css", "hidden by the alias")
	p := launch{dir: dir, args: []string{"--url-alias", "/static", "static", "--url-alias", "/static/deep", "other",
		"--url-alias", "/favicon.ico", "favicon.ico", "--url-alias", "/late", "late", "--document-root", "root", "app.py"}}.start(t)
	for path, want := range map[string]string{
		"/static/style.css":     "body {}",
		"/static/deep/page.txt": "from other",
		"/favicon.ico":          "icon",
		"/hello.txt":            "from the document root",
		"/":                     "Hello World!\n",
		"/missing.txt":          "Hello World!\n",
		"/static":               "<",
	} {
		if r := p.get(path); !strings.HasPrefix(r.body, want) {
			t.Errorf("%s: %s %q, want %q", path, r.Status, r.body, want)
		}
	}
	for path, status := range map[string]int{"/static": 301, "/static/": 403, "/static/none": 404, "/static/../app.py": 200,
		"/static/%2e%2e/app.py": 200, "/static/..%2fapp.py": 404, "/favicon.ico/x": 404, "/late/x": 404} {
		if r := p.get(path); r.StatusCode != status || strings.Contains(r.body, "def application") {
			t.Errorf("%s: %s %q, want %d", path, r.Status, r.body, status)
		}
	}
	write(t, dir, "static/film.webm", "x")
	write(t, dir, "static/site.webmanifest", "{}")
	for path, kind := range map[string]string{"/static/style.css": "text/css; charset=utf-8", "/static/film.webm": "video/webm",
		"/static/site.webmanifest": "application/manifest+json"} {
		if r := p.get(path); r.Header.Get("Content-Type") != kind {
			t.Errorf("%s: type %q, want %q", path, r.Header.Get("Content-Type"), kind)
		}
	}
	write(t, dir, "late/x", "a directory that came later")
	p.expect("/late/x", 200, "a directory that came later")
	if r := p.do(http.MethodPost, "/static/style.css", nil, nil); r.StatusCode != 405 {
		t.Errorf("POST to a file: %s", r.Status)
	}
}

func TestCallable(t *testing.T) {
	t.Parallel()
	serve(t, "--callable-object", "other").expect("/", 200, "the other application\n")
}

func TestApplicationGroups(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		"%{GLOBAL}":   "",
		"own":         "own",
		"%{SERVER}":   "www.example.org:PORT",
		"%{RESOURCE}": "www.example.org:PORT|/at",
		"%{HOST}":     "127.0.0.1:PORT", // that of the request
		"%{ENV:NONE}": "www.example.org:PORT|/at",
	} {
		t.Run(arg, func(t *testing.T) {
			t.Parallel()
			p := serve(t, "--application-group", arg, "--server-name", "www.example.org", "--mount-point", "/at")
			_, port, _ := strings.Cut(p.addr, ":")
			e := p.environ("/at/environ")
			if got, want := e.text("group"), strings.ReplaceAll(want, "PORT", port); got != want || e.text("mod_wsgi.application_group") != want {
				t.Errorf("group %q, want %q", got, want)
			}
		})
	}
}

func TestPythonPath(t *testing.T) {
	t.Parallel()
	dir := appDir(t)
	write(t, dir, "lib/extra.pth", "../pointed\n")
	write(t, dir, "pointed/found.py", "WORD = 'by the .pth file'\n")
	write(t, dir, "beside.py", "WORD = 'by the working directory'\n")
	write(t, dir, "words.py", "import found, beside\n"+
		"def application(environ, start_response):\n"+
		"    start_response('200 OK', [])\n"+
		"    return [(found.WORD + ', ' + beside.WORD).encode()]\n")
	launch{dir: dir, args: []string{"--python-path", "lib", "words.py"}}.start(t).
		expect("/", 200, "by the .pth file, by the working directory")

	elsewhere := tempDir(t)
	p := launch{dir: dir, args: []string{"--python-path", "lib", "--working-directory", elsewhere, "app.py"}}.start(t)
	e := p.environ("/environ")
	for _, want := range []string{filepath.Join(dir, "lib"), filepath.Join(dir, "pointed"), elsewhere} {
		if !slices.Contains(e.path(), want) {
			t.Errorf("sys.path %q lacks %s", e.path(), want)
		}
	}
	if e.text("cwd") != elsewhere || slices.Contains(e.path(), dir) || slices.Contains(e.path(), "") {
		t.Errorf("cwd %q, sys.path %q", e.text("cwd"), e.path())
	}
}

func TestMissingWorkingDirectory(t *testing.T) {
	t.Parallel()
	out := launch{dir: appDir(t), args: []string{"--working-directory", "none", "app.py"}}.fail(t, 1)
	if !strings.Contains(out, "none") || !strings.Contains(out, "--working-directory") {
		t.Errorf("got %q", out)
	}
}

// openDir returns a directory that the server's account can write.
func openDir(t *testing.T) string {
	t.Helper()
	dir := tempDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}
