package server

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a front and a host that record what is asked of them.
type fake struct {
	steps  []string
	stop   chan struct{}
	fails  error         // of Serve, at once
	drain  time.Duration // that Shutdown takes
	atexit time.Duration // that Close takes
}

func (f *fake) Serve(net.Listener) error {
	if f.fails != nil {
		return f.fails
	}
	<-f.stop
	return nil
}

func (f *fake) Shutdown(ctx context.Context) error {
	close(f.stop)
	return f.take(ctx, "shutdown", f.drain)
}

func (f *fake) Close(ctx context.Context) error { return f.take(ctx, "close", f.atexit) }

func (f *fake) take(ctx context.Context, step string, d time.Duration) error {
	f.steps = append(f.steps, step)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func run(t *testing.T, f *fake, force time.Duration, o Options) (took time.Duration, err error) {
	t.Helper()
	f.stop = make(chan struct{})
	stop, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	forced, cancelForce := context.WithCancelCause(t.Context())
	defer cancelForce(nil)
	if force > 0 {
		timer := time.AfterFunc(time.Second+force, func() { cancelForce(ErrForced) })
		defer timer.Stop()
	}
	start := time.Now()
	o.Front, o.Host = f, f
	err = Run(stop, forced, o)
	if !slices.Equal(f.steps, []string{"shutdown", "close"}) {
		t.Errorf("steps %v", f.steps)
	}
	return time.Since(start) - time.Second, err
}

func TestRun(t *testing.T) {
	for _, test := range []struct {
		name  string
		fake  fake
		force time.Duration
		o     Options
		took  time.Duration
		errs  string // "" for none
	}{
		{"nothing to wait for", fake{}, 0, Options{}, 0, ""},
		{"waits for requests and handlers", fake{drain: 14 * time.Second, atexit: 4 * time.Second}, 0, Options{}, 18 * time.Second, ""},
		{"requests take too long", fake{drain: time.Minute}, 0, Options{}, DefaultGraceful, "requests still run after 15s"},
		{"handlers take too long", fake{atexit: time.Minute}, 0, Options{}, DefaultShutdown, "exit handlers still run after 5s"},
		{"second signal", fake{drain: time.Minute, atexit: time.Minute}, 3 * time.Second, Options{}, 3 * time.Second, "second signal"},
		{"other limit for requests", fake{drain: time.Minute}, 0, Options{Graceful: 7 * time.Second}, 7 * time.Second, "requests still run after 7s"},
		{"other limit for handlers", fake{atexit: time.Minute}, 0, Options{Shutdown: 7 * time.Second}, 7 * time.Second, "exit handlers still run after 7s"},
		{"no time for requests", fake{drain: time.Minute}, 0, Options{Graceful: None}, 0, "requests still run after 0s"},
		{"no limit for handlers", fake{atexit: time.Hour}, 0, Options{Shutdown: None}, time.Hour, ""},
		{"second signal without limit", fake{atexit: time.Hour}, 3 * time.Second, Options{Shutdown: None}, 3 * time.Second, "second signal"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, err := run(t, &test.fake, test.force, test.o)
				if took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				if (err == nil) != (test.errs == "") || err != nil && !strings.Contains(err.Error(), test.errs) {
					t.Errorf("error %v, want %q", err, test.errs)
				}
			})
		})
	}
}

func TestListenerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		f := &fake{fails: broken}
		took, err := run(t, f, 0, Options{})
		if !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
		if took != -time.Second {
			t.Errorf("ended %v after stop, want before", took)
		}
	})
}
