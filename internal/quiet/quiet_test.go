package quiet

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// pair returns both ends of a connection; the first is a *Conn.
func pair(t *testing.T) (*Conn, net.Conn) {
	t.Helper()
	l := listenTo(t)
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); client.Close() })
	return c.(*Conn), client
}

func listenTo(t *testing.T) *listener {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(tcp).(*listener)
	t.Cleanup(func() { l.Close() })
	return l
}

type outcome struct {
	n   int
	err error
}

// reading starts a read of size bytes.
func reading(c *Conn, size int) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		n, err := c.Read(make([]byte, size))
		done <- outcome{n, err}
	}()
	return done
}

func wait(t *testing.T, done <-chan outcome) outcome {
	t.Helper()
	select {
	case o := <-done:
		return o
	case <-time.After(patience):
		t.Fatal("the read does not end")
		return outcome{}
	}
}

// until polls for a state of c.
func until(t *testing.T, c *Conn, what string, is func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		c.mu.Lock()
		ok := is()
		c.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never %s", what)
		}
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout() && errors.Is(err, os.ErrDeadlineExceeded)
}

func TestBackgroundReadIsEnded(t *testing.T) {
	for _, when := range []string{"before", "parked", "reading"} {
		t.Run(when, func(t *testing.T) {
			c, client := pair(t)
			if when == "before" {
				c.SetReadDeadline(longAgo)
			}
			done := reading(c, 1)
			switch when {
			case "parked":
				until(t, c, "parked", func() bool { return c.parked || c.reading })
			case "reading":
				until(t, c, "reading", func() bool { return c.reading })
			}
			c.SetReadDeadline(longAgo)
			if o := wait(t, done); o.n != 0 || !isTimeout(o.err) {
				t.Errorf("read %d bytes, %v", o.n, o.err)
			}
			c.SetReadDeadline(time.Time{})
			checkEcho(t, c, client)
		})
	}
}

// checkEcho makes sure that c is usable.
func checkEcho(t *testing.T, c *Conn, client net.Conn) {
	t.Helper()
	if _, err := client.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "ping" {
		t.Errorf("then read %q, %v", buf[:n], err)
	}
}

func TestBackgroundReadGoesOn(t *testing.T) {
	t.Run("data", func(t *testing.T) {
		c, client := pair(t)
		done := reading(c, 1)
		if _, err := client.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if o := wait(t, done); o.n != 1 || o.err != nil {
			t.Errorf("read %d bytes, %v", o.n, o.err)
		}
	})
	t.Run("client leaves", func(t *testing.T) {
		c, client := pair(t)
		done := reading(c, 1)
		client.Close()
		if o := wait(t, done); !errors.Is(o.err, io.EOF) {
			t.Errorf("read %d bytes, %v", o.n, o.err)
		}
	})
	t.Run("closed", func(t *testing.T) {
		c, _ := pair(t)
		done := reading(c, 1)
		until(t, c, "parked", func() bool { return c.parked || c.reading })
		c.Close()
		if o := wait(t, done); !errors.Is(o.err, net.ErrClosed) {
			t.Errorf("read %d bytes, %v", o.n, o.err)
		}
	})
}

func TestDeadline(t *testing.T) {
	soon := 30 * time.Millisecond
	for _, test := range []struct {
		name string
		size int
		set  []time.Duration // one after the other; 0: none
	}{
		{"plain", 10, []time.Duration{soon}},
		{"one byte", 1, []time.Duration{soon}},
		{"brought forward", 10, []time.Duration{time.Hour, soon}},
		{"put off", 10, []time.Duration{soon / 2, soon}},
		{"taken away and set again", 10, []time.Duration{time.Hour, 0, soon}},
	} {
		for _, during := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				c, client := pair(t)
				var done <-chan outcome
				if during {
					done = reading(c, test.size)
				}
				start := time.Now()
				for _, d := range test.set {
					at := time.Time{}
					if d != 0 {
						at = start.Add(d)
					}
					if err := c.SetReadDeadline(at); err != nil {
						t.Fatal(err)
					}
				}
				if !during {
					done = reading(c, test.size)
				}
				if o := wait(t, done); !isTimeout(o.err) || time.Since(start) < soon {
					t.Errorf("after %v: %d bytes, %v", time.Since(start), o.n, o.err)
				}
				c.SetReadDeadline(time.Time{})
				checkEcho(t, c, client)
			})
		}
	}
}

