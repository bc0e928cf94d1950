package framing

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

const longHead = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"

// reading returns a guarded connection that has read the head of a request with
// ten bytes of body, and the other end.
func reading(t *testing.T, o Options) (conn *Conn, client net.Conn) {
	t.Helper()
	client, below := net.Pipe()
	conn = Guard(halfCloser{below}, o)
	go io.WriteString(client, longHead)
	if _, err := io.ReadFull(conn, make([]byte, len(longHead))); err != nil {
		t.Fatal(err)
	}
	return conn, client
}

// failed returns after what time a read of the body failed.
func failed(conn *Conn) <-chan time.Duration {
	c := make(chan time.Duration, 1)
	start := time.Now()
	go func() {
		if _, err := conn.Read(make([]byte, 100)); errors.Is(err, os.ErrDeadlineExceeded) {
			c <- time.Since(start)
		}
		close(c)
	}()
	synctest.Wait()
	return c
}

// A body that is left is waited for a moment, and not longer: by the next Read,
// and, interrupted, by one that waits.
func TestLeave(t *testing.T) {
	for name, limit := range map[string]time.Duration{"without a limit": 0, "with a limit": time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			conn, client := reading(t, Options{BodyTimeout: limit})
			waits := failed(conn)
			time.Sleep(10 * time.Second)
			conn.Interrupt()
			if took := <-waits; took != 10*time.Second+lingerTime {
				t.Errorf("%s: interrupted after %v", name, took)
			}
			conn.Leave()
			if took := <-failed(conn); took != lingerTime {
				t.Errorf("%s: left after %v", name, took)
			}
			conn.Abandon()
			if took, ok := <-failed(conn); took != 0 || !ok {
				t.Errorf("%s: abandoned after %v, %v", name, took, ok)
			}
			client.Close()
		})
	}
}

// When a body that was left ends in time, the next one has all its time, also
// if its head has been read before the first was left.
func TestStay(t *testing.T) {
	for _, ahead := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			conn, client := reading(t, Options{BodyTimeout: time.Minute})
			next := func() {
				go io.WriteString(client, "0123456789"+longHead)
				if _, err := io.ReadFull(conn, make([]byte, 10+len(longHead))); err != nil {
					t.Fatal(err)
				}
			}
			if ahead {
				next()
			}
			conn.Leave()
			if !ahead {
				next()
			}
			conn.Stay()
			if took := <-failed(conn); took != time.Minute {
				t.Errorf("the next body is given up after %v", took)
			}
			conn.Abandon()
			conn.Stay()
			if took, ok := <-failed(conn); took != 0 || !ok {
				t.Errorf("what was abandoned is read: %v, %v", took, ok)
			}
			client.Close()
		})
	}
}

// CloseWrite waits for the client to end, and for a moment only.
func TestCloseWriteLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, act := range map[string]func(net.Conn){
			"sends on": func(c net.Conn) {
				for {
					if _, err := c.Write(make([]byte, 1000)); err != nil {
						return
					}
					time.Sleep(time.Millisecond)
				}
			},
			"is silent": func(net.Conn) {},
		} {
			conn, client := reading(t, Options{})
			go act(client)
			start := time.Now()
			if err := conn.CloseWrite(); err != nil || time.Since(start) != lingerTime {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
			conn.Close()
			client.Close()
		}
		conn, client := reading(t, Options{})
		go func() { time.Sleep(time.Millisecond); client.Close() }()
		start := time.Now()
		if err := conn.CloseWrite(); err != nil || time.Since(start) != time.Millisecond {
			t.Errorf("leaves: %v after %v", err, time.Since(start))
		}
	})
	conn := Guard(&sink{}, Options{})
	if err := conn.CloseWrite(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("half of it cannot be closed: %v", err)
	}
}
