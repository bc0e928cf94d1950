package pyhome

import (
	"github.com/gophersnake/gophersnake/internal/account"

	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testMachine is a machine in a directory, with nothing on it.
func testMachine(t *testing.T) (m machine, dir string, env map[string]string) {
	dir = t.TempDir()
	env = map[string]string{"PATH": filepath.Join(dir, "path")}
	return machine{
		getenv: func(name string) string { return env[name] },
		home:   filepath.Join(dir, "home"),
		cwd:    filepath.Join(dir, "cwd"),
		bin:    []string{filepath.Join(dir, "usr", "bin"), filepath.Join(dir, "local", "bin")},
		opt:    []string{filepath.Join(dir, "opt", "*", "bin")},
		finder: testFinder(),
	}, dir, env
}

func fakeVersion(home string, minor int) fake {
	f := goodFake(home)
	version := Version{3, minor, 0}
	f.answer.Version = [3]int{3, minor, 0}
	f.answer.Config = nil
	f.library = "libpython" + version.Short() + ".so.1.0"
	return f
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(target, path)); err != nil {
		t.Fatal(err)
	}
}

func TestListEverything(t *testing.T) {
	t.Parallel()
	m, dir, env := testMachine(t)
	usr := fakeVersion(dir+"/usr", 11)
	usr.name = "python3.11"
	usr.install(t)
	link(t, "python3.11", dir+"/usr/bin/python3")
	writeScript(t, dir+"/usr/bin/python3-config", "exit 1")
	second := fakeVersion(dir+"/usr", 12)
	second.name, second.answer.Executable = "python3.12", dir+"/usr/bin/python3.12"
	second.install(t)
	link(t, "usr/bin", dir+"/path") // as /bin is a link to /usr/bin
	fakeVersion(dir+"/opt/tool", 10).install(t)
	fakeVersion(dir+"/home/.pyenv/versions/3.8.1", 8).install(t)
	fakeVersion(dir+"/home/.pyenv/versions/3.13.0", 13).install(t)
	static := fakeVersion(dir+"/pyenv/versions/3.14.0", 14)
	static.library = ""
	static.install(t)
	env["PYENV_ROOT"] = dir + "/pyenv"
	venv := fakeVersion(dir+"/cwd/.venv", 11)
	venv.answer.BasePrefix = dir + "/usr"
	venv.install(t)
	writeFile(t, dir+"/cwd/.venv/pyvenv.cfg", nil, 0o644)

	var got []string
	for _, c := range m.list(t.Context()) {
		text := strings.TrimPrefix(c.Home, dir) + " " + strings.TrimPrefix(c.Source, dir)
		if c.Default {
			text += " default"
		}
		if e, ok := errors.AsType[*Error](c.Err); ok {
			text += " " + e.Reason.String()
		}
		got = append(got, text)
	}
	want := []string{
		"/home/.pyenv/versions/3.13.0 pyenv",
		"/usr/bin/python3.12 /usr/bin",
		"/cwd/.venv current directory",
		"/usr PATH default",
		"/opt/tool /opt/tool/bin",
		"/pyenv/versions/3.14.0 pyenv no shared library",
		"/home/.pyenv/versions/3.8.1 pyenv too old",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestDefault fills a machine from the least to the most preferred Python.
func TestDefault(t *testing.T) {
	t.Parallel()
	m, dir, env := testMachine(t)
	check := func(wantHome string, wantSkipped ...string) {
		t.Helper()
		got, skipped, err := m.first(t.Context(), m.places())
		if err != nil || got.Home != wantHome {
			t.Errorf("default %+v, %v, want %s", got, err, wantHome)
		}
		var homes []string
		for _, c := range skipped {
			homes = append(homes, c.Home)
		}
		if !slices.Equal(homes, wantSkipped) {
			t.Errorf("skipped %q, want %q", homes, wantSkipped)
		}
		listed := slices.IndexFunc(m.list(t.Context()), func(c Candidate) bool { return c.Default && c.Home == wantHome })
		if listed < 0 {
			t.Errorf("List marks another default than %s", wantHome)
		}
	}
	_, _, err := m.first(t.Context(), m.places())
	wantError(t, err, NonePresent, "there is no Python", "apt-get")

	fakeVersion(dir+"/home/.pyenv/versions/3.7.0", 7).install(t)
	_, skipped, err := m.first(t.Context(), m.places())
	wantError(t, err, NonePresent, "none of the Pythons", "doctor")
	if len(skipped) != 1 {
		t.Errorf("skipped %v", skipped)
	}
	fakeVersion(dir+"/opt/tool", 14).install(t)
	check(dir + "/opt/tool")
	fakeVersion(dir+"/local", 10).install(t)
	check(dir + "/local")
	fakeVersion(dir+"/usr", 9).install(t)
	check(dir + "/usr")
	shimmed := fakeVersion(dir+"/home/.pyenv/versions/3.12.0", 12)
	shimmed.install(t)
	writeScript(t, dir+"/shims/python3", `exec "`+dir+`/home/.pyenv/versions/3.12.0/bin/python3" "$@"`)
	writeScript(t, dir+"/shims/python3.9", "exit 127")
	env["PATH"] = "relative:" + dir + "/empty:" + dir + "/shims:" + dir + "/usr/bin"
	check(dir + "/home/.pyenv/versions/3.12.0")
	env["VIRTUAL_ENV"] = dir + "/gone"
	check(dir+"/home/.pyenv/versions/3.12.0", dir+"/gone")
	env["VIRTUAL_ENV"] = fakeVersion(dir+"/env", 11).install(t)
	check(dir + "/env")
}

// A server that root starts runs as another account: what that cannot reach is not
// its default, for doctor as for the server, and both say why.
func TestDefaultOfAnotherAccount(t *testing.T) {
	t.Parallel()
	m, dir, env := testMachine(t)
	closed := fakeVersion(dir+"/private/python", 12)
	closed.install(t)
	fakeVersion(dir+"/usr", 11).install(t)
	env["PATH"] = dir + "/private/python/bin:" + dir + "/usr/bin"
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir+"/private", 0o700); err != nil {
		t.Fatal(err)
	}
	other := account.Account{Name: "other", UID: uint32(os.Getuid()) + 1, GID: uint32(os.Getgid()) + 1}
	m.finder.who = &other
	got, skipped, err := m.first(t.Context(), m.places())
	if err != nil || got.Home != dir+"/usr" || len(skipped) != 1 || skipped[0].Source != "PATH" {
		t.Fatalf("default %+v, skipped %+v, %v", got, skipped, err)
	}
	wantError(t, skipped[0].Err, PermissionDenied, "other may not search "+dir+"/private (owner ")
	for _, c := range m.list(t.Context()) {
		if c.Default != (c.Home == dir+"/usr") {
			t.Errorf("listed as default: %+v", c)
		}
	}
}

func TestDefaultStopsWithItsContext(t *testing.T) {
	t.Parallel()
	m, dir, _ := testMachine(t)
	fakeVersion(dir+"/usr", 11).install(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := m.first(ctx, m.places()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestDefaultOfThisMachine(t *testing.T) {
	usable := realPythons(t)
	got, _, err := Default(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(usable, func(i *Installation) bool { return *i == *got }) {
		t.Errorf("the default %+v is not listed", got)
	}
}

func TestInterpreterNames(t *testing.T) {
	for name, want := range map[string]bool{
		"python3": true, "python3.9": true, "python3.13": true, "python3.13t": true,
		"python3-config": false, "python3.11-config": false, "python3.11-gdb.py": false, "python": false, "python3.6m": false,
	} {
		if got := interpreterName.MatchString(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
