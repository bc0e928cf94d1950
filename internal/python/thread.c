#define _GNU_SOURCE
#include "interp.h"
#include "call.h"
#include "errlog.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;
static struct gs_thread *threads;
static int last_id;
static __thread struct gs_thread *self;

static pthread_key_t exit_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

extern struct gs_interp *gs_interps[GS_MAX_INTERPS];
extern volatile int gs_stopped;

void gs_threads_lock(void)
{
	pthread_mutex_lock(&threads_lock);
}

void gs_threads_unlock(void)
{
	pthread_mutex_unlock(&threads_lock);
}

struct gs_request *gs_thread_request(void)
{
	return self ? self->request : NULL;
}

void gs_threads_other_requests(void (*visit)(struct gs_request *))
{
	for (struct gs_thread *t = threads; t; t = t->next)
		if (t != self && t->request)
			visit(t->request);
}

static void drop_seat(struct gs_seat *seat)
{
	gs_py.PyEval_RestoreThread(seat->state);
	gs_clear(&seat->text);
	gs_clear(&seat->log);
	gs_py.PyThreadState_Clear(seat->state);
	gs_py.PyThreadState_DeleteCurrent();
	free(seat);
}

static void unlink_thread(struct gs_thread *t)
{
	pthread_mutex_lock(&threads_lock);
	for (struct gs_thread **p = &threads; *p; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			break;
		}
	}
	pthread_mutex_unlock(&threads_lock);
}

static void drop_seats(struct gs_thread *t)
{
	if (gs_stopped)
		return;
	for (int i = GS_MAX_INTERPS - 1; i >= 0; i--)
		if (t->seats[i] && t->seats[i]->state != gs_interps[i]->home)
			drop_seat(t->seats[i]);
}

static void free_thread(struct gs_thread *t)
{
	unlink_thread(t);
	free(t->out.data);
	free(t->err.data);
	free(t);
}

/* The destructor of exit_key. A thread that serves may be one of Go's, which cannot
 * enter Go while it ends; what its last request has written is logged. */
static void thread_exit(void *arg)
{
	struct gs_thread *t = arg;

	if (gs_forked)
		return;
	drop_seats(t);
	if (t->id == 0) /* the application's own */
		gs_lines_last(t);
	free_thread(t);
}

void gs_thread_end(void)
{
	if (!self || gs_forked)
		return;
	pthread_setspecific(exit_key, NULL);
	drop_seats(self);
	gs_lines_last(self);
	free_thread(self);
	self = NULL;
}

static void set_up(void)
{
	pthread_key_create(&exit_key, thread_exit);
}

static void no_memory(void)
{
	static const char text[] = "gophersnake: out of memory for a Python thread\n";

	if (write(2, text, sizeof text - 1) < 0) {
		/* there is nobody left to tell */
	}
	abort();
}

struct gs_thread *gs_thread_self(void)
{
	if (self)
		return self;
	pthread_once(&once, set_up);
	struct gs_thread *t = calloc(1, sizeof *t);
	if (!t)
		no_memory();
	t->tid = syscall(SYS_gettid);
	t->ident = (unsigned long)pthread_self();
	pthread_mutex_lock(&threads_lock);
	t->next = threads;
	threads = t;
	pthread_mutex_unlock(&threads_lock);
	pthread_setspecific(exit_key, t);
	self = t;
	return t;
}

/*
 * Makes the calling thread's seat in interp. The main interpreter comes first
 * on every thread, so that PyGILState_Ensure, which knows one state a thread,
 * finds that one.
 */
static struct gs_seat *take_seat(struct gs_thread *t, struct gs_interp *interp)
{
	if (interp->index > 0 && !t->seats[0])
		take_seat(t, gs_interps[0]);
	if (t->id == 0)
		t->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	struct gs_seat *seat = calloc(1, sizeof *seat);
	if (!seat)
		no_memory();
	seat->state = gs_py.PyThreadState_New(interp->state);
	if (!seat->state)
		no_memory();
	pthread_mutex_lock(&threads_lock);
	t->seats[interp->index] = seat;
	pthread_mutex_unlock(&threads_lock);
	return seat;
}

