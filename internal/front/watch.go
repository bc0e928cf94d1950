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
	timeout := x.s.o.SocketTimeout
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
