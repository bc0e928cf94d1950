#define _GNU_SOURCE
#include "metrics.h"
#include "feedio.h"

static int workers(void)
{
	return gs_the_feed.workers ? gs_the_feed.o.threads : 0;
}

void gs_feed_vitals(struct gs_vitals *v)
{
	*v = (struct gs_vitals){0};
	for (int i = 0; i < workers(); i++) {
		struct gs_worker *w = &gs_the_feed.workers[i];
		struct gs_thread *t = __atomic_load_n(&w->thread, __ATOMIC_ACQUIRE);

		v->requests += __atomic_load_n(&w->serial, __ATOMIC_RELAXED);
		if (t)
			v->gil_wait += __atomic_load_n(&t->gil_waited_ns, __ATOMIC_RELAXED);
	}
}

PyObject *gs_request_threads(void)
{
	PyObject *list = gs_py.PyList_New(0);
	int64_t now = gs_monotonic_ns();

	for (int i = 0; list && i < workers(); i++) {
		struct gs_feed_look look;
		uint32_t begun = __atomic_load_n(&gs_the_feed.workers[i].serial, __ATOMIC_RELAXED);

		gs_feed_look(i, &look);
		double runs = look.serial ? (double)(now - look.began_ns) / 1e9 : -1;
		int64_t bytes = __atomic_load_n(&gs_the_feed.workers[i].bytes, __ATOMIC_RELAXED);
		PyObject *entry = gs_py.Py_BuildValue("(kdL)", (unsigned long)begun, runs, (long long)bytes);

		if (!entry || gs_py.PyList_Append(list, entry) < 0)
			gs_clear(&list);
		gs_py.Py_DecRef(entry);
	}
	return list;
}
