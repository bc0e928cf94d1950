package front

import (
	"net/http"
	"time"
)

// The two ways in which a stream of HTTP/2 is given up: its body cannot be read
// any more, or all of it ends.
var (
	reading = (*http.ResponseController).SetReadDeadline
	writing = (*http.ResponseController).SetWriteDeadline
)

// watch bounds how long the client may keep one read or write waiting: from now
// until the returned function is called. A connection of HTTP/1 bounds its own;
// a stream of HTTP/2 has to be given up by a deadline that is over.
func (x *exchange) watch(giveUp func(*http.ResponseController, time.Time) error) (stop func()) {
	return x.watchFor(x.s.o.SocketTimeout, giveUp)
}

// watchWrite is watch for writes. The limit of a connection is set here, and not
// when the request begins, so that it stays as it is between requests of the same
// application.
func (x *exchange) watchWrite() (stop func()) {
	if x.r.ProtoMajor != 2 {
		x.conn.limit(x.patience)
		return idle
	}
	return x.watchFor(x.writeTimeout(), func(c *http.ResponseController, t time.Time) error {
		x.impatient.Store(true)
		return writing(c, t)
	})
}

func (x *exchange) watchFor(timeout time.Duration, giveUp func(*http.ResponseController, time.Time) error) (stop func()) {
	if x.r.ProtoMajor != 2 || timeout <= 0 {
		return idle
	}
	control, done := http.NewResponseController(x.w), make(chan struct{})
	timer := time.AfterFunc(timeout, func() {
		defer close(done)
		_ = giveUp(control, time.Unix(1, 0)) // an error says that the stream has ended
	})
	return func() {
		if !timer.Stop() {
			<-done // net/http allows no use of x.w after the handler
		}
	}
}

func idle() {}
