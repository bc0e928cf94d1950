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

	"github.com/gophersnake/gophersnake/internal/timeout"
)

// fake is a front and a host that record what is asked of them.
type fake struct {
	steps  []string
	stop   chan struct{}
	fails  error         // of Serve, at once
	begins time.Duration // that Serve takes until it accepts
	drain  time.Duration // that Shutdown takes
	atexit time.Duration // that Close takes
}

func (f *fake) Serve(l net.Listener) error {
	if f.fails != nil {
		return f.fails
	}
	time.Sleep(f.begins)
	f.steps = append(f.steps, "accept")
	_, _ = l.Accept()
	<-f.stop
	return nil
}

// silent is a listener that nobody connects to.
type silent struct{ net.Listener }

func (silent) Accept() (net.Conn, error) { return nil, net.ErrClosed }

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
	o.Front, o.Host, o.Listener = f, f, silent{}
	err = Run(stop, forced, o)
	want := []string{"accept", "shutdown", "close"}
	if f.fails != nil {
		want = want[1:]
	}
	if !slices.Equal(f.steps, want) {
		t.Errorf("steps %v", f.steps)
	}
	return time.Since(start) - time.Second, err
}

// usual are the limits that start-server has without options.
var usual = Options{Graceful: timeout.Limit(15 * time.Second), Shutdown: timeout.Limit(5 * time.Second)}

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
		{"waits for requests and handlers", fake{drain: 15*time.Second - 1, atexit: 5*time.Second - 1}, 0, usual, 20*time.Second - 2, ""},
		{"requests take too long", fake{drain: time.Minute}, 0, usual, 15 * time.Second, "requests still run after 15s (graceful-timeout)"},
		{"handlers take too long", fake{atexit: time.Minute}, 0, usual, 5 * time.Second, "exit handlers still run after 5s (shutdown-timeout)"},
		{"second signal", fake{drain: time.Minute, atexit: time.Minute}, 3 * time.Second, usual, 3 * time.Second, "second signal"},
		{"1s for requests", fake{drain: time.Minute}, 0, Options{Graceful: timeout.Limit(time.Second)}, time.Second, "requests still run after 1s (graceful-timeout)"},
		{"1s for handlers", fake{atexit: time.Minute}, 0, Options{Shutdown: timeout.Limit(time.Second)}, time.Second, "exit handlers still run after 1s (shutdown-timeout)"},
		{"no limits", fake{drain: 24 * time.Hour, atexit: 24 * time.Hour}, 0, Options{}, 48 * time.Hour, ""},
		{"second signal without limit for requests", fake{drain: time.Hour}, 3 * time.Second, Options{}, 3 * time.Second, "second signal"},
		{"stopped before it accepts", fake{begins: 3 * time.Second}, 0, usual, 2 * time.Second, ""},
		{"second signal without limit for handlers", fake{atexit: time.Hour}, 3 * time.Second, Options{}, 3 * time.Second, "second signal"},
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
