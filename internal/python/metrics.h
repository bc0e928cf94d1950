/*
 * metrics: figures of the request threads of this process.
 *
 * Role: reads what the threads of a feed count, without a lock and without
 * waiting for them: each figure is right, but they need not be of one moment.
 */
#ifndef GS_METRICS_H
#define GS_METRICS_H

#include "capi.h"

#include <stdint.h>

struct gs_vitals {
	uint64_t requests; /* begun by all threads */
	int64_t gil_wait;  /* nanoseconds that all of them waited for the GIL */
};

/* Fills v; zeros without a feed. */
void gs_feed_vitals(struct gs_vitals *v);

/* For each request thread a tuple: requests begun, and for how many seconds the one
 * that it has runs, or -1. A new list, or NULL with an exception. Needs the GIL. */
PyObject *gs_request_threads(void);

#endif
