#define _GNU_SOURCE
#include "fork.h"
#include "call.h"
#include "feedio.h"
#include "forkfds.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

volatile int gs_forked;

/* Of the thread that forks, between before_fork and what comes after. */
static __thread sigset_t mask_before;

/* What was blocked when the program was started: by whoever started it, and for
 * no child of the application. */
static sigset_t inherited_mask;

/* Runs before main, and so before Go. */
__attribute__((constructor)) static void remember_mask(void)
{
	sigemptyset(&inherited_mask);
	pthread_sigmask(SIG_BLOCK, NULL, &inherited_mask);
}

/* A signal that a child gets before it has handlers of its own would be lost in
 * those of Go's runtime, which does not exist there: it waits. Faults of the
 * thread itself cannot wait. */
static void block_signals(void)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
	sigset_t all;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_BLOCK, &all, &mask_before);
}

/* What the forking thread's request has in the memory that is shared with the
 * server, which a child does not get: its body as far as it has come, and its
 * output. Between before_fork and what comes after. */
struct piece {
	char *at;
	char *copy; /* malloc'ed, or NULL */
	size_t size;
};
static __thread struct piece body, output;

static void keep(struct piece *p, const char *at, size_t size)
{
	const char *memory = gs_the_feed.o.memory;

	*p = (struct piece){0};
	if (!memory || at < memory || at >= memory + gs_the_feed.o.size || size == 0)
		return;
	*p = (struct piece){(char *)at, malloc(size), size};
	if (p->copy)
		memcpy(p->copy, at, size);
}

static void keep_request(void)
{
	struct gs_request *r = gs_thread_request();

	keep(&body, r ? r->body : NULL, r ? r->body_size : 0);
	keep(&output, r ? r->buf : NULL, r ? r->size : 0);
}

static void before_fork(void)
{
	block_signals();
	gs_threads_lock();
	keep_request();
}

static void parent_after_fork(void)
{
	free(body.copy);
	free(output.copy);
	gs_threads_unlock();
	pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
}

/* The handlers of Go's runtime must not run here. What the server ignores stays
 * so, as in Python. */
static void reset_handlers(void)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};

	for (int sig = 1; sig < NSIG; sig++) {
		struct sigaction now;

		if (sigaction(sig, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaction(sig, &dfl, NULL);
	}
}

/* The mask is that of the forking thread, as fork(2) has it, but for what was
 * blocked from the beginning. */
static void restore_mask(void)
{
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(&inherited_mask, sig) == 1)
			sigdelset(&mask_before, sig);
	pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
}

/* The body of a request in another thread is not here. */
static void lose_body(struct gs_request *r)
{
	r->body_size = 0;
	r->body_more = 1; /* to read it fails */
}

static void put_back(struct gs_request *r, const struct piece *p)
{
	if (p->copy)
		memcpy(p->at, p->copy, p->size);
	else if (p->size > 0) /* there was no memory to keep it */
		lose_body(r);
}

/* Puts memory of this process alone where that shared with the server would be. It
 * costs nothing until it is written to. */
static void replace_shared_memory(void)
{
	static const char text[] = "gophersnake: out of memory for a process forked by the application\n";
	struct gs_feed_options *o = &gs_the_feed.o;

	if (!o->memory)
		return;
	if (mmap(o->memory, o->size, PROT_READ | PROT_WRITE,
		 MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED) {
		if (write(2, text, sizeof text - 1) < 0) {
			/* nobody reads it */
		}
		_exit(1);
	}
	gs_threads_other_requests(lose_body);
	put_back(gs_thread_request(), &body);
	put_back(gs_thread_request(), &output);
}

/* Only the forking thread exists here. A child of a child has the handlers that
 * its parent has installed. */
static void child_after_fork(void)
{
	if (!gs_forked) {
		gs_forked = 1;
		reset_handlers();
		gs_fork_fds_close();
		replace_shared_memory();
	}
	gs_threads_unlock();
	restore_mask();
}

void gs_fork_end(const char *from)
{
	char text[160];

	if (!gs_forked)
		return;
	int n = snprintf(text, sizeof text,
			 "gophersnake: a process forked by the application returned from %s; it ends here\n", from);
	if (write(2, text, (size_t)n) < 0) {
		/* nobody reads it */
	}
	_exit(1);
}

void gs_fork_watch(void)
{
	gs_fork_fds_find();
	pthread_atfork(before_fork, parent_after_fork, child_after_fork);
}
