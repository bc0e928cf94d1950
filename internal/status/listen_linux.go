package status

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// ErrRunning says that a server has the socket.
var ErrRunning = errors.New("another server is listening on it")

// maxPath is the longest path of a socket: the kernel has 108 bytes, one of
// them for the end.
const maxPath = 107

// listen makes the socket with mode 0600 from its first moment. That of a
// server that is dead is replaced.
func listen(path string) (*net.UnixListener, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("listen for status: path %s has %d bytes, a socket can have %d; name a shorter one", path, len(path), maxPath)
	}
	if err := makeDir(filepath.Dir(path), os.Geteuid()); err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("listen for status on %s: %w", path, err)
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		controlErr := c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), 0o600) })
		return errors.Join(controlErr, err)
	}}
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for status: %w", err)
	}
	socket := l.(*net.UnixListener)
	socket.SetUnlinkOnClose(false) // Serve looks first whether it is still ours
	return socket, nil
}

// removeStale removes the socket of a server that is gone. Anything but a
// socket stays, and is an error.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("there is something else (mode %v); remove it or name another path", info.Mode())
	}
	conn, err := net.Dial("unix", path)
	switch {
	case err == nil:
		conn.Close()
		return ErrRunning
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	case errors.Is(err, syscall.EAGAIN): // its queue is full
		return ErrRunning
	}
	return err
}
