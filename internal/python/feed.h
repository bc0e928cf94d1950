/*
 * feed: the request threads of a daemon process.
 *
 * Role: a fixed number of POSIX threads take requests from the ring, serve them
 * with the adapter (call.h), whose input and output are operations on the slot,
 * and say what became of them. No Go runs on that path, except to make a target
 * that is new and to write the error log.
 *
 * Threads: gs_feed_start and gs_feed_stop are called by one thread, the others
 * by any. Memory: there is at most one feed in a process, and it is never freed:
 * a thread that does not end may still use it.
 */
#ifndef GS_FEED_H
#define GS_FEED_H

#include "call.h"
#include "ring.h"

struct gs_feed_options {
	void *memory; /* the region, borrowed until the process ends */
	size_t size;
	int event;       /* eventfd of the server; borrowed */
	int control;     /* socket on which descriptors of files are passed; borrowed */
	int threads;
	size_t stack_size; /* bytes, 0: the system's */
	int64_t flush_ns;  /* held-back output waits for one to two of these; 0: none is held back */
};

/* Starts the threads. Returns 0, or -1 with a text in err. */
int gs_feed_start(const struct gs_feed_options *o, char *err, size_t errsize);

/*
 * Lets each thread end after the request that it has. With cut their requests
 * lose their client as well. Does not wait.
 */
void gs_feed_stop(int cut);

/* Threads that have not ended, after stop. */
int gs_feed_left(void);

/* What one thread is doing. */
struct gs_feed_look {
	uint32_t serial;    /* of its request; 0: none */
	uint32_t slot;
	int answers;        /* a part of its response has been sent */
	int64_t began_ns;   /* CLOCK_MONOTONIC */
	int64_t waited_ns;  /* of the time since then: for the client */
	long tid;           /* of the operating system */
};
void gs_feed_look(int thread, struct gs_feed_look *look);

/* When a thread last began a request, ended one, read a body or sent output. */
int64_t gs_feed_active_ns(void);

/*
 * Raises mod_wsgi.RequestTimeout in a thread that still has the request with
 * serial. Returns whether it does. Takes the GIL.
 */
int gs_feed_interrupt(int thread, uint32_t serial);

/* The Python stack of a thread as malloc'ed text, or NULL. Takes the GIL. */
char *gs_feed_stack(int thread, uint32_t serial, size_t *size);

/* Has Python write the stacks of all threads to stderr, by a signal to one of them;
 * needs no GIL. */
void gs_feed_dump(int signal);

/* Copies at most size bytes of the environ of a thread's request to buf. Returns how
 * many; 0: the request has ended. */
size_t gs_feed_request(int thread, uint32_t serial, char *buf, size_t size);

/* The environ of the request that a handle of the log stands for, borrowed, and the
 * number of its script. */
const char *gs_feed_environ(gs_call call, uint32_t *size, uint32_t *script);

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t gs_monotonic_ns(void);

#endif
