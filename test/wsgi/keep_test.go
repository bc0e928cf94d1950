package wsgi

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/python"
)

// runKeep: a script is served as it was loaded while its file is what another process could
// not load, and no longer. Which file that was is said by place: while the one in a place
// fails, the file may be mended, and one in another place be started.
func runKeep(t *testing.T) {
	rt := startPython(t)
	path := filepath.Join(t.TempDir(), "app.py")
	mtime := time.Now().Add(-time.Hour)
	change := func(answer string) {
		t.Helper()
		source := "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'" + answer + "']\n"
		if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		mtime = mtime.Add(time.Minute)
		if err := os.Chtimes(path, mtime, mtime); err != nil {
			t.Fatal(err)
		}
	}
	change("one")
	app := rt.App(python.Script{Path: path, Callable: "application", Reloading: true})
	address := serve(t, rt, given{embedded{rt, "main", ""}, app}, path)
	expect := func(want string) {
		t.Helper()
		if got := text(t, get(t, address, "/")); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	expect("one")
	app.Mark(1)
	app.Keep(2) // nothing was marked for it
	change("two")
	app.Mark(2)
	app.Keep(2)
	expect("one")
	change("three")
	app.Mark(1) // of another place, which is started now
	app.Keep(2) // the one before has failed once more
	expect("three")
	app.Keep(1)
	expect("three")
	change("four")
	expect("four")
}

// given is a host whose application there is already.
type given struct {
	host
	existing gateway.App
}

func (g given) app(string) gateway.App { return g.existing }
