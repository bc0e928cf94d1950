package front

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// What the application leaves of a request body: the response does not wait for
// it, and the connection is used again only if the rest comes soon.

// swallowed is how much of a body that nobody has read net/http reads, and
// drops, before it sends a response; of a longer one it reads nothing.
const swallowed = 256 << 10

// settleBody prepares for a response that is sent before the body has been
// read. The application may go on reading a body of which it has read a part.
// Otherwise net/http drops the body first, for clients that send all of it
// before they look at the response; it must not wait for long.
func (x *exchange) settleBody() {
	switch {
	case x.body.src == nil || x.body.ended.Load() || x.r.ProtoMajor != 1:
		// there is nothing to come, or it comes on a stream of its own
	case x.body.byApp.Load():
		// an error says that the writer is none of net/http's
		x.duplexed = http.NewResponseController(x.w).EnableFullDuplex() == nil
	case x.body.size-x.body.got <= swallowed && x.r.Header["Expect"] == nil:
		x.leave()
	}
}

// drain reads for a moment what the application has left of a body that it read
// while it answered: net/http cannot be left with it.
func (x *exchange) drain() {
	if !x.duplexed || x.body.ended.Load() {
		return
	}
	_ = x.flush() // the client need not wait; an error ends the connection
	x.leave()
	_, _ = io.Copy(io.Discard, &x.body) // the same
}

// declined reports a body that the client offered to send and that nobody asked
// for. net/http ends the connection after such a request.
func (x *exchange) declined() bool { return x.body.src != nil && !x.body.touched }

// leave lets go of what the client may still send of the body.
func (x *exchange) leave() {
	x.body.unwanted.Store(true)
	if x.conn.conn != nil && x.r.ProtoMajor == 1 {
		x.conn.conn.Leave()
	}
}

// broken reports a body whose end has not been found, so that no request can
// follow it.
func (b *body) broken() bool { return b.err != nil && !errors.Is(b.err, io.EOF) }

// abandonBody makes sure that nothing that follows a broken body is taken for a
// request.
func (x *exchange) abandonBody() {
	if x.conn.conn != nil && x.r.ProtoMajor == 1 {
		x.conn.conn.Abandon()
	}
}

// Interrupt ends a Read that waits for the client, at once or after a moment in
// which the client may go on sending. It is package daemon's Interrupter, and
// may be called by another goroutine than Read's while the request is served.
func (b *body) Interrupt() {
	x := b.x
	b.unwanted.Store(true)
	switch {
	case x.r.ProtoMajor != 1:
		_ = reading(http.NewResponseController(x.w), time.Unix(1, 0)) // an error says that the stream has ended
	case x.conn.conn != nil:
		x.conn.conn.Interrupt()
	}
}
