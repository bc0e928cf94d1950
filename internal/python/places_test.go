package python

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// guest takes a place in a goroutine of its own.
func guest(ctx context.Context, p *places) <-chan error {
	result := make(chan error, 1)
	start := time.Now()
	go func() {
		var timer *time.Timer
		result <- p.take(ctx, start, &timer)
	}()
	synctest.Wait()
	return result
}

// settled returns what came of a guest that does not wait any more.
func settled(t *testing.T, result <-chan error) error {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-result:
		return err
	default:
		t.Fatal("it still waits")
		return nil
	}
}

func wantKind(t *testing.T, err error, kind gateway.Kind, text string) {
	t.Helper()
	var failure *gateway.Error
	if !errors.As(err, &failure) || failure.Kind != kind || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want %v: %s", err, kind, text)
	}
}

// As many as the backlog wait; one more is refused at once.
func TestBacklog(t *testing.T) {
	for _, backlog := range []int{0, 1, 3} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlaces(2, backlog, 0, nil)
			for range 2 {
				if err := settled(t, guest(t.Context(), p)); err != nil {
					t.Fatal(err)
				}
			}
			var waiting []<-chan error
			for range backlog {
				waiting = append(waiting, guest(t.Context(), p))
			}
			for range 2 {
				wantKind(t, settled(t, guest(t.Context(), p)), gateway.Busy, "requests wait already (listen-backlog) for one of 2 threads")
			}
			for _, w := range waiting {
				p.leave()
				if err := settled(t, w); err != nil {
					t.Errorf("one that waited: %v", err)
				}
			}
			if backlog > 0 { // there is room in the queue again
				next := guest(t.Context(), p)
				p.leave()
				if err := settled(t, next); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// The time-out counts from the beginning of the request.
func TestQueueTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 3 * time.Second
		p := newPlaces(1, 5, limit, nil)
		var timer *time.Timer
		if err := p.take(t.Context(), time.Now().Add(-time.Hour), &timer); err != nil || timer != nil {
			t.Fatalf("a free place: %v, timer %v", err, timer)
		}
		waiting := guest(t.Context(), p)
		time.Sleep(limit - time.Millisecond)
		synctest.Wait()
		if len(waiting) > 0 {
			t.Fatalf("too early: %v", <-waiting)
		}
		time.Sleep(time.Millisecond)
		wantKind(t, settled(t, waiting), gateway.Busy, "none of 1 threads became free within the queue-timeout of 3s")
		start := time.Now().Add(-time.Hour)
		for range 2 { // with the same timer
			wantKind(t, p.take(t.Context(), start, &timer), gateway.Busy, "queue-timeout")
		}
		result := make(chan error, 1)
		go func() { result <- p.take(context.Background(), time.Now(), &timer) }()
		synctest.Wait()
		p.leave()
		if err := settled(t, result); err != nil {
			t.Errorf("in time: %v", err)
		}
	})
}

func TestWaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closing := make(chan struct{})
		p := newPlaces(1, 5, time.Minute, closing)
		if err := settled(t, guest(t.Context(), p)); err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithCancelCause(t.Context())
		left, stays := guest(ctx, p), guest(t.Context(), p)
		leave(errors.New("gone home"))
		wantKind(t, settled(t, left), gateway.Aborted, "gone home")
		close(closing)
		wantKind(t, settled(t, stays), gateway.Failed, ErrClosed.Error())
		if n := p.waiting.Load(); n != 0 {
			t.Errorf("%d wait", n)
		}
		impatient, stop := context.WithCancelCause(t.Context())
		full := make(chan error, 1)
		go func() { full <- p.fill(impatient, cap(p.taken)) }()
		synctest.Wait()
		stop(errors.New("impatient"))
		if err := settled(t, full); err == nil || err.Error() != "impatient" {
			t.Errorf("fill: %v", err)
		}
	})
}

// A free place costs no memory.
func TestPlacesAllocateNothing(t *testing.T) {
	p := newPlaces(1, 5, time.Minute, nil)
	var timer *time.Timer
	ctx, start := t.Context(), time.Now()
	if n := testing.AllocsPerRun(100, func() {
		if err := p.take(ctx, start, &timer); err != nil {
			t.Error(err)
		}
		p.leave()
	}); n != 0 {
		t.Errorf("a free place: %v allocations", n)
	}
}
