#define _GNU_SOURCE
#include "ring.h"

#include <time.h>

/* Its address tells threads apart. */
static __thread char self;

static int64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
}

void gs_slot_count_waits(struct gs_slot *s, struct gs_waits *w)
{
	__atomic_store_n(&w->since_ns, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&w->ns, 0, __ATOMIC_RELAXED);
	s->waits = w;
	s->waiter = &self;
}

int gs_slot_begin_wait(struct gs_slot *s)
{
	if (!s->waits || s->waiter != &self)
		return 0;
	__atomic_store_n(&s->waits->since_ns, monotonic_ns(), __ATOMIC_RELEASE);
	return 1;
}

void gs_slot_end_wait(struct gs_slot *s)
{
	int64_t ns = monotonic_ns() - s->waits->since_ns + s->waits->ns;

	__atomic_store_n(&s->waits->ns, ns, __ATOMIC_RELEASE);
	__atomic_store_n(&s->waits->since_ns, 0, __ATOMIC_RELEASE);
}

int64_t gs_waited(const struct gs_waits *w, int64_t now_ns)
{
	int64_t since = __atomic_load_n(&w->since_ns, __ATOMIC_ACQUIRE);
	int64_t ns = __atomic_load_n(&w->ns, __ATOMIC_ACQUIRE);

	return since > 0 && since < now_ns ? ns + now_ns - since : ns;
}
