package dispatch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gophersnake/gophersnake/test/nobody"
)

func TestKindOf(t *testing.T) {
	for errno, want := range map[syscall.Errno]Kind{
		syscall.ENOENT: NotFound, syscall.ENOTDIR: NotFound, syscall.ENAMETOOLONG: NotFound,
		syscall.EACCES: Forbidden, syscall.EPERM: Forbidden,
		syscall.EMFILE: Exhausted, syscall.ENFILE: Exhausted, syscall.ENOMEM: Exhausted,
		syscall.EIO: Failed, syscall.ELOOP: Failed, syscall.ESTALE: Failed, syscall.ETIMEDOUT: Failed,
	} {
		err := fmt.Errorf("look: %w", &fs.PathError{Op: "open", Path: "x", Err: errno})
		if got := KindOf(err); got != want {
			t.Errorf("%v: %v, want %v", errno, got, want)
		}
	}
}

// What cannot be looked at is not taken for something that is not there.
func TestUnknowableFiles(t *testing.T) {
	dir := tree(t, "file")
	if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	long := "/" + strings.Repeat("x", 300)
	for path, want := range map[string]Kind{
		"/s/loop": Failed, "/s/loop/x": Failed, "/loop": Failed, "/loop/x": Failed,
		"/s" + long: NotFound, long: App, "/s/file/x": NotFound, "/file/x": App,
	} {
		got := mustNew(t, Options{Aliases: []Alias{{"/s", dir}}, DocumentRoot: dir}).Resolve(path)
		if got.Kind != want || (got.Kind == Failed) != errors.Is(got.Err, syscall.ELOOP) {
			t.Errorf("%.20s: got %v, %v, want %v", path, got.Kind, got.Err, want)
		}
	}
}

// A document root that cannot be searched hides no files of the same name behind
// the application's.
func TestUnreadableDocumentRoot(t *testing.T) {
	if nobody.Again(t) {
		return
	}
	dir := tree(t, "closed/x")
	if err := os.Chmod(filepath.Join(dir, "closed"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "closed"), 0o755) })
	check(t, mustNew(t, Options{DocumentRoot: dir}), []want{
		{"/closed/x", Target{Kind: Forbidden}},
		{"/open", Target{PathInfo: "/open"}},
	})
}
