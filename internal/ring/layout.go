package ring

// Sizes in bytes.
const (
	pageSize = 4096

	// PieceSize is the room of a piece of a body, and of the part of a request
	// body that comes with the request (its prefix).
	PieceSize = 64 << 10
	// OutSize is the room for a response that is complete when it is announced.
	OutSize = 64 << 10
	// MaxSlots bounds the slots of a region.
	MaxSlots = 1 << 16
)

// magic is the first word of a region; it changes with the layout.
const magic = 0x3230474e49525347 // "GSRING02"

// Positions in the header.
const (
	atMagic     = 0x000 // u64
	atSlots     = 0x008 // u32, as all that follow
	atCells     = 0x00c
	atEnviron   = 0x010
	atTail      = 0x040
	atHead      = 0x080
	atBell      = 0x0c0
	atSleepers  = 0x100
	atRunning   = 0x140
	atComputing = 0x144
	atAsleep    = 0x180
)

// Positions in a slot. The areas follow its page of words: environ, prefix,
// out, in 0, in 1, out 0, out 1.
const (
	atState    = 0x000 // u32
	atCancel   = 0x040 // u32, written by the server while the request runs
	atSlotBell = 0x044 // u32
	atWaiting  = 0x080 // u32, written by the daemon while the request runs
	atWants    = 0x084 // u32
	atIn       = 0x0c0 // two u32
	atOut      = 0x100 // two u32

	// Of the request, written by the server before it is queued.
	atScript = 0x140 // u32, index of the script in the daemon's settings
	atGroup  = 0x144 // u32, bytes of the application group's name, behind the environ
	atEnv    = 0x148 // u32, bytes of the environ (package flat)
	atSteady = 0x14c // u32, bytes of it that may come again
	atPrefix = 0x150 // u32, bytes of the prefix
	atMore   = 0x154 // u32, 1: the body goes on after it
	atStart  = 0x158 // i64, when the request began, nanoseconds since 1970

	// Of the result, written by the daemon before the request is done.
	atKind    = 0x180 // u32, a Kind
	atStatus  = 0x184 // u32, of the head
	atSize    = 0x188 // u32, bytes of head and body in out
	atExcess  = 0x18c // u32, 1: more than the declared length was produced and dropped
	atCount   = 0x190 // i64, bytes to send of the file
	atLength  = 0x198 // i64, declared length or -1
	atWritten = 0x1a0 // i64, bytes of the body produced, at most the declared length
	atGILWait = 0x1a8 // i64, nanoseconds that the thread waited for the GIL
)

// States of a slot: the lower bits of its state word.
const (
	stateFree = iota
	stateQueued
	stateRunning
	stateDone

	stateBits = 3
)

// Kinds of a piece: the lower bits of its word. The next bit is the flag, then
// come the number of bytes and the request's serial.
const (
	pieceEmpty = iota
	pieceData
	pieceEnd    // of in
	pieceFailed // of in

	pieceHead = pieceEnd // of out

	pieceKindBits = 2
	pieceFlag     = 1 << pieceKindBits
	pieceSizeAt   = pieceKindBits + 1
	pieceSerialAt = 20
	pieceSizeMask = 1<<(pieceSerialAt-pieceSizeAt) - 1
)

// Kind is how a request ended, as the adapter says (enum gs_kind in call.h).
type Kind uint32

// The kinds, in the order of enum gs_kind.
const (
	Complete  Kind = iota // out holds the head and the whole body
	File                  // out holds the head; the body is a file whose descriptor came over the control socket
	Streamed              // everything went through pieces
	Failed                // nothing was sent: 500
	NotFound              // the script is not there: 404
	Forbidden             // the script is not a file: 403
	Timeout               // interrupted before anything was sent: 504
	Aborted               // it failed after the head was sent
	Gone                  // the client went away
	Stale                 // the script changed: not begun, another process is to serve it
	Denied                // the script may not be run: 403
)
