package ring_test

import (
	"sync"
	"testing"

	"github.com/gophersnake/gophersnake/internal/ring"
	"github.com/gophersnake/gophersnake/internal/ring/ringtest"
)

// BenchmarkRoundTrip pushes a request and waits for its answer, from so many
// goroutines.
func BenchmarkRoundTrip(b *testing.B) {
	for _, clients := range []struct {
		name string
		n    int
	}{{"1", 1}, {"32", 32}} {
		b.Run(clients.name, func(b *testing.B) {
			s := serve(b, clients.n, nil)
			d, err := ringtest.Start(s.Region().File(), s.Event(), 2, func(q *ringtest.Request) { q.Done(ringtest.Outcome{}) })
			if err != nil {
				b.Fatal(err)
			}
			defer d.Stop()
			d.Computing(true)
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for range clients.n {
				wg.Go(func() {
					q := &ring.Request{}
					for range b.N / clients.n {
						roundTrip(b, s, q)
					}
				})
			}
			wg.Wait()
		})
	}
}

func roundTrip(b *testing.B, s *ring.Server, q *ring.Request) {
	slot := acquire(b, s)
	if err := slot.Fill(q); err != nil {
		b.Error(err)
	}
	if err := s.Push(slot); err != nil {
		b.Error(err)
	}
	for {
		state, err := slot.State()
		if err != nil {
			b.Error(err)
			return
		}
		if state == ring.Done {
			slot.Release()
			return
		}
		<-slot.Ready()
	}
}
