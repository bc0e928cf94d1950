#include "pace.h"

/*
 * A request is long when it computes for more than LONG_NS on the average, and
 * no longer so below SHORT_NS. One that computes less than half of its time
 * waits, if it is worth speaking of.
 */
enum { LONG_NS = 40000, SHORT_NS = 25000, WAITS_NS = 100000 };

/* What a mean takes over of the newest sample: 1/SHARE. */
enum { SHARE = 8 };

/*
 * What one sample counts for at most: a thread that was without a processor for
 * a moment looks like one that waits. It takes a few to say so.
 */
enum { MOST_TIMES = 8, MOST_NS = 200000 };

/* How many requests make a probe, and after how many samples there is the next:
 * the more often the same was found, the later. */
enum { PROBED = 64, FIRST_DOUBT = 8, LAST_DOUBT = 1024 };

/*
 * With the GIL, requests use one processor, and changing threads only costs.
 * Without it they use more, if there are any. How much of one they used while they
 * ran side by side, in percent, decides: above MORE they are apart, below ONE no
 * longer, and below IDLE there were too few to tell.
 */
enum { MORE = 110, ONE = 102, IDLE = 80 };

static void follow(int64_t *mean, int64_t value, int64_t most)
{
	*mean += ((value < most ? value : most) - *mean) / SHARE;
}

static int settle(struct gs_pace *p)
{
	p->patience = p->interval;
	return p->apart ? GS_PACE_APART : GS_PACE_TURNS;
}

static void judge(struct gs_pace *p, int64_t passed)
{
	int64_t used = p->probe.computed * 100;

	if (used < passed * IDLE)
		return;
	int apart = used > passed * (p->apart ? ONE : MORE);
	if (apart != p->apart)
		p->interval = FIRST_DOUBT;
	else if (p->interval < LAST_DOUBT)
		p->interval *= 2;
	p->apart = apart;
}

static int probe(struct gs_pace *p, const struct gs_sample *s)
{
	if (p->probe.count++ == 0) {
		p->probe.began = s->ended;
		p->probe.computed = 0;
		return GS_PACE_PROBE;
	}
	p->probe.computed += s->computed;
	if (p->probe.count < PROBED)
		return GS_PACE_PROBE;
	judge(p, s->ended - p->probe.began);
	return settle(p);
}

/* What follows when requests go on computing. */
static int go_on(struct gs_pace *p)
{
	if (--p->patience > 0)
		return p->kind;
	p->probe.count = 0;
	return GS_PACE_PROBE;
}

/* What follows when they begin to. */
static int begin(struct gs_pace *p)
{
	p->interval = FIRST_DOUBT;
	return settle(p);
}

static int next(struct gs_pace *p, const struct gs_sample *s)
{
	if (p->kind == GS_PACE_PROBE)
		return probe(p, s); /* they may wait for each other now: that does not count */
	if (p->computed < p->whole / 2)
		return p->whole > WAITS_NS ? GS_PACE_WAITS : GS_PACE_SHORT;
	if (p->computed < SHORT_NS)
		return GS_PACE_SHORT;
	if (p->kind == GS_PACE_TURNS || p->kind == GS_PACE_APART)
		return go_on(p);
	if (p->computed > LONG_NS && p->computed > p->whole / 4 * 3)
		return begin(p);
	return p->kind;
}

enum gs_pace_kind gs_pace_learn(struct gs_pace *p, const struct gs_sample *s)
{
	if (__atomic_exchange_n(&p->learning, 1, __ATOMIC_ACQUIRE))
		return gs_pace_kind(p);
	int64_t most = p->whole * MOST_TIMES + MOST_NS;

	follow(&p->whole, s->whole, most);
	follow(&p->computed, s->computed, most);
	int kind = next(p, s);
	__atomic_store_n(&p->kind, kind, __ATOMIC_RELAXED);
	__atomic_store_n(&p->learning, 0, __ATOMIC_RELEASE);
	return (enum gs_pace_kind)kind;
}

enum gs_pace_kind gs_pace_kind(const struct gs_pace *p)
{
	return (enum gs_pace_kind)__atomic_load_n(&p->kind, __ATOMIC_RELAXED);
}
