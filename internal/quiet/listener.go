package quiet

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// interval is the tick of the listener: a background read waits for one to two
// of it.
const interval = 5 * time.Millisecond

// Listen returns a listener whose connections are *Conn. It takes l over.
// Connections that are not TCP are passed on as they are.
func Listen(l net.Listener) net.Listener {
	q := &listener{Listener: l, wake: make(chan struct{}, 1), done: make(chan struct{})}
	q.tick.Store(1)
	q.wg.Go(q.run)
	return q
}

// listener lets the background reads of its connections go on after a while.
type listener struct {
	net.Listener
	tick   atomic.Uint32
	asleep atomic.Bool // the goroutine waits for wake

	mu         sync.Mutex
	young, old []*Conn // with a read parked in this tick, and in the one before
	open       int     // connections
	closed     bool

	wake chan struct{}
	done chan struct{} // closed when l is closed and no connection is open
	wg   sync.WaitGroup
}

// watch notes that a read of c is being parked, and returns the tick. The
// caller holds the lock of c, which comes before that of l.
func (l *listener) watch(c *Conn) uint32 {
	tick := l.tick.Load()
	if c.listed != tick {
		c.listed = tick
		l.mu.Lock()
		l.young = append(l.young, c)
		l.mu.Unlock()
	}
	if l.asleep.Load() && l.asleep.CompareAndSwap(true, false) {
		l.wake <- struct{}{}
	}
	return tick
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c, nil
	}
	l.mu.Lock()
	l.open++
	l.mu.Unlock()
	return &Conn{TCPConn: tcp, owner: l, resume: make(chan bool, 1)}, nil
}

// forget is called once when a connection has been closed.
func (l *listener) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	l.endLocked()
}

// Close stops accepting. What has been accepted is served on; the goroutine
// behind l ends with the last of it.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.endLocked()
	return err
}

func (l *listener) endLocked() {
	if !l.closed || l.open > 0 {
		return
	}
	select {
	case <-l.done:
	default:
		close(l.done)
	}
}

// run ticks while there are parked reads.
func (l *listener) run() {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-l.done:
			return
		case <-tick.C:
		}
		if l.wakeOld() || !l.fallAsleep() {
			continue
		}
		tick.Stop()
		select {
		case <-l.done:
			return
		case <-l.wake:
			tick.Reset(interval)
		}
	}
}

// wakeOld begins a tick and lets the reads go on that were parked before the
// last one. It reports whether some are left.
func (l *listener) wakeOld() bool {
	tick := l.tick.Add(1)
	l.mu.Lock()
	due := l.old
	l.old, l.young = l.young, nil
	left := len(l.old) > 0
	l.mu.Unlock()
	for _, c := range due {
		c.wakeIfOld(tick)
	}
	return left
}

// fallAsleep reports whether nothing was parked meanwhile.
func (l *listener) fallAsleep() bool {
	l.asleep.Store(true)
	l.mu.Lock()
	busy := len(l.young) > 0
	l.mu.Unlock()
	return !busy || !l.asleep.CompareAndSwap(true, false)
}
