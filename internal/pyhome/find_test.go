package pyhome

import (
	"context"
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFindFake(t *testing.T) {
	t.Parallel()
	f := goodFake(t.TempDir())
	f.noise = "a .pth file says hello "
	home := f.install(t)
	got, err := testFinder().find(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	want := Installation{
		Home: home, Executable: home + "/bin/python3", Prefix: home, BasePrefix: home, Stdlib: home + "/lib/python3.12",
		Version: Version{3, 12, 1}, Library: home + "/lib/libpython3.12.so.1.0", Implementation: "cpython",
	}
	if *got != want {
		t.Errorf("got  %+v\nwant %+v", *got, want)
	}
	if text := got.String(); text != "Python 3.12.1 in "+home {
		t.Errorf("String() = %q", text)
	}
}

func TestFindAcceptsAnInterpreter(t *testing.T) {
	t.Parallel()
	home := goodFake(t.TempDir()).install(t)
	path := filepath.Join(home, "bin", "python3")
	got, err := testFinder().find(t.Context(), path)
	if err != nil || got.Home != path || got.Prefix != home {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFindTriesPythonToo(t *testing.T) {
	t.Parallel()
	f := goodFake(t.TempDir())
	f.name = "python"
	if _, err := testFinder().find(t.Context(), f.install(t)); err != nil {
		t.Error(err)
	}
}

// TestFindRefusesBuilds varies what an interpreter answers.
func TestFindRefusesBuilds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*fake)
		reason Reason
		texts  []string
	}{
		{"PyPy", func(f *fake) { f.answer.Implementation = "pypy" }, NotCPython, []string{"pypy 3.12.1", "CPython 3.9 to 3.14"}},
		{"3.8", func(f *fake) { f.answer.Version = [3]int{3, 8, 18} }, TooOld, []string{"3.8.18", "3.9"}},
		{"2.7", func(f *fake) { f.answer.Version = [3]int{2, 7, 18} }, TooOld, []string{"2.7.18"}},
		{"3.15", func(f *fake) { f.answer.Version = [3]int{3, 15, 0} }, TooNew, []string{"3.15.0", "3.14"}},
		{"4.0", func(f *fake) { f.answer.Version = [3]int{4, 0, 0} }, TooNew, []string{"4.0.0"}},
		{"free-threaded", func(f *fake) { f.answer.Config["Py_GIL_DISABLED"] = "1" }, FreeThreadedBuild, []string{"not supported yet", "ordinary build"}},
		{"free-threaded by flag", func(f *fake) { f.answer.ABIFlags = "t" }, FreeThreadedBuild, nil},
		{"static", func(f *fake) { f.library = "" }, NoSharedLibrary, []string{"libpython3.12.so.1.0", "--enable-shared"}},
		{"static archive only", func(f *fake) { f.library = "libpython3.12.a"; f.answer.Config["INSTSONAME"] = "libpython3.12.a" },
			NoSharedLibrary, []string{"without libpython3.12.so.1.0"}},
		{"stable ABI stub only", func(f *fake) { f.library = "libpython3.so" }, NoSharedLibrary, nil},
		{"other processor", func(f *fake) { f.machine = elf.EM_VAX }, WrongArchitecture, []string{"libpython3.12.so.1.0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := goodFake(t.TempDir())
			c.change(&f)
			_, err := testFinder().find(t.Context(), f.install(t))
			wantError(t, err, c.reason, c.texts...)
			if e, _ := errors.AsType[*Error](err); e.Version == (Version{}) {
				t.Error("the error does not hold the version")
			}
		})
	}
}

func TestFindAcceptsEdgesOfVersions(t *testing.T) {
	t.Parallel()
	for _, version := range [][3]int{{3, 9, 0}, {3, 14, 7}} {
		f := goodFake(t.TempDir())
		f.answer.Version = version
		f.library = "libpython" + Version{version[0], version[1], 0}.Short() + ".so"
		if got, err := testFinder().find(t.Context(), f.install(t)); err != nil || !strings.HasSuffix(got.Library, f.library) {
			t.Errorf("%v: %+v, %v", version, got, err)
		}
	}
}

func TestFindPrefersTheLibraryInMemory(t *testing.T) {
	t.Parallel()
	f := goodFake(t.TempDir())
	mapped := filepath.Join(f.home, "elsewhere", "libpython3.12.so.1.0")
	other := filepath.Join(f.home, "elsewhere", "libpython3.1.so")
	f.answer.Mapped = []string{other, filepath.Join(f.home, "gone", "libpython3.12.so (deleted)"), mapped}
	writeFile(t, mapped, elfHeader(f.machine), 0o644)
	writeFile(t, other, elfHeader(f.machine), 0o644)
	if got, err := testFinder().find(t.Context(), f.install(t)); err != nil || got.Library != mapped {
		t.Errorf("got %+v, %v, want library %s", got, err, mapped)
	}
}

func TestFindMultiarchLibrary(t *testing.T) {
	t.Parallel()
	f := goodFake(t.TempDir())
	f.library = "x86_64-linux-gnu/libpython3.12.so.1.0"
	f.answer.Config = map[string]string{"MULTIARCH": "x86_64-linux-gnu", "LIBDIR": "/nonexistent"}
	home := f.install(t)
	if got, err := testFinder().find(t.Context(), home); err != nil || got.Library != filepath.Join(home, "lib", f.library) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A place that cannot be is neither searched nor named.
func TestLibraryDirs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ libdir, multiarch, want string }{
		{"/usr/lib/x86_64-linux-gnu", "x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu /usr/lib /usr/lib64"},
		{"/usr/lib/x86_64-linux-gnu/", "x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu /usr/lib /usr/lib64"},
		{"/usr/lib", "x86_64-linux-gnu", "/usr/lib /usr/lib/x86_64-linux-gnu /usr/lib64"},
		{"/opt/lib", "", "/opt/lib /usr/lib /usr/lib64"},
		{"", "x86_64-linux-gnu", "/usr/lib /usr/lib64 /usr/lib/x86_64-linux-gnu"},
		{"lib", "", "/usr/lib /usr/lib64"},
	} {
		a := &answer{Config: map[string]string{"LIBDIR": c.libdir, "MULTIARCH": c.multiarch}}
		got := strings.Join(libraryDirs(&Installation{BasePrefix: "/usr", Prefix: "/usr"}, a), " ")
		if got != c.want {
			t.Errorf("LIBDIR %q, MULTIARCH %q: %s, want %s", c.libdir, c.multiarch, got, c.want)
		}
	}
}

