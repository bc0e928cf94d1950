#define _GNU_SOURCE
#include "ring.h"
#include "ringlayout.h"
#include "shared.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Whether a piece is filled (wanted = 1) or empty (0). */
static int piece_is(const uint32_t *piece, int filled)
{
	return (gs_load(piece) != GS_PIECE_EMPTY) == filled;
}

/* Waits until the server has filled or emptied a piece. Returns 0, or -1 when
 * the request is cancelled. */
static int wait_piece(struct gs_slot *s, const uint32_t *piece, int filled)
{
	uint32_t *waiting = gs_slot_word(s, GS_AT_WAITING), *bell = gs_slot_word(s, GS_AT_SLOT_BELL);

	while (!piece_is(piece, filled)) {
		uint32_t rung = gs_load(bell);

		if (gs_slot_cancelled(s))
			return -1;
		int counts = gs_slot_begin_wait(s);
		gs_store(waiting, 1);
		gs_ring_count(s->ring, -1); /* it will not be back soon */
		if (!piece_is(piece, filled) && !gs_slot_cancelled(s))
			syscall(SYS_futex, bell, FUTEX_WAIT, rung, NULL, NULL, 0);
		gs_ring_count(s->ring, 1);
		gs_store(waiting, 0);
		if (counts)
			gs_slot_end_wait(s);
	}
	return 0;
}

/* What the words of pieces have of the request's generation. */
static uint32_t serial(const struct gs_slot *s)
{
	return s->running >> GS_STATE_BITS << GS_PIECE_SERIAL_AT;
}

/* Opens the next piece of the body. Returns 1, 0 at the end, or -1: cancelled,
 * or of another request. */
static int open_piece(struct gs_slot *s)
{
	uint32_t *piece = gs_slot_word(s, GS_AT_IN) + s->in_at;

	if (wait_piece(s, piece, 1) < 0)
		return -1;
	uint32_t v = gs_load(piece);
	if (v >> GS_PIECE_SERIAL_AT != serial(s) >> GS_PIECE_SERIAL_AT || !gs_slot_holds(s))
		return -1;
	s->in_size = v >> GS_PIECE_SIZE_AT & GS_PIECE_SIZE_MASK;
	s->in_used = 0;
	s->in_open = 1;
	s->in_over = (v & GS_PIECE_KIND) != GS_PIECE_DATA;
	return (v & GS_PIECE_KIND) != GS_PIECE_END;
}

static void close_piece(struct gs_slot *s)
{
	if (!gs_slot_holds(s))
		return;
	gs_store(gs_slot_word(s, GS_AT_IN) + s->in_at, GS_PIECE_EMPTY);
	s->in_open = 0;
	s->in_at ^= 1;
	gs_ring_announce(s);
}

static ssize_t explain(char *buf, size_t size, const char *text, size_t n)
{
	if (n == 0 || size == 0)
		return -1;
	n = n < size ? n : size;
	memcpy(buf, text, n);
	return -(ssize_t)n;
}

static void want(struct gs_slot *s)
{
	if (*gs_slot_word(s, GS_AT_WANTS) || !gs_slot_holds(s))
		return;
	gs_store(gs_slot_word(s, GS_AT_WANTS), 1);
	gs_ring_announce(s);
}

ssize_t gs_slot_read(struct gs_slot *s, char *buf, size_t size)
{
	static const char cancelled[] = "the request was cancelled";

	want(s);
	if (size == 0)
		return 0;
	if (!s->in_open && open_piece(s) < 0)
		return explain(buf, size, cancelled, sizeof cancelled - 1);
	if (s->in_over) /* stays open: it is the last one */
		return s->in_size == 0 ? 0 : explain(buf, size, s->in[s->in_at], s->in_size);
	uint32_t left = s->in_size - s->in_used;
	size_t n = size < left ? size : left;
	memcpy(buf, s->in[s->in_at] + s->in_used, n);
	s->in_used += (uint32_t)n;
	if (s->in_used == s->in_size)
		close_piece(s);
	return (ssize_t)n;
}

/* Sends bytes as pieces of a kind; flag is set on all but the last one (of a
 * head), or on the last one alone (of a body). */
static int put(struct gs_slot *s, uint32_t kind, const char *data, size_t size, int on_last)
{
	do {
		uint32_t *piece = gs_slot_word(s, GS_AT_OUT) + s->out_at;
		size_t n = size < GS_RING_PIECE ? size : GS_RING_PIECE;
		int last = n == size;

		if (wait_piece(s, piece, 0) < 0 || gs_slot_cancelled(s) || !gs_slot_holds(s))
			return -1;
		memcpy(s->pieces[s->out_at], data, n);
		uint32_t flag = (kind == GS_PIECE_HEAD ? !last : last && on_last) ? GS_PIECE_FLAG : 0;
		gs_store(piece, kind | flag | (uint32_t)n << GS_PIECE_SIZE_AT | serial(s));
		s->out_at ^= 1;
		gs_ring_announce(s);
		data += n;
		size -= n;
	} while (size > 0);
	return 0;
}

int gs_slot_send(struct gs_slot *s, const char *flat, size_t size)
{
	return put(s, GS_PIECE_HEAD, flat, size, 0);
}

int gs_slot_write(struct gs_slot *s, const char *data, size_t size, int flush)
{
	return put(s, GS_PIECE_DATA, data, size, size > 0 && flush);
}
