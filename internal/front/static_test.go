package front

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/test/nobody"

	"github.com/gophersnake/gophersnake/internal/dispatch"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// files starts a server with a directory at /static and a document root, both
// the one that is returned.
func files(t *testing.T, o Options) (*site, string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"a.css": "body {}", "noext": "<html>", "big.bin": strings.Repeat("x", 1<<20), "sub/b.txt": "b"} {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(full, time.Time{}, time.Unix(1700000000, 0)); err != nil {
			t.Fatal(err)
		}
	}
	table, err := dispatch.New(dispatch.Options{Aliases: []dispatch.Alias{{URL: "/static", Path: dir}}, DocumentRoot: dir})
	if err != nil {
		t.Fatal(err)
	}
	o.Table = table
	o.App = app(func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		return answer(w, "app "+r.PathInfo)
	})
	return start(t, o), dir
}

func TestStaticFiles(t *testing.T) {
	s, _ := files(t, Options{ServerHeader: "G"})
	const tag = `"7-60a24181e4000"`
	for _, c := range []struct {
		request string
		status  int
		body    string // "" stands for any
		header  http.Header
	}{
		{"GET /static/a.css", 200, "body {}", http.Header{"Etag": {tag}, "Content-Type": {"text/css; charset=utf-8"},
			"Last-Modified": {"Tue, 14 Nov 2023 22:13:20 GMT"}, "Content-Length": {"7"}, "Accept-Ranges": {"bytes"}, "Server": {"G"}}},
		{"HEAD /static/a.css", 200, "", http.Header{"Content-Length": {"7"}}},
		{"GET /a.css", 200, "body {}", http.Header{"Etag": {tag}}},
		{"GET /sub/b.txt", 200, "b", nil},
		{"GET /static/noext", 200, "<html>", http.Header{"Content-Type": nil}},
		{"GET /static/big.bin", 200, strings.Repeat("x", 1<<20), nil},
		{"GET /static/a.css HTTP/1.1\r\nIf-None-Match: " + tag, 304, "", http.Header{"Etag": {tag}, "Content-Type": nil}},
		{"GET /static/a.css HTTP/1.1\r\nIf-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT", 304, "", nil},
		{"GET /static/a.css HTTP/1.1\r\nRange: bytes=0-3", 206, "body", http.Header{"Content-Range": {"bytes 0-3/7"}}},
		{"GET /static/a.css HTTP/1.1\r\nRange: bytes=9-", 416, "", nil},
		{"GET /static/none", 404, "", nil},
		{"GET /static/", 403, "", nil},
		{"GET /static?x=1", 301, "", http.Header{"Location": {"/static/?x=1"}}},
		{"GET //static", 301, "", http.Header{"Location": {"/static/"}}},
		{"GET /static/sub", 301, "", http.Header{"Location": {"/static/sub/"}}},
		{"GET /static/../static/a.css", 200, "body {}", nil},
		{"GET /static/..%2f..%2fetc/passwd", 404, "", nil},
		{"GET /static/sub%2fb.txt", 200, "b", nil},
		{"GET /static/%2e%2e/%2e%2e/%2e%2e/etc/passwd", 400, "", nil},
		{"GET /static/..%5c..%5cetc%5cpasswd", 404, "", nil},
		{"GET /static/a.css%00.png", 404, "", nil},
		{"POST /static/a.css", 405, "", http.Header{"Allow": {allowed}}},
		{"OPTIONS /static/a.css", 200, "", http.Header{"Allow": {allowed}}},
		{"GET /other", 200, "app /other", nil},
		{"GET /sub/", 200, "app /sub/", nil},
	} {
		in := c.request
		if !strings.Contains(in, " HTTP/1.1") {
			in += " HTTP/1.1"
		}
		r := ask(t, s, in+"\r\nHost: x\r\nConnection: close\r\n\r\n")
		if r.StatusCode != c.status || c.body != "" && r.body != c.body {
			t.Errorf("%s: got %s, %d bytes", c.request, r.Status, len(r.body))
		}
		for name, want := range c.header {
			if got := r.Header[name]; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %s is %q, want %q", c.request, name, got, want)
			}
		}
	}
}

