package logs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// stranger is an account that is not root.
const stranger = 54321

// place makes a directory of root's, with one in it that a stranger owns, and
// one in which everyone may write.
func place(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("the rules are about root's rights: run this test as root")
	}
	dir := t.TempDir()
	if err := errors.Join(
		os.Mkdir(dir+"/real", 0o755),
		os.Mkdir(dir+"/theirs", 0o755), os.Chown(dir+"/theirs", stranger, stranger), os.Mkdir(dir+"/theirs/real", 0o755),
		os.Mkdir(dir+"/shared", 0o755), os.Chmod(dir+"/shared", 0o777|os.ModeSticky),
		os.Mkdir(dir+"/group", 0o755), os.Chmod(dir+"/group", 0o775),
	); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestLinksOnTheWay: links that root alone could have made are followed.
func TestLinksOnTheWay(t *testing.T) {
	for name, c := range map[string]struct {
		link, to string
		owner    int
		refused  bool
	}{
		"absolute":             {link: "link", to: "DIR/real"},
		"relative":             {link: "link", to: "real"},
		"up and down":          {link: "link", to: "theirs/../real/."},
		"of a stranger":        {link: "link", to: "real", owner: stranger, refused: true},
		"in theirs":            {link: "theirs/link", to: "real", refused: true},
		"theirs of a stranger": {link: "theirs/link", to: "real", owner: stranger, refused: true},
		"group may write":      {link: "group/link", to: "../real", refused: true},
		"in /tmp":              {link: "shared/link", to: "../real", refused: true}, // a stranger may have moved it there
		"in /tmp, a stranger":  {link: "shared/link", to: "../real", owner: stranger, refused: true},
		"to itself":            {link: "link", to: "link", refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := place(t)
			link := filepath.Join(dir, c.link)
			if err := errors.Join(os.Symlink(strings.ReplaceAll(c.to, "DIR", dir), link), os.Lchown(link, c.owner, c.owner)); err != nil {
				t.Fatal(err)
			}
			f, err := OpenFile(link+"/log", &Owner{stranger, stranger})
			if err == nil {
				f.Close()
			}
			if (err != nil) != c.refused {
				t.Errorf("error %v", err)
			}
			var refusal *RefusedError
			if c.refused && name != "to itself" && (!errors.As(err, &refusal) || refusal.Element != link) {
				t.Errorf("error %v, want the link in it", err)
			}
			if _, err := os.Stat(link + "/log"); (err != nil) != c.refused {
				t.Errorf("the log: %v", err)
			}
		})
	}
}

// TestInPlaceOfLog: only a regular file of one name is a log, or what has been
// put there by root for this.
func TestInPlaceOfLog(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		make func(path string) error
		says string // "" if it is taken
	}{
		"null":          {"real", func(p string) error { return os.Symlink("/dev/null", p) }, ""},
		"null, theirs":  {"theirs", func(p string) error { return os.Symlink("/dev/null", p) }, "is a symbolic link"},
		"stderr":        {"real", func(p string) error { return os.Symlink("/dev/stderr", p) }, ""},
		"other device":  {"real", func(p string) error { return unix.Mknod(p, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))) }, ""},
		"their device":  {"theirs", func(p string) error { return unix.Mknod(p, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))) }, "is a device"},
		"link":          {"real", func(p string) error { return errors.Join(os.WriteFile(p+".to", nil, 0o600), os.Symlink(p+".to", p)) }, "is a symbolic link"},
		"dangling link": {"real", func(p string) error { return os.Symlink(p+".to", p) }, "is a symbolic link"},
		"hard link":     {"real", func(p string) error { return errors.Join(os.WriteFile(p+".to", nil, 0o600), os.Link(p+".to", p)) }, "has 2 names"},
		"pipe":          {"real", func(p string) error { return unix.Mkfifo(p, 0o666) }, "is a named pipe"},
		"socket":        {"real", func(p string) error { return unix.Mknod(p, unix.S_IFSOCK|0o666, 0) }, "is a socket"},
		"file":          {"theirs", func(p string) error { return os.WriteFile(p, nil, 0o600) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(place(t), c.in, "log")
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			var before, after unix.Stat_t
			err1 := unix.Lstat(path, &before)
			f, err := OpenFile(path, &Owner{stranger, stranger})
			if err == nil {
				_, writeErr := f.Write(nil)
				if err := errors.Join(writeErr, f.Reopen(), f.Close()); err != nil {
					t.Error(err)
				}
			}
			var refusal *RefusedError
			if c.says == "" && err != nil || c.says != "" && (!errors.As(err, &refusal) || !strings.Contains(err.Error(), path+" "+c.says)) {
				t.Errorf("error %v, want %q", err, c.says)
			}
			if err := errors.Join(err1, unix.Lstat(path, &after)); err != nil || before.Uid != after.Uid || before.Mode != after.Mode {
				t.Errorf("it was changed: owner %d, mode %o; %v", after.Uid, after.Mode, err)
			}
			if _, err := os.Stat(path + ".to"); name == "dangling link" && err == nil {
				t.Error("the file behind the link was made")
			}
		})
	}
}

// TestOpenPlain: an account without special rights follows links, and a pipe
// does not hold it up either.
func TestOpenPlain(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(unix.Mkfifo(dir+"/pipe", 0o600), os.Symlink("log", dir+"/link")); err != nil {
		t.Fatal(err)
	}
	f, err := openPlain(dir + "/link")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	var refusal *RefusedError
	if _, err := openPlain(dir + "/pipe"); !errors.As(err, &refusal) {
		t.Errorf("a pipe without a reader: %v", err)
	}
	reader, err := os.OpenFile(dir+"/pipe", os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := openPlain(dir + "/pipe"); !errors.As(err, &refusal) {
		t.Errorf("a pipe with a reader: %v", err)
	}
}

// TestBequeath: a program that this process becomes goes on in the same file.
func TestBequeath(t *testing.T) {
	f := openTestFile(t)
	b, err := f.Bequeath()
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	next, err := Inherit(b)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if _, err := next.Write([]byte("one\n")); err != nil {
		t.Error(err)
	}
	if err := os.Rename(b.Path, b.Path+".0"); err != nil {
		t.Fatal(err)
	}
	if err := next.Reopen(); err != nil {
		t.Error(err)
	}
	if got := content(t, b.Path+".0"); got != "one\n" {
		t.Errorf("the file holds %q", got)
	}
	if _, err := Inherit(Bequest{Path: "/none", File: 1 << 20, Dir: -1}); err == nil || !strings.Contains(err.Error(), "/none") {
		t.Errorf("a descriptor that is not open: %v", err)
	}
}
