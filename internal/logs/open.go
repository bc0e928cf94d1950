package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Owner is whom a new log file belongs to.
type Owner struct{ UID, GID int }

// RefusedError says why a log file is not opened: another account could have
// put there what the path leads to.
type RefusedError struct {
	Path    string // of the log
	Element string // what refuses: Path itself or a directory on the way
	Reason  string // what it is
	Repair  string // what the user can do
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("open log file %s: %s %s; %s", e.Path, e.Element, e.Reason, e.Repair)
}

// keep is what a new log file has from the one before it.
type keep struct {
	owner Owner
	mode  uint32
}

// opener opens a log file with the rights of root, along a path in which other
// accounts may have put what they like. The rules are
//
//   - A directory on the way is opened through the descriptor of the one above,
//     so that what was looked at is what is used.
//   - A symbolic link on the way is followed only if root alone could have made
//     it: it belongs to root, and so does the directory that it lies in, in which
//     no one else may write. Rights that an access control list gives are in the
//     group's bits.
//   - The log itself is a regular file that has no other name. A link is refused
//     even if it is root's, but for one to /dev/stdout, /dev/stderr or /dev/null.
//   - /dev/null, or another character device, may be named if it lies in a
//     directory in which root alone can write.
//   - Only a file that is made here is given to somebody.
//
// It never blocks, whatever lies there.
type opener struct {
	path  string
	links int
}

// standard returns the file behind a name of a standard stream, nil for others.
// To open such a name would go by what it leads to, which may be a socket.
func standard(path string) *os.File {
	switch path {
	case "/dev/stdout":
		return os.Stdout
	case "/dev/stderr":
		return os.Stderr
	}
	return nil
}

// openPlain opens a log with no more rights than who may have placed what the
// path leads to. It never blocks, and refuses pipes and sockets: their readers
// could hold up the program.
func openPlain(path string) (*os.File, error) {
	fd, err := retry(func() (int, error) {
		return unix.Open(path, openFlags|unix.O_CREAT, newMode)
	})
	if err != nil && !errors.Is(err, unix.ENXIO) { // ENXIO: a pipe that nobody reads
		return nil, fmt.Errorf("open log file: %w", &fs.PathError{Op: "open", Path: path, Err: err})
	}
	o := opener{path: path}
	if err != nil {
		return nil, o.refuse(path, "is a named pipe or a socket", "name a regular file")
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, o.abandon(fd, err)
	}
	if kind := stat.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFCHR {
		return nil, o.abandon(fd, o.refuse(path, "is "+kindName(stat.Mode), "name a regular file"))
	}
	return o.file(fd)
}

const (
	openFlags = unix.O_WRONLY | unix.O_APPEND | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	newMode   = 0o644
)

