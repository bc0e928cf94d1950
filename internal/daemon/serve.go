package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/ring"
)

// outcome is what a look at a request led to.
type outcome uint8

const (
	goOn  outcome = iota // the process has to do something first
	over                 // the request is served, or has failed
	again                // it was not started: another process is to serve it
)

// serve serves the request, in as many processes as it takes. When it returns,
// nothing uses the request any more.
func (c *call) serve() error {
	for {
		if err := c.g.enter(c); err != nil {
			return err
		}
		what, err := c.exchange()
		if what != again {
			c.endBody()
			return err
		}
	}
}

// exchange gives the request to the process that was chosen, and follows it.
// The process and the slot are given back when it returns.
func (c *call) exchange() (outcome, error) {
	c.attempt = attempt{}
	c.buf = c.buf[:0]
	if what, err := c.push(); what != goOn {
		return what, err
	}
	for {
		if what, err := c.look(); what != goOn {
			return what, err
		}
		select {
		case <-c.slot.Ready():
		case <-c.left():
		}
	}
}

// left is closed when the client is gone, and nil once the request has been
// started: then it runs to its end, as in embedded mode. A client that has
// only closed its side for writing looks the same, and wants the answer; one
// that is gone is found out by the first write.
func (c *call) left() <-chan struct{} {
	if c.started.Load() {
		return nil
	}
	return c.ctx.Done()
}

// push hands the request to the process.
func (c *call) push() (outcome, error) {
	r, slot := c.req, c.slot
	environ, steady := flat.AppendEnviron(slot.Environ(), r)
	err := slot.Fill(&ring.Request{
		Script: c.script.Index, Group: r.ApplicationGroup, Environ: environ, Steady: steady,
		Prefix: r.Prefix[:min(len(r.Prefix), ring.PieceSize)], More: c.hasMore(), Start: r.Start,
	})
	if err != nil {
		c.back(takenBack)
		return over, c.fail(err)
	}
	c.generation.Store(slot.Generation())
	c.pushed = time.Now()
	err = c.p.ring.Push(slot)
	switch {
	case err == nil:
		return goOn, nil
	case errors.Is(err, ring.ErrFull):
		c.back(ringFull)
		return again, nil
	}
	return c.broken(err)
}

// look does what there is to do, and does not wait.
func (c *call) look() (outcome, error) {
	dead := c.p.died.Load() // before the state is read, which is final then
	state, err := c.slot.State()
	if err == nil && c.body != nil {
		err = c.body.failure()
	}
	if err != nil {
		return c.broken(err)
	}
	if state == ring.Queued {
		what, err := c.queued(dead)
		if what != goOn || !c.started.Load() {
			return what, err
		}
		state = ring.Running
	}
	c.started.Store(true)
	switch {
	case state == ring.Done:
		if err := c.askLate(); err != nil {
			return c.broken(err)
		}
		return c.done(dead)
	case dead:
		return c.gone()
	}
	return c.running()
}

// queued decides whether the request stays in the process, which had not
// started it. If it has meanwhile, started is set.
func (c *call) queued(dead bool) (outcome, error) {
	left := c.ctx.Err() != nil
	if !left && !dead && c.flags.Load() == 0 {
		return goOn, nil
	}
	if !left && !dead && !c.told(evicted|expired) {
		c.notSilent()
		return goOn, nil
	}
	if !c.slot.TakeBack() {
		c.started.Store(true)
		return goOn, nil
	}
	late := c.told(expired)
	c.back(takenBack)
	switch {
	case left:
		return over, c.aborted()
	case late:
		err := c.g.queueTimedOut()
		c.log(logs.Error, err.Error())
		return over, err
	}
	return again, nil
}

// askLate asks the client for the body if the process wanted it and has ended
// before that was seen: "Expect: 100-continue" is answered then, too.
func (c *call) askLate() error {
	if c.req.Body == nil || c.body != nil {
		return nil
	}
	wants, err := c.slot.WantsBody()
	if wants && err == nil {
		c.ask()
	}
	return err
}

