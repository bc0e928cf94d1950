package ring

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"
)

// State is where a request is, as the server sees it.
type State uint32

// The states of a slot that its goroutine meets.
const (
	Free    State = stateFree // not pushed, or taken back
	Queued  State = stateQueued
	Running State = stateRunning
	Done    State = stateDone
)

// Slot is the server's side of one request. While a Lease of it lasts it belongs
// to the goroutine that acquired that, except that PutBody may be called by
// another one. No method blocks. After ErrBroken there is nothing to do but
// Drop.
type Slot struct {
	server *Server
	index  uint32
	at     int // position of its page of words

	word uint32 // generation and state, as the server knows them
	turns

	ready   chan struct{}
	room    chan struct{}
	watched atomic.Bool   // room is wanted
	holder  atomic.Uint32 // who holds it; see lease.go
}

// turns is how far a request's pieces have come.
type turns struct {
	in, out int       // numbers of the pieces that are next
	serial  uint32    // what the pieces' words have of the generation, in its place
	put     [2]uint32 // words of the pieces of the request body, as they were put
	head    uint8     // how much of the response's head has been taken
}

func (sl *Slot) init(s *Server, index int) {
	sl.server, sl.index = s, uint32(index)
	sl.at = s.region.first + index*s.region.stride
	sl.ready = make(chan struct{}, 1)
	sl.room = make(chan struct{}, 1)
}

// Index returns the slot's number.
func (sl *Slot) Index() int { return int(sl.index) }

// Generation tells apart the requests that use the slot one after the other.
// It is final once Fill has been called.
func (sl *Slot) Generation() uint32 { return sl.word >> stateBits }

// Ready returns a channel that receives after the daemon has changed something,
// and after Nudge; also at other times. It is the same for the slot's life.
func (sl *Slot) Ready() <-chan struct{} { return sl.ready }

// Queued reports whether the request has not been started, as the daemon says.
// It may be called by any goroutine.
func (sl *Slot) Queued() bool { return State(sl.load(atState)&stateMask) == Queued }

// Nudge makes Ready receive. It may be called by any goroutine.
func (sl *Slot) Nudge() { notify(sl.ready) }

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has been told
	}
}

// announced is called by Poll after the daemon has changed something.
func (sl *Slot) announced() {
	if sl.holder.Load()&holderMask == heldByPoll {
		sl.reap()
		return
	}
	notify(sl.ready)
	if sl.watched.Load() {
		notify(sl.room)
	}
}

// The areas of a slot, in order behind its words.
const (
	areaPrefix = iota
	areaOut
	areaIn // two
	_
	areaPieces // two
)

// environ returns the environ area.
func (sl *Slot) environ() []byte {
	r := sl.server.region
	return r.mem[sl.at+pageSize:][:r.environ:r.environ]
}

// area returns one of the others: all have the same size.
func (sl *Slot) area(n int) []byte {
	r := sl.server.region
	return r.mem[sl.at+pageSize+r.environ+n*PieceSize:][:PieceSize:PieceSize]
}

// Environ returns the empty slice in which the caller builds the environ of a
// request for Fill, by appending.
func (sl *Slot) Environ() []byte { return sl.environ()[:0] }

// Request is what Fill writes. Its slices are copied.
type Request struct {
	Script  uint32 // index in the daemon's settings
	Group   string // application group
	Environ []byte // flat; not copied when it was built in Slot.Environ
	Steady  int    // bytes of it that may come again
	Prefix  []byte // beginning of the body, at most PieceSize bytes
	More    bool   // the body goes on after it
	Start   time.Time
}

// Fill writes a request into the slot, which is neither queued nor running.
// The only error is ErrTooLarge.
func (sl *Slot) Fill(q *Request) error {
	environ := sl.environ()
	if len(q.Environ)+len(q.Group) > len(environ) || len(q.Prefix) > PieceSize {
		return fmt.Errorf("fill slot: environ of %d bytes, have %d; %d bytes of body, have %d: %w",
			len(q.Environ)+len(q.Group), len(environ), len(q.Prefix), PieceSize, ErrTooLarge)
	}
	sl.word = (sl.word>>stateBits + 1) << stateBits // wraps around
	sl.turns = turns{serial: sl.Generation() << pieceSerialAt}
	if unsafe.SliceData(q.Environ) != unsafe.SliceData(environ) {
		copy(environ, q.Environ)
	}
	copy(environ[len(q.Environ):], q.Group)
	copy(sl.area(areaPrefix), q.Prefix)
	words := sl.server.region.mem[sl.at:][:pageSize]
	for _, at := range []int{atCancel, atWaiting, atWants, atIn, atIn + 4, atOut, atOut + 4} {
		binary.LittleEndian.PutUint32(words[at:], 0)
	}
	binary.LittleEndian.PutUint32(words[atScript:], q.Script)
	binary.LittleEndian.PutUint32(words[atGroup:], uint32(len(q.Group)))
	binary.LittleEndian.PutUint32(words[atEnv:], uint32(len(q.Environ)))
	binary.LittleEndian.PutUint32(words[atSteady:], uint32(q.Steady))
	binary.LittleEndian.PutUint32(words[atPrefix:], uint32(len(q.Prefix)))
	binary.LittleEndian.PutUint32(words[atMore:], truth(q.More))
	binary.LittleEndian.PutUint64(words[atStart:], uint64(q.Start.UnixNano()))
	return nil
}

func truth(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

func (sl *Slot) load(at int) uint32     { return sl.server.region.load(sl.at + at) }
func (sl *Slot) store(at int, v uint32) { sl.server.region.store(sl.at+at, v) }

// ring tells the daemon's thread of a change, after it.
func (sl *Slot) ring() {
	bell := sl.server.region.word(sl.at + atSlotBell)
	atomic.AddUint32(bell, 1)
	if sl.load(atWaiting) == 1 {
		wake(bell)
	}
}

// GenerationOf returns the generation in a slot's state word, as a message
// names it.
func GenerationOf(word uint32) uint32 { return word >> stateBits }
