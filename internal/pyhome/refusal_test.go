package pyhome

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/test/nobody"
)

// stranger is an account that owns nothing in a test's directory.
func stranger() account.Account { return account.Account{Name: "stranger", UID: 54321, GID: 54321} }

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestInstallationRefusal(t *testing.T) {
	base := nobody.Dir(t)
	home := filepath.Join(base, "home")
	i, err := testFinder().find(t.Context(), goodFake(home).install(t))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(i.Stdlib, "os.py"), nil, 0o644)
	if err := i.Refusal(stranger()); err != nil {
		t.Errorf("refused: %v", err)
	}
	chmod(t, i.Library, 0o600)
	if e, ok := errors.AsType[*account.AccessError](i.Refusal(stranger())); !ok || e.Element != i.Library {
		t.Errorf("got %v, want a refusal of %s", e, i.Library)
	}
}

// TestFindNamesTheElementThatRefuses gives one thread the file access of a
// stranger, which root can do; others close the directory to themselves.
func TestFindNamesTheElementThatRefuses(t *testing.T) {
	base := nobody.Dir(t)
	closed := filepath.Join(base, "closed")
	home := goodFake(filepath.Join(closed, "python")).install(t)
	f := testFinder()
	if os.Geteuid() == 0 {
		f.self = stranger()
		chmod(t, closed, 0o700)
	} else {
		chmod(t, closed, 0)
		defer chmod(t, closed, 0o700)
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		setFileAccess(int(f.self.UID))
		_, err := f.find(t.Context(), home)
		done <- err
	}()
	err := <-done
	wantError(t, err, PermissionDenied, f.self.Name+" may not search "+closed, "mode d")
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v is not fs.ErrPermission", err)
	}
}
