package python

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// requestThreads run the calls of embedded mode, in the order in which they come, on
// operating system threads of their own: at most Options.Threads, each made when it is
// first needed and kept until Python ends. What Python keeps for each thread, such as
// a connection to a database, is then bounded. How many of the threads run at the same
// time is up to gil.room: no call waits that may run while a thread is idle. Of the idle
// threads the last one to have run is the first to run again. Its methods are safe for
// concurrent use.
type requestThreads struct {
	most    int
	backlog int           // calls that may wait for one of the threads
	timeout time.Duration // of waiting, from Request.WaitsSince; 0: none
	call    func(*call)   // runs one, on a request thread

	mu        sync.Mutex
	queue     callQueue
	running   int // calls that have a thread
	abandoned int // of them, those that are of use to nobody; see abandon
	threads   []*requestThread
	idle      []*requestThread
	closed    bool
	alarm     *time.Timer // for the time-out of what is in the queue; nil until there was something
	due       time.Time   // when it strikes; zero: never

	ended chan struct{} // has an element when a call has ended after closing
	all   sync.WaitGroup
}

// requestThread is a goroutine that is locked to its thread.
type requestThread struct {
	calls chan *call // the next one, when it is idle; has room for one
	runs  *call      // nil: it is idle; set with mu held
}

func newRequestThreads(most, backlog int, timeout time.Duration) *requestThreads {
	return &requestThreads{
		most: most, backlog: backlog, timeout: timeout,
		call: (*call).run, ended: make(chan struct{}, 1),
	}
}

// run has a thread run c and returns when that is done. It returns a *gateway.Error, and
// c has not begun, when too many wait already, when none becomes free in time, when ctx
// is done before, and after end.
func (q *requestThreads) run(ctx context.Context, c *call) error {
	t, err := q.push(c)
	if err != nil {
		return err
	}
	if t == nil {
		return q.wait(ctx, c)
	}
	// Other requests that have come go first: the thread finds them in the queue.
	runtime.Gosched()
	t.calls <- c
	<-c.ran
	return nil
}

// push finds c a thread, to which the caller gives it, or adds it to the queue.
func (q *requestThreads) push(c *call) (*requestThread, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, &gateway.Error{Kind: gateway.Failed, Err: ErrClosed}
	}
	if q.running+q.queue.size >= q.most+q.backlog {
		return nil, busy("%d requests wait already (listen-backlog) for one of %d threads", q.backlog, q.most)
	}
	c.err = nil
	if c.target.gil.room(q.most) {
		if t := q.idleThread(); t != nil {
			q.start(t, c)
			return t, nil
		}
	}
	q.queue.push(c)
	q.setAlarm(c)
	return nil, nil
}

// wait waits until c, which is in the queue or has left it, is done or withdrawn.
func (q *requestThreads) wait(ctx context.Context, c *call) error {
	select {
	case <-c.ran:
		return c.err
	case <-ctx.Done():
	}
	if q.withdraw(c) {
		return &gateway.Error{Kind: gateway.Aborted, Err: context.Cause(ctx)}
	}
	<-c.ran
	return c.err
}

// setAlarm sees to the time-out of c. One alarm is for all calls: most have left the
// queue long before it strikes, and do not pay for it. The caller holds mu.
func (q *requestThreads) setAlarm(c *call) {
	if q.timeout <= 0 {
		return
	}
	at := c.req.WaitsSince().Add(q.timeout)
	if !q.due.IsZero() && !at.Before(q.due) {
		return
	}
	q.due = at
	if q.alarm == nil {
		q.alarm = time.AfterFunc(time.Until(at), q.expire)
	} else {
		q.alarm.Reset(time.Until(at))
	}
}

// expire refuses the calls that have waited too long.
func (q *requestThreads) expire() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.due = time.Time{}
	var next *call
	for c := q.queue.head; c != nil; c = next {
		next = c.next
		if time.Until(c.req.WaitsSince().Add(q.timeout)) > 0 {
			q.setAlarm(c)
			continue
		}
		q.refuse(c, busy("none of %d threads became free within the queue-timeout of %v", q.most, q.timeout))
	}
}

// refuse takes c out of the queue, and its request fails with err. The caller holds mu.
func (q *requestThreads) refuse(c *call, err error) {
	q.queue.remove(c)
	c.err = err
	c.ran <- struct{}{}
}

// withdraw takes c out of the queue. It reports false when c is not there.
func (q *requestThreads) withdraw(c *call) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.queue.remove(c)
}

