package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gophersnake/gophersnake/internal/control"
	"github.com/gophersnake/gophersnake/internal/timeout"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// pair returns both ends of a connection, closed with the test.
func pair(t *testing.T) (a, b *control.Conn) {
	t.Helper()
	left, right, err := control.Pair()
	if err != nil {
		t.Fatal(err)
	}
	a, err1 := control.Open(left)
	b, err2 := control.Open(right)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// start runs a worker over f; the returned function waits for its outcome.
func start(t *testing.T, f *fake, change func(*Options)) (parent *control.Conn, wait func() error) {
	t.Helper()
	here, parent := pair(t)
	o := Options{Parent: here, Requests: f, Log: &textLog{}, Limits: Limits{Threads: 1}, Event: func(s syscall.Signal) { f.note("event " + s.String()) }}
	if change != nil {
		change(&o)
	}
	done := make(chan error, 1)
	go func() { done <- Run(context.WithoutCancel(t.Context()), o) }()
	return parent, func() error {
		select {
		case err := <-done:
			return err
		case <-time.After(10 * time.Second):
			t.Fatal("the worker does not end")
			return nil
		}
	}
}

func TestRunStopsInOrder(t *testing.T) {
	f := newFake()
	parent, wait := start(t, f, nil)
	if err := parent.Send(wire.Stop, wire.Stopping{Reason: "maximum_requests", Shutdown: timeout.Limit(time.Second)}); err != nil {
		t.Fatal(err)
	}
	if err := wait(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if got, want := f.notes(), []string{"stop", "close maximum_requests"}; !slices.Equal(got, want) {
		t.Errorf("did %q, want %q", got, want)
	}
}

func TestRunLeavesPythonAloneWhenRequestsStay(t *testing.T) {
	f := newFake()
	f.stopping = errors.New("2 requests stay")
	parent, wait := start(t, f, nil)
	if err := parent.Send(wire.Stop, wire.Stopping{}); err != nil {
		t.Fatal(err)
	}
	if err := wait(); !errors.Is(err, f.stopping) {
		t.Errorf("Run: %v, want %v", err, f.stopping)
	}
	if got, want := f.notes(), []string{"stop"}; !slices.Equal(got, want) {
		t.Errorf("did %q, want %q", got, want)
	}
}

func TestRunEndsWithItsParent(t *testing.T) {
	t.Run("pipe", func(t *testing.T) {
		gone := make(chan struct{})
		close(gone)
		_, wait := start(t, newFake(), func(o *Options) { o.ParentGone = gone })
		if err := wait(); !errors.Is(err, ErrParentGone) {
			t.Errorf("Run: %v, want %v", err, ErrParentGone)
		}
	})
	t.Run("connection", func(t *testing.T) {
		parent, wait := start(t, newFake(), nil)
		parent.Close()
		if err := wait(); !errors.Is(err, ErrParentGone) {
			t.Errorf("Run: %v, want %v", err, ErrParentGone)
		}
	})
}

func TestRunTellsOfALostServer(t *testing.T) {
	gone := make(chan struct{})
	close(gone)
	parent, wait := start(t, newFake(), func(o *Options) { o.ServerGone = gone })
	m, err := parent.Receive()
	if err != nil || m.Kind != wire.Retire {
		t.Fatalf("received %q, %v, want %q", m.Kind, err, wire.Retire)
	}
	parent.Send(wire.Stop, wire.Stopping{})
	if err := wait(); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// stubborn is requests and exit handlers that take a time, or until they are
// given up.
type stubborn struct {
	*fake
	requests, handlers time.Duration
}

func (s *stubborn) Stop(ctx context.Context) error {
	return s.take(ctx, "wait for requests in 1 threads", s.requests)
}

func (s *stubborn) Close(ctx context.Context, _ string) error {
	return s.take(ctx, "wait for the end of Python", s.handlers)
}

func (s *stubborn) take(ctx context.Context, what string, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		s.note(what)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
}

// The end of a daemon has the time of shutdown-timeout, with requests that still
// run and exit handlers together, and the log names no other limit.
func TestEndHasShutdownTimeout(t *testing.T) {
	const second = timeout.Limit(time.Second)
	for _, c := range []struct {
		name               string
		limit              timeout.Limit
		requests, handlers time.Duration
		took               time.Duration
		log                string // "" for none
	}{
		{"nothing to wait for", second, 0, 0, 0, ""},
		{"just in time", second, 400 * time.Millisecond, 600*time.Millisecond - 1, time.Second - 1, ""},
		{"requests are late", second, time.Minute, 0, time.Second, "wait for requests in 1 threads: they still run after 1s (shutdown-timeout)"},
		{"handlers are late", second, 400 * time.Millisecond, time.Minute, time.Second, "wait for the end of Python: exit handlers still run after 1s (shutdown-timeout)"},
		{"no limit", timeout.None, 24 * time.Hour, 24 * time.Hour, 48 * time.Hour, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &textLog{}
				w := &worker{Options: Options{Requests: &stubborn{newFake(), c.requests, c.handlers}, Log: log}}
				began := time.Now()
				err := w.end(t.Context(), wire.Stopping{Shutdown: c.limit})
				if took := time.Since(began); took != c.took || (err != nil) != (c.log != "") {
					t.Errorf("after %v: %v, want it after %v", took, err, c.took)
				}
				if got := log.String(); !strings.Contains(got, c.log) || c.log == "" && got != "" {
					t.Errorf("logged %q, want %q", got, c.log)
				}
			})
		})
	}
}

