// Package server runs what the other packages are: it serves until it is told
// to stop and then ends everything in order. It knows the order and the time
// limits, and nothing of HTTP, Python or configuration.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
)

// Front is the HTTP side of a server.
type Front interface {
	// Serve answers the connections of l until Shutdown; it returns nil then.
	Serve(l net.Listener) error
	// Shutdown stops accepting and waits for running requests until ctx is
	// done; then it cuts them off and says so.
	Shutdown(ctx context.Context) error
}

// Host is what runs applications.
type Host interface {
	// Close runs exit handlers and ends the host; an error is what was left
	// behind when ctx was done.
	Close(ctx context.Context) error
}

// Time limits where Options leave them out, and what stands for none there.
const (
	DefaultGraceful = 15 * time.Second
	DefaultShutdown = 5 * time.Second

	None time.Duration = -1
)

// Options say what is run.
type Options struct {
	Listener net.Listener
	Front    Front
	Host     Host
	Log      logs.Logger
	// Graceful is how long running requests may take after the server was
	// told to stop (graceful-timeout); with None they are cut off. Shutdown is
	// how long exit handlers may (shutdown-timeout); with None there is no
	// limit. 0 stands for the default.
	Graceful, Shutdown time.Duration
}

// ErrForced says that the server was told a second time to stop.
var ErrForced = errors.New("stopped at once by a second signal")

// Run serves until stop is done or the listener fails, and then ends, in this
// order: no new connections, running requests, exit handlers of applications.
// When force is done it stops waiting. It returns nil if all of that went
// well. The listener is closed in any case.
func Run(stop, force context.Context, o Options) error {
	if o.Graceful == 0 {
		o.Graceful = DefaultGraceful
	}
	if o.Shutdown == 0 {
		o.Shutdown = DefaultShutdown
	}
	failed := make(chan error, 1)
	go func() { failed <- o.Front.Serve(o.Listener) }()
	var cause error
	select {
	case cause = <-failed:
		failed <- nil // for end
	case <-stop.Done():
	}
	err := end(force, o, failed)
	return errors.Join(cause, err)
}

// end waits for the goroutine that serves, which sends to served.
func end(force context.Context, o Options, served <-chan error) error {
	grace := max(0, o.Graceful)
	graceful, cancel := context.WithTimeoutCause(force, grace, fmt.Errorf("requests still run after %v", grace))
	defer cancel()
	drained := o.Front.Shutdown(graceful)
	if drained != nil {
		drained = fmt.Errorf("end running requests: %w", named(graceful, drained))
	}
	served1 := <-served
	limit := force
	if o.Shutdown > 0 {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeoutCause(force, o.Shutdown, fmt.Errorf("exit handlers still run after %v", o.Shutdown))
		defer cancel()
	}
	closed := o.Host.Close(limit)
	if closed != nil {
		closed = fmt.Errorf("end applications: %w", closed)
	}
	return errors.Join(drained, served1, closed)
}

// named replaces the error of a context by its cause.
func named(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
