package daemon

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/gophersnake/gophersnake/internal/ring"
)

// Interrupter may be implemented by a gateway.Request.Body: Interrupt makes a
// Read that waits, and those that follow, return an error soon, unless the
// client goes on sending. It is called by another goroutine than Read. Without
// it, a request whose process answers before it has read the whole body ends
// when the client sends more of it, or when the body's own time limits end the
// Read.
type Interrupter interface{ Interrupt() }

// Asker may be implemented by a gateway.Request.Body: Ask tells the client that
// the body is wanted, as "Expect: 100-continue" needs it, and does not wait. It is
// called before the first Read, or in place of it.
type Asker interface{ Ask() }

// rest returns what has been read of the body and does not fit into the slot. It
// follows in pieces, as the process takes it, and nobody waits for the client.
func (c *call) rest() []byte { return c.req.Prefix[min(len(c.req.Prefix), ring.PieceSize):] }

// hasMore reports a body that goes on behind what fits into the slot.
func (c *call) hasMore() bool { return c.req.Body != nil || len(c.rest()) > 0 }

// ask asks the client for the body.
func (c *call) ask() {
	if a, ok := c.req.Body.(Asker); ok {
		a.Ask()
	}
}

// emptyReads is how many reads may give nothing in a row.
const emptyReads = 100

// pump moves the body of a request to the process, in a goroutine of its own:
// reading may wait for the client while the response is on its way.
type pump struct {
	c       *call
	src     io.Reader     // what follows the rest of the prefix; nil: nothing
	done    chan struct{} // closed when the goroutine ends
	reading atomic.Bool   // it waits for the client

	mu       sync.Mutex // held while the slot is used
	slot     *ring.Slot // nil: the request has left it
	detached chan struct{}
	err      error // of the slot
}

// startBody starts the pump if the process wants the body. It asks the client
// for it first: the response may be ready before the pump has its turn.
func (c *call) startBody() error {
	if !c.hasMore() || c.body != nil {
		return nil
	}
	wants, err := c.slot.WantsBody()
	if err != nil || !wants {
		return err
	}
	c.body = &pump{c: c, src: c.req.Body, slot: c.slot.Slot, done: make(chan struct{}), detached: make(chan struct{})}
	c.slot.WatchRoom(true)
	c.ask()
	go c.body.run(c.slot.Room())
	return nil
}

// detachBody makes the pump leave the slot, and does not wait for the client.
func (c *call) detachBody() {
	if c.body == nil {
		return
	}
	c.slot.WatchRoom(false)
	c.body.mu.Lock()
	c.body.slot = nil
	c.body.mu.Unlock()
	close(c.body.detached)
}

// endBody waits for the end of the pump, which has been detached.
func (c *call) endBody() {
	b := c.body
	if b == nil {
		return
	}
	select {
	case <-b.done:
		return
	default:
	}
	if c.sent {
		_ = c.w.Flush() // the client need not wait; an error is one that left
	}
	if i, ok := b.src.(Interrupter); ok && b.reading.Load() {
		i.Interrupt()
	}
	<-b.done
}

// failure returns the error of the slot, if there was one.
func (b *pump) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// run reads until the body ends, or until it is detached. room receives when
// the slot may have room.
func (b *pump) run(room <-chan struct{}) {
	defer close(b.done)
	for rest := b.c.rest(); len(rest) > 0; {
		n := min(len(rest), ring.PieceSize)
		if !b.put(room, ring.BodyData, rest[:n]) {
			return
		}
		rest = rest[n:]
	}
	if b.src == nil {
		b.put(room, ring.BodyEnd, nil)
		return
	}
	b.stream(room)
}

// stream moves what is still to come from the client.
func (b *pump) stream(room <-chan struct{}) {
	buf := bodies.Get().(*[ring.PieceSize]byte)
	defer bodies.Put(buf)
	for {
		n, err := b.read(buf[:])
		if n > 0 && !b.put(room, ring.BodyData, buf[:n]) {
			return
		}
		switch {
		case errors.Is(err, io.EOF):
			b.put(room, ring.BodyEnd, nil)
			return
		case err != nil:
			b.put(room, ring.BodyFailed, []byte(err.Error()))
			return
		}
	}
}

// bodies holds the buffers of pumps.
var bodies = sync.Pool{New: func() any { return new([ring.PieceSize]byte) }}

func (b *pump) read(buf []byte) (n int, err error) {
	b.reading.Store(true)
	defer func() {
		b.c.lives() // so far it was not the process's turn
		b.reading.Store(false)
	}()
	for range emptyReads {
		select {
		case <-b.detached:
			return 0, io.ErrClosedPipe
		default:
		}
		if n, err = b.src.Read(buf); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// put waits for room and hands over a piece, or reports false: nobody wants it.
func (b *pump) put(room <-chan struct{}, kind ring.BodyKind, data []byte) bool {
	for {
		switch ok, err := b.try(kind, data); {
		case err != nil:
			return false
		case ok:
			b.c.lives()
			return true
		}
		select {
		case <-room:
		case <-b.detached:
			return false
		}
	}
}

func (b *pump) try(kind ring.BodyKind, data []byte) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.slot == nil {
		return false, io.ErrClosedPipe
	}
	ok, err := b.slot.PutBody(kind, data)
	if err != nil {
		b.err = err
		b.slot.Nudge()
	}
	return ok, err
}
