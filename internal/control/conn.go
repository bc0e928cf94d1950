package control

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Pair makes two connected sockets, for Open here or in another process. Both
// are close-on-exec and belong to the caller.
func Pair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a pair of control sockets: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "control socket"), os.NewFile(uintptr(fds[1]), "control socket"), nil
}

// Conn is one end of a pair. Send may be called by any number of goroutines,
// also while one receives.
type Conn struct {
	sock *net.UnixConn

	mu  sync.Mutex // one receives at a time
	buf []byte
	oob []byte
}

// Open makes a Conn of one end of a pair. It takes f over in any case.
func Open(f *os.File) (*Conn, error) {
	c, err := OpenDuplicate(f)
	if closed := f.Close(); closed != nil && err == nil {
		err = errors.Join(fmt.Errorf("open control socket: %w", closed), c.Close())
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// OpenDuplicate is Open with a duplicate of f, which stays the caller's.
func OpenDuplicate(f *os.File) (*Conn, error) {
	c, err := net.FileConn(f) // its own duplicate, close-on-exec and not blocking
	if err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	sock, ok := c.(*net.UnixConn)
	if !ok || sock.LocalAddr().Network() != "unixpacket" {
		return nil, errors.Join(fmt.Errorf("open control socket: it is a %s socket", c.LocalAddr().Network()), c.Close())
	}
	return &Conn{
		sock: sock,
		buf:  make([]byte, maxMessage+1),
		oob:  make([]byte, unix.CmsgSpace(MaxFiles*4)),
	}, nil
}

// Send sends a message of kind, with the JSON of payload unless that is nil,
// and duplicates of files, which stay the caller's. It blocks while the other
// side is behind by what the system buffers. When the other side is gone, the
// error wraps io.EOF; after Close, net.ErrClosed; what breaks a limit of a
// message wraps ErrMalformed, and nothing is sent.
func (c *Conn) Send(kind string, payload any, files ...*os.File) error {
	if err := c.send(kind, payload, files); err != nil {
		return fmt.Errorf("send control message %q: %w", kind, err)
	}
	return nil
}

func (c *Conn) send(kind string, payload any, files []*os.File) error {
	data, err := encode(kind, payload)
	if err != nil {
		return err
	}
	rights, err := rightsOf(files)
	if err != nil {
		return err
	}
	n, _, err := c.sock.WriteMsgUnix(data, rights, nil)
	switch {
	case errors.Is(err, unix.EPIPE), errors.Is(err, unix.ECONNRESET):
		return fmt.Errorf("%w: %w", io.EOF, err)
	case err == nil && n != len(data):
		return io.ErrShortWrite
	}
	return err
}

// rightsOf returns the ancillary data that hands over files. It leaves them in
// the mode, blocking or not, in which they are.
func rightsOf(files []*os.File) ([]byte, error) {
	if len(files) > MaxFiles {
		return nil, fmt.Errorf("%w: %d files, more than %d", ErrMalformed, len(files), MaxFiles)
	}
	if len(files) == 0 {
		return nil, nil
	}
	fds := make([]int, len(files))
	for i, f := range files {
		raw, err := f.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { fds[i] = int(fd) })
		}
		if err != nil {
			return nil, fmt.Errorf("hand over %s: %w", f.Name(), err)
		}
	}
	return unix.UnixRights(fds...), nil
}

// Receive waits for a message. It returns io.EOF, exactly, when the other side
// has closed its end or died, after everything that it had sent; an error that
// wraps net.ErrClosed after Close. After one that wraps ErrMalformed it may be
// called again: the next message is whole. So it may after ErrNoDescriptor, with
// which the Message is returned, but for its files.
//
// An empty message, which no Conn sends, is malformed; of another side that has gone
// meanwhile it counts as the end.
func (c *Conn) Receive() (Message, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, oobn, flags, err := c.readLocked()
	files, fileErr := received(c.oob[:oobn])
	m := Message{}
	switch {
	case err != nil:
	case fileErr != nil:
		err = fileErr
	case flags&unix.MSG_TRUNC != 0 || n > maxMessage:
		err = fmt.Errorf("%w: truncated, it is longer than %d bytes", ErrMalformed, maxMessage)
	case flags&unix.MSG_CTRUNC != 0 && len(files) < MaxFiles:
		if m, err = decode(c.buf[:n], 1); err == nil {
			err = ErrNoDescriptor
		}
	case flags&unix.MSG_CTRUNC != 0 || len(files) > MaxFiles:
		err = fmt.Errorf("%w: truncated, it has more than %d descriptors", ErrMalformed, MaxFiles)
	default:
		m, err = decode(c.buf[:n], len(files))
	}
	m.Files = files
	if err == nil {
		return m, nil
	}
	closed := m.Close()
	switch {
	case errors.Is(err, io.EOF):
		return Message{}, io.EOF
	case !errors.Is(err, ErrNoDescriptor):
		m = Message{}
	}
	return m, errors.Join(fmt.Errorf("receive control message: %w", err), closed)
}

// readLocked reads one message. The other side's death with messages unread
// there is reported once by the system, before what it had sent itself.
func (c *Conn) readLocked() (n, oobn, flags int, err error) {
	for {
		n, oobn, flags, _, err = c.sock.ReadMsgUnix(c.buf, c.oob)
		switch {
		case errors.Is(err, unix.ECONNRESET):
		case errors.Is(err, io.EOF) && !c.ended():
			return n, oobn, flags, nil
		default:
			return n, oobn, flags, err
		}
	}
}

// ended reports whether nothing more can come from the other side: the system
// returns no bytes for its end and for an empty message alike.
func (c *Conn) ended() bool {
	raw, err := c.sock.SyscallConn()
	if err != nil {
		return true
	}
	ended := true
	err = raw.Control(func(fd uintptr) {
		look := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		for {
			_, err := unix.Poll(look, 0)
			if !errors.Is(err, unix.EINTR) {
				ended = err != nil || look[0].Revents != 0
				return
			}
		}
	})
	return ended || err != nil
}

// received makes files of the descriptors in ancillary data.
func received(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	parts, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("%w: ancillary data: %w", ErrMalformed, err)
	}
	var files []*os.File
	for _, part := range parts {
		fds, err := syscall.ParseUnixRights(&part)
		if err != nil {
			continue // nothing that needs to be closed
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "received file"))
		}
	}
	return files, nil
}

// Descriptor returns the number of the socket, for C code that sends slot
// files. It stays the Conn's, is valid until Close, and does not block: a
// sender waits with poll(2) when the system says EAGAIN.
func (c *Conn) Descriptor() (int, error) {
	raw, err := c.sock.SyscallConn()
	number := -1
	if err == nil {
		err = raw.Control(func(fd uintptr) { number = int(fd) })
	}
	if err != nil {
		return -1, fmt.Errorf("find descriptor of control socket: %w", err)
	}
	return number, nil
}

// Close ends the connection. A Receive or Send that blocks returns.
func (c *Conn) Close() error { return c.sock.Close() }
