package front

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// endless writes until the client is given up, which it tells.
func endless(ended chan<- error) app {
	return func(_ context.Context, _ *gateway.Request, w gateway.ResponseWriter) error {
		if err := w.WriteHead(&gateway.Head{Status: 200, ContentLength: -1}); err != nil {
			return err
		}
		block := make([]byte, 1<<16)
		for {
			if _, err := w.Write(block); err != nil {
				ended <- err
				return nil
			}
		}
	}
}

// TestClientTakesNothing: whoever set the limit, a client that takes nothing of a
// response is dropped, and the log says so.
func TestClientTakesNothing(t *testing.T) {
	for _, c := range []struct {
		name         string
		server, apps time.Duration
		want         string
	}{
		{"limit of the application", time.Minute, 50 * time.Millisecond, "the client took nothing of the response for 50ms (response-socket-timeout): the response is cut"},
		{"limit of the server", 40 * time.Millisecond, 0, "the client took nothing of the response for 40ms (socket-timeout): the response is cut"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ended := make(chan error, 1)
			s := start(t, Options{SocketTimeout: c.server, App: LimitWrites(endless(ended), c.apps)})
			conn := send(t, s, getAndClose)
			if err := <-ended; err == nil {
				t.Error("the write went on")
			}
			if line := s.await(t, "took nothing"); line.Message != c.want || line.Level != logs.Info || line.Client == "" {
				t.Errorf("logged %+v, want %q", line, c.want)
			}
			if _, err := io.Copy(io.Discard, conn); err != nil {
				t.Logf("the connection ended with %v", err) // it may be reset
			}
		})
	}
}

// TestClientTakesNothingOfAFile: it is cut after the limit, and not after another
// one for each thing that is still to be sent.
func TestClientTakesNothingOfAFile(t *testing.T) {
	const limit = time.Second
	s, dir := files(t, Options{SocketTimeout: limit})
	if err := os.Truncate(filepath.Join(dir, "big.bin"), 256<<20); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	send(t, s, "GET /static/big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
	poll(t, "the request", func() bool { return s.Active() == 1 })
	poll(t, "its end", func() bool { return s.Active() == 0 })
	if took := time.Since(start); took < limit || took > 2*limit {
		t.Errorf("cut after %v, want %v", took, limit)
	}
	s.await(t, "the client took nothing of the response for 1s (socket-timeout): the response is cut")
}

// TestHTTP2ClientTakesNothing is the same on a stream.
func TestHTTP2ClientTakesNothing(t *testing.T) {
	ended := make(chan error, 1)
	s := start(t, Options{App: LimitWrites(endless(ended), 50*time.Millisecond)})
	response, err := http2Client(t).Get("http://" + s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := <-ended; err == nil {
		t.Error("the write went on")
	}
	s.await(t, "the client took nothing of the response for 50ms (response-socket-timeout): the response is cut")
}

// TestLimitIsForgotten: the next request of a connection has the limit of its own
// application.
func TestLimitIsForgotten(t *testing.T) {
	var limits, patiences []time.Duration
	look := app(func(_ context.Context, _ *gateway.Request, w gateway.ResponseWriter) error {
		x := w.(*exchange)
		err := answer(w, "ok")
		limits, patiences = append(limits, x.conn.limited), append(patiences, x.writeTimeout())
		return err
	})
	bounded := LimitWrites(look, 3*time.Second)
	s := start(t, Options{App: app(func(ctx context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		if r.PathInfo == "/limited" {
			return bounded.Serve(ctx, r, w)
		}
		return look(ctx, r, w)
	})})
	r := bufio.NewReader(send(t, s, "GET /limited HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	for range 2 {
		if got := read(t, r, http.MethodGet); got.body != "ok" {
			t.Errorf("got %q", got.body)
		}
	}
	for i, want := range []struct{ limit, patience time.Duration }{{3 * time.Second, 3 * time.Second}, {0, DefaultSocketTimeout}} {
		if limits[i] != want.limit || patiences[i] != want.patience {
			t.Errorf("request %d: connection %v, exchange %v, want %+v", i, limits[i], patiences[i], want)
		}
	}
}

// leastBuffer is the least value of response-buffer-size.
const leastBuffer = 65536

// TestLittleIsHeldBack: less than the least response-buffer-size waits in the
// server for more of the response, whatever the blocks.
func TestLittleIsHeldBack(t *testing.T) {
	for _, block := range []int{1, 100, 4095, 4096, 5000, leastBuffer} {
		written, goOn := make(chan int), make(chan bool)
		s := start(t, Options{App: with(func(w gateway.ResponseWriter) error {
			if err := w.WriteHead(&gateway.Head{Status: 200, ContentLength: -1}); err != nil {
				return err
			}
			n := 0
			for n < 3*leastBuffer {
				m, err := w.Write(make([]byte, block))
				if err != nil {
					return err
				}
				n += m
			}
			written <- n
			<-goOn
			return nil
		})})
		response, err := http.Get("http://" + s.addr)
		if err != nil {
			t.Fatal(err)
		}
		n := <-written
		if _, err := io.CopyN(io.Discard, response.Body, int64(n-leastBuffer+1)); err != nil {
			t.Errorf("blocks of %d: %v", block, err)
		}
		close(goOn)
		response.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
}
