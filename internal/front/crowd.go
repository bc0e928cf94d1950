package front

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gophersnake/gophersnake/internal/framing"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// crowd keeps the connections of a Server from taking every descriptor of the
// process. Of those that are not used from the start, connections have five eighths,
// and files that are being sent a fourth. The rest is for logs, for daemons, and for
// an application in the same process.
//
// When there are too many connections, those go that have waited longest with no
// request being served. If there is none of them, a new one is answered with 503.
type crowd struct {
	log         logs.Logger
	connections int          // how many there may be
	files       atomic.Int64 // how many more may be opened

	arrivals atomic.Uint64 // connections so far

	mu     sync.Mutex
	open   map[*connection]struct{}
	warned time.Time // when a lack was last logged

	turning chan struct{}  // has room for each connection that is being turned away
	wg      sync.WaitGroup // of their goroutines
}

// silence is how long nothing more is logged of a lack.
const silence = 10 * time.Second

// turnTime bounds the write of the answer to a client that is turned away, and
// turnedAtOnce how many of them are waited for until they have read it.
const (
	turnTime     = 100 * time.Millisecond
	turnedAtOnce = 8
)

// newCrowd returns the bounds for a process that may open so many descriptors.
func newCrowd(descriptors int, log logs.Logger) *crowd {
	c := &crowd{
		log: log, connections: max(descriptors/8*5, 1),
		open: make(map[*connection]struct{}), turning: make(chan struct{}, turnedAtOnce),
	}
	c.files.Store(int64(max(descriptors/4, 1)))
	return c
}

// reserved is how many descriptors are left out of account: daemons that are
// started later, and each look at a file, need some.
const reserved = 16

// freeDescriptors is how many more descriptors this process may open.
func freeDescriptors() int {
	free := 1024 // the usual limit, if there is none to be found out
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err == nil {
		free = int(min(limit.Cur, 1<<30))
	}
	open, _ := os.ReadDir("/proc/self/fd") // without it none are counted
	return free - len(open) - reserved
}

// note follows the states of a connection.
func (c *crowd) note(conn *connection, state http.ConnState) {
	switch state {
	case http.StateNew:
		conn.since.Store(c.arrivals.Add(1))
		c.mu.Lock()
		c.open[conn] = struct{}{}
		c.mu.Unlock()
	case http.StateActive: // HTTP/1: a part of a head, for which nobody need wait
		if conn.conn != nil && conn.conn.HTTP2() {
			conn.serving.Store(true)
		}
	case http.StateIdle:
		conn.serving.Store(false)
		conn.since.Store(c.arrivals.Load())
	case http.StateClosed, http.StateHijacked:
		c.mu.Lock()
		delete(c.open, conn)
		c.mu.Unlock()
	}
}

func (c *crowd) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open) >= c.connections
}

// waits reports a connection on which no request is being served.
func (conn *connection) waits() bool {
	return !conn.serving.Load() && conn.handlers.Load() == 0
}

// makeRoom closes the connections that have waited longest, some at a time, and
// reports whether there were any.
func (c *crowd) makeRoom() bool {
	c.mu.Lock()
	var waiting []*connection
	for conn := range c.open {
		if conn.waits() {
			waiting = append(waiting, conn)
		}
	}
	c.mu.Unlock()
	slices.SortFunc(waiting, func(a, b *connection) int { return cmp.Compare(a.since.Load(), b.since.Load()) })
	closed := 0
	for _, conn := range waiting[:(len(waiting)+15)/16] {
		if conn.conn != nil && conn.waits() { // a request may have come meanwhile
			_ = conn.conn.Close() // it is closed in any case
			closed++
		}
	}
	if closed > 0 {
		c.warn(logs.Warn, "too many connections: those are closed that have waited longest for a request")
	}
	return closed > 0
}

// warn logs a lack, but not again and again.
func (c *crowd) warn(level logs.Level, message string) {
	c.mu.Lock()
	open, now := len(c.open), time.Now()
	again := now.Sub(c.warned) < silence
	if !again {
		c.warned = now
	}
	c.mu.Unlock()
	if again {
		return
	}
	c.log.Log(logs.Record{Level: level, Module: module, Message: message + " (" + strconv.Itoa(open) + " are open, " +
		strconv.Itoa(c.connections) + " may be): raise the limit of open files (ulimit -n, LimitNOFILE of systemd)"})
}

// takeFile reports whether another file may be open while it is sent; giveFile
// follows.
func (c *crowd) takeFile() bool {
	if c.files.Add(-1) >= 0 {
		return true
	}
	c.files.Add(1)
	return false
}

func (c *crowd) giveFile() { c.files.Add(1) }

// errManyFiles is an error as the system has it when no file can be opened.
var errManyFiles = &os.SyscallError{Syscall: "open a file to send", Err: syscall.EMFILE}

// Listen returns l with its connections bounded. It takes l over.
func (c *crowd) Listen(l net.Listener) net.Listener {
	b := &bounded{Listener: l, crowd: c}
	b.keepSpare()
	return b
}

// bounded is a listener that goes on when there are no descriptors left.
type bounded struct {
	net.Listener
	crowd *crowd

	mu    sync.Mutex
	spare *os.File // a descriptor in reserve, given up to accept a connection
	ended bool
}

func (b *bounded) Accept() (net.Conn, error) {
	for {
		b.keepSpare()
		conn, err := b.Listener.Accept()
		short := exhausted(err)
		if short && b.useSpare() {
			conn, err = b.Listener.Accept()
		}
		if err != nil {
			if exhausted(err) {
				b.crowd.makeRoom() // net/http tries again after a moment
			}
			return nil, err
		}
		if !short && !b.crowd.full() || b.crowd.makeRoom() {
			return conn, nil
		}
		b.crowd.turnAway(conn)
	}
}

// exhausted reports that there is no descriptor for another connection.
func exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// keepSpare opens the descriptor in reserve, if there is one to be had.
func (b *bounded) keepSpare() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spare == nil && !b.ended {
		b.spare, _ = os.Open(os.DevNull) // without it Accept fails, and net/http tries again
	}
}

// useSpare gives up the descriptor in reserve, and reports whether there was one.
func (b *bounded) useSpare() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spare == nil {
		return false
	}
	_ = b.spare.Close() // nothing was written to it
	b.spare = nil
	return true
}

// Close closes the listener and gives up the reserve.
func (b *bounded) Close() error {
	b.useSpare()
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
	return b.Listener.Close()
}

// turnedAway is what a client reads for which there is no room.
const turnedAway = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: " + retryAfter + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

// turnAway answers a connection with 503, and does not wait for the client.
func (c *crowd) turnAway(conn net.Conn) {
	c.warn(logs.Error, "too many connections, and a request is being served on each: new ones get 503")
	guarded := framing.Guard(conn, framing.Options{})
	_ = conn.SetWriteDeadline(time.Now().Add(turnTime)) // an error is one that the write has, too
	_, err := guarded.Write([]byte(turnedAway))
	select {
	case c.turning <- struct{}{}:
		c.wg.Go(func() {
			if err == nil {
				_ = guarded.CloseWrite() // waits until the client has read it
			}
			_ = conn.Close()
			<-c.turning
		})
	default: // nobody waits for this one
		_ = conn.Close()
	}
}
