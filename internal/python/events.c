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
