#define _GNU_SOURCE
#include "feedio.h"
#include "_cgo_export.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* How long to wait for a socket that takes no descriptor now. */
enum { RETRY_MS = 1000 };

struct gs_feed gs_the_feed;

int64_t gs_monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
}

int gs_retry_send(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (errno == EINTR)
		return 1;
	if (errno != EAGAIN && errno != ETOOMANYREFS && errno != ENOBUFS)
		return 0;
	return poll(&p, 1, RETRY_MS) >= 0 && !(p.revents & (POLLERR | POLLHUP));
}

static void active(void)
{
	__atomic_store_n(&gs_the_feed.active_ns, gs_monotonic_ns(), __ATOMIC_RELAXED);
}

/* Whoever has the lock waits for the client, or hardly at all. */
static void lock(struct gs_worker *w, pthread_mutex_t *mutex)
{
	if (pthread_mutex_trylock(mutex) == 0)
		return;
	int counts = gs_slot_begin_wait(&w->slot);
	pthread_mutex_lock(mutex);
	if (counts)
		gs_slot_end_wait(&w->slot);
}

static ssize_t feed_read(gs_call call, char *buf, size_t size)
{
	struct gs_worker *w = (struct gs_worker *)call;

	active();
	lock(w, &w->in);
	ssize_t n = gs_slot_read(&w->slot, buf, size);
	pthread_mutex_unlock(&w->in);
	return n;
}

/* The serial is that of the request that runs: the flusher sends only while the
 * worker waits for it. */
static void note_sent(struct gs_worker *w)
{
	__atomic_store_n(&w->sent, w->serial, __ATOMIC_RELAXED);
}

static int feed_send(gs_call call, const char *flat, size_t size)
{
	struct gs_worker *w = (struct gs_worker *)call;

	note_sent(w);

	active();
	lock(w, &w->out);
	int lost = gs_slot_send(&w->slot, flat, size);
	pthread_mutex_unlock(&w->out);
	return lost;
}

static int feed_write(gs_call call, const char *data, size_t size, int flush)
{
	struct gs_worker *w = (struct gs_worker *)call;

	if (size > 0)
		active();
	lock(w, &w->out);
	int lost = gs_slot_write(&w->slot, data, size, flush);
	pthread_mutex_unlock(&w->out);
	return lost;
}

/* What the flusher took it sends at once, under the lock that it takes first: to
 * get the lock is to have waited for it. */
static int feed_settle(gs_call call)
{
	struct gs_worker *w = (struct gs_worker *)call;

	while (!__atomic_load_n(&w->settled, __ATOMIC_ACQUIRE))
		sched_yield();
	lock(w, &w->out);
	int lost = w->settled == 2;
	w->settled = 0;
	pthread_mutex_unlock(&w->out);
	return lost ? -1 : 0;
}

static void feed_log(gs_call call, int level, const char *text, size_t size)
{
	gsFeedLog(call, level, (char *)text, size);
}

const struct gs_io gs_feed_io = {feed_read, feed_send, feed_write, feed_settle, feed_log};

/* Sends the output of w if it is the same as at the last look. */
static void flush(struct gs_worker *w)
{
	uint32_t state = __atomic_load_n(&w->pending.state, __ATOMIC_ACQUIRE);

	if ((state & 3) != GS_READY)
		return;
	if (state != w->seen) {
		w->seen = state;
		return;
	}
	if (!__atomic_compare_exchange_n(&w->pending.state, &state, (state & ~(uint32_t)3) | GS_TAKEN, 0,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&w->out);
	note_sent(w);
	int lost = gs_slot_send(&w->slot, w->slot.out, w->pending.size);
	__atomic_store_n(&w->settled, lost < 0 ? 2 : 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&w->out);
}

static int any_busy(void)
{
	for (int i = 0; i < gs_the_feed.o.threads; i++)
		if (__atomic_load_n(&gs_the_feed.workers[i].busy, __ATOMIC_SEQ_CST))
			return 1;
	return 0;
}

void *gs_feed_flush(void *unused)
{
	int64_t ns = gs_the_feed.o.flush_ns;
	const struct timespec interval = {ns / 1000000000, ns % 1000000000};
	uint32_t *asleep = &gs_the_feed.flusher_asleep;

	for (;;) {
		nanosleep(&interval, NULL);
		for (int i = 0; i < gs_the_feed.o.threads; i++)
			flush(&gs_the_feed.workers[i]);
		if (any_busy())
			continue;
		__atomic_store_n(asleep, 1, __ATOMIC_SEQ_CST);
		if (!any_busy())
			syscall(SYS_futex, asleep, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
		__atomic_store_n(asleep, 0, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

void gs_feed_rouse_flusher(void)
{
	uint32_t *asleep = &gs_the_feed.flusher_asleep, one = 1;

	if (__atomic_load_n(asleep, __ATOMIC_SEQ_CST) &&
	    __atomic_compare_exchange_n(asleep, &one, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
