// Package quiet makes TCP connections cheap for net/http: it leaves out the
// system calls and timers that a short request does not need. It knows how
// net/http uses deadlines and background reads, and nothing of HTTP itself.
//
// While a handler runs, net/http reads one byte in the background, to learn
// that the client has left, and ends that read with a deadline in the past.
// Here such a read waits until the handler has taken some milliseconds before
// it asks the system. And a read deadline that is set for every request is
// passed on only when the one in force would come too late; one that comes too
// early is moved on when it strikes.
package quiet

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// Conn is a connection as net/http uses it: one goroutine reads at a time,
// deadlines are set from any.
type Conn struct {
	*net.TCPConn
	owner *listener

	mu      sync.Mutex
	wanted  time.Time // the read deadline as the user has set it; zero: none
	armed   time.Time // the one that the system has; zero: none
	reading bool      // the system is being asked
	parked  bool      // a read of one byte waits
	woken   bool      // a read is to return nothing; see Wake
	since   uint32    // the tick in which it was parked
	listed  uint32    // the tick in which the listener was last told so

	closed bool

	resume chan bool // what the parked read is to do: read, or end
}

// Read reads as net.TCPConn does. A read of one byte may wait a moment before
// it asks the system. After Wake it may return 0, nil.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 1 && !c.park() {
		return 0, c.timeout()
	}
	if err := c.begin(); err != nil {
		return 0, ignoreWoken(err)
	}
	for {
		n, err := c.TCPConn.Read(p)
		if err == nil || n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			c.end()
			return n, err
		}
		again, settled := c.rearm()
		if settled != nil {
			return 0, ignoreWoken(settled)
		}
		if !again {
			return 0, err
		}
	}
}

// begin prepares a read by the system: the deadline must not come too late.
func (c *Conn) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if atOnce(c.wanted) {
		return c.timeout()
	}
	if c.woken {
		c.woken = false
		return errWoken
	}
	if late(c.armed, c.wanted) {
		if err := c.armLocked(c.wanted); err != nil {
			return err
		}
	}
	c.reading = true
	return nil
}

func (c *Conn) end() {
	c.mu.Lock()
	c.reading = false
	c.mu.Unlock()
}

// late reports whether a system's deadline of armed would miss wanted, or ends
// every read.
func late(armed, wanted time.Time) bool {
	if atOnce(armed) {
		return true
	}
	return !wanted.IsZero() && (armed.IsZero() || armed.After(wanted))
}

// timeout is the error of a read that a deadline has ended.
func (c *Conn) timeout() error {
	return &net.OpError{Op: "read", Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.ErrDeadlineExceeded}
}

// park waits until the read is to go on. It reports false when a deadline came
// first.
func (c *Conn) park() bool {
	c.mu.Lock()
	if atOnce(c.wanted) {
		c.mu.Unlock()
		return false
	}
	if c.owner == nil || c.closed || !c.wanted.IsZero() { // a real deadline: the system keeps it
		c.mu.Unlock()
		return true
	}
	c.parked = true
	c.since = c.owner.watch(c)
	c.mu.Unlock()
	return <-c.resume
}

// unparkLocked ends the wait of a parked read.
func (c *Conn) unparkLocked(read bool) {
	if c.parked {
		c.parked = false
		c.resume <- read
	}
}

// rearm is called when the system's deadline has struck. It reports whether
// the user's has not, so that the read goes on; otherwise the read has ended.
func (c *Conn) rearm() (again bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.woken && !atOnce(c.wanted) {
		c.woken, c.reading = false, false
		return false, errWoken
	}
	if c.wanted.IsZero() || !atOnce(c.wanted) && time.Now().Before(c.wanted) {
		if err = c.armLocked(c.wanted); err == nil {
			return true, nil
		}
	}
	c.reading = false
	return false, err
}

// errWoken says that Wake has ended a read.
var errWoken = errors.New("woken")

func ignoreWoken(err error) error {
	if errors.Is(err, errWoken) {
		return nil
	}
	return err
}

// Wake has the read that waits for the system, or the next one, return 0, nil:
// whoever reads is to look what has changed. Bytes are not lost, and deadlines stay
// as they are.
func (c *Conn) Wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.woken = true
	if c.reading {
		_ = c.armLocked(longAgo) // an error is that of a closed connection, whose reads end
	}
}

// longAgo is a deadline that ends a read at once.
var longAgo = time.Unix(1, 0)

// SetReadDeadline sets the deadline of the read that runs and of those that
// follow.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted = t
	switch {
	case c.parked && !t.IsZero():
		c.unparkLocked(!atOnce(t)) // what is not at once, the system keeps
	case c.reading && (atOnce(t) || late(c.armed, t)):
		return c.armLocked(t)
	}
	return nil
}

func (c *Conn) armLocked(t time.Time) error {
	if err := c.TCPConn.SetReadDeadline(t); err != nil {
		return err
	}
	c.armed = t
	return nil
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// Close closes the connection; a parked read ends.
func (c *Conn) Close() error {
	err := c.TCPConn.Close()
	c.mu.Lock()
	c.unparkLocked(true) // it finds the connection closed
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if first && c.owner != nil {
		c.owner.forget()
	}
	return err
}

// wakeIfOld lets a read go on that was parked before the last tick.
func (c *Conn) wakeIfOld(tick uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if tick-c.since > 1 {
		c.unparkLocked(true)
	}
}

// longPast is later than any deadline that is meant to strike at once, and
// earlier than any other.
var longPast = time.Unix(1_000_000, 0)

// atOnce reports a deadline by which net/http ends a read. It needs no clock.
func atOnce(t time.Time) bool { return !t.IsZero() && t.Before(longPast) }