/* How often to look whether the GIL becomes free before sleeping for it: a
 * short request is done in the time that two context switches take. */
enum { SPINS = 150 };

static void wait_briefly(struct gs_interp *interp)
{
	for (int i = 0; i < SPINS && __atomic_load_n(interp->busy, __ATOMIC_RELAXED); i++)
		gs_pause_cpu();
}

struct gs_thread *gs_attach(struct gs_interp *interp)
{
	struct gs_thread *t = gs_thread_self();
	struct gs_seat *seat = t->seats[interp->index];

	if (!seat)
		seat = take_seat(t, interp);
	t->gil_wait = 0;
	if (__atomic_load_n(interp->busy, __ATOMIC_RELAXED)) {
		double before = gs_now();

		wait_briefly(interp);
		__atomic_add_fetch(interp->busy, 1, __ATOMIC_RELAXED);
		gs_py.PyEval_RestoreThread(seat->state);
		t->gil_wait = gs_now() - before;
		__atomic_store_n(&t->gil_waited_ns, t->gil_waited_ns + (int64_t)(t->gil_wait * 1e9),
				 __ATOMIC_RELAXED);
		return t;
	}
	__atomic_add_fetch(interp->busy, 1, __ATOMIC_RELAXED);
	gs_py.PyEval_RestoreThread(seat->state);
	return t;
}

void gs_detach(struct gs_interp *interp)
{
	gs_fork_end("the server's call");
	gs_py.PyEval_SaveThread();
	__atomic_sub_fetch(interp->busy, 1, __ATOMIC_RELAXED);
}

void gs_probe(void)
{
	gs_attach(gs_interps[0]);
	gs_detach(gs_interps[0]);
}

void gs_each_request(struct gs_interp *interp, void (*visit)(struct gs_request *, void *),
		     void *arg)
{
	struct gs_request *r = NULL, *all = NULL;

	/* visit may let others run: not under the lock, and with the requests
	 * kept from ending */
	pthread_mutex_lock(&threads_lock);
	for (struct gs_thread *t = threads; t; t = t->next) {
		struct gs_seat *seat = t->seats[interp->index];

		if (!seat || !(r = seat->request))
			continue;
		r->in_io++;
		r->pinned = all;
		all = r;
	}
	pthread_mutex_unlock(&threads_lock);
	while ((r = all)) {
		all = r->pinned;
		visit(r, arg);
		r->in_io--;
	}
}

int gs_thread_count(struct gs_interp *interp)
{
	PyThreadState *state = gs_py.PyInterpreterState_ThreadHead(interp->state);
	int n = 0;

	for (; state; state = gs_py.PyThreadState_Next(state))
		n++;
	return n;
}

/* Deletes the states that other threads have in interp, whose GIL the caller
 * holds; needed before it can be ended. For gs_python_stop only. */
void gs_drop_other_seats(struct gs_interp *interp)
{
	struct gs_seat *seat, *all = NULL;

	/* clearing runs code of the application: not under the lock */
	pthread_mutex_lock(&threads_lock);
	for (struct gs_thread *t = threads; t; t = t->next) {
		seat = t->seats[interp->index];
		if (!seat || seat->state == interp->home)
			continue;
		t->seats[interp->index] = NULL;
		seat->dropped = all;
		all = seat;
	}
	pthread_mutex_unlock(&threads_lock);
	while ((seat = all)) {
		all = seat->dropped;
		gs_clear(&seat->text);
		gs_clear(&seat->log);
		gs_py.PyThreadState_Clear(seat->state);
		gs_py.PyThreadState_Delete(seat->state);
		free(seat);
	}
}

/* Gives the calling thread the state that creating interp left it with. */
void gs_adopt_seat(struct gs_interp *interp)
{
	struct gs_thread *t = gs_thread_self();
	struct gs_seat *seat = calloc(1, sizeof *seat);

	if (!seat)
		no_memory();
	if (t->id == 0)
		t->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	seat->state = interp->home;
	pthread_mutex_lock(&threads_lock);
	t->seats[interp->index] = seat;
	pthread_mutex_unlock(&threads_lock);
}
