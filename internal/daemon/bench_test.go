package daemon

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/ring/ringtest"
)

// sink is a ResponseWriter that keeps nothing.
type sink struct{}

func (sink) WriteHead(*gateway.Head) error               { return nil }
func (sink) Write(p []byte) (int, error)                 { return len(p), nil }
func (sink) Flush() error                                { return nil }
func (sink) SendFile(_ *os.File, n int64) (int64, error) { return n, nil }

// BenchmarkServe serves small requests from so many goroutines. The daemons'
// threads are goroutines of this process, each blocking one of the system's
// threads, and allocate twice a request: a real daemon costs less here.
func BenchmarkServe(b *testing.B) {
	for _, clients := range []int{1, 32} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			s := newSite(b, Options{Backlog: 100, QueueTimeout: 45 * time.Second, SocketTimeout: time.Minute})
			out := plain("Hello, world!\n")
			for range 2 {
				p := s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) { q.Done(ringtest.Outcome{Status: 200, Length: -1, Out: out}) })
				p.Computing(true)
			}
			app := s.g.App(Script{Path: "/script"})
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for range clients {
				wg.Go(func() {
					r := request("/")
					r.Header = http.Header{"Accept": {"*/*"}, "User-Agent": {"bench"}}
					ctx, cancel := context.WithCancel(context.Background())
					defer cancel()
					for range b.N / clients {
						r.Start = time.Now()
						if err := app.Serve(ctx, r, sink{}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
