package python

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// places bounds the requests inside Python, and those that wait to get in. A
// request that finds a free place pays for nothing but taking it. Its methods
// are safe for concurrent use.
type places struct {
	taken   chan struct{} // one element per request inside
	waiting atomic.Int64
	backlog int64
	timeout time.Duration // from the beginning of a request; 0: none
	closing <-chan struct{}
}

func newPlaces(threads, backlog int, timeout time.Duration, closing <-chan struct{}) *places {
	return &places{taken: make(chan struct{}, threads), backlog: int64(backlog), timeout: timeout, closing: closing}
}

// take takes a place, and waits for one if it must: until ctx is done, until
// the time-out after start, or until nothing gets in any more. The error is a
// *gateway.Error. timer is the caller's to keep, made when it is first needed.
func (p *places) take(ctx context.Context, start time.Time, timer **time.Timer) error {
	select {
	case p.taken <- struct{}{}:
		return nil
	default:
		return p.wait(ctx, start, timer)
	}
}

func (p *places) leave() { <-p.taken }

func (p *places) wait(ctx context.Context, start time.Time, timer **time.Timer) error {
	defer p.waiting.Add(-1)
	if p.waiting.Add(1) > p.backlog {
		return busy("%d requests wait already (listen-backlog) for one of %d threads", p.backlog, cap(p.taken))
	}
	var late <-chan time.Time
	if p.timeout > 0 {
		t := rearmed(timer, time.Until(start.Add(p.timeout)))
		defer t.Stop()
		late = t.C
	}
	select {
	case p.taken <- struct{}{}:
		return nil
	case <-p.closing: // fill has the other places
		return &gateway.Error{Kind: gateway.Failed, Err: ErrClosed}
	case <-late:
		return busy("none of %d threads became free within the queue-timeout of %v", cap(p.taken), p.timeout)
	case <-ctx.Done():
		return &gateway.Error{Kind: gateway.Aborted, Err: context.Cause(ctx)}
	}
}

// fill takes n places for good, and returns the cause when ctx is done first.
func (p *places) fill(ctx context.Context, n int) error {
	for range n {
		select {
		case p.taken <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// rearmed returns the timer in place, which strikes after d.
func rearmed(place **time.Timer, d time.Duration) *time.Timer {
	if *place == nil {
		*place = time.NewTimer(d)
	} else {
		(*place).Reset(d)
	}
	return *place
}

func busy(format string, args ...any) *gateway.Error {
	return &gateway.Error{Kind: gateway.Busy, Err: fmt.Errorf(format, args...)}
}
