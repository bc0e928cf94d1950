package ring

import (
	"fmt"
	"sync/atomic"
)

// How much of a response's head has been taken.
const (
	headNone = iota
	headPart
	headWhole
)

// Piece describes a piece of a response.
type Piece struct {
	Head  bool // (a part of) a flat head and body, else bytes of the body
	More  bool // of a head: another part follows
	Flush bool // of a body: to be sent at once
	Asks  bool // nothing of a body: whether the client is still there
}

// TakePiece takes the next piece of the response, appends its bytes to dst and
// returns the extended slice; ok is false if there is none yet. Parts of a head
// come first, and without a gap. A piece that belongs to another request is
// ErrBroken.
func (sl *Slot) TakePiece(dst []byte) (p Piece, extended []byte, ok bool, err error) {
	at := atOut + 4*sl.out
	word := sl.load(at)
	if word == pieceEmpty {
		return p, dst, false, nil
	}
	size := word >> pieceSizeAt & pieceSizeMask
	flag := word&pieceFlag != 0
	switch kind := word & (1<<pieceKindBits - 1); {
	case size > PieceSize || word>>pieceSerialAt<<pieceSerialAt != sl.serial:
		err = ErrBroken
	case kind == pieceHead && sl.head != headWhole:
		p = Piece{Head: true, More: flag}
		sl.head = headWhole
		if flag {
			sl.head = headPart
		}
	case kind == pieceData && size == 0 && !flag && sl.head != headPart:
		p.Asks = true
	case kind == pieceData && sl.head == headWhole:
		p.Flush = flag
	default:
		err = ErrBroken
	}
	if err != nil {
		return Piece{}, dst, false, fmt.Errorf("read slot %d: word %#x of a response's piece: %w", sl.index, word, err)
	}
	dst = append(dst, sl.area(areaPieces + sl.out)[:size]...)
	sl.store(at, pieceEmpty)
	sl.out ^= 1
	sl.ring()
	return p, dst, true, nil
}

// Result is how a request ended.
type Result struct {
	Kind    Kind
	Status  int   // of the head
	Excess  bool  // more than the declared length was produced and dropped
	Count   int64 // bytes to send of a file
	Length  int64 // declared, or -1
	Written int64 // bytes of body produced
	GILWait int64 // nanoseconds that the thread waited for the GIL
}

// Result returns how a request ended whose state is done and whose pieces have
// been taken. It appends the bytes of a complete response, or of the head of a
// file's, to dst and returns the extended slice.
func (sl *Slot) Result(dst []byte) (Result, []byte, error) {
	kind, status, size, excess := sl.load(atKind), sl.load(atStatus), sl.load(atSize), sl.load(atExcess)
	r := Result{
		Kind: Kind(kind), Status: int(status), Excess: excess == 1,
		Count: sl.long(atCount), Length: sl.long(atLength), Written: sl.long(atWritten), GILWait: sl.long(atGILWait),
	}
	if kind > uint32(Denied) || status > 999 || size > OutSize || excess > 1 ||
		r.Count < 0 || r.Length < -1 || r.Written < 0 || r.GILWait < 0 || !r.Kind.follows(sl.head) {
		return Result{}, dst, fmt.Errorf("read slot %d: kind %d, status %d, %d bytes, excess %d, %+v: %w", sl.index, kind, status, size, excess, r, ErrBroken)
	}
	if r.Kind == Complete || r.Kind == File {
		dst = append(dst, sl.area(areaOut)[:size]...)
	}
	return r, dst, nil
}

func (sl *Slot) long(at int) int64 {
	return int64(atomic.LoadUint64(sl.server.region.long(sl.at + at)))
}

// follows reports whether a request can end in this way after so much of its
// head was sent.
func (k Kind) follows(head uint8) bool {
	switch k {
	case Streamed, Aborted:
		return head == headWhole
	case Gone:
		return true
	}
	return head == headNone
}
