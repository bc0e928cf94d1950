package framing

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// farewell is how long a connection that is closed between requests is read on:
// about as long as a request may have been on its way. To close it at once would
// answer such a request by a reset, which many clients take for a fault of the
// server, instead of by the end of the connection, after which they send it again.
const farewell = 250 * time.Millisecond

// Retire says that no further request is to begin on the connection. If it is idle,
// or as soon as it is, Read half-closes it, drops what comes in a moment, and then
// returns io.EOF. The rule is applied where the connection is read, after a last
// look at what has arrived: a request of which the first byte is there is read, and
// answered. Nothing that can be done here is later than that look but the close
// itself. A connection that speaks HTTP/2 is left alone: it has GOAWAY (RFC 9113 6.8).
// Retire may be called by any goroutine, and again.
func (c *Conn) Retire() {
	c.retired.Store(true)
	if sleeper, ok := c.Conn.(interface{ Wake() }); ok {
		sleeper.Wake()
	}
}

// HTTP2 reports that the connection speaks HTTP/2. It may be called by any
// goroutine.
func (c *Conn) HTTP2() bool { return c.http2.Load() }

// betweenRequests reports that a Read into p waits for a request. While one is
// served, net/http reads one byte at a time.
func (c *Conn) betweenRequests(p []byte) bool {
	return len(p) > 1 && c.scan.refusal == nil && c.scan.state == requestLine && len(c.scan.carry) == 0
}

// StayIdle has Retire wait, when the connection is idle next, for a request that
// comes until a time: the response that is being sent has not said that it is the
// last one. It may be called by any goroutine.
func (c *Conn) StayIdle(until time.Time) { c.stayBy.Store(until.UnixNano()) }

// leaveIdle ends a connection unless something has arrived.
func (c *Conn) leaveIdle(p []byte) (int, error) {
	if by := c.stayBy.Swap(0); by != 0 && c.Conn.SetReadDeadline(time.Unix(0, by)) == nil {
		n, err := c.Conn.Read(p)
		for n == 0 && err == nil { // woken once more
			n, err = c.Conn.Read(p)
		}
		switch {
		case n > 0:
			return c.pass(p, n, err)
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err
		}
	}
	n, err := c.look(p)
	if n > 0 {
		return c.pass(p, n, nil)
	}
	if err != nil {
		_ = c.linger(p, farewell) // an error says that it has ended
	}
	return 0, io.EOF
}

// look reads what is there, without waiting; the error says that nothing is, and
// 0, nil that the client has closed its side.
func (c *Conn) look(p []byte) (n int, err error) {
	below, ok := c.Conn.(syscall.Conn)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	raw, err := below.SyscallConn()
	if err != nil {
		return 0, err
	}
	if failed := raw.Control(func(fd uintptr) {
		for n, err = syscall.Read(int(fd), p); errors.Is(err, syscall.EINTR); n, err = syscall.Read(int(fd), p) {
		}
	}); failed != nil {
		return 0, failed // it has been closed
	}
	return max(0, n), err
}

// Linger has Close wait a moment for the client, which has been told that the
// connection ends: a request that it has sent before it knew would otherwise have
// the response reset that is on its way. Linger(false) takes that back. It may be
// called by any goroutine.
func (c *Conn) Linger(on bool) { c.lingers.Store(on) }

// Close closes the connection.
func (c *Conn) Close() error {
	if c.lingers.CompareAndSwap(true, false) {
		_ = c.linger(make([]byte, 4<<10), farewell) // an error says that it has ended
	}
	return c.Conn.Close()
}

var _ net.Conn = (*Conn)(nil)
