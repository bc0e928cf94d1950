// Package server runs what the other packages are: it serves until it is told
// to stop and then ends everything in order. It knows the order and the time
// limits, and nothing of HTTP, Python or configuration.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/timeout"
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

// Options say what is run.
type Options struct {
	Listener net.Listener
	Front    Front
	Host     Host
	Log      logs.Logger
	// Graceful is how long running requests may take after the server was
	// told to stop (graceful-timeout); then they are cut off. Shutdown is how
	// long exit handlers may (shutdown-timeout).
	Graceful, Shutdown timeout.Limit
}

// ErrForced says that the server was told a second time to stop.
var ErrForced = errors.New("stopped at once by a second signal")

// Run serves until stop is done or the listener fails, and then ends, in this
// order: no new connections, running requests, exit handlers of applications.
// When force is done it stops waiting. It returns nil if all of that went
// well. The listener is closed in any case.
//
// A front that is told to end before it accepts would leave the clients that wait in
// the queue of the socket: it is not told before.
func Run(stop, force context.Context, o Options) error {
	failed := make(chan error, 1)
	l := &announced{Listener: o.Listener, accepting: make(chan struct{})}
	go func() { failed <- o.Front.Serve(l) }()
	cause, ended := error(nil), false
	select {
	case cause = <-failed:
		ended = true
	case <-stop.Done():
		select {
		case cause = <-failed:
			ended = true
		case <-l.accepting:
		case <-force.Done():
		}
	}
	if ended {
		failed <- nil // for end
	}
	err := end(force, o, failed)
	return errors.Join(cause, err)
}

// announced is a listener that tells when it is accepted on for the first time.
type announced struct {
	net.Listener
	once      sync.Once
	accepting chan struct{} // closed then
}

func (a *announced) Accept() (net.Conn, error) {
	a.once.Do(func() { close(a.accepting) })
	return a.Listener.Accept()
}

// end waits for the goroutine that serves, which sends to served.
func end(force context.Context, o Options, served <-chan error) error {
	graceful, cancel := timeout.Until(force, o.Graceful.After(time.Now()), fmt.Errorf("requests still run after %v (graceful-timeout)", o.Graceful))
	defer cancel()
	drained := o.Front.Shutdown(graceful)
	if drained != nil {
		drained = fmt.Errorf("end running requests: %w", named(graceful, drained))
	}
	served1 := <-served
	limit, cancel := timeout.Until(force, o.Shutdown.After(time.Now()), fmt.Errorf("exit handlers still run after %v (shutdown-timeout)", o.Shutdown))
	defer cancel()
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
