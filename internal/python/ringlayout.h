/*
 * ringlayout: the positions of package ring's layout.go, under the same names.
 * Included by ring.c, and by the test that compares them.
 */
#ifndef GS_RINGLAYOUT_H
#define GS_RINGLAYOUT_H

enum {
	/* in the header */
	GS_AT_MAGIC = 0x000,
	GS_AT_SLOTS = 0x008,
	GS_AT_CELLS = 0x00c,
	GS_AT_ENVIRON = 0x010,
	GS_AT_TAIL = 0x040,
	GS_AT_HEAD = 0x080,
	GS_AT_BELL = 0x0c0,
	GS_AT_SLEEPERS = 0x100,
	GS_AT_RUNNING = 0x140,
	GS_AT_COMPUTING = 0x144,
	GS_AT_ASLEEP = 0x180,

	/* in a slot */
	GS_AT_STATE = 0x000,
	GS_AT_CANCEL = 0x040,
	GS_AT_SLOT_BELL = 0x044,
	GS_AT_WAITING = 0x080,
	GS_AT_WANTS = 0x084,
	GS_AT_IN = 0x0c0,
	GS_AT_OUT = 0x100,
	GS_AT_SCRIPT = 0x140,
	GS_AT_GROUP = 0x144,
	GS_AT_ENV = 0x148,
	GS_AT_STEADY = 0x14c,
	GS_AT_PREFIX = 0x150,
	GS_AT_MORE = 0x154,
	GS_AT_START = 0x158,
	GS_AT_KIND = 0x180,
	GS_AT_STATUS = 0x184,
	GS_AT_SIZE = 0x188,
	GS_AT_EXCESS = 0x18c,
	GS_AT_COUNT = 0x190,
	GS_AT_LENGTH = 0x198,
	GS_AT_WRITTEN = 0x1a0,
	GS_AT_GIL_WAIT = 0x1a8,
};

#define GS_RING_MAGIC UINT64_C(0x3230474e49525347)

/* Kinds of a piece, in the lower bits of its word; the flag; the size; the
 * lower bits of the request's generation. */
enum {
	GS_PIECE_EMPTY,
	GS_PIECE_DATA,
	GS_PIECE_END,
	GS_PIECE_FAILED,
	GS_PIECE_HEAD = GS_PIECE_END,

	GS_PIECE_KIND = 3,
	GS_PIECE_FLAG = 4,
	GS_PIECE_SIZE_AT = 3,
	GS_PIECE_SIZE_MASK = (1 << 17) - 1,
	GS_PIECE_SERIAL_AT = 20,
};

#endif