// idleThread returns a thread that runs no call, made if there may be one more, or
// nil. The caller holds mu.
func (q *requestThreads) idleThread() *requestThread {
	if n := len(q.idle); n > 0 {
		t := q.idle[n-1]
		q.idle = q.idle[:n-1]
		return t
	}
	if len(q.threads) == q.most {
		return nil
	}
	t := &requestThread{calls: make(chan *call, 1)}
	q.threads = append(q.threads, t)
	q.all.Go(func() { q.serve(t) })
	return t
}

// serve is what a thread does until the end. Then Go keeps it: Python's state of it
// ends with Python.
func (q *requestThreads) serve(t *requestThread) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for c := range t.calls {
		for c != nil {
			q.call(c)
			c = q.next(t, c)
		}
	}
}

// next ends c, which t has run, and returns the call that t is to run at once, if any.
func (q *requestThreads) next(t *requestThread, c *call) *call {
	q.mu.Lock()
	q.finish(t, c)
	following := q.take(t)
	switch {
	case following != nil:
		q.dispatch()
	case q.closed:
		close(t.calls)
	default:
		q.idle = append(q.idle, t)
	}
	q.mu.Unlock()
	c.ran <- struct{}{}
	return following
}

// dispatch gives the calls that may run to the threads that are idle. The caller holds
// mu.
func (q *requestThreads) dispatch() {
	for q.queue.first(q.most) != nil {
		t := q.idleThread()
		if t == nil {
			return
		}
		t.calls <- q.take(t)
	}
}

// take starts the first call in the queue that may run, which t is to run, and returns
// it, or nil. The caller holds mu.
func (q *requestThreads) take(t *requestThread) *call {
	c := q.queue.first(q.most)
	if c != nil {
		q.queue.remove(c)
		q.start(t, c)
	}
	return c
}

// start counts c, which t is to run. The caller holds mu.
func (q *requestThreads) start(t *requestThread, c *call) {
	t.runs = c
	q.running++
	c.target.gil.running++
	c.counts.Store(true)
}

// finish counts c, which t has run, no longer. The caller holds mu.
func (q *requestThreads) finish(t *requestThread, c *call) {
	t.runs = nil
	q.running--
	q.discount(c)
	if c.streams.Load() {
		c.streams.Store(false)
	}
	if c.abandoned {
		c.abandoned = false
		q.abandoned--
	}
	if q.closed {
		select {
		case q.ended <- struct{}{}:
		default:
		}
	}
}

func (q *requestThreads) discount(c *call) {
	if c.counts.Load() {
		c.counts.Store(false)
		c.target.gil.running--
	}
}

// letOthers lets another call run beside c, which does not need the GIL for a while,
// until c has ended. It may be called more than once.
func (q *requestThreads) letOthers(c *call) {
	if !c.counts.Load() {
		return
	}
	q.mu.Lock()
	q.discount(c)
	q.dispatch()
	q.mu.Unlock()
}

// abandon marks the calls that have begun to send a response without a length: nobody
// takes it any more.
func (q *requestThreads) abandon() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.threads {
		if c := t.runs; c != nil && c.streams.Load() && !c.abandoned {
			c.abandoned = true
			q.abandoned++
		}
	}
}

// end refuses calls from now on, those in the queue too, and returns when all calls and
// threads have ended, or with the cause when ctx is done before.
func (q *requestThreads) end(ctx context.Context) error {
	err := q.endWhen(ctx, func() bool { return q.running == 0 })
	if err == nil {
		q.all.Wait()
	}
	return err
}

// endOthers is end, but does not wait for calls that have been abandoned, nor for
// threads.
func (q *requestThreads) endOthers(ctx context.Context) error {
	return q.endWhen(ctx, func() bool { return q.running == q.abandoned })
}

// endWhen refuses calls from now on, and returns when over, called with mu held, reports
// true.
func (q *requestThreads) endWhen(ctx context.Context, over func() bool) error {
	q.close()
	for {
		q.mu.Lock()
		ended := over()
		q.mu.Unlock()
		if ended {
			return nil
		}
		select {
		case <-q.ended:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (q *requestThreads) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	for c := q.queue.head; c != nil; c = q.queue.head {
		q.refuse(c, &gateway.Error{Kind: gateway.Failed, Err: ErrClosed})
	}
	if q.alarm != nil {
		q.alarm.Stop()
	}
	for _, t := range q.idle {
		close(t.calls)
	}
	q.idle = nil
}

func busy(format string, args ...any) *gateway.Error {
	return &gateway.Error{Kind: gateway.Busy, Err: fmt.Errorf(format, args...)}
}
