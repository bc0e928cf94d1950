#include "module.h"
#include "call.h"
#include "errlog.h"
#include "metrics.h"
#include "service.h"
#include "_cgo_export.h"

#include <string.h>

/* log(level, text): one record for the error log, of the current request. */
static PyObject *mod_log(PyObject *self, PyObject *args)
{
	PyObject *text, *bytes;
	int level;
	char *data;
	Py_ssize_t n;

	(void)self;
	if (!gs_py.PyArg_ParseTuple(args, "iO:log", &level, &text))
		return NULL;
	bytes = gs_py.PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
	if (!bytes || gs_py.PyBytes_AsStringAndSize(bytes, &data, &n) < 0) {
		gs_py.Py_DecRef(bytes);
		return NULL;
	}
	gs_log(gs_current_request(), level, data, (size_t)n);
	gs_py.Py_DecRef(bytes);
	return gs_none();
}

/* new_stream(level): the raw stream of sys.stdout or sys.stderr. */
static PyObject *mod_new_stream(PyObject *self, PyObject *args)
{
	int level;

	(void)self;
	if (!gs_py.PyArg_ParseTuple(args, "i:new_stream", &level))
		return NULL;
	return gs_log_new(gs_interp_current(), level <= GS_LOG_ERROR ? "<stderr>" : "<stdout>", level, 0);
}

static PyObject *mod_request_data(PyObject *self, PyObject *unused)
{
	struct gs_request *r = gs_current_request();

	(void)self;
	(void)unused;
	if (!r)
		return gs_py.PyErr_Format(GS_EXC(RuntimeError), "no active request for thread");
	PyObject *data = gs_request_data(r);
	gs_py.Py_IncRef(data);
	return data;
}

static void add_active(struct gs_request *r, void *dict)
{
	PyObject *data = r->id ? gs_request_data(r) : NULL;

	if (data)
		gs_py.PyDict_SetItem(dict, r->id, data);
}

/* active_requests(): the dict of requests that run now. It is kept up to date
 * from the first call on. */
static PyObject *mod_active_requests(PyObject *self, PyObject *unused)
{
	struct gs_interp *in = gs_interp_current();

	(void)self;
	(void)unused;
	if (!in->active) {
		in->active = gs_py.PyDict_New();
		if (!in->active)
			return NULL;
		gs_each_request(in, add_active, in->active);
	}
	gs_py.Py_IncRef(in->active);
	return in->active;
}

/* thread_count(): how many threads have a state in this interpreter. */
static PyObject *mod_thread_count(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	return gs_py.PyLong_FromLong(gs_thread_count(gs_interp_current()));
}

static PyObject *mod_request_threads(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	return gs_request_threads();
}

/* not_loaded(script, reason, files): tells Go of a script that failed to load, with
 * the names of the files that took part, one a line. */
static PyObject *mod_not_loaded(PyObject *self, PyObject *args)
{
	PyObject *texts[3], *encoded[3] = {NULL};
	char *data[3];
	Py_ssize_t size[3];
	int ok = 1;

	(void)self;
	if (!gs_py.PyArg_ParseTuple(args, "OOO:not_loaded", &texts[0], &texts[1], &texts[2]))
		return NULL;
	for (int i = 0; i < 3 && ok; i++) {
		encoded[i] = gs_py.PyUnicode_AsEncodedString(texts[i], "utf-8", i == 1 ? "backslashreplace" : "surrogateescape");
		ok = encoded[i] && gs_py.PyBytes_AsStringAndSize(encoded[i], &data[i], &size[i]) == 0;
	}
	if (ok && !gs_forked) /* Go's runtime does not exist in a child, and the process has loaded it */
		GS_UNLOCKED(gsNotLoaded(data[0], (size_t)size[0], data[1], (size_t)size[1], data[2], (size_t)size[2]));
	for (int i = 0; i < 3; i++)
		gs_py.Py_DecRef(encoded[i]);
	return ok ? gs_none() : NULL;
}

static PyObject *mod_signal_on_stack(PyObject *self, PyObject *args)
{
	(void)self;
	return gs_signal_on_stack(args);
}

static PyMethodDef functions[] = {
	{"not_loaded", mod_not_loaded, METH_VARARGS, NULL},
	{"signal_on_stack", mod_signal_on_stack, METH_VARARGS, NULL},
	{"request_threads", mod_request_threads, METH_NOARGS, NULL},
	{"thread_count", mod_thread_count, METH_NOARGS, NULL},
	{"log", mod_log, METH_VARARGS, NULL},
	{"new_stream", mod_new_stream, METH_VARARGS, NULL},
	{"request_data", mod_request_data, METH_NOARGS, NULL},
	{"active_requests", mod_active_requests, METH_NOARGS, NULL},
	{NULL, NULL, 0, NULL},
};

int gs_module_new(void)
{
	PyObject *module = gs_py.PyModule_New("_gophersnake");
	PyObject *dict = module ? gs_py.PyModule_GetDict(module) : NULL; /* borrowed */
	PyObject *path = gs_py.PyList_New(0);
	int status = dict && path ? 0 : -1;

	for (PyMethodDef *f = functions; status == 0 && f->name; f++) {
		PyObject *o = gs_py.PyCFunction_NewEx(f, NULL, NULL);

		status = o ? gs_py.PyDict_SetItemString(dict, f->name, o) : -1;
		gs_py.Py_DecRef(o);
	}
	if (status == 0)
		status = gs_py.PyDict_SetItemString(dict, "__path__", path);
	if (status == 0)
		status = gs_py.PyDict_SetItemString(gs_py.PyImport_GetModuleDict(), "_gophersnake",
						    module);
	gs_py.Py_DecRef(path);
	gs_py.Py_DecRef(module);
	return status;
}
