package framing

import (
	"io"
	"net"
	"testing"
	"time"
)

func TestHangup(t *testing.T) {
	for _, c := range []struct {
		name        string
		leave       func(*net.TCPConn) error
		half, whole bool
	}{
		{"open", func(*net.TCPConn) error { return nil }, false, false},
		{"half", (*net.TCPConn).CloseWrite, true, false},
		{"reset", func(c *net.TCPConn) error { c.SetLinger(0); return c.Close() }, true, true},
	} {
		guarded, client := connected(t)
		if _, err := io.WriteString(client, "not read"); err != nil {
			t.Fatal(err)
		}
		if err := c.leave(client); err != nil {
			t.Fatal(err)
		}
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		half, whole := guarded.Hangup()
		for limit := time.Now().Add(20 * time.Second); (half != c.half || whole != c.whole) && time.Now().Before(limit); <-tick.C {
			half, whole = guarded.Hangup()
		}
		if half != c.half || whole != c.whole {
			t.Errorf("%s: half %v, whole %v", c.name, half, whole)
		}
	}
	guarded, _ := connected(t)
	guarded.Close()
	if half, whole := guarded.Hangup(); !half || !whole {
		t.Errorf("closed: half %v, whole %v", half, whole)
	}
	one, _ := net.Pipe()
	if half, whole := Guard(one, Options{}).Hangup(); half || whole {
		t.Errorf("pipe: half %v, whole %v", half, whole)
	}
}
