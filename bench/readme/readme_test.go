package readme

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReplace(t *testing.T) {
	begin, end := markers("a")
	other := strings.ReplaceAll(begin+"other\n"+end, "bench a", "bench b")
	text := "before\n" + begin + "old\n" + end + "between\n" + other + "after\n"
	got, err := replace(text, "a", "\nnew\n")
	if want := "before\n" + begin + "\nnew\n\n" + end + "between\n" + other + "after\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	again, err := replace(got, "a", "new")
	if err != nil || again != got {
		t.Errorf("a second time: %q, %v", again, err)
	}
	for _, bad := range []string{"", begin, end + begin, text + text, other} {
		if _, err := replace(bad, "a", "new"); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

func TestUpdate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	if err := Update(path, "a", "new"); err == nil {
		t.Error("no error for a missing file")
	}
	begin, end := markers("a")
	if err := os.WriteFile(path, []byte(begin+end), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Update(path, "a", "new"); err != nil {
		t.Fatal(err)
	}
	if err := Update(path, "b", "new"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names the file", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != begin+"\nnew\n\n"+end {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	if err := Check(path, "a"); err == nil {
		t.Error("no error for a missing file")
	}
	begin, end := markers("a")
	if err := os.WriteFile(path, []byte(begin+end), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Check(path, "a"); err != nil {
		t.Error(err)
	}
	if err := Check(path, "a", "b"); err == nil || !strings.Contains(err.Error(), "bench b: begin") {
		t.Errorf("error %v, want one that names the marker", err)
	}
}
