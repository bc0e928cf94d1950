#define _GNU_SOURCE
#include "feed.h"
#include "feedio.h"
#include "ringlayout.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often a thread looks for another request before it sleeps. */
enum { LOOKS = 40 };

/* Passes the descriptor of a file to the server and closes it. The message names the
 * request that the thread has read, and not what the slot says by then. Returns 0, or
 * -1: nothing was passed, because the slot has another request, or for want of a
 * server. */
static int pass_file(struct gs_worker *w, int fd)
{
	uint32_t text[4] = {0x454c4946, w->slot.index, w->slot.running, 0};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof fd)];
	} control = {.room = {0}};
	struct iovec part = {text, sizeof text};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof control.room,
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	ssize_t n;

	if (!gs_slot_holds(&w->slot)) {
		close(fd);
		return -1;
	}
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	do
		n = sendmsg(gs_the_feed.o.control, &message, MSG_NOSIGNAL);
	while (n < 0 && gs_retry_send(gs_the_feed.o.control));
	close(fd);
	return n < 0 ? -1 : 0;
}

/* Says whether a thread that runs a request will soon be back for the next, by one
 * that was measured. */
static void learn(const struct gs_result *result)
{
	enum gs_pace_kind kind = gs_pace_learn(&gs_the_feed.pace, &result->sample);

	gs_ring_computing(&gs_the_feed.ring, kind == GS_PACE_SHORT || kind == GS_PACE_TURNS);
}

enum { SAMPLE_EVERY = 32 };

static struct gs_result serve(struct gs_worker *w, struct gs_target *t)
{
	struct gs_slot *s = &w->slot;
	int measure = w->serial % SAMPLE_EVERY == 0 || gs_pace_kind(&gs_the_feed.pace) == GS_PACE_PROBE;

	w->pending.size = 0;
	struct gs_result result = gs_serve(t, &gs_feed_io, (gs_call)w, s->environ, s->environ_size,
					   s->steady, s->prefix, s->prefix_size, s->more,
					   s->start_ns, s->out, GS_RING_OUT, &w->pending, gs_now(), measure);
	if (measure)
		learn(&result);
	return result;
}

/* Says that an answer was dropped. What the slot says of the client is another
 * request's, so the line names none. */
static void report_lost(const struct gs_worker *w)
{
	char line[160];
	int n = snprintf(line, sizeof line,
			 "An answer is dropped: slot %u was given to another request while this one ran; "
			 "the server broke the rules of its shared memory", w->slot.index);

	gs_log_plain(0, GS_LOG_ERROR, line, (size_t)n);
}

static void answer(struct gs_worker *w)
{
	struct gs_target *t = gs_feed_target(&w->slot);
	struct gs_result result = {.kind = GS_FAILED, .fd = -1, .length = -1};

	if (gs_slot_cancelled(&w->slot))
		result.kind = GS_GONE;
	else if (t)
		result = serve(w, t);
	if (result.kind == GS_FILE && pass_file(w, result.fd) < 0)
		result.kind = GS_GONE;
	int in_out = result.kind == GS_COMPLETE || result.kind == GS_FILE;
	__atomic_store_n(&w->bytes, w->bytes + result.written, __ATOMIC_RELAXED);
	int64_t waited = (int64_t)(gs_thread_self()->gil_wait * 1e9);
	int lost = gs_slot_done(&w->slot, &(struct gs_outcome){
		.kind = (uint32_t)result.kind, .status = (uint32_t)result.status,
		.size = in_out ? result.size : 0, .excess = result.excess != 0, .count = result.count,
		.length = result.length, .written = result.written, .gil_wait = waited,
	});
	if (lost)
		report_lost(w);
}

static void begin(struct gs_worker *w)
{
	w->serial = w->serial + 1 ? w->serial + 1 : 1;
	w->began_ns = gs_monotonic_ns();
	gs_slot_count_waits(&w->slot, &w->waits);
	__atomic_store_n(&gs_the_feed.active_ns, w->began_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&w->busy, w->serial, __ATOMIC_SEQ_CST);
	gs_feed_rouse_flusher();
}

static void end(struct gs_worker *w)
{
	__atomic_store_n(&w->busy, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&gs_the_feed.active_ns, gs_monotonic_ns(), __ATOMIC_RELAXED);
}

static int stopping(void)
{
	return __atomic_load_n(&gs_the_feed.stop, __ATOMIC_SEQ_CST);
}

/* Takes the next request; sleeps while there is none. Returns 0 at the end. */
static int next(struct gs_worker *w)
{
	for (int looks = 0; !stopping(); looks++) {
		if (gs_ring_take(&gs_the_feed.ring, &w->slot))
			return 1;
		if (looks < LOOKS) {
			gs_pause_cpu();
			continue;
		}
		gs_ring_sleep(&gs_the_feed.ring, &gs_the_feed.stop);
		looks = 0;
	}
	return 0;
}

/* Nothing is blocked: what the application starts inherits the mask, and could
 * not be ended by a signal. The kernel hands the process's signals to its first
 * thread, which is Go's, and handlers of Go that run here pass them on. */
static void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static void *work(void *arg)
{
	struct gs_worker *w = arg;

	unblock_signals();
	__atomic_store_n(&w->thread, gs_thread_self(), __ATOMIC_RELEASE);
	gs_ring_count(&gs_the_feed.ring, 1);
	while (next(w)) {
		begin(w);
		answer(w);
		end(w);
		gs_ring_step_back(&gs_the_feed.ring, &gs_the_feed.stop);
	}
	gs_ring_count(&gs_the_feed.ring, -1);
	__atomic_store_n(&w->thread, NULL, __ATOMIC_RELEASE);
	gs_thread_end();
	__atomic_sub_fetch(&gs_the_feed.left, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static int start_thread(void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	int e = gs_the_feed.o.stack_size > 0 ? pthread_attr_setstacksize(&attr, gs_the_feed.o.stack_size) : 0;
	if (e == 0)
		e = pthread_create(&thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return e;
}

int gs_feed_start(const struct gs_feed_options *o, char *err, size_t errsize)
{
	gs_the_feed.o = *o;
	if (gs_ring_open(&gs_the_feed.ring, o->memory, o->size, o->event) < 0) {
		snprintf(err, errsize, "the shared memory is not what this program lays out");
		return -1;
	}
	gs_the_feed.workers = calloc((size_t)o->threads, sizeof *gs_the_feed.workers);
	if (!gs_the_feed.workers)
		abort();
	gs_ring_computing(&gs_the_feed.ring, 1);
	int e = o->flush_ns > 0 ? start_thread(gs_feed_flush, NULL) : 0;
	for (int i = 0; i < o->threads && e == 0; i++) {
		struct gs_worker *w = &gs_the_feed.workers[i];

		pthread_mutex_init(&w->in, NULL);
		pthread_mutex_init(&w->out, NULL);
		w->pending.eager = o->flush_ns == 0;
		e = start_thread(work, w);
		gs_the_feed.left += e == 0;
	}
	if (e != 0) {
		snprintf(err, errsize, "start request thread with a stack of %zu bytes: %s",
			 o->stack_size, strerror(e));
		return -1;
	}
	return 0;
}

void gs_feed_stop(int cut)
{
	__atomic_store_n(&gs_the_feed.stop, 1, __ATOMIC_SEQ_CST);
	gs_ring_rouse(&gs_the_feed.ring, cut);
}
