#define _GNU_SOURCE
#include "call.h"

#include <time.h>

double gs_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

PyObject *gs_request_data(struct gs_request *r)
{
	if (!r->data)
		r->data = gs_py.PyDict_New();
	return r->data;
}

/* Adds what every event carries. Returns 0, or -1 with an exception. */
static int add_common(struct gs_request *r, PyObject *payload)
{
	PyObject *data = gs_request_data(r);
	PyObject *id = r->id ? r->id : GS_NONE;

	if (!data || gs_py.PyDict_SetItemString(payload, "request_data", data) < 0)
		return -1;
	return gs_py.PyDict_SetItemString(payload, "request_id", id);
}

PyObject *gs_publish(struct gs_request *r, const char *name, PyObject *payload)
{
	PyObject *result = NULL;
	PyObject *text = payload ? gs_py.PyUnicode_FromString(name) : NULL;

	if (text && add_common(r, payload) == 0)
		result = gs_call2(r->interp->publish, text, payload);
	if (!result)
		gs_py.PyErr_WriteUnraisable(r->interp->publish);
	gs_py.Py_DecRef(text);
	gs_py.Py_DecRef(payload);
	return result;
}

PyObject *gs_publish_started(struct gs_request *r, PyObject *app)
{
	PyObject *payload = gs_py.Py_BuildValue(
		"{s:i,s:i,s:i,s:i,s:d,s:d,s:d,s:O,s:O,s:O,s:d}", "thread_id", r->thread->id,
		"daemon_connects", 0, "daemon_restarts", 0, "server_pid", r->target->server_pid,
		"request_start", r->start, "queue_start", r->queue_start, "daemon_start",
		r->daemon_start, "application_object", app, "callable_object", r->target->callable,
		"request_environ", r->environ, "application_start", gs_now());
	PyObject *after = gs_publish(r, "request_started", payload);
	PyObject *wanted = after ? gs_py.PyDict_GetItemString(after, "application_object") : NULL;

	if (wanted) {
		gs_py.Py_IncRef(wanted);
		gs_py.Py_DecRef(app);
		app = wanted;
	}
	gs_py.Py_DecRef(after);
	return app;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

void gs_publish_finished(struct gs_request *r, double began, const struct rusage *before)
{
	struct rusage now;
	double end = gs_now();

	getrusage(RUSAGE_THREAD, &now);
	double user = seconds(now.ru_utime) - seconds(before->ru_utime);
	double system = seconds(now.ru_stime) - seconds(before->ru_stime);
	PyObject *payload = gs_py.Py_BuildValue(
		"{s:i,s:i,s:d,s:d,s:d,s:l,s:L,s:d,s:L,s:l,s:d,s:d,s:d,s:d,s:d,s:d,s:i,s:d,s:l}",
		"thread_id", r->thread->id, "server_pid", r->target->server_pid, "request_start", r->start,
		"queue_start", r->queue_start, "daemon_start", r->daemon_start, "input_reads", r->input_reads,
		"input_length", (long long)r->input_length, "input_time", r->input_time,
		"output_length", (long long)r->written, "output_writes", r->output_writes,
		"output_time", r->output_time, "cpu_user_time", user, "cpu_system_time", system,
		"cpu_time", user + system, "application_finish", end, "application_time",
		end - began, "status", r->started ? r->status : 0, "gil_wait_time",
		r->thread->gil_wait, "gil_wait_count", (long)(r->thread->gil_wait > 0));

	gs_py.Py_DecRef(gs_publish(r, "request_finished", payload));
}