// Wake ends a read that waits, and otherwise the next one, without an error, and no
// other.
func TestWake(t *testing.T) {
	for name, waits := range map[string]bool{"before": false, "reading": true} {
		t.Run(name, func(t *testing.T) {
			c, client := pair(t)
			c.SetReadDeadline(time.Now().Add(time.Hour))
			if !waits {
				c.Wake()
			}
			done := reading(c, 10)
			if waits {
				until(t, c, "reading", func() bool { return c.reading })
				c.Wake()
			}
			if o := wait(t, done); o.n != 0 || o.err != nil {
				t.Errorf("read %d bytes, %v", o.n, o.err)
			}
			checkEcho(t, c, client)
			c.SetReadDeadline(time.Now())
			if o := wait(t, reading(c, 10)); !isTimeout(o.err) {
				t.Errorf("then: %d bytes, %v", o.n, o.err)
			}
		})
	}
}

func TestTimelyDeadlineIsLeftToTheSystem(t *testing.T) {
	c, client := pair(t)
	c.SetReadDeadline(time.Now().Add(time.Minute))
	checkEcho(t, c, client)
	armed := c.armed
	for range 3 {
		c.SetReadDeadline(time.Time{})
		c.SetReadDeadline(time.Now().Add(time.Hour))
		checkEcho(t, c, client)
	}
	if !c.armed.Equal(armed) {
		t.Errorf("deadline in force moved from %v to %v", armed, c.armed)
	}
}

func TestListenerEnds(t *testing.T) {
	l := listenTo(t)
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	select {
	case <-l.done:
		t.Error("ended with a connection open")
	default:
	}
	done := reading(c.(*Conn), 1)
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if o := wait(t, done); o.n != 1 {
		t.Errorf("after the listener was closed: %d bytes, %v", o.n, o.err)
	}
	c.Close()
	c.Close()
	l.wg.Wait()
}

// TestServer has net/http use the connections: many requests at a time, short
// and long ones, and a client that leaves.
func TestServer(t *testing.T) {
	l := listenTo(t)
	left := make(chan error, 1)
	entered := make(chan struct{}, 1)
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		IdleTimeout:       time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				entered <- struct{}{}
				<-r.Context().Done()
				left <- context.Cause(r.Context())
				return
			}
			io.Copy(w, r.Body)
		}),
	}
	var wg sync.WaitGroup
	wg.Go(func() { server.Serve(l) })
	defer wg.Wait()
	defer server.Close()

	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() { ask(t, l.Addr().String(), 300) })
	}
	clients.Wait()

	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	c.Close()
	select {
	case <-left:
	case <-time.After(patience):
		t.Error("the handler does not learn that the client has left")
	}
}

// ask sends requests on one connection, some of them two at a time.
func ask(t *testing.T, address string, requests int) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	answers := bufio.NewReader(c)
	const request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
	for i := range requests {
		times := 1 + i%2
		io.WriteString(c, strings.Repeat(request, times))
		for range times {
			r, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Errorf("request %d: %v", i, err)
				return
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || string(body) != "hello" {
				t.Errorf("request %d: %q, %v", i, body, err)
				return
			}
		}
	}
}

// BenchmarkRequest is a connection's share of one request: the deadlines and
// the background read as net/http makes them.
func BenchmarkRequest(b *testing.B) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer tcp.Close()
	l := Listen(tcp)
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	c, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	one := make([]byte, 1)
	b.ReportAllocs()
	for b.Loop() {
		c.SetReadDeadline(time.Now().Add(time.Minute))
		c.SetReadDeadline(time.Time{})
		done := make(chan struct{})
		go func() { c.Read(one); close(done) }()
		c.SetReadDeadline(longAgo)
		<-done
	}
}
