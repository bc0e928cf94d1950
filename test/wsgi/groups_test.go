package wsgi

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/python"
)

// testIsolation: modules of one application group are not those of another.
func testIsolation(t *testing.T, rt *runtime) {
	dir := t.TempDir()
	script := filepath.Join(dir, "app.py")
	source := `
import sys
sys.path.insert(0, "` + dir + `")
import shared_state
import mod_wsgi

def application(environ, start_response):
    shared_state.count += 1
    start_response("200 OK", [])
    return [("%d %s" % (shared_state.count, mod_wsgi.application_group)).encode()]
`
	for name, text := range map[string]string{script: source, filepath.Join(dir, "shared_state.py"): "count = 0\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, group := range []string{"", "one", "two"} {
		address := serve(t, rt, embedded{rt, "", group}, script)
		for n := range 3 {
			if got, want := text(t, get(t, address, "/")), fmt.Sprintf("%d %s", n+1, group); got != want {
				t.Errorf("group %q, request %d: %q, want %q", group, n+1, got, want)
			}
		}
	}
}

// withCallable is a host whose applications have another name.
type withCallable struct {
	embedded
	callable string
}

func (h withCallable) app(script string) gateway.App {
	return h.rt.app(python.Script{Path: script, Callable: h.callable, Reloading: true})
}

// testTwoCallables: two applications in one script share its module, and see
// each other's reloading.
func testTwoCallables(t *testing.T, rt *runtime, h embedded) {
	path := writeScript(t, `
count = 0

def first(environ, start_response):
    global count
    count += 1
    start_response("200 OK", [])
    return [("first %d" % count).encode()]

def second(environ, start_response):
    global count
    count += 1
    start_response("200 OK", [])
    return [("second %d" % count).encode()]
`)
	first := serve(t, rt, withCallable{h, "first"}, path)
	second := serve(t, rt, withCallable{h, "second"}, path)
	for i, want := range []string{"first 1", "second 2", "first 3", "second 4"} {
		if got := text(t, get(t, []string{first, second}[i%2], "/")); got != want {
			t.Errorf("request %d: %q, want %q", i+1, got, want)
		}
	}
}

// testBuiltIn: a script that is part of the program.
func testBuiltIn(t *testing.T, rt *runtime, h embedded) {
	mark := rt.log.mark()
	app := rt.app(python.Script{
		Name:     "built-in",
		Source:   "def application(e, s):\n    s('200 OK', [])\n    return [__file__.encode(), e['SCRIPT_FILENAME'].encode(), e['X'].encode()]\n",
		Callable: "application",
		Environ:  []python.EnvironVar{{Name: "X", Value: "extra"}},
	})
	if err := app.Preload(h.group()); err != nil {
		t.Fatal(err)
	}
	loaded := show(rt.log.since(mark))
	if !strings.Contains(loaded, "Loading WSGI script 'built-in'") {
		t.Errorf("the log after Preload: %s", loaded)
	}
	w := &memory{}
	r := &gateway.Request{Method: "GET", URI: "/", Proto: "HTTP/1.1", Scheme: "http", ApplicationGroup: h.group()}
	if err := app.Serve(context.Background(), r, w); err != nil || w.body.String() != "built-inbuilt-inextra" {
		t.Errorf("body %q, error %v", w.body.String(), err)
	}
}