// running moves the bodies of a request that the process is serving.
func (c *call) running() (outcome, error) {
	if err := c.startBody(); err != nil {
		return c.broken(err)
	}
	if what, err := c.pieces(); what != goOn {
		return what, err
	}
	if c.told(silent) && !c.notSilent() {
		c.abandon()
		return over, c.timeout()
	}
	return goOn, nil
}

// notSilent reports whether there was no cause to call the process silent: it
// was not its turn.
func (c *call) notSilent() bool {
	limit := c.g.o.SocketTimeout
	if !c.started.Load() || c.body != nil && c.body.reading.Load() {
		c.lives()
	}
	c.flags.And(^uint32(silent))
	by := time.Unix(0, c.alive.Load()).Add(limit)
	if !by.After(time.Now()) {
		return false
	}
	c.g.mu.Lock()
	c.g.clock.armLocked(by)
	c.g.mu.Unlock()
	return true
}

// back leaves the process with a request that has not been started.
func (c *call) back(how departure) { c.g.leave(c, how) }

// release leaves the process with a request that is done.
func (c *call) release() {
	c.detachBody()
	c.g.leave(c, finished)
}

// abandon leaves a request to its process, which is told that nobody wants the
// answer.
func (c *call) abandon() {
	c.detachBody()
	c.g.abandon(c)
}

// drop leaves a process that can do nothing any more.
func (c *call) drop() {
	c.detachBody()
	c.g.leave(c, lost)
}

func (c *call) aborted() error {
	return &gateway.Error{Kind: gateway.Aborted, Err: context.Cause(c.ctx)}
}

// fail logs a response that cannot be made or sent, unless the writer has.
func (c *call) fail(err error) error {
	var known *gateway.Error
	if errors.As(err, &known) {
		return known
	}
	c.log(logs.Error, "serve request: "+err.Error())
	return &gateway.Error{Kind: gateway.Failed, Err: err}
}

// timeout logs that the process gave no sign of life.
func (c *call) timeout() error {
	err := fmt.Errorf("WSGI0145: Timeout when reading the response from daemon process '%s': nothing came within the socket-timeout of %v; it was given %s %s %v before",
		c.g.o.Name, c.g.o.SocketTimeout, c.req.Method, c.req.URI, c.ran())
	c.log(logs.Error, err.Error())
	if c.sent {
		return &gateway.Error{Kind: gateway.Aborted, Err: err}
	}
	return &gateway.Error{Kind: gateway.Timeout, Err: err}
}

// gone ends a request whose process died while it served it.
func (c *call) gone() (outcome, error) {
	err := fmt.Errorf("process %d of group %q ended while it served %s %s, for %v: %s",
		c.p.o.PID, c.g.o.Name, c.req.Method, c.req.URI, c.ran(), c.p.cause)
	level := logs.Error
	if c.sent && c.p.cause == causeClosed {
		level = logs.Debug // who has shut the server down has said what was cut
	}
	c.log(level, err.Error())
	kind := gateway.Gone
	if c.p.stuck {
		kind = gateway.Timeout
	}
	c.drop()
	return over, &gateway.Error{Kind: kind, Err: err}
}

// ran returns for how long a process has had the request.
func (c *call) ran() time.Duration { return time.Since(c.pushed).Round(time.Millisecond) }

// broken ends a request of a process that wrote nonsense.
func (c *call) broken(err error) (outcome, error) {
	err = fmt.Errorf("process %d of group %q, serving %s %s: %w", c.p.o.PID, c.g.o.Name, c.req.Method, c.req.URI, err)
	c.log(logs.Error, err.Error())
	c.g.setBroken(c.p, err)
	c.drop()
	return over, &gateway.Error{Kind: gateway.Gone, Err: err}
}
