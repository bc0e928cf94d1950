package listen

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
)

// connect opens n connections, which nobody accepts yet; each has sent a byte.
func connect(t *testing.T, l *Listener, n int) []net.Conn {
	t.Helper()
	var all []net.Conn
	for range n {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// refused wants that nobody listens any more.
func refused(t *testing.T, address string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a connection to a closed socket: %v", err)
	}
}

// echo answers the first byte of each connection, and sends how many there were
// when no more are accepted.
func echo(l *Listener) <-chan int {
	accepted := make(chan int, 1)
	go func() {
		n := 0
		defer func() { accepted <- n }()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n++
			_, _ = io.CopyN(c, c, 1)
			c.Close()
		}
	}()
	return accepted
}

// What waits in the queue is accepted, and then clients are refused, also where
// another process has the socket. The accepting goroutine may wait already.
func TestLast(t *testing.T) {
	for name, waits := range map[string]bool{"before it accepts": false, "while it accepts": true} {
		t.Run(name, func(t *testing.T) {
			l := open(t, "127.0.0.1", 0)
			other, err := l.File()
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			const clients = 50
			var accepted <-chan int
			if waits {
				accepted = echo(l)
			}
			all := connect(t, l, clients)
			l.Last()
			if !waits {
				accepted = echo(l)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			refused(t, l.Addr().String())
			if n := <-accepted; n != clients {
				t.Errorf("%d connections were accepted, want %d", n, clients)
			}
			for _, c := range all {
				if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A socket that others keep stays open for clients.
func TestLastOfForeignSocket(t *testing.T) {
	l := open(t, "127.0.0.1", 0)
	other, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	l.Foreign = true
	accepted := echo(l)
	l.Last()
	l.Refuse()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	<-accepted
	connect(t, l, 1)
}

// When nobody accepts, Close does not wait for long.
func TestCloseGivesUp(t *testing.T) {
	t.Parallel()
	l := open(t, "127.0.0.1", 0)
	connect(t, l, 1)
	l.Last()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	refused(t, l.Addr().String())
}

func TestRefuse(t *testing.T) {
	l := open(t, "127.0.0.1", 0)
	waiting := connect(t, l, 1)[0]
	l.Refuse()
	refused(t, l.Addr().String())
	if _, err := waiting.Read(make([]byte, 1)); err == nil {
		t.Error("a connection in the queue goes on")
	}
	if c, err := l.Accept(); err == nil {
		t.Errorf("accepted %v", c)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	l.Refuse() // nothing happens
}