// open opens the file, or makes one like k, or, if k is nil, one of owner,
// unless that is nil, too. below is the directory as it was found before: it is
// used when this process may no longer pass those above it. The directory that
// is returned belongs to the caller.
func (o *opener) open(owner *Owner, k *keep, below *os.File) (file, dir *os.File, err error) {
	dirFD, name, err := o.walk(o.path)
	if errors.Is(err, fs.ErrPermission) && below != nil {
		dirFD, err = unix.FcntlInt(below.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		name = filepath.Base(o.path)
	}
	if err != nil {
		return nil, nil, err
	}
	dir = os.NewFile(uintptr(dirFD), filepath.Dir(o.path))
	if file, err = o.openIn(dirFD, name, owner, k); err != nil {
		return nil, nil, errors.Join(err, dir.Close())
	}
	return file, dir, nil
}

// attempts bounds how often a file is looked for that others make and remove.
const attempts = 10

// openIn opens name in a directory, where it may be made or removed meanwhile.
func (o *opener) openIn(dir int, name string, owner *Owner, k *keep) (*os.File, error) {
	for range attempts {
		file, err := o.openThere(dir, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
		file, err = o.create(dir, name, owner, k)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
	}
	return nil, o.refuse(o.path, "is made and removed all the time by something else", "name another file")
}

// openThere opens what lies under a name, if it is fit to be a log.
func (o *opener) openThere(dir int, name string) (*os.File, error) {
	var stat unix.Stat_t
	if err := unix.Fstatat(dir, name, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil, o.failed(err)
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFLNK {
		return o.openStandardLink(dir, name)
	}
	if err := o.judge(dir, &stat); err != nil { // what only looks at it has no effect
		return nil, err
	}
	fd, err := retry(func() (int, error) { return unix.Openat(dir, name, openFlags|unix.O_NOFOLLOW, 0) })
	if err != nil {
		return nil, o.failed(err)
	}
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, o.abandon(fd, o.failed(err))
	}
	if err := o.judge(dir, &stat); err != nil {
		return nil, o.abandon(fd, err)
	}
	return o.file(fd)
}

// openStandardLink opens where a link in place of the log leads to, if root has
// made it and it names a standard stream or /dev/null.
func (o *opener) openStandardLink(dir int, name string) (*os.File, error) {
	link, err := retry(func() (int, error) {
		return unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, o.failed(err)
	}
	defer unix.Close(link)
	trusted, err := ofRoot(dir, link)
	if err != nil {
		return nil, o.failed(err)
	}
	to, err := readLink(link)
	switch {
	case err != nil:
		return nil, o.failed(err)
	case !trusted || standard(to) == nil && to != os.DevNull:
		return nil, o.refuse(o.path, "is a symbolic link", "remove it, or name the file that it leads to")
	case to == os.DevNull:
		return openPlain(to)
	}
	return duplicate(standard(to))
}

// judge refuses what is no fit log.
func (o *opener) judge(dir int, stat *unix.Stat_t) error {
	switch kind := stat.Mode & unix.S_IFMT; {
	case kind == unix.S_IFREG && stat.Nlink == 1:
		return nil
	case kind == unix.S_IFREG && stat.Nlink == 0: // removed since
		return unix.ENOENT
	case kind == unix.S_IFREG:
		return o.refuse(o.path, fmt.Sprintf("has %d names (hard links)", stat.Nlink), "remove it, or name another file")
	case kind == unix.S_IFCHR:
		var above unix.Stat_t
		if err := unix.Fstat(dir, &above); err != nil {
			return o.failed(err)
		}
		if onlyRootWrites(&above) {
			return nil
		}
	}
	return o.refuse(o.path, "is "+kindName(stat.Mode), "remove it, or name a regular file")
}

// create makes the file; an error that is fs.ErrExist says that another did.
func (o *opener) create(dir int, name string, owner *Owner, k *keep) (*os.File, error) {
	mode := uint32(newMode)
	if k != nil {
		owner, mode = &k.owner, 0o600
	}
	fd, err := retry(func() (int, error) {
		return unix.Openat(dir, name, openFlags|unix.O_NOFOLLOW|unix.O_CREAT|unix.O_EXCL, mode)
	})
	if err != nil {
		return nil, o.failed(err)
	}
	if k != nil {
		if err := unix.Fchmod(fd, k.mode); err != nil {
			return nil, o.abandon(fd, fmt.Errorf("give log file %s mode %o: %w", o.path, k.mode, err))
		}
	}
	if owner != nil && os.Geteuid() == 0 {
		if err := unix.Fchown(fd, owner.UID, owner.GID); err != nil {
			return nil, o.abandon(fd, fmt.Errorf("give log file %s to account %d: %w", o.path, owner.UID, err))
		}
	}
	return o.file(fd)
}

// file makes an open log block, as a writer expects, and wraps it.
func (o *opener) file(fd int) (*os.File, error) {
	if err := unix.SetNonblock(fd, false); err != nil {
		return nil, o.abandon(fd, o.failed(err))
	}
	return os.NewFile(uintptr(fd), o.path), nil
}

func (o *opener) refuse(element, reason, repair string) error {
	return &RefusedError{Path: o.path, Element: element, Reason: reason, Repair: repair}
}

func (o *opener) failed(err error) error {
	return fmt.Errorf("open log file: %w", &fs.PathError{Op: "open", Path: o.path, Err: err})
}

// failedAt is failed for a directory on the way.
func (o *opener) failedAt(directory string, err error) error {
	return fmt.Errorf("open log file: open %s: %w (%s)", o.path, err, directory)
}

// abandon closes what is not used after err.
func (o *opener) abandon(fd int, err error) error {
	_ = unix.Close(fd)
	return err
}

// kindName names what is no regular file.
func kindName(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFIFO:
		return "a named pipe"
	case unix.S_IFSOCK:
		return "a socket"
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFLNK:
		return "a symbolic link"
	}
	return "a device"
}

// duplicate returns a file that is open already.
func duplicate(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("duplicate %s: %w", f.Name(), err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// retry makes a system call again that a signal has interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
