package front

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gophersnake/gophersnake/internal/framing"
)

// settleTime is how long Shutdown waits for requests that are on their way.
const settleTime = time.Second

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

// settle stops accepting and ends keep-alive, and then waits a moment for
// requests that are being read: net/http's Shutdown drops those.
func (s *Server) settle(ctx context.Context) {
	s.accepting.stop()
	s.http.SetKeepAlivesEnabled(false)
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.arriving.Load() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// connState follows on which connections a request is being read.
func (s *Server) connState(c net.Conn, state http.ConnState) {
	guarded, _ := c.(*framing.Conn)
	if guarded == nil {
		return
	}
	conn, _ := guarded.Owner.(*connection)
	if conn == nil {
		return
	}
	switch state {
	case http.StateNew, http.StateActive:
		if conn.arriving.CompareAndSwap(false, true) {
			s.arriving.Add(1)
		}
	default:
		s.arrived(conn)
	}
}

// arrived notes that a request of the connection is served, or that there is
// none.
func (s *Server) arrived(conn *connection) {
	if conn.arriving.CompareAndSwap(true, false) {
		s.arriving.Add(-1)
	}
}
