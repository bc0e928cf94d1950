package logs

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// firstBequeathed is the lowest descriptor that Bequeath uses: those below are
// for standard streams and the listening socket.
const firstBequeathed = 10

// Bequest is a File as the next program of this process gets it: descriptors
// that stay open when it is executed. It can be sent as JSON.
type Bequest struct {
	Path string
	File int
	Dir  int // -1 if the file is opened with no more rights than others have
}

// Bequeath duplicates the file for a program that this process becomes, which
// may not be able to open it. It is done last: programs started from now on
// inherit the descriptors, too.
func (f *File) Bequeath() (Bequest, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.file == nil {
		return Bequest{}, fmt.Errorf("pass on log file %s: %w", f.path, os.ErrClosed)
	}
	b := Bequest{Path: f.path, Dir: -1}
	var err error
	if b.File, err = unix.FcntlInt(f.file.Fd(), unix.F_DUPFD, firstBequeathed); err != nil {
		return Bequest{}, fmt.Errorf("pass on log file %s: %w", f.path, err)
	}
	if f.dir == nil {
		return b, nil
	}
	if b.Dir, err = unix.FcntlInt(f.dir.Fd(), unix.F_DUPFD, firstBequeathed); err != nil {
		return Bequest{}, fmt.Errorf("pass on directory of log file %s: %w", f.path, err)
	}
	return b, nil
}

// Inherit takes over a file that the program before has bequeathed. The caller
// closes it.
func Inherit(b Bequest) (*File, error) {
	file, err := inherited(b.File, b.Path)
	if err != nil {
		return nil, err
	}
	f := &File{path: b.Path, file: file}
	if b.Dir < 0 {
		return f, nil
	}
	f.careful = true
	if f.dir, err = inherited(b.Dir, b.Path); err != nil {
		_ = file.Close()
		return nil, err
	}
	return f, nil
}

func inherited(fd int, path string) (*os.File, error) {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("take over inherited log file %s, descriptor %d: %w", path, fd, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}
