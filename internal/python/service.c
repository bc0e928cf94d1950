#define _GNU_SOURCE
#include "service.h"
#include "errlog.h"

#include <signal.h>
#include <unistd.h>

extern struct gs_interp *gs_interps[GS_MAX_INTERPS];

static PyObject *call_run(struct gs_target *t)
{
	PyObject *module = gs_py.PyImport_ImportModule("_gophersnake.service");
	PyObject *run = module ? gs_py.PyObject_GetAttrString(module, "run") : NULL;
	PyObject *result = run ? gs_call1(run, t->loader) : NULL;

	gs_py.Py_DecRef(run);
	gs_py.Py_DecRef(module);
	return result;
}

int gs_service_run(struct gs_target *t)
{
	int status = 0;

	gs_attach(gs_interps[0]);
	PyObject *result = call_run(t);
	if (result)
		status = (int)gs_py.PyLong_AsLong(result);
	gs_py.PyErr_Clear(); /* of a signal that came when the script had ended */
	gs_py.Py_DecRef(result);
	gs_lines_end(gs_thread_self());
	if (gs_forked) { /* the script, in a child: it ends as without a server */
		gs_py.Py_FinalizeEx();
		_exit(status);
	}
	gs_detach(gs_interps[0]);
	return status;
}

PyObject *gs_signal_on_stack(PyObject *args)
{
	struct sigaction action;
	int number;

	if (!gs_py.PyArg_ParseTuple(args, "i:signal_on_stack", &number))
		return NULL;
	if (sigaction(number, NULL, &action) == 0 && !(action.sa_flags & SA_ONSTACK)) {
		action.sa_flags |= SA_ONSTACK;
		sigaction(number, &action, NULL);
	}
	return gs_none();
}
