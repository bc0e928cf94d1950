package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gophersnake/gophersnake/internal/control"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/timeout"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// Options say what Run watches over.
type Options struct {
	Parent   *control.Conn
	Signals  <-chan os.Signal // of CatchSignals
	Requests Requests
	Limits   Limits
	Log      logs.Logger
	// ServerGone is closed when the server that gives requests is gone: they
	// are of no use to anybody then. ParentGone likewise.
	ServerGone, ParentGone <-chan struct{}
	// Event passes signals on that are meant for the application: SIGHUP and
	// SIGUSR2.
	Event func(syscall.Signal)
}

// ErrParentGone says that the process ends because its parent has.
var ErrParentGone = errors.New("the parent process is gone")

// noticing is how long streams may take to notice that their server is gone.
const noticing = 500 * time.Millisecond

// errNobody is why streams are not waited for.
var errNobody = errors.New("they still run, and nobody waits for them")

// worker is a running Run.
type worker struct {
	Options
	orders chan wire.Stopping
}

// Run watches until the parent tells the process to stop, and then ends
// requests and Python. Its error is what was left behind; the process is to
// end in any case.
func Run(ctx context.Context, o Options) error {
	w := &worker{Options: o, orders: make(chan wire.Stopping, 1)}
	received := make(chan error, 1)
	go func() { received <- w.receive() }() // ends with the connection
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	monitor := &Monitor{Limits: o.Limits, Requests: o.Requests, Retire: w.retire, Pulse: w.pulse, Log: o.Log}
	var wg sync.WaitGroup
	wg.Go(func() { monitor.Run(watching) })
	order, err := w.wait(ctx, received)
	cancel()
	wg.Wait()
	if err != nil {
		return err
	}
	ending, ended := context.WithCancel(ctx)
	wg.Go(func() { beat(ending, o.Limits.tick()) })
	err = w.end(ctx, order)
	ended()
	wg.Wait()
	return err
}

// beat runs every so often, and does nothing else: what supervises this process
// takes one that uses no processor time for deadlock-timeout for frozen, and an exit
// handler may wait for longer.
func beat(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// CatchSignals begins to keep the signals that a daemon process acts on. It is
// called first of all, so that none is lost while the process starts.
func CatchSignals() <-chan os.Signal {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGXCPU, syscall.SIGHUP, syscall.SIGUSR2)
	return signals
}

// wait returns what the parent orders.
func (w *worker) wait(ctx context.Context, received <-chan error) (wire.Stopping, error) {
	serverGone := w.ServerGone
	for {
		select {
		case <-ctx.Done():
			return wire.Stopping{}, context.Cause(ctx)
		case order := <-w.orders:
			return order, nil
		case <-w.ParentGone:
			return wire.Stopping{}, ErrParentGone
		case err := <-received:
			return wire.Stopping{}, fmt.Errorf("%w: %w", ErrParentGone, err)
		case <-serverGone:
			serverGone = nil
			w.retire(wire.Retirement{Reason: "shutdown_signal", Text: "its server is gone", Stuck: true})
		case sig := <-w.Signals:
			w.take(sig.(syscall.Signal))
		}
	}
}

// take acts on a signal. A daemon never ends by itself: it asks for a
// replacement and is told.
func (w *worker) take(sig syscall.Signal) {
	text := "it received " + sig.String()
	switch sig {
	case syscall.SIGTERM, syscall.SIGINT:
		w.retire(wire.Retirement{Reason: "shutdown_signal", Text: text})
	case syscall.SIGUSR1:
		w.retire(wire.Retirement{Reason: "graceful_signal", Text: text, Evict: true})
	case syscall.SIGXCPU:
		w.retire(wire.Retirement{Reason: "cpu_time_limit", Text: "it used up its processor time (cpu-time-limit)"})
	default:
		w.Event(sig)
	}
}

func (w *worker) retire(r wire.Retirement) {
	if err := w.Parent.Send(wire.Retire, r); err != nil {
		w.log(logs.Error, "ask to be replaced: %v", err)
	}
}

func (w *worker) pulse(v wire.Vitals) {
	if err := w.Parent.Send(wire.Pulse, v); err != nil {
		w.log(logs.Debug, "tell figures: %v", err) // the end of the parent is noticed elsewhere
	}
}

// receive passes orders on until the connection ends.
func (w *worker) receive() error {
	for {
		m, err := w.Parent.Receive()
		if err != nil {
			return err
		}
		m.Close()
		switch m.Kind {
		case wire.Stop:
		case wire.Mark:
			var marking wire.Marking
			if err := m.Decode(&marking); err != nil {
				return err
			}
			w.Requests.Mark(marking)
			continue
		case wire.Keep:
			var keeping wire.Keeping
			if err := m.Decode(&keeping); err != nil {
				return err
			}
			w.Requests.Keep(keeping)
			if err := w.Parent.Send(wire.Kept, nil); err != nil {
				return err
			}
			continue
		default:
			continue
		}
		var order wire.Stopping
		if err := m.Decode(&order); err != nil {
			return err
		}
		select {
		case w.orders <- order:
		default: // it is ending already
		}
	}
}

// endRequests waits until the requests have ended, or ctx is done. Responses that have
// begun are not waited for when their server is gone, be it already or only later: it has
// cut them off, as streams of events have no end, and it has said of others what was lost.
// They get a moment to notice that.
func (w *worker) endRequests(ctx context.Context) error {
	wanted, nobody := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		if w.awaitServerGone(wanted) {
			nobody(errNobody)
		}
	})
	err := w.Requests.Stop(wanted)
	nobody(nil) // if it was not called before, by who watches
	watching.Wait()
	switch {
	case err == nil || ctx.Err() != nil || !errors.Is(context.Cause(wanted), errNobody):
		return err
	case w.onlyAnswers():
		w.log(logs.Info, "%v", err)
		return nil
	}
	return w.Requests.Stop(ctx)
}

// awaitServerGone reports true a moment after the server is gone, and false when ctx is
// done before.
func (w *worker) awaitServerGone(ctx context.Context) bool {
	select {
	case <-w.ServerGone:
	case <-ctx.Done():
		return false
	}
	moment := time.NewTimer(noticing)
	defer moment.Stop()
	select {
	case <-moment.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// onlyAnswers reports whether a part of the response to each request that runs has been
// sent.
func (w *worker) onlyAnswers() bool {
	return !slices.ContainsFunc(w.Requests.Running(nil), func(r Running) bool { return !r.Answers })
}

// end ends requests and Python within the time of order.
func (w *worker) end(ctx context.Context, order wire.Stopping) error {
	over := order.Shutdown.After(time.Now())
	requests, cancel := timeout.Until(ctx, over, fmt.Errorf("they still run after %v (shutdown-timeout)", order.Shutdown))
	defer cancel()
	if err := w.endRequests(requests); err != nil {
		w.log(logs.Error, "%v", err)
		return err
	}
	handlers, cancel := timeout.Until(ctx, over, fmt.Errorf("exit handlers still run after %v (shutdown-timeout)", order.Shutdown))
	defer cancel()
	if err := w.Requests.Close(handlers, order.Reason); err != nil {
		w.log(logs.Error, "Shutdown timeout expired; aborting daemon process: %v", err)
		return err
	}
	return nil
}

func (w *worker) log(level logs.Level, format string, args ...any) {
	w.Log.Log(logs.Record{Level: level, Module: "wsgi", Message: fmt.Sprintf(format, args...)})
}
