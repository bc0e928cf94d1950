#include "interp.h"
#include "errlog.h"

#include <string.h>
#include <unistd.h>

extern struct gs_interp *gs_interps[GS_MAX_INTERPS];
extern int gs_ninterps;
extern volatile int gs_stopped;

void gs_drop_other_seats(struct gs_interp *interp);

/*
 * Calls setup.stopping. It runs the atexit handlers itself when the interpreter
 * is not going to be ended: because ending says so, or because threads of its
 * own keep it alive. Returns whether it can be ended.
 */
static int say_stopping(struct gs_interp *in, int ending, const char *reason)
{
	PyObject *text = gs_py.PyUnicode_DecodeFSDefaultAndSize(reason, (Py_ssize_t)strlen(reason));
	PyObject *can = text ? gs_call2(in->stopping, ending ? GS_TRUE : GS_FALSE, text) : NULL;
	int yes = can && gs_py.PyObject_IsTrue(can) == 1;

	if (!can)
		gs_py.PyErr_WriteUnraisable(in->stopping);
	gs_py.Py_DecRef(can);
	gs_py.Py_DecRef(text);
	return yes;
}

static void release(struct gs_interp *in)
{
	PyObject **owned[] = {
		&in->input_type, &in->log_type, &in->start_type, &in->getrefcount,
		&in->unsupported, &in->text_wrapper, &in->file_wrapper, &in->file_of, &in->request_timeout,
		&in->event_callbacks, &in->publish, &in->publish_signal, &in->log_exception, &in->stack_of, &in->stopping,
		&in->new_target, &in->sources, &in->loading, &in->active, &in->n_close, &in->n_mtime,
		&in->n_reload_required, &in->k_input, &in->k_errors, &in->k_request_start,
		&in->k_queue_start, &in->k_daemon_start,
		&in->k_application_start, &in->k_thread_id, &in->k_request_id,
	};
	for (int i = 0; i < GS_VALUES; i++)
		gs_clear(&in->values[i].text);
	for (size_t i = 0; i < in->nkeys; i++)
		gs_clear(&in->keys[i]);
	for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
		gs_clear(owned[i]);
}

/*
 * Ends a sub-interpreter, if ending says so; returns 0 if it has not been ended:
 * threads of its own keep it alive.
 */
static int stop_sub(struct gs_interp *in, int ending, const char *reason)
{
	gs_attach(in);
	if (ending)
		gs_drop_other_seats(in);
	if (!say_stopping(in, ending, reason)) {
		gs_detach(in);
		return 0;
	}
	release(in);
	gs_py.Py_EndInterpreter(in->home);
	if (gs_py.version < 0x030C) { /* the GIL is still held, without a state */
		gs_py.PyThreadState_Swap(gs_interps[0]->home);
		gs_py.PyEval_SaveThread();
	}
	__atomic_sub_fetch(in->busy, 1, __ATOMIC_RELAXED);
	return 1;
}

void gs_python_stop(const char *reason, int busy)
{
	int all = !busy;

	for (int i = gs_ninterps - 1; i > 0; i--)
		all &= stop_sub(gs_interps[i], !busy, reason);
	gs_attach(gs_interps[0]);
	int end = say_stopping(gs_interps[0], all, reason);
	gs_stopped = 1;
	if (end && all) {
		gs_drop_other_seats(gs_interps[0]);
		gs_py.Py_FinalizeEx();
	} else if (!gs_forked) {
		gs_detach(gs_interps[0]);
	}
	gs_lines_last(gs_thread_self());
	if (gs_forked) /* by an exit handler, and that is done */
		_exit(0);
}
