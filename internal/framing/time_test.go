package framing

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// one is a listener with one connection.
type one struct {
	conns  chan net.Conn
	closed chan bool
}

func (l one) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l one) Close() error   { close(l.closed); return nil }
func (l one) Addr() net.Addr { return &net.TCPAddr{} }

// The deadline of a body does not outlive it: neither a slow handler nor an
// idle connection is hurt.
func TestBodyTimeoutEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, below := net.Pipe()
		l := one{make(chan net.Conn, 1), make(chan bool)}
		l.conns <- below
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				t.Error(err)
			}
			<-time.After(time.Hour) // in the time of the bubble
			if err := r.Context().Err(); err != nil {
				t.Error(err)
			}
		})}
		go server.Serve(Listen(l, Options{BodyTimeout: time.Minute}))
		r := bufio.NewReader(client)
		for range 2 {
			io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na")
			<-time.After(50 * time.Second)
			io.WriteString(client, "b")
			<-time.After(50 * time.Second)
			io.WriteString(client, "c")
			if response, err := http.ReadResponse(r, nil); err != nil || response.StatusCode != 200 {
				t.Fatalf("got %v, %v", response, err)
			}
			<-time.After(time.Hour)
		}
		client.Close()
		server.Close()
	})
}

// slowSink takes a while for each write.
type slowSink struct {
	sink
	t *testing.T
}

func (s *slowSink) Write(p []byte) (int, error) {
	<-time.After(45 * time.Second)
	if last := s.deadlines[len(s.deadlines)-1]; time.Now().After(last) {
		s.t.Errorf("deadline %v passed", last)
	}
	return s.sink.Write(p)
}

// A client that is slow, but takes something now and then, is not cut off.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		under := &slowSink{t: t}
		n, err := Guard(under, Options{WriteTimeout: time.Minute}).Write(make([]byte, 10*piece+1))
		if n != 10*piece+1 || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	})
}

// A refused client that keeps the connection open is left after lingerTime.
func TestLingerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, below := net.Pipe()
		conn := Guard(halfCloser{below}, Options{})
		done := make(chan time.Duration)
		go func() {
			start := time.Now()
			_, err := conn.Read(make([]byte, 100))
			if err == nil {
				t.Error("nothing refused")
			}
			done <- time.Since(start)
			conn.Close()
		}()
		io.WriteString(client, "\x16\x03\x01")
		if response, err := http.ReadResponse(bufio.NewReader(client), nil); err != nil || response.StatusCode != 400 {
			t.Errorf("got %v, %v", response, err)
		}
		if waited := <-done; waited != lingerTime {
			t.Errorf("waited %v", waited)
		}
	})
}

type halfCloser struct{ net.Conn }

func (halfCloser) CloseWrite() error { return nil }
