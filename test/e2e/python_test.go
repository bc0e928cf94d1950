package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// interpreters lists the Pythons of pyenv by their version, "3.10".
func interpreters(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	homes, err := filepath.Glob(filepath.Join(os.Getenv("HOME"), ".pyenv/versions/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, home := range homes {
		if major, rest, ok := strings.Cut(filepath.Base(home), "."); ok {
			minor, _, _ := strings.Cut(rest, ".")
			found[major+"."+minor] = home
		}
	}
	return found
}

// reader runs a program so that it can read everything below HOME. As root that
// is the server's account with the one capability for it, which is what a
// Python in a private directory takes; otherwise HOME is ours.
func reader() []string {
	if !isRoot() {
		return nil
	}
	return []string{"setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups",
		"--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"}
}

// The library is chosen at run time. On a machine with the Debian Python only,
// that one has to be named by its prefix.
func TestPythonVersions(t *testing.T) {
	t.Parallel()
	homes := []string{"/usr"}
	have := interpreters(t)
	for _, version := range []string{"3.10", "3.13"} {
		if home, ok := have[version]; ok {
			homes = append(homes, home)
		}
	}
	for _, home := range homes {
		t.Run(home, func(t *testing.T) {
			t.Parallel()
			p := launch{dir: appDir(t), before: reader(), args: []string{"--python-home", home, "app.py"}}.start(t)
			e := p.environ("/environ")
			if e.text("prefix") != home || home != "/usr" && e.text("version") != filepath.Base(home) {
				t.Errorf("Python %s in %s, want that in %s", e.text("version"), e.text("prefix"), home)
			}
			p.stdout.await(t, `^Python +: `+e.text("version")+` \(`+home+`\)$`)
		})
	}
}

// A Python that the account cannot reach: the path element that refuses is
// named, with owner and mode.
func TestPythonOutOfReach(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	closed := filepath.Join(dir, "closed")
	write(t, dir, "closed/python/bin/python3", "")
	mode, who := os.FileMode(0o700), "www-data"
	if !isRoot() {
		mode, who = 0, ""
	}
	if err := os.Chmod(closed, mode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chmod(closed, 0o755); err != nil {
			t.Error(err)
		}
	})
	out := launch{args: []string{"--python-home", filepath.Join(closed, "python")}}.fail(t, 1)
	for _, want := range []string{"Python in " + closed + "/python: permission denied: " + who, " may not search " + closed + " (owner ", "mode d", "\nrepair: "} {
		if !strings.Contains(out, want) {
			t.Errorf("got %q, want %q", out, want)
		}
	}
}

func TestVirtualEnvironment(t *testing.T) {
	t.Parallel()
	dir := appDir(t)
	home := filepath.Join(dir, "venv")
	if out, err := exec.Command("/usr/bin/python3", "-m", "venv", "--without-pip", home).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	site, err := filepath.Glob(filepath.Join(home, "lib/python3.*/site-packages"))
	if err != nil || len(site) != 1 {
		t.Fatalf("site-packages %v, %v", site, err)
	}
	write(t, site[0], "only_here.py", "WORD = 'from the environment'\n")
	write(t, dir, "wsgi.py", strings.ReplaceAll(helloScript, `b"hello"`, "only_here.WORD.encode()")+"import only_here\n")
	for name, l := range map[string]launch{
		"directory":   {args: []string{"--python-home", "venv", "wsgi.py"}},
		"interpreter": {args: []string{"--python-home", "venv/bin/python3", "wsgi.py"}},
		"VIRTUAL_ENV": {args: []string{"wsgi.py"}, env: []string{"VIRTUAL_ENV=" + home}},
	} {
		t.Run(name, func(t *testing.T) {
			l.dir = dir
			l.start(t).expect("/", 200, "from the environment")
		})
	}
}

// An active environment that cannot be used is not passed over in silence.
func TestVirtualEnvironmentGone(t *testing.T) {
	t.Parallel()
	p := launch{dir: appDir(t), args: []string{"app.py"}, env: []string{"VIRTUAL_ENV=/nowhere/venv"}}.start(t)
	p.stderr.await(t, `\[core:warn\] .* not using Python in /nowhere/venv \(VIRTUAL_ENV\): .*no such directory`)
	p.expect("/", 200, "Hello World!\n")
}

func TestPythonHomeRefused(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "empty/file", "")
	write(t, dir, "text", "")
	fakePython(t, dir, "old", "3.7.16")
	fakePython(t, dir, "static", "3.11.2")
	script(t, dir, "broken/bin/python3", "#!/bin/sh\necho boom >&2\nexit 3\n")
	write(t, dir, "env/bin/activate", "")
	if err := os.Symlink("/nowhere/python3", filepath.Join(dir, "env/bin/python3")); err != nil {
		t.Fatal(err)
	}
	for home, want := range map[string][]string{
		"none":   {"no such directory", "gophersnake doctor"},
		"empty":  {"no Python interpreter in it", "sys.prefix"},
		"text":   {"not a directory", "sys.prefix"},
		"old":    {"too old: it is Python 3.7.16, the oldest supported is 3.9", "use CPython 3.9"},
		"static": {"no shared library: Python 3.11.2 without libpython3.11", "--enable-shared"},
		"broken": {"does not run", "boom", "exit status 3", "by hand"},
		"env":    {"points to /nowhere/python3, which does not exist", "python3 -m venv --clear"},
	} {
		t.Run(home, func(t *testing.T) {
			out := launch{dir: dir, args: []string{"--python-home", home}}.fail(t, 1)
			for _, part := range append(want, "Python in "+filepath.Join(dir, home)+": ", "\nrepair: ") {
				if !strings.Contains(out, part) {
					t.Errorf("got %q, want %q", out, part)
				}
			}
		})
	}
}

