/*
 * feedio: what the request threads of a feed share with those that watch them.
 *
 * Role: the state of a feed, its gs_io, and the thread that sends output which a
 * request holds back for too long. Private to feed*.c.
 */
#ifndef GS_FEEDIO_H
#define GS_FEEDIO_H

#include "feed.h"

#include <pthread.h>

/* A request thread. Others read busy, then what they need, then busy again. */
struct gs_worker {
	struct gs_slot slot;
	struct gs_thread *thread;
	uint32_t busy;   /* serial of the request that runs, or 0 */
	uint32_t serial; /* of the last one */
	uint32_t sent;   /* serial of the last one of whose response a part was sent before its end */
	int64_t began_ns;
	struct gs_waits waits; /* of that request */
	int64_t bytes; /* of response bodies, of requests that are over */
	struct gs_pending pending;
	uint32_t seen;   /* pending.state when the flusher looked last */
	uint32_t settled; /* pending.state of what was sent, and whether it was lost */
	pthread_mutex_t in, out; /* an application may use several threads */
};

struct gs_feed {
	struct gs_feed_options o;
	struct gs_ring ring;
	struct gs_worker *workers;
	int stop; /* read and written atomically, as all that follow */
	int left;
	uint32_t flusher_asleep;
	int64_t active_ns;
	struct gs_pace pace;
};

extern struct gs_feed gs_the_feed;
extern const struct gs_io gs_feed_io;

/* The target of a request, made if it is new. NULL: there is no such script, or no
 * such application group; the reason has been logged. */
struct gs_target *gs_feed_target(const struct gs_slot *s);

/* The flusher's thread, and what wakes it at the beginning of a request. */
void *gs_feed_flush(void *unused);
void gs_feed_rouse_flusher(void);

/* After a refused sendmsg: waits until it may be tried again. Returns 0 when it is
 * of no use. */
int gs_retry_send(int fd);

#endif
