/*
 * pace: how the requests of a process use the processor and the GIL.
 *
 * Role: judges, by the requests that were measured, whether the next ones are
 * better served side by side or one after the other. It does nothing about it:
 * requestthreads.go and the ring do.
 *
 * Threads: any, without the GIL. A sample that comes while another thread
 * learns is dropped.
 */
#ifndef GS_PACE_H
#define GS_PACE_H

#include <stdint.h>

enum gs_pace_kind {
	GS_PACE_SHORT, /* over before it pays to do something about them */
	GS_PACE_TURNS, /* compute, and keep the GIL: one at a time is the fastest */
	GS_PACE_PROBE, /* compute, for a few requests side by side to see what is right: measure each */
	GS_PACE_APART, /* compute, much of it without the GIL, as hashing does: side by side */
	GS_PACE_WAITS, /* mostly wait, for a database or another server: side by side */
};

/* One request that was measured; all times in nanoseconds. */
struct gs_sample {
	int64_t whole;    /* how long it had Python */
	int64_t computed; /* for how much of that it used a processor */
	int64_t ended;    /* CLOCK_MONOTONIC */
};

/* Zero is the state to begin with. */
struct gs_pace {
	int learning; /* a thread does; read and written atomically, as kind */
	int kind;
	int64_t whole, computed; /* means */
	int apart;               /* the last verdict */
	int patience;            /* samples until the next probe */
	int interval;            /* what patience begins with */
	struct {
		int count;
		int64_t began;    /* when its first request ended */
		int64_t computed; /* by those after it */
	} probe;
};

/* Takes a request into account. Returns what is known now. */
enum gs_pace_kind gs_pace_learn(struct gs_pace *p, const struct gs_sample *s);

enum gs_pace_kind gs_pace_kind(const struct gs_pace *p);

#endif