// TestOldPython asks a real one if there is one.
func TestOldPython(t *testing.T) {
	t.Parallel()
	home, ok := interpreters(t)["3.7"]
	if !ok {
		dir := tempDir(t)
		fakePython(t, dir, "old", "3.7.16")
		home = filepath.Join(dir, "old")
	}
	out := launch{before: reader(), args: []string{"--python-home", home}}.fail(t, 1)
	if !strings.Contains(out, "too old: it is Python 3.7") || !strings.Contains(out, "repair: ") {
		t.Errorf("got %q", out)
	}
}

// fakePython makes an interpreter that answers the probe as one of a version
// and without a library would.
func fakePython(t *testing.T, dir, name, version string) {
	t.Helper()
	prefix := filepath.Join(dir, name)
	answer, err := json.Marshal(map[string]any{
		"version": json.RawMessage("[" + strings.ReplaceAll(version, ".", ",") + "]"), "implementation": "cpython",
		"prefix": prefix, "base_prefix": prefix, "executable": prefix + "/bin/python3", "stdlib": prefix + "/lib",
		"abiflags": "", "config": map[string]string{"LIBDIR": prefix + "/lib"}, "mapped": []string{},
	})
	if err != nil {
		t.Fatal(err)
	}
	script(t, dir, name+"/bin/python3", "#!/bin/sh\ncat <<'END'\ngophersnake-probe:"+string(answer)+"\nEND\n")
}

// script writes an executable file. It holds off forks of parallel tests: a child
// that inherited the open file would make running it fail with "text file busy".
func script(t *testing.T, dir, name, text string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.Chmod(write(t, dir, name, text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// doctor calls that Python the default which a server uses, also when that runs
// as another account, which cannot reach the first one on PATH.
func TestDoctorAndServerAgree(t *testing.T) {
	t.Parallel()
	if !isRoot() {
		t.Log("this is not root: both are the same account")
	}
	dir := tempDir(t)
	private := filepath.Join(dir, "private")
	out, err := exec.Command("/usr/bin/python3", "-m", "venv", "--without-pip", filepath.Join(private, "venv")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Chmod(private, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "app.py", helloScript)
	path := "PATH=" + private + "/venv/bin:/usr/bin:/bin"
	p := launch{dir: dir, env: []string{path}}.run(t, "doctor", "--json")
	p.wait()
	var found []struct {
		Home, Problem string
		Default       bool
	}
	if err := json.Unmarshal([]byte(p.stdout.String()), &found); err != nil {
		t.Fatalf("%v in %s", err, p.stdout)
	}
	chosen := ""
	for _, f := range found {
		if f.Default {
			chosen = f.Home
		}
		if isRoot() && strings.HasPrefix(f.Home, private) && !strings.Contains(f.Problem, "may not search "+private) {
			t.Errorf("of the private one doctor says %+v", f)
		}
	}
	inBothModes(t, func(t *testing.T, l launch) {
		l.dir, l.env, l.args = dir, []string{path}, []string{"app.py"}
		p := l.start(t)
		p.stdout.await(t, `^Python +: \S+ \(`+regexp.QuoteMeta(chosen)+`\)$`)
		if isRoot() {
			p.stderr.await(t, `\[core:info\] .* not using Python in `+private+`/venv/bin/python3 \(PATH\): .*permission denied: \S+ may not search `+private)
		}
	})
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	fakePython(t, dir, "old", "3.7.16")
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{nil, 0, "libpython3."},
		{[]string{"--python-home", "/usr"}, 0, "ok"},
		{[]string{"--python-home", "old"}, 1, "too old"},
		{[]string{"--python-home", "none"}, 1, "no such directory"},
	} {
		p := launch{dir: dir, status: c.status}.run(t, append([]string{"doctor"}, c.args...)...)
		p.wait()
		if !strings.Contains(p.stdout.String(), c.want) || p.stderr.String() != "" {
			t.Errorf("%v: want %q, got %q, %q", c.args, c.want, p.stdout, p.stderr)
		}
		p = launch{dir: dir, status: c.status}.run(t, append([]string{"doctor", "--json"}, c.args...)...)
		p.wait()
		var found []struct {
			Home, Version, Library, Problem, Repair string
			Usable                                  bool
		}
		if err := json.Unmarshal([]byte(p.stdout.String()), &found); err != nil || len(found) == 0 {
			t.Fatalf("%v: %v in %s", c.args, err, p.stdout)
		}
		for _, f := range found {
			if f.Home == "" || f.Usable != (f.Library != "") || f.Usable == (f.Problem != "") {
				t.Errorf("%v: %+v", c.args, f)
			}
		}
	}
}