func TestFindDebugBuild(t *testing.T) {
	t.Parallel()
	f := goodFake(t.TempDir())
	f.answer.ABIFlags, f.library = "d", "libpython3.12d.so.1.0"
	f.answer.Config = nil
	if got, err := testFinder().find(t.Context(), f.install(t)); err != nil || !got.Debug {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestFindRefusesPaths names what is no Python.
func TestFindRefusesPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	goodFake(filepath.Join(dir, "project", "venv")).install(t)
	writeFile(t, filepath.Join(dir, "file"), nil, 0o644)
	writeFile(t, filepath.Join(dir, "python3"), nil, 0o644)
	broken := filepath.Join(dir, "broken", "bin", "python3")
	writeFile(t, filepath.Join(dir, "broken", "pyvenv.cfg"), nil, 0o644)
	if err := errors.Join(os.MkdirAll(filepath.Dir(broken), 0o755), os.Symlink("/nonexistent/python3", broken)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		reason Reason
		texts  []string
	}{
		{"missing", NoSuchDirectory, []string{dir + "/missing: no such directory", "doctor"}},
		{"missing/deep/home", NoSuchDirectory, []string{dir + "/missing does not exist"}},
		{"file", NotADirectory, []string{"-rw-r--r--"}},
		{"file/home", NotADirectory, []string{"not a directory"}},
		{"python3", NotADirectory, []string{"-rw-r--r--"}},
		{"project", NoInterpreter, []string{"bin/python3", "perhaps " + dir + "/project/venv was meant"}},
		{"project/venv/bin", NoInterpreter, []string{"perhaps " + dir + "/project/venv was meant"}},
		{"project/venv/lib", NoInterpreter, []string{"sys.prefix"}},
		{"broken", NoInterpreter, []string{"/nonexistent/python3", "venv --clear"}},
	} {
		_, err := testFinder().find(t.Context(), filepath.Join(dir, c.name))
		t.Run(c.name, func(t *testing.T) { wantError(t, err, c.reason, c.texts...) })
	}
}

func TestFindExplainsInterpretersThatDoNotRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, script, text string }{
		{"fails", "echo first >&2; echo boom >&2; exit 3", "exit status 3: first | boom"},
		{"killed", "kill -9 $$", "signal: killed"},
		{"silent", "exit 0", "does not run Python code"},
		{"chatters", "echo I am no Python", `"I am no Python"`},
		{"nonsense", "echo '" + probeMark + "{]'", "read its answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			writeScript(t, filepath.Join(home, "bin", "python3"), c.script+"\n")
			_, err := testFinder().find(t.Context(), home)
			wantError(t, err, DoesNotRun, c.text, home+"/bin/python3")
		})
	}
	t.Run("no executable format", func(t *testing.T) {
		home := t.TempDir()
		writeFile(t, filepath.Join(home, "bin", "python3"), []byte("\x00\x01"), 0o755)
		_, err := testFinder().find(t.Context(), home)
		wantError(t, err, DoesNotRun, "exec format error")
	})
}

// TestFindGivesUp has an interpreter that never answers, and a child of it
// that keeps the pipe open.
func TestFindGivesUp(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	writeScript(t, filepath.Join(home, "bin", "python3"), "echo thinking >&2\nsleep 600 &\nwait\n")
	f := testFinder()
	f.timeout = 300 * time.Millisecond
	_, err := f.find(t.Context(), home)
	wantError(t, err, DoesNotRun, "no answer within 300ms")
}

func TestFindStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := testFinder().find(ctx, goodFake(t.TempDir()).install(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestBoundedKeepsTheEnd(t *testing.T) {
	var b bounded
	for range 3 {
		b.Write([]byte(strings.Repeat("a", maxProbeOutput/2)))
	}
	b.Write([]byte("end"))
	if b.Len() != maxProbeOutput || !strings.HasSuffix(b.String(), "aend") {
		t.Errorf("%d bytes kept", b.Len())
	}
	n, err := b.Write([]byte(strings.Repeat("b", 2*maxProbeOutput)))
	if n != 2*maxProbeOutput || err != nil || b.String() != strings.Repeat("b", maxProbeOutput) {
		t.Errorf("a large write: %d, %v, %d kept", n, err, b.Len())
	}
}

func TestErrorUnwraps(t *testing.T) {
	_, err := testFinder().find(t.Context(), filepath.Join(t.TempDir(), "missing"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
	for r := NoSuchDirectory; r <= NonePresent; r++ {
		if strings.HasPrefix(r.String(), "reason ") {
			t.Errorf("reason %d has no text", r)
		}
	}
	if got := Reason(0).String(); got != "reason 0" {
		t.Errorf("Reason(0) is %q", got)
	}
}
