package framing

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// lingerTime is how long a refused client may go on sending before the
// connection is closed. Closing at once would reset it, and the reset could
// overtake the response.
const lingerTime = time.Second

// Conn is a connection whose Read refuses ambiguous requests. As with any
// net.Conn one goroutine may read while another writes. SetReason and
// SetWriteTimeout belong to the writing side.
type Conn struct {
	net.Conn
	Owner   any // for who accepted it; set before the first Read
	options *Options
	scan    scanner
	stoodIn bool         // a stand-in byte has been delivered
	told    bool         // the refusal has been reported
	retired atomic.Bool  // no further request is to begin; see Retire
	http2   atomic.Bool  // it speaks HTTP/2
	lingers atomic.Bool  // Close is to linger; see Linger
	stayBy  atomic.Int64 // until when Retire waits, in Unix nanoseconds; 0: it does not
	head    slowHead
	body    slowBody
	leaveBy atomic.Int64 // when the rest of a body is no longer waited for, in Unix nanoseconds; 0: not set

	writeBy  time.Time     // the write deadline in force
	gaveUp   error         // why nothing is sent any more; nil: it is
	patience time.Duration // in place of Options.WriteTimeout; 0: that holds
	begun    bool          // something has been sent
	frames   *frames       // what is sent, on a connection of HTTP/2
	status   int           // the response whose reason phrase is to be replaced; 0: none
	reason   string
}

// newConn guards c. The options are shared between connections; their limits
// are complete.
func newConn(c net.Conn, o *Options) *Conn {
	return &Conn{Conn: c, options: o, scan: scanner{limits: &o.Limits, http2: o.HTTP2}}
}

// Guard returns a guarded c, which belongs to it from now on.
func Guard(c net.Conn, o Options) *Conn {
	o.Limits = o.Limits.WithDefaults()
	return newConn(c, &o)
}

// Listen returns a listener that guards the connections of l, which belongs to
// it from now on. Accept returns only *Conn.
func Listen(l net.Listener, o Options) net.Listener {
	o.Limits = o.Limits.WithDefaults()
	return &listener{Listener: l, options: &o}
}

type listener struct {
	net.Listener
	options *Options
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(c, l.options), nil
}

// Read reads what may pass. When something is refused, what was complete before
// it is delivered first; then Read reports it, sends the status page unless it
// is InBody, waits a moment for the client to take it, and returns a
// *net.OpError around the *Refusal, from then on at every call.
func (c *Conn) Read(p []byte) (int, error) {
	for {
		if c.retired.Load() && c.betweenRequests(p) {
			return c.leaveIdle(p)
		}
		n, err := c.read(p)
		if n != 0 || err != nil || len(p) == 0 {
			return n, err
		}
		// woken: see Retire
	}
}

// read is Read, but returns 0, nil when it was woken.
func (c *Conn) read(p []byte) (int, error) {
	if c.scan.refusal != nil {
		return c.refuse(p)
	}
	n, err := c.receive(p)
	if n <= 0 {
		// The watch for a client that leaves, one byte long, is ended by a
		// deadline that means nothing.
		if len(p) > 1 && c.scan.inHead() && errors.Is(err, os.ErrDeadlineExceeded) {
			c.scan.refuse(errSlow)
			return c.refuse(p)
		}
		return n, err
	}
	return c.pass(p, n, err)
}

// pass follows the n bytes of p that have been read, and returns what of them may
// pass, or refuses them.
func (c *Conn) pass(p []byte, n int, err error) (int, error) {
	kept, pass := c.scan.feed(p[:n])
	if c.scan.state == opaque && !c.http2.Load() {
		c.http2.Store(true)
	}
	switch {
	case kept == 0 && err == nil:
		return c.Read(p) // it was the empty line that is ignored once
	case pass == kept:
		return kept, err
	case pass > 0:
		return pass, nil
	}
	return c.refuse(p)
}

// Leave says that the rest of a request body is not wanted: it is waited for a
// moment, so that the client can take the response before the connection is
// reset, and then no longer: the connection ends, unless the body ended in time,
// and Stay was called. Leave may be called by any goroutine, and takes effect
// with the next Read.
func (c *Conn) Leave() { c.leaveBy.Store(time.Now().Add(lingerTime).UnixNano()) }

// Interrupt is Leave with effect on a Read that waits, too.
func (c *Conn) Interrupt() {
	c.Leave()
	// an error is that of a closed connection, which Read finds out
	_ = c.Conn.SetReadDeadline(time.Unix(0, c.leaveBy.Load()))
}

// Stay takes Leave back: another request has begun.
func (c *Conn) Stay() {
	if by := c.leaveBy.Load(); by > abandoned {
		c.leaveBy.CompareAndSwap(by, 0)
	}
}

// abandoned is a leaveBy that is over, for good.
const abandoned = 1

// Abandon says that the rest of a request body is not to be read at all: where
// it ends cannot be known any more. It takes effect with the next Read.
func (c *Conn) Abandon() { c.leaveBy.Store(abandoned) }

// refuse answers a Read of a refused connection.
//
// While a request is served, net/http watches for the client to leave by
// reading one byte, and an error would cancel the request, which is innocent of
// what follows it. Such a read gets a byte that can end neither line nor head.
func (c *Conn) refuse(p []byte) (int, error) {
	r := c.scan.refusal
	if len(p) == 1 && !c.stoodIn && !r.InBody {
		c.stoodIn = true
		p[0] = '!'
		return 1, nil
	}
	if !c.told {
		c.told = true
		c.report(r)
		if !r.InBody {
			c.dismiss(r, p)
		}
	}
	return 0, &net.OpError{Op: "read", Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: r}
}

func (c *Conn) report(r *Refusal) {
	if c.options.OnRefuse != nil {
		c.options.OnRefuse(c, r)
	}
}

// dismiss sends the status page and reads on until the client has closed its
// side or lingerTime is over. Errors do not matter: the connection ends here.
func (c *Conn) dismiss(r *Refusal, scratch []byte) {
	if _, err := c.write(r.page()); err != nil {
		return
	}
	_ = c.linger(scratch, lingerTime)
}

// CloseWrite ends what is sent, and waits for a moment for the client to do the
// same: to close the connection while the client sends would reset it, and the
// reset could overtake the response. The caller must be the only one to read.
func (c *Conn) CloseWrite() error { return c.linger(make([]byte, 4<<10), lingerTime) }

// linger ends what is sent and reads on until the client has closed its side or
// the time is over.
func (c *Conn) linger(scratch []byte, patience time.Duration) error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return io.ErrClosedPipe
	}
	if err := half.CloseWrite(); err != nil {
		return err
	}
	if err := c.Conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	for {
		if _, err := c.Conn.Read(scratch); err != nil {
			return nil // the end of the client's side, or of our patience
		}
	}
}
