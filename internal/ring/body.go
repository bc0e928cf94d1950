package ring

import "fmt"

// BodyKind is what a piece of a request body is.
type BodyKind uint32

// The kinds of a piece of a request body. Nothing follows the last two.
const (
	BodyData   BodyKind = pieceData
	BodyEnd    BodyKind = pieceEnd
	BodyFailed BodyKind = pieceFailed // the bytes, a text, say why
)

// WantsBody reports whether the daemon wants what follows the prefix.
func (sl *Slot) WantsBody() (bool, error) {
	switch wants := sl.load(atWants); wants {
	case 0, 1:
		return wants == 1, nil
	default:
		return false, fmt.Errorf("read slot %d: wants %d: %w", sl.index, wants, ErrBroken)
	}
}

// WatchRoom says whether Room is to receive.
func (sl *Slot) WatchRoom(on bool) { sl.watched.Store(on) }

// Room returns a channel that, after WatchRoom, receives when there may be room
// for a piece of the body. It is the same for the slot's life.
func (sl *Slot) Room() <-chan struct{} { return sl.room }

// PutBody hands the next piece of the request body to the daemon, at most
// PieceSize bytes of which are taken, or reports false: there is no room yet.
// It may run at the same time as the slot's other methods, but for Fill and
// those that end the use of the slot.
func (sl *Slot) PutBody(kind BodyKind, p []byte) (bool, error) {
	at := atIn + 4*sl.in
	switch word := sl.load(at); word {
	case pieceEmpty:
	case sl.put[sl.in]:
		return false, nil
	default:
		return false, fmt.Errorf("read slot %d: word %#x of a piece put as %#x: %w", sl.index, word, sl.put[sl.in], ErrBroken)
	}
	n := copy(sl.area(areaIn+sl.in), p)
	sl.put[sl.in] = uint32(kind) | uint32(n)<<pieceSizeAt | sl.serial
	sl.store(at, sl.put[sl.in])
	sl.in ^= 1
	sl.ring()
	return true, nil
}
