package framing

import (
	"errors"
	"io"
	"math"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAllowance(t *testing.T) {
	second := time.Second
	for _, c := range []struct {
		rate Rate
		n    int64
		want time.Duration
	}{
		{Rate{}, 0, math.MaxInt64},
		{Rate{Initial: 20 * second}, 1 << 40, 20 * second},
		{Rate{Initial: 20 * second, Min: 500}, 0, 20 * second},
		{Rate{Initial: 20 * second, Min: 500}, 250, 20*second + second/2},
		{Rate{Initial: 20 * second, Min: 500}, 5000, 30 * second},
		{Rate{Initial: 20 * second, Max: 40 * second, Min: 500}, 5000, 30 * second},
		{Rate{Initial: 20 * second, Max: 40 * second, Min: 500}, 50000, 40 * second},
		{Rate{Initial: second, Min: 1}, math.MaxInt64, 100*365*24*time.Hour + second},
	} {
		if got := c.rate.Allowance(c.n); got != c.want {
			t.Errorf("%+v, %d bytes: %v, want %v", c.rate, c.n, got, c.want)
		}
	}
}

func TestWithin(t *testing.T) {
	rate := Rate{Initial: 20 * time.Second, Min: 500}
	for _, c := range []struct {
		rate    Rate
		timeout time.Duration
		waited  time.Duration
		want    time.Duration
	}{
		{Rate{}, 0, time.Hour, 0},
		{Rate{}, time.Minute, time.Hour, time.Minute},
		{rate, 0, 5 * time.Second, 17 * time.Second},
		{rate, time.Second, 5 * time.Second, time.Second},
		{rate, time.Minute, time.Hour, 1},
	} {
		if got := c.rate.Within(c.timeout, 1000, c.waited); got != c.want {
			t.Errorf("%+v: %v, want %v", c, got, c.want)
		}
	}
}

// dribble sends s a few bytes at a time.
func dribble(c net.Conn, s string, n int, every time.Duration) {
	for len(s) > 0 {
		<-time.After(every)
		n := min(n, len(s))
		if _, err := io.WriteString(c, s[:n]); err != nil {
			return
		}
		s = s[n:]
	}
}

// TestSlowHead: a head has its initial time, and more as it earns it.
func TestSlowHead(t *testing.T) {
	rate := Rate{Initial: 20 * time.Second, Max: 40 * time.Second, Min: 500}
	head := "GET / HTTP/1.1\r\n" + strings.Repeat("X: "+strings.Repeat("a", 1000)+"\r\n", 60)
	for _, c := range []struct {
		name  string
		rate  Rate
		n     int // bytes a second
		least time.Duration
		most  time.Duration
	}{
		{"a byte a second", rate, 1, 20 * time.Second, 21 * time.Second},
		{"half of the rate", rate, 250, 38 * time.Second, 40 * time.Second},
		{"the rate, until the end of all", rate, 500, 40 * time.Second, 40 * time.Second},
		{"without a rate", Rate{Initial: 20 * time.Second}, 500, 20 * time.Second, 20 * time.Second},
		{"without an end, until nothing comes", Rate{Initial: 20 * time.Second, Min: 500}, 510, 138 * time.Second, 142 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, below := net.Pipe()
				var sending sync.WaitGroup
				defer sending.Wait()
				defer client.Close()
				conn := Guard(below, Options{HeadRate: c.rate})
				defer conn.Close()
				sending.Go(func() { dribble(client, head, c.n, time.Second) })
				sending.Go(func() { _, _ = io.Copy(io.Discard, client) })
				start := time.Now()
				if err := conn.SetReadDeadline(start.Add(c.rate.Initial)); err != nil {
					t.Fatal(err)
				}
				_, err := io.Copy(io.Discard, readOnly{conn})
				took := time.Since(start)
				var refusal *Refusal
				if !errors.As(err, &refusal) {
					t.Fatalf("after %v: %v", took, err)
				}
				if refusal.Status != 408 || took < c.least || took > c.most {
					t.Errorf("%v after %v, want %v to %v", refusal, took, c.least, c.most)
				}
			})
		})
	}
}

// readOnly hides what else a connection can do.
type readOnly struct{ io.Reader }

// TestSlowBody: the time in which a body is waited for is bounded by what it has
// earned; that in which nobody reads does not count.
func TestSlowBody(t *testing.T) {
	rate := Rate{Initial: 20 * time.Second, Min: 500}
	for _, c := range []struct {
		name  string
		rate  Rate
		n     int           // bytes a second
		pause time.Duration // before each read
		least time.Duration
		most  time.Duration // 0: it is not cut
	}{
		{"a byte a second", rate, 1, 0, 20 * time.Second, 21 * time.Second},
		{"half of the rate", rate, 250, 0, 39 * time.Second, 41 * time.Second},
		{"the rate", rate, 500, 0, 0, 0},
		{"a fifth of the rate, without a limit", Rate{}, 100, 0, 0, 0},
		{"read slowly", rate, 100_000, time.Minute, 0, 0},
		{"at most", Rate{Initial: 20 * time.Second, Max: 30 * time.Second, Min: 500}, 1000, 0, 30 * time.Second, 31 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, below := net.Pipe()
				var sending sync.WaitGroup
				defer sending.Wait()
				defer client.Close()
				conn := Guard(below, Options{BodyRate: c.rate, BodyTimeout: 15 * time.Second})
				defer conn.Close()
				const size = 100_000
				sending.Go(func() {
					_, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
					dribble(client, strings.Repeat("a", size), c.n, time.Second)
					client.Close()
				})
				buf := make([]byte, 4096)
				start, got, err := time.Now(), 0, error(nil)
				for err == nil {
					<-time.After(c.pause)
					var n int
					n, err = conn.Read(buf)
					got += n
				}
				took := time.Since(start)
				if c.most == 0 {
					if got < size || !errors.Is(err, io.EOF) {
						t.Errorf("cut after %d bytes, %v: %v", got, took, err)
					}
					return
				}
				if !errors.Is(err, os.ErrDeadlineExceeded) || took < c.least || took > c.most {
					t.Errorf("%v after %v, want %v to %v", err, took, c.least, c.most)
				}
			})
		})
	}
}
