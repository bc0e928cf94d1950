package framing

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// connected returns both ends of a TCP connection; the first is guarded.
func connected(t *testing.T) (*Conn, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := Guard(server, Options{HTTP2: true})
	t.Cleanup(func() { client.Close(); c.Close() })
	if err := errors.Join(client.SetDeadline(time.Now().Add(20*time.Second)), server.SetDeadline(time.Now().Add(20*time.Second))); err != nil {
		t.Fatal(err)
	}
	return c, client.(*net.TCPConn)
}

const small = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

// A request that has arrived before the last look is read, and so is the rest of
// one that has begun; then nothing more is.
func TestRetireReadsWhatIsThere(t *testing.T) {
	for name, pieces := range map[string][]string{"whole": {small}, "begun": {small[:9], small[9:]}} {
		t.Run(name, func(t *testing.T) {
			c, client := connected(t)
			p := make([]byte, 4096)
			for i, piece := range pieces {
				io.WriteString(client, piece)
				if i == 0 {
					arrived(t, c)
					c.Retire()
				}
				if n, err := c.Read(p); string(p[:n]) != piece || err != nil {
					t.Fatalf("read %q, %v", p[:n], err)
				}
			}
			client.CloseWrite()
			if n, err := c.Read(p); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("then read %q, %v", p[:n], err)
			}
		})
	}
}

// arrived waits until something can be read, and leaves it there.
func arrived(t *testing.T, c *Conn) {
	t.Helper()
	raw, err := c.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return !errors.Is(err, syscall.EAGAIN)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// An idle connection is half-closed, and what comes after that is dropped without a
// reset.
func TestRetireOfIdleConnection(t *testing.T) {
	c, client := connected(t)
	c.Retire()
	read := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 4096))
		read <- errors.Join(err, c.Close())
	}()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the client: %v", err)
	}
	if _, err := io.WriteString(client, small); err != nil {
		t.Error(err)
	}
	client.CloseWrite()
	if err := <-read; !errors.Is(err, io.EOF) {
		t.Errorf("the server: %v", err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the client, later: %v", err)
	}
}

// A client that does not close its side is not waited for.
func TestRetireDoesNotWaitForLong(t *testing.T) {
	c, client := connected(t)
	c.Retire()
	began := time.Now()
	if _, err := c.Read(make([]byte, 4096)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if took := time.Since(began); took > 40*farewell {
		t.Errorf("took %v", took)
	}
	c.Close()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// While a request is served, the watch for the client and reads of a body go on.
func TestRetireDuringRequest(t *testing.T) {
	c, client := connected(t)
	const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
	io.WriteString(client, head)
	p := make([]byte, 4096)
	if n, err := c.Read(p); string(p[:n]) != head || err != nil {
		t.Fatalf("read %q, %v", p[:n], err)
	}
	c.Retire()
	io.WriteString(client, "hello")
	if n, err := c.Read(p); string(p[:n]) != "hello" || err != nil {
		t.Fatalf("read %q, %v", p[:n], err)
	}
	io.WriteString(client, small[:1])
	if n, err := c.Read(p[:1]); string(p[:n]) != small[:1] || err != nil {
		t.Errorf("the watch read %q, %v", p[:n], err)
	}
}

// StayIdle puts the end off.
func TestStayIdle(t *testing.T) {
	c, client := connected(t)
	c.Retire()
	c.StayIdle(time.Now().Add(10 * time.Second))
	read := make(chan string, 1)
	go func() {
		p := make([]byte, 4096)
		n, _ := c.Read(p)
		read <- string(p[:n])
	}()
	select {
	case got := <-read:
		t.Fatalf("read %q at once", got)
	case <-time.After(2 * farewell):
	}
	io.WriteString(client, small)
	if got := <-read; got != small {
		t.Errorf("read %q", got)
	}
}

// drowsy is a connection of which the first reads are woken: they return 0, nil.
type drowsy struct {
	*net.TCPConn
	woken  int           // reads to come that are
	asleep chan struct{} // has an element when one waits
}

func (d *drowsy) Read(p []byte) (int, error) {
	if d.woken > 0 {
		d.woken--
		return 0, nil
	}
	d.asleep <- struct{}{}
	return d.TCPConn.Read(p)
}

// A connection that stays idle and is woken stays on.
func TestStayIdleIsWoken(t *testing.T) {
	c, client := connected(t)
	below := &drowsy{TCPConn: c.Conn.(*net.TCPConn), woken: 3, asleep: make(chan struct{}, 10)}
	c.Conn = below
	c.Retire()
	c.StayIdle(time.Now().Add(10 * time.Second))
	read := make(chan string, 1)
	go func() {
		p := make([]byte, 4096)
		n, err := c.Read(p)
		read <- fmt.Sprintf("%s %v", p[:n], err)
	}()
	select {
	case <-below.asleep:
	case got := <-read:
		t.Fatalf("read %q although there is time", got)
	}
	io.WriteString(client, small)
	if got := <-read; got != small+" <nil>" {
		t.Errorf("read %q", got)
	}
}

// Close lingers once, if it was told to.
func TestLinger(t *testing.T) {
	c, client := connected(t)
	io.WriteString(client, small)
	if _, err := c.Write([]byte("the answer")); err != nil {
		t.Fatal(err)
	}
	c.Linger(true)
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	answer, err := io.ReadAll(client)
	if string(answer) != "the answer" || err != nil {
		t.Errorf("read %q, %v", answer, err)
	}
	client.Close()
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestHTTP2(t *testing.T) {
	c, client := connected(t)
	io.WriteString(client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	p := make([]byte, 4096)
	for total := 0; total < 24; {
		n, err := c.Read(p)
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	if !c.HTTP2() {
		t.Error("it is not known to be HTTP/2")
	}
	c.Retire()
	io.WriteString(client, "frame")
	if n, err := c.Read(p); string(p[:n]) != "frame" || err != nil {
		t.Errorf("read %q, %v", p[:n], err)
	}
}
