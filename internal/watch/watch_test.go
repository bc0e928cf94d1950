package watch

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
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

// waiting runs w.Wait and reports the name it returned, with a mark if it was
// unseen, or "waiting" if it did not return within some looks.
func waiting(t *testing.T, w *Watcher, change func()) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := make(chan *Change, 1)
	go func() { result <- w.Wait(ctx) }()
	synctest.Wait() // it has looked once
	change()
	timeout := time.NewTimer(10 * time.Second)
	select {
	case c := <-result:
		if c.Digest != "" {
			return c.Name + " unseen"
		}
		return c.Name
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
		files := newList(first)
		w := &Watcher{Files: files.get}
		if got := waiting(t, w, func() { files.set(first, second) }); got != "waiting" {
			t.Errorf("Wait returned %q", got)
		}
	})
}

// A file may be written between its being read and the first look at it.
func TestChangedBeforeFirstLook(t *testing.T) {
	dir := t.TempDir()
	early, late := filepath.Join(dir, "early.py"), filepath.Join(dir, "late.py")
	write(t, early, "text")
	write(t, late, "text")
	for _, test := range []struct {
		name        string
		early, late time.Duration // when they are modified, after loading began
		read        map[string]string
		want        string
	}{
		{"before", -time.Hour, -time.Hour, nil, "waiting"},
		{"while it was read", time.Second, -time.Hour, nil, early + " unseen"},
		{"for the later look", -time.Hour, 1500 * time.Millisecond, nil, late + " unseen"},
		{"by the application itself", time.Second, time.Hour, map[string]string{early: digestOf(early), late: digestOf(late)}, "waiting"},
		{"by the application, with other text", time.Second, time.Hour, map[string]string{early: "other", late: digestOf(late)}, early + " unseen"},
		{"read after it was written", -time.Hour, 500 * time.Millisecond, nil, "waiting"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				loading := time.Now()
				for name, after := range map[string]time.Duration{early: test.early, late: test.late} {
					if err := os.Chtimes(name, time.Time{}, loading.Add(after)); err != nil {
						t.Fatal(err)
					}
				}
				files := newList(early)
				w := &Watcher{Files: files.get, Loading: loading, Read: test.read}
				pause(time.Second) // the first look is at 1 s, the second at 2 s
				if got := waiting(t, w, func() { files.set(early, late) }); got != test.want {
					t.Errorf("Wait returned %q, want %q", got, test.want)
				}
			})
		})
	}
}

// pause lets a synctest bubble's time go on.
func pause(d time.Duration) { <-time.NewTimer(d).C }

// list is a set of files that may grow while it is watched.
type list struct{ names atomic.Pointer[[]string] }

func newList(names ...string) *list {
	l := new(list)
	l.set(names...)
	return l
}

func (l *list) set(names ...string) { l.names.Store(&names) }
func (l *list) get() []string       { return *l.names.Load() }

// TestKnown: what changed before the first look is found if it is known what the file
// was when it was read.
func TestKnown(t *testing.T) {
	dir := t.TempDir()
	file, none := filepath.Join(dir, "app.py"), filepath.Join(dir, "none.py")
	write(t, file, "text")
	os.Chtimes(file, time.Time{}, time.Unix(5, 7))
	for _, test := range []struct{ name, file, stamp, want string }{
		{"the same", file, "5000000007 4 ", "waiting"},
		{"another time", file, "5000000008 4 ", file},
		{"another size", file, "5000000007 5 ", file},
		{"it was missing", file, "0 -1 ", file},
		{"it is missing", none, "0 -1 ", "waiting"},
		{"it is gone", none, "5000000007 4 ", none},
	} {
		t.Run(test.name, func(t *testing.T) {
			name, stamp, ok := ParseStamp(test.stamp + test.file)
			if !ok || name != test.file {
				t.Fatalf("%q, %v", name, ok)
			}
			synctest.Test(t, func(t *testing.T) {
				w := &Watcher{
					Files: func() []string { return []string{test.file} },
					Known: func(name string) (Stamp, bool) { return stamp, name == test.file },
				}
				if got := waiting(t, w, func() {}); got != test.want {
					t.Errorf("%s, want %s", got, test.want)
				}
			})
		})
	}
	for _, text := range []string{"", "5", "5 6", "x 6 name", "5 x name", "5 6 "} {
		if name, _, ok := ParseStamp(text); ok {
			t.Errorf("%q is a stamp of %q", text, name)
		}
	}
}
