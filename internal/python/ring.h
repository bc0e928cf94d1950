/*
 * ring: a daemon's side of the memory that it shares with the server.
 *
 * Role: takes requests from the ring, sleeps when there are none, moves bodies
 * in pieces through a slot, and tells the server of every change. The layout,
 * the states and who may change what are described in package ring; the numbers
 * here repeat its layout.go, and a test compares them.
 *
 * Threads: gs_ring_take, gs_ring_sleep and gs_ring_announce may be called by any
 * thread; what takes a gs_slot is for the thread that serves its request, or
 * under a lock of the caller's.
 *
 * Memory: a gs_ring and its gs_slots borrow the region, which must outlive them.
 */
#ifndef GS_RING_H
#define GS_RING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	GS_RING_PAGE = 4096,
	GS_RING_PIECE = 64 << 10, /* room of a piece, and of a prefix */
	GS_RING_OUT = 64 << 10,   /* room of a complete response */
	GS_RING_MAX_SLOTS = 1 << 16,
};

struct gs_ring {
	char *base;
	uint32_t slots, cells;
	size_t environ, stride;
	uint64_t *attention, *ring;
	char *first; /* slot */
	int event;   /* eventfd that wakes the server */
	int cut;     /* no request is wanted any more */
};

/* States of a slot, the lower bits of its word. */
enum { GS_STATE_FREE, GS_STATE_QUEUED, GS_STATE_RUNNING, GS_STATE_DONE, GS_STATE_BITS = 3 };

/* How long the thread of a request has waited for its client. That thread writes it,
 * any other may read it by gs_waited. */
struct gs_waits {
	int64_t ns;       /* of waits that are over */
	int64_t since_ns; /* CLOCK_MONOTONIC of the one that is not; 0: there is none */
};

/* One request as the server wrote it, and where its thread is in it. */
struct gs_slot {
	struct gs_ring *ring;
	uint32_t index;
	uint32_t running; /* its state word while it holds this request, which messages name it by */
	char *words;      /* its page */
	const char *environ, *group, *prefix;
	uint32_t environ_size, steady, group_size, prefix_size, script;
	int more;
	int64_t start_ns;
	char *out;
	char *in[2], *pieces[2];
	/* the body's piece that is read from: its number, and the bytes left */
	int in_at, in_open, in_over;
	uint32_t in_used, in_size;
	int out_at;
	struct gs_waits *waits; /* borrowed; NULL: nobody counts them */
	const void *waiter;     /* whose waits count */
};

/* Reads the header of a region of size bytes. Returns 0, or -1: it is none. */
int gs_ring_open(struct gs_ring *r, void *base, size_t size, int event);

/* Takes the oldest request that is still queued. Returns 1, or 0: there is none. */
int gs_ring_take(struct gs_ring *r, struct gs_slot *s);

/* The words in the header that count threads, and what they say. */
void gs_ring_count(struct gs_ring *r, int by);
void gs_ring_computing(struct gs_ring *r, int yes);

/* Sleeps until the server rings, unless something is queued already or stop is
 * set. The calling thread is counted by gs_ring_count before and after, not
 * while it sleeps. */
void gs_ring_sleep(struct gs_ring *r, const int *stop);

/* Sleeps although requests may be queued, if they compute and another thread is
 * counted, which will take them: if none was taken for some milliseconds, it
 * sleeps no longer. Returns whether it has slept. */
int gs_ring_step_back(struct gs_ring *r, const int *stop);

/* Wakes all threads that sleep, to look at their stop flag; with cut all requests
 * are cancelled for good. */
void gs_ring_rouse(struct gs_ring *r, int cut);

/* Tells the server to look at a slot. */
void gs_ring_announce(struct gs_slot *s);

/* Whether the slot still holds the request that was read from it. If not, the
 * server has broken the rules, and nothing may be written into it. */
int gs_slot_holds(const struct gs_slot *s);

/* The result of a request; see layout.go. After it the slot is the server's.
 * Returns 0, or -1 if gs_slot_holds says no: the result is dropped. */
struct gs_outcome {
	uint32_t kind, status, size, excess;
	int64_t count, length, written, gil_wait;
};
int gs_slot_done(struct gs_slot *s, const struct gs_outcome *o);

/* Whether nobody wants the answer any more. */
int gs_slot_cancelled(const struct gs_slot *s);

/* Counts in w, from 0, how long the calling thread waits in the functions below; that
 * of other threads, which the application may have, is no time of the request. */
void gs_slot_count_waits(struct gs_slot *s, struct gs_waits *w);

/* A wait for the client: returns whether it counts, and so has to be ended. */
int gs_slot_begin_wait(struct gs_slot *s);
void gs_slot_end_wait(struct gs_slot *s);

/* How long the thread has waited by now, a CLOCK_MONOTONIC. When a wait ends just
 * now it may count twice. */
int64_t gs_waited(const struct gs_waits *w, int64_t now_ns);

/* As read, send and write of struct gs_io. They sleep while the server has to
 * do its part. */
ssize_t gs_slot_read(struct gs_slot *s, char *buf, size_t size);
int gs_slot_send(struct gs_slot *s, const char *flat, size_t size);
int gs_slot_write(struct gs_slot *s, const char *data, size_t size, int flush);

#endif
