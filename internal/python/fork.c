#define _GNU_SOURCE
#include "fork.h"
#include "interp.h"

#include <pthread.h>
#include <signal.h>

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

static void before_fork(void)
{
	block_signals();
	gs_threads_lock();
}

static void parent_after_fork(void)
{
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

/* Only the forking thread exists here. A child of a child has the handlers that
 * its parent has installed. */
static void child_after_fork(void)
{
	gs_threads_unlock();
	if (!gs_forked) {
		gs_forked = 1;
		reset_handlers();
	}
	restore_mask();
}

void gs_fork_watch(void)
{
	pthread_atfork(before_fork, parent_after_fork, child_after_fork);
}