// answering has one request that does not end, of whose response a part has been sent.
type answering struct {
	*stubborn
	answers bool
}

func (a *answering) Running(dst []Running) []Running {
	return append(dst, Running{Serial: 1, Answers: a.answers})
}

// TestStreamsAreLeft: a response that has begun is not waited for when the server that takes
// it is gone, whether that is known when the end begins or only later.
func TestStreamsAreLeft(t *testing.T) {
	const limit = 10 * time.Second
	for _, c := range []struct {
		name    string
		gone    time.Duration // after the end has begun; negative: never
		answers bool
		took    time.Duration
	}{
		{"gone before", 0, true, noticing},
		{"gone a moment later", 2 * time.Millisecond, true, 2*time.Millisecond + noticing},
		{"gone later", 3 * time.Second, true, 3*time.Second + noticing},
		{"still there", -1, true, limit},
		{"not begun", 0, false, limit},
		{"gone at the last moment", limit - noticing/2, true, limit},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gone := make(chan struct{})
				switch {
				case c.gone == 0:
					close(gone)
				case c.gone > 0:
					defer time.AfterFunc(c.gone, func() { close(gone) }).Stop()
				}
				w := &worker{Options: Options{
					Requests: &answering{&stubborn{newFake(), time.Hour, 0}, c.answers}, Log: &textLog{}, ServerGone: gone,
				}}
				began := time.Now()
				err := w.end(t.Context(), wire.Stopping{Shutdown: timeout.Limit(limit)})
				if took := time.Since(began); took != c.took || (err != nil) != (c.took == limit) {
					t.Errorf("after %v: %v, want it after %v", took, err, c.took)
				}
			})
		})
	}
}

// TestRunKeepsScripts: the parent hears when the scripts are kept, not before.
func TestRunKeepsScripts(t *testing.T) {
	f := newFake()
	parent, wait := start(t, f, nil)
	if err := errors.Join(parent.Send(wire.Mark, wire.Marking{Place: 2}), parent.Send(wire.Keep, wire.Keeping{Place: 2})); err != nil {
		t.Fatal(err)
	}
	m, err := parent.Receive()
	if err != nil || m.Kind != wire.Kept {
		t.Fatalf("received %q, %v, want %q", m.Kind, err, wire.Kept)
	}
	if got, want := f.notes(), []string{"mark 2", "keep 2"}; !slices.Equal(got, want) {
		t.Errorf("did %q, want %q", got, want)
	}
	parent.Send(wire.Stop, wire.Stopping{})
	if err := wait(); err != nil {
		t.Errorf("Run: %v", err)
	}
}
