package front

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

const helloRequest = "GET / HTTP/1.1\r\nHost: localhost:8000\r\n\r\n"

var helloBody = []byte("Hello, world!\n")

type hello struct{}

func (hello) Serve(_ context.Context, _ *gateway.Request, w gateway.ResponseWriter) error {
	err := w.WriteHead(&gateway.Head{Status: 200, ContentLength: int64(len(helloBody)), Fields: []gateway.Field{
		{Name: "Content-Type", Value: "text/plain"},
		{Name: "Content-Length", Value: "14"},
	}})
	if err != nil {
		return nil
	}
	_, _ = w.Write(helloBody)
	return nil
}

func bareHello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", "14")
	_, _ = w.Write(helloBody)
}

func BenchmarkHello(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		l := benchListener(b)
		server := &http.Server{Handler: http.HandlerFunc(bareHello)}
		go server.Serve(l)
		defer server.Close()
		roundTrips(b, l.Addr().String())
	})
	b.Run("front", func(b *testing.B) {
		l := benchListener(b)
		server := New(Options{App: hello{}})
		go server.Serve(l)
		defer server.Shutdown(context.Background())
		roundTrips(b, l.Addr().String())
	})
}

func benchListener(b *testing.B) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	return l
}

func roundTrips(b *testing.B, addr string) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		buf := make([]byte, 4096)
		for pb.Next() {
			if _, err := c.Write([]byte(helloRequest)); err != nil {
				b.Error(err)
				return
			}
			if _, err := c.Read(buf); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// nothing is a ResponseWriter that costs as little as one can.
type nothing struct{ header http.Header }

func (n *nothing) Header() http.Header         { return n.header }
func (n *nothing) Write(p []byte) (int, error) { return len(p), nil }
func (n *nothing) WriteHeader(int)             { clear(n.header) }

// BenchmarkServeHTTP is what the front adds to net/http, without the guard.
func BenchmarkServeHTTP(b *testing.B) {
	s := New(Options{App: hello{}})
	r, err := http.NewRequestWithContext(context.WithValue(b.Context(), connectionKey{}, &connection{}), "GET", "/some/path?x=1", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header = http.Header{"Accept": {"*/*"}, "User-Agent": {"benchmark"}, "Connection": {"keep-alive"}}
	r.Host = "localhost:8000"
	w := &nothing{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		s.ServeHTTP(w, r)
	}
}
