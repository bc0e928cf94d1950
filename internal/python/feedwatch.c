#define _GNU_SOURCE
#include "feedio.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int gs_feed_left(void)
{
	return __atomic_load_n(&gs_the_feed.left, __ATOMIC_SEQ_CST);
}

void gs_feed_look(int thread, struct gs_feed_look *look)
{
	struct gs_worker *w = &gs_the_feed.workers[thread];
	struct gs_thread *t = __atomic_load_n(&w->thread, __ATOMIC_ACQUIRE);

	look->serial = __atomic_load_n(&w->busy, __ATOMIC_SEQ_CST);
	look->began_ns = __atomic_load_n(&w->began_ns, __ATOMIC_RELAXED);
	look->waited_ns = gs_waited(&w->waits, gs_monotonic_ns());
	look->answers = __atomic_load_n(&w->sent, __ATOMIC_RELAXED) == look->serial;
	look->slot = __atomic_load_n(&w->slot.index, __ATOMIC_RELAXED);
	look->tid = t ? t->tid : 0;
	if (__atomic_load_n(&w->busy, __ATOMIC_SEQ_CST) != look->serial)
		look->serial = 0; /* it has just changed: what was read does not belong together */
}

int64_t gs_feed_active_ns(void)
{
	return __atomic_load_n(&gs_the_feed.active_ns, __ATOMIC_RELAXED);
}

/* Enters the interpreter of a thread's request. NULL: it is another one by now, or
 * not yet in Python. The caller leaves it by gs_detach. */
static struct gs_request *enter(int thread, uint32_t serial)
{
	struct gs_worker *w = &gs_the_feed.workers[thread];

	if (__atomic_load_n(&w->busy, __ATOMIC_SEQ_CST) != serial || serial == 0)
		return NULL;
	struct gs_target *t = gs_feed_target(&w->slot);
	if (!t)
		return NULL;
	gs_attach(t->interp);
	struct gs_request *r = w->thread->request; /* it ends only with the GIL */
	if (r && r->interp == t->interp && __atomic_load_n(&w->busy, __ATOMIC_SEQ_CST) == serial)
		return r;
	gs_detach(t->interp);
	return NULL;
}

int gs_feed_interrupt(int thread, uint32_t serial)
{
	struct gs_request *r = enter(thread, serial);

	if (!r)
		return 0;
	int n = gs_py.PyThreadState_SetAsyncExc(r->thread->ident, r->interp->request_timeout);
	gs_detach(r->interp);
	return n == 1;
}

char *gs_feed_stack(int thread, uint32_t serial, size_t *size)
{
	struct gs_request *r = enter(thread, serial);
	char *copy = NULL;

	if (!r)
		return NULL;
	struct gs_interp *in = r->interp;
	PyObject *ident = gs_py.PyLong_FromUnsignedLong(r->thread->ident);
	PyObject *text = ident ? gs_call1(in->stack_of, ident) : NULL;
	Py_ssize_t n = 0;
	const char *data = text ? gs_py.PyUnicode_AsUTF8AndSize(text, &n) : NULL;
	if (data && (copy = malloc((size_t)n + 1)))
		memcpy(copy, data, (size_t)n);
	*size = (size_t)n;
	gs_py.PyErr_Clear();
	gs_py.Py_DecRef(text);
	gs_py.Py_DecRef(ident);
	gs_detach(in);
	return copy;
}

void gs_feed_dump(int signal)
{
	struct gs_thread *t = __atomic_load_n(&gs_the_feed.workers[0].thread, __ATOMIC_ACQUIRE);

	if (t)
		syscall(SYS_tgkill, getpid(), t->tid, signal);
}

size_t gs_feed_request(int thread, uint32_t serial, char *buf, size_t size)
{
	struct gs_worker *w = &gs_the_feed.workers[thread];

	if (__atomic_load_n(&w->busy, __ATOMIC_SEQ_CST) != serial)
		return 0;
	size_t n = w->slot.environ_size < size ? w->slot.environ_size : size;
	memcpy(buf, w->slot.environ, n);
	return __atomic_load_n(&w->busy, __ATOMIC_SEQ_CST) == serial ? n : 0;
}

const char *gs_feed_environ(gs_call call, uint32_t *size, uint32_t *script)
{
	const struct gs_slot *s = &((struct gs_worker *)call)->slot;

	*size = s->environ_size;
	*script = s->script;
	return s->environ;
}
