package wsgi

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gophersnake/gophersnake/internal/front"
)

// requirements are what is installed for a Python.
func requirements(minor int) []string {
	consoles := []string{"click==8.1.8", "rich==14.1.0", "termcolor==3.1.0", "tqdm==4.67.1"}
	if minor >= 10 {
		return append(consoles, "Django==5.2.8", "Flask==3.1.2")
	}
	return append(consoles, "Django==4.2.25", "Flask==3.1.2")
}

// environment returns a virtual environment of the Python that this child is
// for, with the frameworks. It is kept in build/test for the next run.
func environment(t *testing.T) string {
	t.Helper()
	home := findHome(t, os.Getenv(homeVariable))
	wanted := requirements(home.Version.Minor)
	dir, err := filepath.Abs("../../build/test/venv-" + label(home))
	if err != nil {
		t.Fatal(err)
	}
	defer lock(t, dir+".lock")()
	stamp := filepath.Join(dir, "installed")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == strings.Join(wanted, "\n") {
		return dir
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	run(t, home.Executable, "-m", "venv", dir)
	run(t, filepath.Join(dir, "bin", "python"), append([]string{"-m", "pip", "install", "--quiet"}, wanted...)...)
	if err := os.WriteFile(stamp, []byte(strings.Join(wanted, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// lock keeps other children from making the same environment meanwhile.
func lock(t *testing.T, name string) (unlock func()) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return func() { f.Close() }
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// runFrameworks serves real applications from a virtual environment.
func runFrameworks(t *testing.T) {
	venv := environment(t)
	t.Setenv("GOPHERSNAKE_TEST_DATABASE", filepath.Join(t.TempDir(), "db.sqlite3"))
	rt := startPythonAt(t, venv)
	for _, h := range rt.hosts() {
		t.Run(h.name(), func(t *testing.T) {
			t.Run("flask", func(t *testing.T) { testFlask(t, rt, h) })
			t.Run("flask-large", func(t *testing.T) { testFlaskLarge(t, rt, h) })
			t.Run("django", func(t *testing.T) { testDjango(t, rt, h) })
			t.Run("consoles", func(t *testing.T) { testConsoles(t, rt, h) })
		})
	}
	rt.close(t)
}

// readAheadAsUsual is for bodies of 1 MB that a framework is to see whole.
func readAheadAsUsual(o *front.Options) { o.ReadAhead = 0 }

func framework(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs("testdata/frameworks/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// wantText asks for a page and compares it.
func wantText(t *testing.T, address, path string, status int, want string) {
	t.Helper()
	r := get(t, address, path)
	if body := text(t, r); r.StatusCode != status || !strings.Contains(body, want) {
		t.Errorf("%s: status %d, body %q, want %d, %q", path, r.StatusCode, abbreviate(body), status, want)
	}
}

func testFlask(t *testing.T, rt *runtime, h host) {
	script := framework(t, "flask_site.py")
	address := serve(t, rt, h, script, readAheadAsUsual)
	wantText(t, address, "/?name=gopher", 200, "Hello from Flask, gopher")
	wantText(t, address, "/missing", 404, "Not Found")
	wantText(t, address, "/stream", 200, "line 998\nline 999\n")
	wantText(t, address, "/file", 200, "A Flask application")
	mark := rt.log.mark()
	wantText(t, address, "/fail", 500, "Internal Server Error")
	if log := show(rt.log.since(mark)); !strings.Contains(log, "ValueError: in a view") {
		t.Errorf("the log: %s", log)
	}
	testFlaskForm(t, address)
	testChunks(t, address, "/length")
	testFlaskSession(t, address)
}

// testFlaskLarge serves Flask's pattern for large applications: views in a module
// of their own, which imports the application back.
func testFlaskLarge(t *testing.T, rt *runtime, h host) {
	address := serve(t, rt, importable{h, rt}, framework(t, "flask_large.py"))
	wantText(t, address, "/", 200, "of the script")
	wantText(t, address, "/large", 200, "of the views")
}

func testFlaskForm(t *testing.T, address string) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "large.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(make([]byte, 300000)); err != nil {
		t.Fatal(err)
	}
	if err := form.WriteField("field", "vålue"); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := http.Post("http://"+address+"/form", form.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"field":"v\u00e5lue","name":"large.bin","size":300000}`
	if got := strings.TrimSpace(text(t, r)); got != want {
		t.Errorf("form: %s, want %s", got, want)
	}
}

// testChunks posts bodies of unknown length, with both protocols, to a view that
// answers with the length that it has read and the one that it was told.
func testChunks(t *testing.T, address, path string) {
	http2 := &http.Transport{Protocols: new(http.Protocols)}
	http2.Protocols.SetUnencryptedHTTP2(true)
	defer http2.CloseIdleConnections()
	for name, client := range map[string]*http.Client{"HTTP/1.1": {Transport: &http.Transport{DisableKeepAlives: true}}, "HTTP/2": {Transport: http2}} {
		for _, n := range []int{0, 1, 65536, 65537, 1_000_000} {
			body := struct{ io.Reader }{bytes.NewReader(make([]byte, n))} // its length is hidden
			r, err := client.Post("http://"+address+path, "application/octet-stream", body)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := text(t, r), fmt.Sprint(n, " ", n); got != want {
				t.Errorf("%s %s, %d bytes: the view says %q, want %q", name, path, n, got, want)
			}
		}
	}
}

func testFlaskSession(t *testing.T, address string) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Jar: jar}
	for i := range 3 {
		r, err := client.Get("http://" + address + "/count")
		if err != nil {
			t.Fatal(err)
		}
		if got := text(t, r); got != fmt.Sprint(i+1) {
			t.Errorf("request %d of the session: %s", i+1, got)
		}
	}
}

// testConsoles: packages that look whether a stream is a terminal find that it is
// none, and what they write is in the log.
func testConsoles(t *testing.T, rt *runtime, h host) {
	address := serve(t, rt, h, framework(t, "consoles.py"), readAheadAsUsual)
	mark := rt.log.mark()
	wantText(t, address, "/", 200, "kept")
	log := show(rt.log.since(mark))
	for _, want := range []string{
		"info: said by termcolor", "info: said by rich", "error: rich to stderr", "rich cell", "rich handler",
		"info: said by click", "info: bytes of click", "error: styled by click", "info: binary by click", "info: text by click",
		"bar of tqdm: 100%", "said by tqdm", "error: errors by the way",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in the log: %s", want, log)
		}
	}
}

func testDjango(t *testing.T, rt *runtime, h host) {
	address := serve(t, rt, h, framework(t, "django_site.py"), readAheadAsUsual)
	wantText(t, address, "/?name=gopher", 200, "Hello from Django, gopher")
	wantText(t, address, "/stream", 200, "line 999\n")
	wantText(t, address, "/nowhere", 404, "Not Found")
	mark := rt.log.mark()
	wantText(t, address, "/fail", 500, "Server Error")
	if log := show(rt.log.since(mark)); !strings.Contains(log, "ValueError: in a view") {
		t.Errorf("the log: %s", log)
	}
	mark = rt.log.mark()
	r, err := http.PostForm("http://"+address+"/insert", url.Values{"name": {"other"}})
	if err != nil || text(t, r) != "inserted" {
		t.Fatalf("insert: %v", err)
	}
	testChunks(t, address, "/count")
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() { selectMany(t, address, 2000/32+1) })
	}
	all.Wait()
	if log := show(rt.log.since(mark)); strings.Contains(log, "Error") {
		t.Errorf("the log: %s", abbreviate(log))
	}
}

// selectMany asks the view with the database n times on one connection.
func selectMany(t *testing.T, address string, n int) {
	transport := &http.Transport{MaxConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport}
	for range n {
		r, err := client.Get("http://" + address + "/select")
		if err != nil {
			t.Error(err)
			return
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != 200 || !strings.HasSuffix(string(body), " other") {
			t.Errorf("status %d, body %q, error %v", r.StatusCode, abbreviate(string(body)), err)
			return
		}
	}
}
