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
	path string
	mu   sync.RWMutex // held for reading while writing
	file *os.File     // nil once closed
}

// OpenFile opens path for appending and creates it if need be, readable for
// everyone as far as the umask allows. The caller closes it.
func OpenFile(path string) (*File, error) {
	file, err := openAppend(path)
	if err != nil {
		return nil, err
	}
	return &File{path: path, file: file}, nil
}

func openAppend(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log file: %w", err)
	}
	return file, nil
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
// that are under way. If it cannot be opened, writing goes on in the old one.
func (f *File) Reopen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return fmt.Errorf("reopen log file %s: %w", f.path, os.ErrClosed)
	}
	file, err := openAppend(f.path)
	if err != nil {
		return fmt.Errorf("reopen log file: %w", err)
	}
	old := f.file
	f.file = file
	if err := old.Close(); err != nil {
		return fmt.Errorf("close former log file: %w", err)
	}
	return nil
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
	file := f.file
	f.file = nil
	return file.Close()
}
