package logs

import (
	"errors"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links are followed, as in Linux (path_resolution(7)).
const maxLinks = 40

// walk opens the directory of a path, for nothing but to look below it, and
// returns the last element.
func (o *opener) walk(path string) (dir int, name string, err error) {
	dir, err = o.root()
	if err != nil {
		return -1, "", err
	}
	at, rest := "/", elements(path)
	if len(rest) == 0 {
		return -1, "", o.abandon(dir, o.refuse(path, "is a directory", "name a file"))
	}
	for len(rest) > 1 {
		next := filepath.Join(at, rest[0])
		to, fd, err := o.step(dir, rest[0], next)
		if err != nil {
			return -1, "", o.abandon(dir, err)
		}
		rest = rest[1:]
		if to == "" {
			_ = unix.Close(dir)
			dir, at = fd, next
			continue
		}
		if rest = append(elements(to), rest...); !filepath.IsAbs(to) {
			continue
		}
		_ = unix.Close(dir)
		if dir, err = o.root(); err != nil {
			return -1, "", err
		}
		at = "/"
	}
	return dir, rest[0], nil
}

func (o *opener) root() (int, error) {
	fd, err := retry(func() (int, error) { return unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return -1, o.failedAt("/", err)
	}
	return fd, nil
}

// step opens the directory that is name in dir, or returns what a link of that
// name, which may be followed, says. path is its name for messages.
func (o *opener) step(dir int, name, path string) (link string, fd int, err error) {
	fd, err = retry(func() (int, error) {
		return unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return "", -1, o.failedAt(path, err)
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return "", -1, o.abandon(fd, o.failedAt(path, err))
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return "", fd, nil
	case unix.S_IFLNK:
		defer unix.Close(fd)
		link, err = o.follow(dir, fd, path)
		return link, -1, err
	}
	return "", -1, o.abandon(fd, o.failedAt(path, unix.ENOTDIR))
}

// follow returns where a link leads to if root alone could have made it.
func (o *opener) follow(dir, link int, path string) (string, error) {
	if o.links++; o.links > maxLinks {
		return "", o.failedAt(path, unix.ELOOP)
	}
	trusted, err := ofRoot(dir, link)
	if err != nil {
		return "", o.failedAt(path, err)
	}
	if !trusted {
		return "", o.refuse(path, "is a symbolic link that another account than root could have put there",
			"name the directory that it leads to, or put the link where only root can write")
	}
	to, err := readLink(link)
	if err == nil && to == "" {
		err = unix.ENOENT
	}
	if err != nil {
		return "", o.failedAt(path, err)
	}
	return to, nil
}

// ofRoot reports whether root alone could have put a link, open as such, into
// its directory. In one like /tmp another account could have: it may move a link
// of root's there out of a directory of its own.
func ofRoot(dir, link int) (bool, error) {
	var above, own unix.Stat_t
	if err := errors.Join(unix.Fstat(dir, &above), unix.Fstat(link, &own)); err != nil {
		return false, err
	}
	return own.Uid == 0 && own.Nlink == 1 && onlyRootWrites(&above), nil
}

// onlyRootWrites reports whether a directory is root's, and no one else may
// write in it.
func onlyRootWrites(dir *unix.Stat_t) bool { return dir.Uid == 0 && dir.Mode&0o022 == 0 }

// readLink reads a link that is open as such.
func readLink(fd int) (string, error) {
	text := make([]byte, unix.PathMax)
	n, err := retry(func() (int, error) { return unix.Readlinkat(fd, "", text) })
	if err != nil {
		return "", err
	}
	return string(text[:n]), nil
}

// elements are the names in a path, "." and empty ones left out.
func elements(path string) []string {
	var names []string
	for name := range strings.SplitSeq(path, "/") {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	return names
}
