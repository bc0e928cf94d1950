package front

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// exchange is one request and its response. It is pooled, and belongs to the
// goroutine of its request.
type exchange struct {
	s       *Server
	values  [16]string // backs the values of the response headers
	nvalues int
	work
}

// work is what of an exchange lasts for one request.
type work struct {
	w     http.ResponseWriter
	r     *http.Request
	conn  *connection
	req   gateway.Request
	app   *Application // that req is for; nil when it is for none
	body  body
	piece *piece // holds req.Prefix; nil: none
	head  bool   // the client wants no body of the response

	reroutes int // internal redirects so far

	// The response.
	status       int       // of the head that was written; 0: none
	declared     int64     // bytes of body announced; -1: unknown
	sent         int64     // bytes of body written
	bodiless     bool      // HEAD, 204, 205 and 304: no body goes out
	excess       bool      // the application sent more than it declared
	writeErr     error     // the client went away
	leftAt       time.Time // when it was first seen to look so
	cut          bool      // the response is to end so that the client notices
	closing      bool      // it is the last one of its connection
	accessStatus int       // for the access log, of a stream that was reset without a response
	duplexed     bool      // the application may read on
	endless      bool      // it is counted in Server.endless
	file         bool      // it has a place among the crowd's files

	patience  time.Duration // with the client, in place of the server's; 0: that holds
	impatient atomic.Bool   // it was over, on a stream of HTTP/2
}

func newExchange(s *Server) *exchange { return &exchange{s: s} }

func (x *exchange) begin(w http.ResponseWriter, r *http.Request) {
	x.w, x.r = w, r
	x.conn = connectionOf(r.Context())
	if x.conn.conn != nil {
		x.conn.conn.Stay()
	}
	x.declared = -1
	x.head = r.Method == http.MethodHead
	x.req.Start = time.Now()
	x.req.ID = x.s.ids.next()
}

// release forgets the request and gives the exchange back.
func (x *exchange) release() {
	if x.endless {
		x.s.endless.Add(-1)
	}
	x.dropFile()
	clear(x.values[:x.nvalues])
	x.nvalues = 0
	x.s.ahead.give(x.piece)
	x.work = work{}
	x.s.exchanges.Put(x)
}

// ServeHTTP answers one request. It is net/http's way in.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.active.Add(1)
	defer s.active.Add(-1)
	x := s.exchanges.Get().(*exchange)
	x.begin(w, r)
	conn := x.conn
	conn.enter(r)
	defer conn.leave(r)
	x.run()
	if !x.cut {
		x.drain()
	}
	if x.cut && x.status != 0 && x.writeErr == nil {
		_ = x.flush() // what was written still goes out; an error changes nothing
	}
	if x.closing || x.declined() {
		x.leave()
	}
	if s.draining.Load() {
		x.endsLater()
	}
	if x.body.broken() {
		x.abandonBody()
	}
	if s.o.AccessLog != nil {
		x.logAccess()
	}
	cut := x.cut
	x.release()
	if cut {
		panic(http.ErrAbortHandler) // closes the connection, or resets the stream
	}
}

// run serves the request; a panic of ours ends it and nothing else.
func (x *exchange) run() {
	defer func() {
		if p := recover(); p != nil {
			x.crashed(p)
		}
	}()
	x.serve()
}

func (x *exchange) serveApp() {
	if !x.admit() {
		return
	}
	x.patience = 0 // the application may have its own
	err := x.app.App.Serve(x.r.Context(), &x.req, x)
	if to := redirectOf(err); to != nil && x.status == 0 {
		x.reroute(to)
		return
	}
	x.finish(err)
}

// finish ends the response after the application returned.
func (x *exchange) finish(err error) {
	switch {
	case x.body.wrongLength.Load() != nil:
		x.malformed(*x.body.wrongLength.Load())
	case x.status == 0 && x.writeErr != nil:
		x.cut = true
	case x.status == 0 && err == nil:
		x.log(logs.Error, "the application returned without a response")
		x.page(http.StatusInternalServerError)
	case x.status == 0:
		x.failed(err)
	case err != nil || x.writeErr != nil:
		x.cut = true
	case x.declared >= 0 && x.sent < x.declared && !x.bodiless:
		x.short()
	}
}
