package ringtest

// The numbers of package ring's layout.go, as the C side repeats them too.
const (
	magic    = 0x3230474e49525347
	pageSize = 4096

	// PieceSize is the room of a piece, and of a complete response.
	PieceSize = 64 << 10

	atSlots     = 0x008
	atCells     = 0x00c
	atEnviron   = 0x010
	atTail      = 0x040
	atHead      = 0x080
	atBell      = 0x0c0
	atSleepers  = 0x100
	atRunning   = 0x140
	atComputing = 0x144
	atAsleep    = 0x180

	atState    = 0x000
	atCancel   = 0x040
	atSlotBell = 0x044
	atWaiting  = 0x080
	atWants    = 0x084
	atIn       = 0x0c0
	atOut      = 0x100
	atScript   = 0x140
	atGroup    = 0x144
	atEnv      = 0x148
	atSteady   = 0x14c
	atPrefix   = 0x150
	atMore     = 0x154
	atStart    = 0x158
	atKind     = 0x180
	atStatus   = 0x184
	atSize     = 0x188
	atExcess   = 0x18c
	atCount    = 0x190
	atLength   = 0x198
	atWritten  = 0x1a0

	queued, running, done = 1, 2, 3
	stateBits             = 3

	pieceData, pieceEnd, pieceFailed, pieceHead = 1, 2, 3, 2
	pieceFlag                                   = 4
	pieceSizeAt                                 = 3
	pieceSerialAt                               = 20
)

// The kinds of an Outcome.
const (
	Complete = iota
	File
	Streamed
	Failed
	NotFound
	Forbidden
	Timeout
	Aborted
	Gone
	Stale
	Denied
)
