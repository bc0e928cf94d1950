package logs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func openTestFile(t *testing.T) *File {
	t.Helper()
	f, err := OpenFile(filepath.Join(t.TempDir(), "log"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFileAppends(t *testing.T) {
	f := openTestFile(t)
	if _, err := f.Write([]byte("one\n")); err != nil {
		t.Fatal(err)
	}
	again, err := OpenFile(f.Path(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.Write([]byte("two\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("three\n")); err != nil {
		t.Fatal(err)
	}
	if got := content(t, f.Path()); got != "one\ntwo\nthree\n" {
		t.Errorf("the file holds %q", got)
	}
	info, err := os.Stat(f.Path())
	if err != nil || info.Mode().Perm()&^0o644 != 0 || info.Mode().Perm()&0o600 != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestFileReopens(t *testing.T) {
	f := openTestFile(t)
	f.Write([]byte("before\n"))
	rotated := f.Path() + ".1"
	if err := os.Rename(f.Path(), rotated); err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("still old\n"))
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("new\n"))
	if got := content(t, rotated); got != "before\nstill old\n" {
		t.Errorf("rotated file holds %q", got)
	}
	if got := content(t, f.Path()); got != "new\n" {
		t.Errorf("new file holds %q", got)
	}
}

func TestFileStaysOpenWhenItCannotReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(filepath.Join(dir, "log"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	moved := dir + ".moved"
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	if err := f.Reopen(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Reopen: %v, want one of fs.ErrNotExist", err)
	}
	if _, err := f.Write([]byte("kept\n")); err != nil {
		t.Errorf("write after a failed Reopen: %v", err)
	}
	if got := content(t, filepath.Join(moved, "log")); got != "kept\n" {
		t.Errorf("the old file holds %q", got)
	}
}

func TestFileClosed(t *testing.T) {
	f := openTestFile(t)
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Errorf("Close twice: %v", err)
	}
	if _, err := f.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write: %v", err)
	}
	if err := f.Reopen(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Reopen: %v", err)
	}
	if _, err := new(File).Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write of the zero File: %v", err)
	}
}

func TestOpenFileSaysWhich(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "log")
	if _, err := OpenFile(path, nil); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("OpenFile: %v, want the path in it", err)
	}
}

// TestFileLosesNothing rotates a file that several goroutines write.
func TestFileLosesNothing(t *testing.T) {
	const goroutines, lines, rotations = 4, 500, 20
	f := openTestFile(t)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range lines {
				if _, err := f.Write([]byte("line\n")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range rotations {
		if err := os.Rename(f.Path(), f.Path()+"."+string(rune('a'+n))); err != nil {
			t.Error(err)
		}
		if err := f.Reopen(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	files, _ := filepath.Glob(f.Path() + "*")
	total := 0
	for _, path := range files {
		total += strings.Count(content(t, path), "line\n")
	}
	if total != goroutines*lines || len(files) != rotations+1 {
		t.Errorf("%d lines in %d files, want %d in %d", total, len(files), goroutines*lines, rotations+1)
	}
}
