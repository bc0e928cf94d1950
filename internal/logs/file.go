package logs

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// File is a log file that outside log rotation may move away: Reopen goes on
// in a new file of the same name. All methods are safe for concurrent use. Use
// OpenFile; the zero value is a closed file.
type File struct {
	path    string
	careful bool         // opened with root's rights: by the rules of opener, for good
	mu      sync.RWMutex // held for reading while writing
	file    *os.File     // nil once closed
	dir     *os.File     // that it lies in, if careful
}

// OpenFile opens path, which is absolute, for appending and creates it if need
// be, readable for everyone as far as the umask allows. With root's rights it
// refuses, with a *RefusedError, what others could have put there (see opener),
// and a new file is made to belong to owner; nil leaves it to root. It never
// blocks. The caller closes it.
func OpenFile(path string, owner *Owner) (*File, error) {
	f := &File{path: path, careful: os.Geteuid() == 0}
	var err error
	if f.file, f.dir, err = f.open(owner, nil); err != nil {
		return nil, err
	}
	return f, nil
}

// open opens the file anew. dir is nil if there is no need of it.
func (f *File) open(owner *Owner, k *keep) (file, dir *os.File, err error) {
	if stream := standard(f.path); stream != nil {
		file, err = duplicate(stream)
		return file, nil, err
	}
	if !f.careful {
		file, err = openPlain(f.path)
		return file, nil, err
	}
	o := opener{path: f.path}
	return o.open(owner, k, f.dir)
}

// Path returns the name the file was opened by.
func (f *File) Path() string { return f.path }

// Write appends p with one write(2), unless the system takes only a part.
// After Close it returns os.ErrClosed.
func (f *File) Write(p []byte) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.file == nil {
		return 0, os.ErrClosed
	}
	return f.file.Write(p)
}

// Reopen opens the path anew and closes the file open before, after the writes
// that are under way. A new file gets the owner and the mode of the one before,
// as far as this process may give them. If it cannot be opened, or must not be
// as in OpenFile, writing goes on in the old one, and the error says so.
func (f *File) Reopen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return fmt.Errorf("reopen log file %s: %w", f.path, os.ErrClosed)
	}
	k, err := keepOf(f.file)
	if err != nil {
		return fmt.Errorf("reopen log file: %w; the old file stays in use", err)
	}
	file, dir, err := f.open(nil, k)
	if err != nil {
		return fmt.Errorf("reopen log file: %w; the old file stays in use", err)
	}
	old, oldDir := f.file, f.dir
	f.file, f.dir = file, dir
	if oldDir != nil {
		_ = oldDir.Close() // it was only looked through
	}
	if err := old.Close(); err != nil {
		return fmt.Errorf("close former log file: %w", err)
	}
	return nil
}

// keepOf is what the successor of a file has from it; nil if it is no regular
// file.
func keepOf(file *os.File) (*keep, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		return nil, fmt.Errorf("examine %s: %w", file.Name(), err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, nil
	}
	return &keep{Owner{int(stat.Uid), int(stat.Gid)}, stat.Mode & 0o777}, nil
}

// Duplicate returns the file as it is open now, to be handed to another
// process. The caller closes it.
func (f *File) Duplicate() (*os.File, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.file == nil {
		return nil, fmt.Errorf("duplicate log file %s: %w", f.path, os.ErrClosed)
	}
	fd, err := unix.FcntlInt(f.file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("duplicate log file %s: %w", f.path, err)
	}
	return os.NewFile(uintptr(fd), f.path), nil
}

// Close closes the file; a second call does nothing.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return nil
	}
	file, dir := f.file, f.dir
	f.file, f.dir = nil, nil
	if dir != nil {
		_ = dir.Close() // it was only looked through
	}
	return file.Close()
}
