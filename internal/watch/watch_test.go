package watch

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// waiting runs w.Wait and reports what it returned, "waiting" if it did not
// within some looks.
func waiting(t *testing.T, w *Watcher, change func()) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := make(chan string, 1)
	go func() { result <- w.Wait(ctx) }()
	synctest.Wait() // it has looked once
	change()
	timeout := time.NewTimer(10 * time.Second)
	select {
	case name := <-result:
		return name
	case <-timeout.C:
		cancel()
		<-result
		return "waiting"
	}
}

func TestWait(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(t *testing.T, file string)
		found  bool
	}{
		{"nothing", func(*testing.T, string) {}, false},
		{"longer", func(t *testing.T, file string) { write(t, file, "longer than before") }, true},
		{"newer", func(t *testing.T, file string) { os.Chtimes(file, time.Time{}, time.Now().Add(time.Hour)) }, true},
		{"older", func(t *testing.T, file string) { os.Chtimes(file, time.Time{}, time.Unix(1, 0)) }, true},
		{"gone", func(t *testing.T, file string) { os.Remove(file) }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "app.py")
			write(t, file, "text")
			synctest.Test(t, func(t *testing.T) {
				w := &Watcher{Files: func() []string { return []string{file} }}
				got := waiting(t, w, func() { test.change(t, file) })
				if want := map[bool]string{true: file, false: "waiting"}[test.found]; got != want {
					t.Errorf("Wait returned %q, want %q", got, want)
				}
			})
		})
	}
}

func TestFileAppears(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new.py")
	synctest.Test(t, func(t *testing.T) {
		w := &Watcher{Files: func() []string { return []string{file} }}
		if got := waiting(t, w, func() { write(t, file, "text") }); got != file {
			t.Errorf("Wait returned %q", got)
		}
	})
}

func TestNewFileIsNoChange(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.py"), filepath.Join(dir, "second.py")
	write(t, first, "text")
	write(t, second, "text")
	synctest.Test(t, func(t *testing.T) {
		files := []string{first}
		w := &Watcher{Files: func() []string { return files }}
		if got := waiting(t, w, func() { files = []string{first, second} }); got != "waiting" {
			t.Errorf("Wait returned %q", got)
		}
	})
}
