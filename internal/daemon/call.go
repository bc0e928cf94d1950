package daemon

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/reply"
	"github.com/gophersnake/gophersnake/internal/ring"
)

// noGeneration is none that a slot has: those have 29 bits.
const noGeneration = ^uint32(0)

// keptBuffer bounds the memory that an idle call keeps.
const keptBuffer = 128 << 10

// call is one request and its response. It is pooled, and belongs to the
// goroutine that serves the request, but for what is marked.
type call struct {
	g    *Group
	wake chan struct{} // the waiting is over: p and slot are set, or refusal is
	buf  []byte
	head reply.Head
	attempt
	made

	// Guarded by the group's mu while the call waits or is in a process.
	waiting       bool // in the group's list
	before, after *call
	since         time.Time // when it began to wait
	refusal       error
	p             *Process
	slot          ring.Lease

	// Of the process that it is in; other goroutines read and set these.
	flags      atomic.Uint32 // what has been told
	started    atomic.Bool   // the process has begun
	alive      atomic.Int64  // when it last gave a sign of life, Unix nanoseconds
	generation atomic.Uint32 // of the slot
}

// made is what the call was made for.
type made struct {
	ctx     context.Context
	script  Script
	req     *gateway.Request
	w       gateway.ResponseWriter
	arrival uint64 // its number among the group's requests; 0: none yet
}

// attempt is what begins anew with each process that a request is given to.
type attempt struct {
	pushed    time.Time
	body      *pump // nil: the body is not wanted
	sent      bool  // the head has been handed on
	concluded bool  // result has been read
	result    ring.Result
	whole     []byte // of buf: the body of a response that came in one
}

// What a call may be told while it is in a process: bits of flags.
const (
	evicted  = 1 << iota // go to another process, if not started
	expired              // the queue-timeout is over
	silent               // there was no sign of life for the socket-timeout
	fileLost             // its file could not be received
)

// tell may be called while c is in a process, with the group's mu held.
func (c *call) tell(what uint32) {
	c.flags.Or(what)
	c.slot.Nudge()
}

func (c *call) told(what uint32) bool { return c.flags.Load()&what != 0 }

func (c *call) begin(ctx context.Context, s Script, r *gateway.Request, w gateway.ResponseWriter) {
	c.made = made{ctx: ctx, script: s, req: r, w: w}
}

// end forgets the request.
func (c *call) end() {
	c.made, c.attempt = made{}, attempt{}
	c.head.Forget()
	c.refusal = nil
	if cap(c.buf) > keptBuffer {
		c.buf = nil
	}
}

// lives notes a sign of life of the process.
func (c *call) lives() {
	if c.g.o.SocketTimeout > 0 {
		c.alive.Store(time.Now().UnixNano())
	}
}

func (c *call) log(level logs.Level, message string) {
	if c.g.o.Log == nil || !c.g.o.Log.Enabled(level) {
		return
	}
	record := logs.Record{Level: level, Module: "wsgi", Script: c.script.Path, RequestID: c.req.ID, Message: message}
	if conn := c.req.Conn; conn != nil {
		record.Client = conn.RemoteAddr + ":" + conn.RemotePort
	}
	c.g.o.Log.Log(record)
}
