package pyhome

import (
	"github.com/gophersnake/gophersnake/internal/account"

	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// realPythons returns the Pythons of this machine that can be embedded.
func realPythons(t *testing.T) []*Installation {
	t.Helper()
	var all []*Installation
	for _, c := range List(t.Context()) {
		if c.Installation != nil {
			all = append(all, c.Installation)
		}
	}
	if len(all) == 0 {
		t.Fatal("no Python with a shared library on this machine: run `make setup`")
	}
	return all
}

func TestFindRealPythons(t *testing.T) {
	for _, want := range realPythons(t) {
		t.Run(want.Home, func(t *testing.T) {
			got, err := Find(t.Context(), want.Home)
			if err != nil {
				t.Fatal(err)
			}
			if *got != *want {
				t.Errorf("found by List %+v, by Find %+v", *want, *got)
			}
			if !strings.Contains(filepath.Base(got.Library), "libpython"+got.Version.Short()) {
				t.Errorf("library %s of Python %v", got.Library, got.Version)
			}
			if got.FreeThreaded || got.Implementation != "cpython" {
				t.Errorf("accepted %+v", *got)
			}
			if err := got.Refusal(account.Current()); err != nil {
				t.Errorf("Refusal for ourselves: %v", err)
			}
		})
	}
}

func TestFindVirtualEnvironments(t *testing.T) {
	for _, base := range realPythons(t) {
		t.Run(base.Version.String(), func(t *testing.T) {
			t.Parallel()
			home := filepath.Join(t.TempDir(), "env")
			if out, err := exec.Command(base.Executable, "-m", "venv", "--without-pip", home).CombinedOutput(); err != nil {
				t.Fatalf("%s has no venv module: %v: %s", base.Executable, err, out)
			}
			for _, asked := range []string{home, filepath.Join(home, "bin", "python"), home + "/"} {
				got, err := testFinder().find(t.Context(), asked)
				if err != nil {
					t.Fatal(err)
				}
				if !got.Venv || got.Prefix != home || got.BasePrefix != base.BasePrefix || got.Library != base.Library || got.Version != base.Version {
					t.Errorf("asked for %s, got %+v, of base %+v", asked, *got, *base)
				}
				if !strings.HasPrefix(got.Executable, home+"/bin/python") {
					t.Errorf("executable %s is not in %s", got.Executable, home)
				}
			}
		})
	}
}

// TestFindIgnoresTheEnvironment sets what would confuse an interpreter.
func TestFindIgnoresTheEnvironment(t *testing.T) {
	base := realPythons(t)[0]
	t.Setenv("PYTHONHOME", "/nonexistent")
	dir := t.TempDir()
	for _, name := range []string{"json.py", "sysconfig.py", "platform.py"} {
		writeFile(t, filepath.Join(dir, name), []byte("raise SystemExit('shadowed')\n"), 0o644)
	}
	t.Setenv("PYTHONPATH", dir)
	t.Chdir(dir)
	if _, err := Find(t.Context(), base.Home); err != nil {
		t.Error(err)
	}
}

func TestFindRefusesRealOldPythons(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"2.7", "3.6", "3.7", "3.8"} {
		for _, path := range glob(filepath.Join(home, ".pyenv", "versions", version+".*")) {
			_, err := Find(t.Context(), path)
			wantError(t, err, TooOld, "it is Python "+filepath.Base(path))
		}
	}
}
