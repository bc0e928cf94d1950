#define _GNU_SOURCE
#include "ring.h"
#include "ringlayout.h"
#include "shared.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* How long a thread that has stepped back leaves a request to the others. */
enum { PATIENCE_NS = 5000000 };

static uint32_t *word(const struct gs_ring *r, size_t at)
{
	return (uint32_t *)(r->base + at);
}

static int swap_if(uint32_t *p, uint32_t old, uint32_t new)
{
	return __atomic_compare_exchange_n(p, &old, new, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* The region is shared with another process: not FUTEX_PRIVATE. Returns whether
 * the time, if there is a limit, is over. */
static int futex_wait(uint32_t *p, uint32_t seen, const struct timespec *limit)
{
	return syscall(SYS_futex, p, FUTEX_WAIT, seen, limit, NULL, 0) < 0 && errno == ETIMEDOUT;
}

static void futex_wake(uint32_t *p, int n)
{
	syscall(SYS_futex, p, FUTEX_WAKE, n, NULL, NULL, 0);
}

static size_t pages(size_t n)
{
	return (n + GS_RING_PAGE - 1) / GS_RING_PAGE * GS_RING_PAGE;
}

int gs_ring_open(struct gs_ring *r, void *base, size_t size, int event)
{
	r->base = base;
	r->event = event;
	if (size < GS_RING_PAGE || *(uint64_t *)r->base != GS_RING_MAGIC)
		return -1;
	r->slots = *word(r, GS_AT_SLOTS);
	r->cells = *word(r, GS_AT_CELLS);
	r->environ = *word(r, GS_AT_ENVIRON);
	if (r->slots == 0 || r->slots > GS_RING_MAX_SLOTS || r->cells < r->slots ||
	    (r->cells & (r->cells - 1)) != 0 || r->environ % GS_RING_PAGE != 0)
		return -1;
	size_t attention = 8 * (((size_t)r->slots + 63) / 64);
	r->attention = (uint64_t *)(r->base + GS_RING_PAGE);
	r->ring = (uint64_t *)(r->base + GS_RING_PAGE + attention);
	size_t first = pages(GS_RING_PAGE + attention + 8 * (size_t)r->cells);
	r->first = r->base + first;
	r->stride = GS_RING_PAGE + r->environ + GS_RING_OUT + 5 * (size_t)GS_RING_PIECE;
	return size >= first + r->slots * r->stride ? 0 : -1;
}

/* Points s to what the server wrote for it. */
static void fill(struct gs_ring *r, struct gs_slot *s, uint32_t index)
{
	char *area = r->first + index * r->stride + GS_RING_PAGE;

	*s = (struct gs_slot){.ring = r, .index = index, .words = area - GS_RING_PAGE, .environ = area};
	s->environ_size = *gs_slot_word(s, GS_AT_ENV);
	s->steady = *gs_slot_word(s, GS_AT_STEADY);
	s->group = area + s->environ_size;
	s->group_size = *gs_slot_word(s, GS_AT_GROUP);
	s->prefix_size = *gs_slot_word(s, GS_AT_PREFIX);
	s->script = *gs_slot_word(s, GS_AT_SCRIPT);
	s->more = *gs_slot_word(s, GS_AT_MORE) != 0;
	s->start_ns = *(int64_t *)(s->words + GS_AT_START);
	s->prefix = area += r->environ;
	s->out = area += GS_RING_PIECE;
	s->in[0] = area += GS_RING_OUT;
	s->in[1] = area += GS_RING_PIECE;
	s->pieces[0] = area += GS_RING_PIECE;
	s->pieces[1] = area + GS_RING_PIECE;
}

int gs_ring_take(struct gs_ring *r, struct gs_slot *s)
{
	for (;;) {
		uint32_t head = gs_load(word(r, GS_AT_HEAD));

		if (head == gs_load(word(r, GS_AT_TAIL)))
			return 0;
		uint64_t cell = __atomic_load_n(&r->ring[head & (r->cells - 1)], __ATOMIC_RELAXED);
		if (!swap_if(word(r, GS_AT_HEAD), head, head + 1))
			continue; /* another thread has it */
		uint32_t index = (uint32_t)cell, queued = (uint32_t)(cell >> 32);
		fill(r, s, index);
		s->running = queued - GS_STATE_QUEUED + GS_STATE_RUNNING;
		if (swap_if(gs_slot_word(s, GS_AT_STATE), queued, s->running))
			return 1;
	}
}

void gs_ring_count(struct gs_ring *r, int by)
{
	__atomic_add_fetch(word(r, GS_AT_RUNNING), (uint32_t)by, __ATOMIC_SEQ_CST);
}

void gs_ring_computing(struct gs_ring *r, int yes)
{
	if (*word(r, GS_AT_COMPUTING) != (uint32_t)yes)
		gs_store(word(r, GS_AT_COMPUTING), (uint32_t)yes);
}

void gs_ring_sleep(struct gs_ring *r, const int *stop)
{
	uint32_t bell = gs_load(word(r, GS_AT_BELL));

	gs_ring_count(r, -1);
	__atomic_add_fetch(word(r, GS_AT_SLEEPERS), 1, __ATOMIC_SEQ_CST);
	if (gs_load(word(r, GS_AT_HEAD)) == gs_load(word(r, GS_AT_TAIL)) &&
	    !__atomic_load_n(stop, __ATOMIC_SEQ_CST))
		futex_wait(word(r, GS_AT_BELL), bell, NULL);
	__atomic_sub_fetch(word(r, GS_AT_SLEEPERS), 1, __ATOMIC_SEQ_CST);
	gs_ring_count(r, 1);
}

/* Takes one from the count of threads, unless it is the last one. */
static int leave_others(uint32_t *running)
{
	for (;;) {
		uint32_t n = gs_load(running);

		if (n < 2)
			return 0;
		if (swap_if(running, n, n - 1))
			return 1;
	}
}

/* Sleeps until the server rings, or until requests wait and none is taken. What
 * was pushed before this thread counted itself as a sleeper has nobody else who
 * would see that the others do not come back for it. */
static void sleep_beside(struct gs_ring *r, uint32_t bell, const int *stop)
{
	static const struct timespec patience = {.tv_nsec = PATIENCE_NS};
	uint32_t head = gs_load(word(r, GS_AT_HEAD)), before;

	do {
		int waiting = gs_load(word(r, GS_AT_TAIL)) != head;

		if (__atomic_load_n(stop, __ATOMIC_SEQ_CST) ||
		    !futex_wait(word(r, GS_AT_BELL), bell, waiting ? &patience : NULL))
			return;
		before = head;
		head = gs_load(word(r, GS_AT_HEAD));
	} while (head != before);
}

int gs_ring_step_back(struct gs_ring *r, const int *stop)
{
	uint32_t bell = gs_load(word(r, GS_AT_BELL));

	if (!gs_load(word(r, GS_AT_COMPUTING)) || !leave_others(word(r, GS_AT_RUNNING)))
		return 0;
	__atomic_add_fetch(word(r, GS_AT_SLEEPERS), 1, __ATOMIC_SEQ_CST);
	sleep_beside(r, bell, stop);
	__atomic_sub_fetch(word(r, GS_AT_SLEEPERS), 1, __ATOMIC_SEQ_CST);
	gs_ring_count(r, 1);
	return 1;
}

void gs_ring_rouse(struct gs_ring *r, int cut)
{
	if (cut)
		__atomic_store_n(&r->cut, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(word(r, GS_AT_BELL), 1, __ATOMIC_SEQ_CST);
	futex_wake(word(r, GS_AT_BELL), INT_MAX);
	for (uint32_t i = 0; i < r->slots; i++) {
		uint32_t *bell = (uint32_t *)(r->first + i * r->stride + GS_AT_SLOT_BELL);

		__atomic_add_fetch(bell, 1, __ATOMIC_SEQ_CST);
		futex_wake(bell, INT_MAX);
	}
}

void gs_ring_announce(struct gs_slot *s)
{
	struct gs_ring *r = s->ring;
	static const uint64_t one = 1;

	__atomic_or_fetch(&r->attention[s->index / 64], UINT64_C(1) << (s->index % 64), __ATOMIC_SEQ_CST);
	if (gs_load(word(r, GS_AT_ASLEEP)) == 1 && swap_if(word(r, GS_AT_ASLEEP), 1, 0) &&
	    write(r->event, &one, sizeof one) < 0) {
		/* only a full counter can refuse it, and then it is awake */
	}
}

int gs_slot_holds(const struct gs_slot *s)
{
	return gs_load(gs_slot_word(s, GS_AT_STATE)) == s->running;
}

int gs_slot_done(struct gs_slot *s, const struct gs_outcome *o)
{
	if (!gs_slot_holds(s))
		return -1;
	*gs_slot_word(s, GS_AT_KIND) = o->kind;
	*gs_slot_word(s, GS_AT_STATUS) = o->status;
	*gs_slot_word(s, GS_AT_SIZE) = o->size;
	*gs_slot_word(s, GS_AT_EXCESS) = o->excess;
	*(int64_t *)(s->words + GS_AT_COUNT) = o->count;
	*(int64_t *)(s->words + GS_AT_LENGTH) = o->length;
	*(int64_t *)(s->words + GS_AT_WRITTEN) = o->written;
	*(int64_t *)(s->words + GS_AT_GIL_WAIT) = o->gil_wait;
	if (!swap_if(gs_slot_word(s, GS_AT_STATE), s->running, s->running - GS_STATE_RUNNING + GS_STATE_DONE))
		return -1;
	gs_ring_announce(s);
	return 0;
}

int gs_slot_cancelled(const struct gs_slot *s)
{
	return gs_load(gs_slot_word(s, GS_AT_CANCEL)) != 0 || __atomic_load_n(&s->ring->cut, __ATOMIC_SEQ_CST);
}
