package front

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// sendsNothing is an application that asks for its client until that has left, or
// the channel says that it is to answer. It reports for how long it was asking
// after the client had begun to leave.
func sendsNothing(arrived chan<- bool, leave <-chan time.Time, asked chan<- time.Duration) app {
	return func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		arrived <- true
		began := <-leave
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for !w.(gateway.LeaveWatcher).Left() {
			if r.PathInfo == "/answers" && time.Since(began) > farewell/4 {
				return answer(w, "answered")
			}
			<-tick.C
		}
		asked <- time.Since(began)
		return nil
	}
}

func TestLeft(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, c := range []struct {
		name, in string
		leave    func(*net.TCPConn) error
		waits    bool // for farewell
	}{
		{"closed", get, (*net.TCPConn).Close, true},
		{"reset", get, func(c *net.TCPConn) error { c.SetLinger(0); return c.Close() }, false},
		{"half", get, (*net.TCPConn).CloseWrite, true},
		{"body in the way", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 100000), (*net.TCPConn).Close, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			arrived, leave, asked := make(chan bool, 1), make(chan time.Time, 1), make(chan time.Duration, 1)
			s := start(t, Options{App: sendsNothing(arrived, leave, asked), ReadAhead: 64 << 10})
			conn := send(t, s, c.in)
			<-arrived
			began := time.Now()
			if err := c.leave(conn); err != nil {
				t.Fatal(err)
			}
			leave <- began
			if took := <-asked; (took >= farewell) != c.waits {
				t.Errorf("took %v", took)
			}
			poll(t, "the entry", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.entries) == 1 })
			if found := s.find("without a response"); len(found) != 0 {
				t.Errorf("logged %v", found)
			}
		})
	}
}

func TestLeftHTTP2(t *testing.T) {
	arrived, leave, asked := make(chan bool, 1), make(chan time.Time, 1), make(chan time.Duration, 1)
	s := start(t, Options{App: sendsNothing(arrived, leave, asked)})
	w := dialHTTP2(t, s)
	stream := w.begin(endStream)
	<-arrived
	leave <- time.Now()
	w.frame(resetFrame, 0, stream, "\x00\x00\x00\x08")
	if took := <-asked; took >= farewell {
		t.Errorf("took %v", took)
	}
}

// A client that has closed its half is given time to be sent something.
func TestLeftAndAnswered(t *testing.T) {
	arrived, leave := make(chan bool, 1), make(chan time.Time, 1)
	s := start(t, Options{App: sendsNothing(arrived, leave, nil)})
	conn := send(t, s, "GET /answers HTTP/1.1\r\nHost: x\r\n\r\n")
	<-arrived
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	leave <- time.Now()
	if got, err := io.ReadAll(conn); err != nil || !strings.HasSuffix(string(got), "answered") {
		t.Errorf("got %q, %v", got, err)
	}
}
