package front

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
)

// After load and shutdown no goroutine is left.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{App: app(echo), ChunkedRequest: true})
	var done, clients sync.WaitGroup
	done.Go(func() { _ = s.Serve(l) })
	for range 20 {
		c := dial(t, &site{addr: l.Addr().String()})
		clients.Go(func() {
			defer c.Close()
			r := bufio.NewReader(c)
			for _, in := range []string{helloRequest, post(70000, ""), chunks(100, 200)} {
				if _, err := c.Write([]byte(in)); err != nil {
					t.Error(err)
				}
				response, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
			}
		})
	}
	clients.Wait()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	done.Wait()
	poll(t, "the goroutines", func() bool { return runtime.NumGoroutine() <= before })
}
