package account

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gophersnake/gophersnake/test/nobody"
)

// stranger is an account that owns nothing in a test's directory.
func stranger() Account { return Account{Name: "stranger", UID: 54321, GID: 54321} }

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestRefusal(t *testing.T) {
	self := Current()
	owner := Account{Name: "owner", UID: self.UID, GID: 54321}
	member := Account{Name: "member", UID: 54321, GID: 54321, Groups: []uint32{1, self.GID}}
	ownGroup := Account{Name: "group", UID: 54321, GID: self.GID}
	root := Account{Name: "root"}
	for _, c := range []struct {
		name           string
		dir, file      os.FileMode
		account        Account
		element, words string // "" for access
	}{
		{"everyone", 0o755, 0o644, stranger(), "", ""},
		{"directory closed", 0o750, 0o644, stranger(), "dir", "stranger may not search"},
		{"directory readable only", 0o754, 0o644, stranger(), "dir", "drwxr-xr--"},
		{"search suffices", 0o711, 0o644, stranger(), "", ""},
		{"file closed", 0o755, 0o640, stranger(), "file", "may not read"},
		{"by group", 0o750, 0o640, ownGroup, "", ""},
		{"by supplementary group", 0o750, 0o640, member, "", ""},
		{"group has less than others", 0o705, 0o644, member, "dir", "member may not search"},
		{"root", 0o700, 0o000, root, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := nobody.Dir(t)
			dir := filepath.Join(base, "dir")
			file := filepath.Join(dir, "file")
			writeFile(t, file, nil, 0o644)
			chmod(t, file, c.file)
			chmod(t, dir, c.dir)
			err := Refusal(file, c.account)
			if c.element == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			want := map[string]string{"dir": dir, "file": file}[c.element]
			e, ok := errors.AsType[*AccessError](err)
			if !ok || e.Element != want || e.Path != file || !strings.Contains(e.Error(), c.words) || !errors.Is(err, fs.ErrPermission) {
				t.Errorf("got %v, want %s of %s", err, c.words, want)
			}
		})
	}
	if self.UID != 0 {
		t.Run("owner has less than others", func(t *testing.T) {
			dir := nobody.Dir(t)
			chmod(t, dir, 0o055)
			if err := Refusal(dir, owner); err == nil {
				t.Error("the owner's bits were not the ones that count")
			}
			chmod(t, dir, 0o755)
		})
	}
}

func TestRefusalFollowsLinks(t *testing.T) {
	base := nobody.Dir(t)
	closed := filepath.Join(base, "closed")
	file := filepath.Join(closed, "deep", "file")
	writeFile(t, file, nil, 0o644)
	links := filepath.Join(base, "links")
	if err := errors.Join(os.Mkdir(links, 0o755), os.Symlink("../closed/deep", filepath.Join(links, "relative")),
		os.Symlink(file, filepath.Join(links, "absolute")), os.Symlink("loop", filepath.Join(links, "loop"))); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{links + "/relative/file", links + "/absolute"} {
		chmod(t, closed, 0o755)
		if err := Refusal(path, stranger()); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		chmod(t, closed, 0o700)
		e, ok := errors.AsType[*AccessError](Refusal(path, stranger()))
		if !ok || e.Element != closed || !strings.Contains(e.Error(), "on the way to "+path) {
			t.Errorf("%s: %v, want a refusal of %s", path, e, closed)
		}
	}
	if err := Refusal(filepath.Join(links, "loop"), stranger()); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("loop: %v", err)
	}
	if err := Refusal(filepath.Join(base, "missing"), stranger()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

func TestRefusalOfDirectories(t *testing.T) {
	dir := nobody.Dir(t)
	chmod(t, dir, 0o711)
	e, ok := errors.AsType[*AccessError](Refusal(dir, stranger()))
	if !ok || e.Need != "read and search" || e.Element != dir {
		t.Errorf("got %v", e)
	}
	if err := Refusal("/", stranger()); err != nil {
		t.Errorf("/: %v", err)
	}
}

func TestLookup(t *testing.T) {
	for _, name := range []string{"root", "0", "#0"} {
		a, err := Lookup(name)
		if err != nil || a.Name != "root" || a.UID != 0 || a.GID != 0 {
			t.Errorf("Lookup(%q) = %+v, %v", name, a, err)
		}
	}
	if _, err := Lookup("no-such-account"); err == nil || !strings.Contains(err.Error(), `"no-such-account"`) {
		t.Errorf("an unknown account: %v", err)
	}
	if a := Current(); a.Name == "" || int(a.UID) != os.Geteuid() {
		t.Errorf("Current() = %+v", a)
	}
}

// writeFile writes a file and the directories above it.
func writeFile(t *testing.T, path string, content []byte, mode os.FileMode) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, mode)); err != nil {
		t.Fatal(err)
	}
}
