package front

import (
	"sync"
	"sync/atomic"
)

// readAheadTotal bounds the memory in which bodies are read ahead, in bytes, over
// all requests.
const readAheadTotal = 64 << 20

// MaxReadAhead is the largest Options.ReadAhead, in bytes: a piece of memory of that
// size, and the next smaller one that it is filled from, leave something to others.
const MaxReadAhead = 16 << 20

// Memory for a body that is read ahead comes in pieces of these sizes. A body
// begins in the smallest, and moves to the next when it has filled one: what a
// client promises costs nothing.
const (
	leastPiece  = 4 << 10
	pieceSteps  = 7 // sizes; each is four times the one before it, the last is MaxReadAhead
	commonPiece = 2 // 64 KiB; the larger ones may not take everything
)

// piece is memory for the beginning of a body. It belongs to one exchange.
type piece struct {
	bytes []byte
	step  int
}

// readAhead lends the pieces. It is safe for concurrent use.
type readAhead struct {
	total int64        // bytes of all pieces
	lent  atomic.Int64 // bytes
	pools [pieceSteps]sync.Pool
}

func pieceSize(step int) int64 { return leastPiece << (2 * step) }

// take lends a piece, or returns nil: there is no memory left for it. Larger
// pieces leave a fourth of the memory to the others.
func (a *readAhead) take(step int) *piece {
	if step >= pieceSteps {
		return nil
	}
	size, bound := pieceSize(step), a.total
	if step > commonPiece {
		bound -= bound / 4
	}
	if a.lent.Add(size) > bound {
		a.lent.Add(-size)
		return nil
	}
	if p, ok := a.pools[step].Get().(*piece); ok {
		return p
	}
	return &piece{bytes: make([]byte, size), step: step}
}

// give takes a piece back; nil is none.
func (a *readAhead) give(p *piece) {
	if p == nil {
		return
	}
	a.lent.Add(-pieceSize(p.step))
	a.pools[p.step].Put(p)
}

// makeRoom makes sure that something can be read into x's piece behind the first n
// of want bytes. It reports false if there is no memory for that.
func (x *exchange) makeRoom(n, want int64) bool {
	step := 0
	if x.piece != nil {
		size := pieceSize(x.piece.step)
		if size >= want || size-n >= size/4 {
			return true
		}
		step = x.piece.step + 1
	}
	next := x.s.ahead.take(step)
	if next == nil {
		return x.piece != nil && n < pieceSize(x.piece.step)
	}
	if x.piece != nil {
		copy(next.bytes, x.piece.bytes[:n])
		x.s.ahead.give(x.piece)
	}
	x.piece = next
	return true
}
