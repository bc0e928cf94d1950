package front

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gophersnake/gophersnake/internal/framing"
)

// idleGrace is how long an idle connection stays open after Shutdown has begun.
const idleGrace = 750 * time.Millisecond

// tick is how often settle looks whether connections are left.
const tick = 5 * time.Millisecond

// acceptance knows the listeners that are served.
type acceptance struct {
	mu        sync.Mutex
	stopped   bool
	listeners map[net.Listener]struct{}
	wg        sync.WaitGroup
}

// begin reports false if nothing is to be accepted any more.
func (a *acceptance) begin(l net.Listener) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return false
	}
	if a.listeners == nil {
		a.listeners = make(map[net.Listener]struct{})
	}
	a.listeners[l] = struct{}{}
	a.wg.Add(1)
	return true
}

// end reports whether stop was the reason for it.
func (a *acceptance) end(l net.Listener) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.listeners, l)
	a.wg.Done()
	return a.stopped
}

// stop closes the listeners and waits until nothing is accepted any more.
func (a *acceptance) stop() {
	a.mu.Lock()
	a.stopped = true
	for l := range a.listeners {
		_ = l.Close() // net/http closes it again and has the error
	}
	a.mu.Unlock()
	a.wg.Wait()
}

// settle ends HTTP/1 connections without losing a request.
//
// A client that keeps a connection may send a request at any moment, and cannot
// know that the server is about to close it (RFC 9112 9.5, 9.6): what it sends then
// is lost, and a POST must not be sent again. So, from the beginning on, each
// response says "Connection: close" and its connection is closed after it, with a
// lingering close. An idle connection stays open for idleGrace: a request that
// comes in that time is answered. One that stays idle is half-closed after a last
// look (framing.Conn.Retire), so that what crosses the close on its way meets the
// end of the connection and no reset. What is left is a client that was silent for
// idleGrace and sends in the time that the close takes to reach it.
//
// A response of which the head was written before, without "Connection: close",
// leaves its connection idle, which has an idleGrace of its own. net/http's Shutdown, and the
// end of keep-alive there, would drop both: it takes a connection for idle until
// the whole head of a request has been read, and closes one after its response
// whatever that has said. It is called when none but HTTP/2 connections are left,
// to send them GOAWAY; those in use have got that with their responses.
//
// settle returns when no HTTP/1 connection is left, or ctx is done.
func (s *Server) settle(ctx context.Context) {
	s.draining.Store(true)
	s.accepting.stop()
	grace, cancel := context.WithTimeout(ctx, idleGrace)
	defer cancel()
	s.open.wait(grace, func(*framing.Conn) bool { return true })
	s.open.each((*framing.Conn).Retire)
	s.open.wait(ctx, func(c *framing.Conn) bool { return !c.HTTP2() })
}

// endConnection makes the response that begins the last one of its connection.
// In HTTP/2 net/http takes that for the order to send GOAWAY: streams that are open
// go on.
func (x *exchange) endConnection() {
	x.closing = x.closing || x.r.ProtoMajor == 1
	x.w.Header()["Connection"] = x.value("close")
}

// endsLater prepares for the end of the connection after a response.
func (x *exchange) endsLater() {
	switch conn := x.conn.conn; {
	case conn == nil || x.r.ProtoMajor != 1:
	case x.closing:
		conn.Linger(true)
	default:
		conn.StayIdle(time.Now().Add(idleGrace))
	}
}

// openConnections are those that have been accepted and not closed. Its methods
// are safe for concurrent use.
type openConnections struct {
	mu  sync.Mutex
	all map[*framing.Conn]struct{}
}

func (o *openConnections) add(c *framing.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = make(map[*framing.Conn]struct{})
	}
	o.all[c] = struct{}{}
}

func (o *openConnections) remove(c *framing.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.all, c)
}

// each calls f, which must not block, for each connection.
func (o *openConnections) each(f func(*framing.Conn)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for c := range o.all {
		f(c)
	}
}

// some reports whether there is a connection of a kind.
func (o *openConnections) some(kind func(*framing.Conn) bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for c := range o.all {
		if kind(c) {
			return true
		}
	}
	return false
}

// wait blocks until no connection of a kind is left, or ctx is done.
func (o *openConnections) wait(ctx context.Context, kind func(*framing.Conn) bool) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for o.some(kind) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// connState follows which connections are open.
func (s *Server) connState(c net.Conn, state http.ConnState) {
	conn, ok := c.(*framing.Conn)
	if !ok {
		return
	}
	if owner, ok := conn.Owner.(*connection); ok {
		s.crowd.note(owner, state)
	}
	if state == http.StateClosed {
		s.tidier.later()
	}
	switch state {
	case http.StateNew:
		s.open.add(conn)
	case http.StateClosed, http.StateHijacked:
		s.open.remove(conn)
	}
}
