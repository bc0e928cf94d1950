package status

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

const suffix = ".sock"

// DefaultPath returns where the server of a port has its socket: below
// /run/gophersnake for root, else below $XDG_RUNTIME_DIR, or, where there is
// none, in a directory of the account's own in /tmp. Listen makes the directory.
func DefaultPath(port int) string {
	return filepath.Join(here().dirs()[0], strconv.Itoa(port)+suffix)
}

// places is what decides on directories.
type places struct {
	uid     int
	runtime string // $XDG_RUNTIME_DIR
	run     string // /run
	tmp     string // /tmp
}

func here() places {
	return places{os.Geteuid(), os.Getenv("XDG_RUNTIME_DIR"), "/run", "/tmp"}
}

// dirs are the directories in which an account has its sockets; new ones go
// into the first. A server started outside a session uses the last.
func (p places) dirs() []string {
	if p.uid == 0 {
		return []string{filepath.Join(p.run, "gophersnake")}
	}
	own := filepath.Join(p.tmp, "gophersnake-"+strconv.Itoa(p.uid))
	if filepath.IsAbs(p.runtime) && checkDir(p.runtime, p.uid) == nil {
		return []string{filepath.Join(p.runtime, "gophersnake"), own}
	}
	return []string{own}
}

// makeDir makes a directory for sockets, unless it is there, and checks it.
func makeDir(dir string, uid int) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make directory of status socket: %w", err)
	}
	return checkDir(dir, uid)
}

// checkDir returns an error unless dir itself, not what a symbolic link shows,
// is a directory in which only the account and root can make or replace files.
func checkDir(dir string, uid int) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("examine directory of status socket: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("directory of status socket: %s is a symbolic link; remove it or name the directory itself", dir)
	case !info.IsDir():
		return fmt.Errorf("directory of status socket: %s is not a directory", dir)
	case !ok || int(stat.Uid) != uid && stat.Uid != 0:
		return fmt.Errorf("directory of status socket: %s belongs to another account (#%d); have it removed or name another directory", dir, stat.Uid)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("directory of status socket: others may write in %s (mode %v); take that right away (chmod go-w)", dir, info.Mode())
	}
	return nil
}
