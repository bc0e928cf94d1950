package apps

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWriteTo(t *testing.T) {
	dir := t.TempDir()
	if err := WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hello.py", "large.py", "echo.py", "flask_view.py", "django_view.py", "wait.py", "hash.py", "soak.py", "post.lua"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if info.Mode().Perm() != 0o644 || info.Size() == 0 {
			t.Errorf("%s: mode %v, %d bytes; want 0644 and some bytes", name, info.Mode().Perm(), info.Size())
		}
	}
}

func TestWriteToMissingDirectory(t *testing.T) {
	if err := WriteTo(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no error for a directory that does not exist")
	}
}

func TestNewDirectory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir, err := NewDirectory()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v; want a directory that everybody can read", info, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "hello.py")); err != nil {
		t.Error(err)
	}
	t.Setenv("TMPDIR", filepath.Join(dir, "none"))
	if dir, err := NewDirectory(); err == nil {
		t.Errorf("made %s where nothing can be made", dir)
	}
}
