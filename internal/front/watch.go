package front

import (
	"net/http"
	"sync"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// The two ways in which a stream of HTTP/2 is given up: its body cannot be read
// any more, or all of it ends.
var (
	reading = (*http.ResponseController).SetReadDeadline
	writing = (*http.ResponseController).SetWriteDeadline
)

// watchWrite bounds a write that begins. The limit of a connection is set here, and not
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

// watchFor bounds how long the client may keep one read or write waiting: from now
// until the returned function is called. A timeout of 0 is none. A connection of
// HTTP/1 bounds its own; a stream of HTTP/2 has to be given up by a deadline that
// is over.
func (x *exchange) watchFor(timeout time.Duration, giveUp func(*http.ResponseController, time.Time) error) (stop func()) {
	if x.r.ProtoMajor != 2 || timeout <= 0 {
		return idle
	}
	w := &watch{control: http.NewResponseController(x.w), giveUp: giveUp}
	w.timer = time.AfterFunc(timeout, w.over)
	return w.end
}

// watch is a timer that gives up a stream.
type watch struct {
	timer  *time.Timer
	giveUp func(*http.ResponseController, time.Time) error

	mu      sync.Mutex
	control *http.ResponseController // nil: the watch has ended
}

func (w *watch) over() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.control != nil {
		_ = w.giveUp(w.control, time.Unix(1, 0)) // an error says that the stream has ended
	}
}

// end waits if the stream is being given up: net/http allows no use of it after the
// handler. It lets go of the stream, because Go may keep a timer that was stopped
// until its time.
func (w *watch) end() {
	w.timer.Stop()
	w.mu.Lock()
	w.control, w.giveUp = nil, nil
	w.mu.Unlock()
}

// farewell is for how long a client has to look as if it had left before a
// response that sends nothing is given up.
const farewell = 2 * time.Second

var _ gateway.LeaveWatcher = (*exchange)(nil)

// Left is gateway.LeaveWatcher's. Half a connection that was closed looks as if all
// of it were; who does that is given farewell to be sent something, which would
// tell. A stream of HTTP/2 has no such halves.
func (x *exchange) Left() bool {
	if x.writeErr != nil {
		return true
	}
	half, whole := x.hangup()
	switch {
	case !half:
		return false
	case x.leftAt.IsZero():
		x.leftAt = time.Now()
	}
	if !whole && time.Since(x.leftAt) < farewell {
		return false
	}
	x.writeErr = errLeft
	return true
}

// hangup reports what Conn.Hangup does, of a stream if it is one of HTTP/2.
func (x *exchange) hangup() (half, whole bool) {
	switch ended := x.r.Context().Err() != nil; {
	case x.r.ProtoMajor != 1:
		return ended, ended
	case x.conn.conn != nil:
		half, whole = x.conn.conn.Hangup() // also where a body that nobody reads is in the way
		return half || ended, whole
	default:
		return ended, false
	}
}

func idle() {}
