package framing

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// taker reads from the client's side a byte at a time, as often as it is told.
func taker(t *testing.T, c net.Conn, every time.Duration, bytes int) {
	go func() {
		for range bytes {
			<-time.After(every)
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Errorf("the client reads: %v", err)
			}
		}
	}()
}

// TestWriteTimeout: a client that takes something now and then is never given up,
// one that takes nothing is.
func TestWriteTimeout(t *testing.T) {
	const limit = 8 * time.Second
	for _, c := range []struct {
		name  string
		every time.Duration // that a byte is taken
		bytes int
		ends  time.Duration // 0: all is taken
	}{
		{"nothing is taken", 0, 0, limit},
		{"all is taken, slowly", limit - time.Second, 10, 0},
		{"something is taken, and then nothing", time.Second, 3, 2 * limit},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, below := net.Pipe()
				defer client.Close()
				conn := Guard(below, Options{WriteTimeout: time.Hour})
				conn.SetWriteTimeout(limit)
				taker(t, client, c.every, c.bytes)
				start := time.Now()
				n, err := conn.Write(make([]byte, 10))
				if n != c.bytes || (err == nil) != (c.ends == 0) {
					t.Errorf("wrote %d, %v", n, err)
				}
				if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("error %v, want %v", err, os.ErrDeadlineExceeded)
				}
				if took := time.Since(start); c.ends > 0 && (took < c.ends*7/8 || took > c.ends) {
					t.Errorf("given up after %v, want %v", took, c.ends)
				}
			})
		})
	}
}

// TestSetWriteTimeout: the limit of the listener holds again when it is taken back.
func TestSetWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, below := net.Pipe()
		defer client.Close()
		conn := Guard(below, Options{WriteTimeout: time.Hour})
		for _, set := range []time.Duration{time.Second, 0} {
			conn.SetWriteTimeout(set)
			want := set
			if set == 0 {
				want = time.Hour
			}
			start := time.Now()
			if _, err := conn.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != want {
				t.Errorf("%v: %v after %v, want %v", set, err, time.Since(start), want)
			}
		}
	})
}

// TestGivenUp: what is sent after the client has been given up waits no longer.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, below := net.Pipe()
		defer client.Close()
		conn := Guard(below, Options{WriteTimeout: time.Hour})
		start := time.Now()
		for range 3 {
			if _, err := conn.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
		}
		if took := time.Since(start); took != time.Hour {
			t.Errorf("given up after %v", took)
		}
	})
}

// piped is a pipe that can be told to send a file.
type piped struct{ net.Conn }

func (p piped) ReadFrom(r io.Reader) (int64, error) { return io.Copy(writeOnly{p.Conn}, r) }

// TestFileTimeout: a client that takes nothing of a file any more is given up
// after the limit, even if it took a part of a piece; one that takes something
// now and then is not.
func TestFileTimeout(t *testing.T) {
	const limit = 8 * time.Second
	for _, c := range []struct {
		name  string
		every time.Duration
		bytes int
		last  time.Duration // when the last byte is taken
	}{
		{"nothing is taken", 0, 0, 0},
		{"a part is taken at once", 0, 5, 0},
		{"a part is taken slowly", 1500 * time.Millisecond, 3, 4500 * time.Millisecond},
		{"all is taken, slowly", limit - time.Second, 10, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, below := net.Pipe()
				defer client.Close()
				conn := Guard(piped{below}, Options{WriteTimeout: limit})
				taker(t, client, c.every, c.bytes)
				start := time.Now()
				n, err := conn.ReadFrom(strings.NewReader("0123456789"))
				took := time.Since(start) - c.last
				switch {
				case int(n) != c.bytes:
					t.Errorf("sent %d, %v", n, err)
				case n == 10 && err != nil:
					t.Error(err)
				case n < 10 && (!errors.Is(err, os.ErrDeadlineExceeded) || took < limit || took > limit+limit/looks):
					t.Errorf("%v, %v after the last byte", err, took)
				}
			})
		})
	}
}

// stalling takes 3 bytes of what it has read of a source, then 2 and the rest.
type stalling struct {
	sink
	calls int
}

func (s *stalling) ReadFrom(r io.Reader) (int64, error) {
	s.calls++
	if s.calls > 2 {
		return s.sink.ReadFrom(r)
	}
	block := make([]byte, 5) // more than it sends
	if _, err := io.ReadFull(r, block); err != nil {
		return 0, err
	}
	n := 4 - s.calls
	s.Buffer.Write(block[:n])
	return int64(n), os.ErrDeadlineExceeded
}

// TestReadFromGoesOn: nothing of a file is lost, or sent twice, when the client
// stalls for a while.
func TestReadFromGoesOn(t *testing.T) {
	under := &stalling{}
	src := strings.NewReader("--0123456789")
	if _, err := src.Seek(2, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	n, err := Guard(under, Options{WriteTimeout: time.Hour}).ReadFrom(&io.LimitedReader{R: src, N: 9})
	if n != 9 || err != nil || under.String() != "012345678" {
		t.Errorf("sent %d, %v, %q", n, err, under.String())
	}
}

// TestReadFromCannotGoOn: what cannot be read again is not guessed.
func TestReadFromCannotGoOn(t *testing.T) {
	under := &stalling{}
	src := struct{ io.Reader }{strings.NewReader("0123456789")}
	n, err := Guard(under, Options{WriteTimeout: time.Hour}).ReadFrom(src)
	if n != 3 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("sent %d, %v", n, err)
	}
}