// The type of a file comes from the table, whatever the machine has.
func TestStaticTypes(t *testing.T) {
	s, dir := files(t, Options{})
	for name, want := range map[string]string{"a.webm": "video/webm", "a.js": "text/javascript; charset=utf-8", "a.js.map": "application/json",
		"a.WEBP": "image/webp", "site.webmanifest": "application/manifest+json", "a.ts": "video/mp2t", "a.none": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := get(t, s, "/static/"+name); got.StatusCode != 200 || got.Header.Get("Content-Type") != want {
			t.Errorf("%s: got %s, %q, want %q", name, got.Status, got.Header.Get("Content-Type"), want)
		}
	}
}

func TestUnreadableFile(t *testing.T) {
	if nobody.Again(t) {
		return
	}
	s, dir := files(t, Options{})
	if err := os.Chmod(filepath.Join(dir, "a.css"), 0); err != nil {
		t.Fatal(err)
	}
	if r := get(t, s, "/static/a.css"); r.StatusCode != 403 || strings.Contains(r.body, dir) {
		t.Errorf("got %s %q", r.Status, r.body)
	}
	s.await(t, "permission denied")
}

// TestUnavailableFiles: a file that cannot be opened now is there all the same.
func TestUnavailableFiles(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		level  logs.Level
		logged string
	}{
		{syscall.EMFILE, 503, logs.Error, "too many open files"},
		{syscall.ENFILE, 503, logs.Error, "too many open files in system"},
		{syscall.ENOMEM, 503, logs.Error, "cannot allocate memory"},
		{syscall.EIO, 500, logs.Error, "input/output error"},
		{syscall.ELOOP, 500, logs.Error, "too many levels of symbolic links"},
		{syscall.ENOENT, 404, logs.Info, "no such file"},
		{syscall.ENOTDIR, 404, logs.Info, "not a directory"},
		{syscall.EACCES, 403, logs.Error, "permission denied"},
		{errNotRegular, 403, logs.Error, "not a regular file"},
	} {
		log := &record{}
		s := New(Options{App: hello{}, Log: log})
		w := httptest.NewRecorder()
		x := newExchange(s)
		x.begin(w, httptest.NewRequest(http.MethodGet, "/x", nil))
		x.noFile(&fs.PathError{Op: "open", Path: "/secret/x", Err: c.err})
		if w.Code != c.status || strings.Contains(w.Body.String(), "secret") || (w.Code == 503) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%v: got %d %q %v", c.err, w.Code, w.Body, w.Header())
		}
		if found := log.find(c.logged); len(found) != 1 || found[0].Level != c.level {
			t.Errorf("%v: logged %+v", c.err, found)
		}
	}
}

func TestStaticLoop(t *testing.T) {
	s, dir := files(t, Options{})
	if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/static/loop", "/loop"} {
		if r := get(t, s, path); r.StatusCode != 500 || strings.Contains(r.body, dir) {
			t.Errorf("%s: got %s %q", path, r.Status, r.body)
		}
	}
	if line := s.await(t, "too many levels"); line.Level != logs.Error {
		t.Errorf("logged at %v", line.Level)
	}
}

func TestStaticInAccessLog(t *testing.T) {
	s, _ := files(t, Options{})
	get(t, s, "/static/big.bin")
	poll(t, "the entry", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.entries) == 1 })
	if e := s.entries[0]; e.Status != 200 || e.BytesSent != 1<<20 {
		t.Errorf("got %+v", e)
	}
}

func TestOpenRegular(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{dir, "/dev/null", filepath.Join(dir, "none")} {
		if f, _, err := openRegular(name); err == nil {
			f.Close()
			t.Errorf("%s opened", name)
		}
	}
}
