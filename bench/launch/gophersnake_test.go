package launch

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestGophersnakeArgs(t *testing.T) {
	base := Gophersnake{Program: "/p/gophersnake", Script: "/a/hello.py", Threads: 5, Processes: 2}
	daemon := base
	daemon.Daemon, daemon.User, daemon.PythonHome = true, "www-data", "/v"
	limited := base
	limited.Files = 1024
	const start = "/p/gophersnake start-server /a/hello.py --host 127.0.0.1 --port 8000 --threads 5 --log-to-terminal "
	for _, test := range []struct {
		name string
		g    Gophersnake
		want string
	}{
		{"embedded", base, start + "--embedded-mode"},
		{"daemon", daemon, start + "--processes 2 --python-home /v --user www-data --group www-data"},
		{"with a limit", limited, `/bin/sh -c ulimit -S -n 1024 && exec "$@" sh ` + start + "--embedded-mode"},
	} {
		if got := strings.Join(test.g.Args("127.0.0.1", 8000), " "); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

// TestServeTellsTheLog: the program is a shell, which refuses the first argument and ends.
func TestServeTellsTheLog(t *testing.T) {
	g := Gophersnake{Program: "/bin/sh", Script: "x", Threads: 1, Files: 64}
	_, _, err := g.Serve(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "server ended") || !strings.Contains(err.Error(), "start-server") {
		t.Errorf("error %v, want the end and the log", err)
	}
	g = Gophersnake{Program: filepath.Join(t.TempDir(), "none")}
	if _, _, err := g.Serve(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), g.Program) {
		t.Errorf("error %v, want one that names the program", err)
	}
}

func TestRole(t *testing.T) {
	for command, want := range map[string]string{
		"":                                   "ended",
		"/p/gophersnake start-server app.py": "parent",
		"/p/gophersnake start-server app.py --embedded-mode --port 1": "server",
		"/p/gophersnake @server":   "server",
		"(wsgi:app) @daemon":       "daemon",
		"/usr/bin/python3 -m pool": "python3",
		"/p/gophersnake":           "gophersnake",
	} {
		if got := Role(strings.Fields(command)); got != want {
			t.Errorf("Role(%q) = %q, want %q", command, got, want)
		}
	}
}
