package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Listener is a listening socket that can be closed without a loss: clients whose
// connections wait in its queue have sent their requests perhaps, and closing
// would reset them. Its methods are safe for concurrent use, but there is one
// goroutine at most that accepts.
type Listener struct {
	*net.TCPListener
	// Foreign says that whoever has handed the socket over, such as systemd, keeps
	// it: connections may wait in it for the next program.
	Foreign bool

	last    atomic.Bool
	emptied chan struct{} // closed when the queue was found empty after Last
	closed  chan struct{} // closed by Close
	empty   sync.Once
	close   sync.Once
}

// New returns a Listener that owns l.
func New(l *net.TCPListener) *Listener {
	return &Listener{TCPListener: l, emptied: make(chan struct{}), closed: make(chan struct{})}
}

// emptying is how long Close waits at most for who accepts to empty the queue.
const emptying = time.Second

// longAgo is a deadline that ends an Accept at once.
var longAgo = time.Unix(1, 0)

// Last says that nobody accepts on the socket after this Listener. When Accept
// then finds the queue empty it has clients refused, in all processes that have
// the socket (see Refuse), and waits for Close. Close waits until it has, not
// longer than a second.
func (l *Listener) Last() {
	l.last.Store(true)
	_ = l.SetDeadline(longAgo) // an error says that it has been closed
}

// Accept returns the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.TCPListener.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) && l.last.Load() {
		return l.acceptLast()
	}
	return c, err
}

// acceptLast takes a connection out of the queue. Of an empty queue it closes the
// socket in the next moment: what comes between is reset, and no system call does
// both.
func (l *Listener) acceptLast() (net.Conn, error) {
	for {
		fd, err := l.take()
		switch {
		case err == nil:
			return connection(fd)
		case errors.Is(err, unix.EAGAIN), errors.Is(err, net.ErrClosed), errors.Is(err, unix.EINVAL):
			l.empty.Do(func() { close(l.emptied) })
			<-l.closed
			return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED): // try the next one
		default:
			return nil, fmt.Errorf("accept a connection on %s: %w", l.Addr(), err)
		}
	}
}

// take accepts without waiting; EAGAIN says that the socket has just been closed
// to clients.
func (l *Listener) take() (fd int, err error) {
	failed := l.control(func(socket int) {
		fd, _, err = unix.Accept4(socket, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if errors.Is(err, unix.EAGAIN) && !l.Foreign {
			_ = unix.Shutdown(socket, unix.SHUT_RDWR) // it fails where another process was first
		}
	})
	if failed != nil {
		return -1, failed
	}
	return fd, err
}

// connection makes a connection of a descriptor, which belongs to it.
func connection(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "connection")
	defer f.Close() // FileConn has a duplicate
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("accept a connection: %w", err)
	}
	return c, nil
}

// Refuse has the system refuse clients from now on, in all processes that have
// the socket, and reset those that wait in the queue. It does nothing to a Foreign
// socket, nor to one that has been closed.
func (l *Listener) Refuse() {
	if !l.Foreign {
		_ = l.control(func(socket int) { _ = unix.Shutdown(socket, unix.SHUT_RDWR) })
	}
}

// Close closes the socket here. Connections that have been accepted stay. A second
// call says that it has been closed.
func (l *Listener) Close() error {
	if l.last.Load() {
		late := time.NewTimer(emptying)
		defer late.Stop()
		select {
		case <-l.emptied:
		case <-l.closed: // before
		case <-late.C:
		}
	}
	l.close.Do(func() { close(l.closed) })
	return l.TCPListener.Close()
}

func (l *Listener) control(f func(socket int)) error {
	raw, err := l.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { f(int(fd)) })
	}
	return err
}
