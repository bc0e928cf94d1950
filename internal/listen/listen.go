// Package listen opens the sockets a server accepts connections on, or takes
// over those it was started with, and explains why one cannot be had. It knows
// nothing of what is spoken on them.
package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// firstInherited is the descriptor that inherited sockets begin with, as
// systemd's sd_listen_fds(3) has it.
const firstInherited = 3

// Open returns a listener on host and port: the inherited socket if this
// process was handed one for that port, otherwise a new one. An empty host
// means all interfaces, port 0 any free port.
func Open(host string, port int) (*Listener, error) {
	inherited, err := inherit(port)
	if inherited != nil || err != nil {
		return inherited, err
	}
	address := net.JoinHostPort(host, strconv.Itoa(port))
	l, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		return New(l.(*net.TCPListener)), nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &InUseError{Address: address, Holder: holder(port), Err: err}
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listen on %s: %w; ports below 1024 are for root: choose another --port", address, syscall.EACCES)
	}
	return nil, fmt.Errorf("listen on %s: %w", address, err)
}

// inherit returns the socket that was left for this process by the protocol of
// sd_listen_fds(3) and listens on port; nil if none was left. Sockets that are
// all for other ports are an error: nobody would answer on them.
func inherit(port int) (*Listener, error) {
	pid, _ := strconv.Atoi(os.Getenv("LISTEN_PID"))
	n, _ := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	foreign := os.Getenv(ownVariable) != strconv.Itoa(os.Getpid())
	os.Unsetenv(ownVariable)
	if pid != os.Getpid() {
		return nil, nil
	}
	os.Unsetenv("LISTEN_PID") // not for the processes that applications start
	os.Unsetenv("LISTEN_FDS")
	os.Unsetenv("LISTEN_FDNAMES")
	var others []string
	for fd := firstInherited; fd < firstInherited+n; fd++ {
		l, err := fromDescriptor(fd)
		if err != nil {
			return nil, err
		}
		if at := l.Addr().(*net.TCPAddr).Port; port == 0 || at == port {
			own := New(l)
			own.Foreign = foreign
			return own, nil
		}
		others = append(others, l.Addr().String())
		l.Close()
	}
	if len(others) > 0 {
		return nil, fmt.Errorf("take over an inherited socket: none is for port %d, but there is %s; make --port agree",
			port, strings.Join(others, ", "))
	}
	return nil, nil
}

func fromDescriptor(fd int) (*net.TCPListener, error) {
	f := os.NewFile(uintptr(fd), "inherited socket")
	defer f.Close() // FileListener has a duplicate
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("take over inherited socket %d: %w", fd, err)
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		l.Close()
		return nil, fmt.Errorf("take over inherited socket %d: %s is no TCP address", fd, l.Addr())
	}
	return tcp, nil
}

// ownVariable tells the next run of a program, by the number of the process, that
// nobody else has the socket. What sd_listen_fds(3) passes on could not say so:
// whoever sets up a unit chooses its names.
const ownVariable = "GOPHERSNAKE_OWN_SOCKET"

// Bequest is a listener prepared to outlive this process's program.
type Bequest struct {
	file    *os.File
	port    int
	foreign bool
}

// Bequeath duplicates the socket of l for Exec. Connections that arrive from
// now on wait in its queue even when l is closed. The caller closes what it
// does not use.
func Bequeath(l *Listener) (*Bequest, error) {
	f, err := l.File()
	if err != nil {
		return nil, fmt.Errorf("duplicate listening socket: %w", err)
	}
	return &Bequest{file: f, port: l.Addr().(*net.TCPAddr).Port, foreign: l.Foreign}, nil
}

// Close gives the socket up. It may be called again.
func (b *Bequest) Close() error {
	if err := b.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// Exec replaces this program by another run of itself with the same
// arguments, which finds the socket with Open. It does not return unless it
// fails.
func (b *Bequest) Exec(environment ...string) error {
	if fd := int(b.file.Fd()); fd != firstInherited {
		if err := syscall.Dup3(fd, firstInherited, 0); err != nil {
			return fmt.Errorf("pass on listening socket: %w", err)
		}
	} else if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFD, 0); errno != 0 {
		return fmt.Errorf("pass on listening socket: %w", errno)
	}
	os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	os.Setenv("LISTEN_FDS", "1")
	if !b.foreign {
		os.Setenv(ownVariable, strconv.Itoa(os.Getpid()))
	}
	err := syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), environment...))
	return fmt.Errorf("run this program again: %w", err)
}

// InUseError says that an address is taken and, if that can be known, by whom.
type InUseError struct {
	Address string
	Holder  *Process // nil if unknown
	Err     error
}

func (e *InUseError) Error() string {
	text := "listen on " + e.Address + ": the address is in use"
	if e.Holder != nil {
		text += fmt.Sprintf(" by process %d (%s)", e.Holder.PID, e.Holder.Command)
	}
	return text + "; stop that or choose another --port"
}

// Unwrap returns the system's error.
func (e *InUseError) Unwrap() error { return e.Err }
