package python

/*
#include "io.h"
*/
import "C"

import (
	"sync"
	"sync/atomic"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/reply"
)

// outSize is the room for the head and body of a response that is returned
// from C as a whole.
const outSize = 32 << 10

// call is the Go side of one request inside gs_serve. C knows it by its handle.
type call struct {
	handle uintptr
	script string
	req    *gateway.Request
	w      gateway.ResponseWriter
	head   reply.Head
	env    []byte
	steady int // bytes of env that may come again
	out    []byte

	// sending serialises the use of w: an application may write from
	// several threads.
	sending sync.Mutex

	// pending is shared with C; see gs_pending in io.h. settled carries the
	// result of sending what was taken from out.
	pending C.struct_gs_pending
	seen    uint32 // pending.state when the flusher looked last

	settled chan error

	// What requestThreads keep; ran has room for one.
	target *target
	result C.struct_gs_result
	err    error // in place of a result
	ran    chan struct{}
	next   *call       // in the queue
	counts atomic.Bool // among gil.running; set with requestThreads.mu held

	streams   atomic.Bool // it has begun to send a response without a length
	abandoned bool        // nobody takes that any more; guarded by requestThreads.mu

	// changes counts how often the call has gone into C or come back from it,
	// outside how many of its threads are in Go, called from there.
	changes     atomic.Uint32
	outside     atomic.Int32
	seenChanges uint32 // changes when the flusher looked last
	seenStuck   bool   // with these
}

// pendingState returns the word that both sides change with compare-and-swap.
func (c *call) pendingState() *uint32 { return (*uint32)(&c.pending.state) }

// send writes a flat response, head and beginning of the body. The caller
// holds sending.
func (c *call) send(data []byte) error {
	body, err := c.head.Parse(data)
	if err != nil {
		return err
	}
	if err := c.w.WriteHead(&c.head.Head); err != nil {
		return err
	}
	if len(body) > 0 {
		if _, err := c.w.Write(body); err != nil {
			return err
		}
	}
	if c.head.ContentLength < 0 {
		c.streams.Store(true)
	}
	return c.w.Flush()
}

// sendTaken sends the output that the flusher took and reports to settled.
func (c *call) sendTaken() {
	c.sending.Lock()
	defer c.sending.Unlock()
	c.settled <- c.send(c.out[:c.pending.size])
}

// comeAndGo notes that the call goes into C, or has come back.
func (c *call) comeAndGo() { c.changes.Add(1) }

// goOut lets others run while this call, called from C, waits for its client.
func (c *call) goOut() {
	c.outside.Add(1)
	if c.counts.Load() {
		running.Load().threads.letOthers(c)
	}
}

// goBack ends what goOut began.
func (c *call) goBack() {
	c.changes.Add(2)
	c.outside.Add(-1)
}

// gotStuck reports that the call has been in C since it was last asked, once
// for each stay: the longest one keeps a processor for no more than 10 ms.
func (c *call) gotStuck() bool {
	now := c.changes.Load()
	if now != c.seenChanges {
		c.seenChanges, c.seenStuck = now, false
		return false
	}
	if c.seenStuck || now%2 == 0 || c.outside.Load() > 0 {
		return false
	}
	c.seenStuck = true
	return true
}

// describe adds what the error log says of the request.
func (c *call) describe(record *logs.Record) {
	record.Script = c.script
	record.RequestID = c.req.ID
	if conn := c.req.Conn; conn != nil {
		record.Client = conn.RemoteAddr + ":" + conn.RemotePort
	}
}

// callTable gives calls their handles. Entries are reused and never move, so
// that a handle can be looked up without a lock.
type callTable struct {
	mu   sync.Mutex
	all  atomic.Pointer[[]*call]
	free []*call
}

// calls is the table that C's handles refer to.
var calls callTable

// at returns the call with a handle that get has given out.
func (t *callTable) at(handle uintptr) *call { return (*t.all.Load())[handle-1] }

// get returns an idle call, made if there is none.
func (t *callTable) get() *call {
	t.mu.Lock()
	if n := len(t.free); n > 0 {
		c := t.free[n-1]
		t.free = t.free[:n-1]
		t.mu.Unlock()
		return c
	}
	defer t.mu.Unlock()
	var all []*call
	if old := t.all.Load(); old != nil {
		all = *old
	}
	c := &call{
		handle:  uintptr(len(all) + 1),
		out:     make([]byte, outSize),
		settled: make(chan error, 1),
		ran:     make(chan struct{}, 1),
	}
	all = append(all[:len(all):len(all)], c)
	t.all.Store(&all)
	return c
}

// put returns c, which no request uses any more.
func (t *callTable) put(c *call) {
	c.target, c.req, c.w = nil, nil, nil
	c.head.Forget()
	t.mu.Lock()
	t.free = append(t.free, c)
	t.mu.Unlock()
}

// each calls visit for every call there is, idle ones included.
func (t *callTable) each(visit func(*call)) {
	if all := t.all.Load(); all != nil {
		for _, c := range *all {
			visit(c)
		}
	}
}
