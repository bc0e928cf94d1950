/*
 * service: a process that runs a script in place of serving requests.
 */
#ifndef GS_SERVICE_H
#define GS_SERVICE_H

#include "call.h"

/*
 * Runs the script of t, in the calling thread, which is Python's main one. Returns
 * the exit status that the process is to have. Takes the GIL.
 */
int gs_service_run(struct gs_target *t);

/* signal_on_stack(number): lets a handler run on the stack that Go's threads have for
 * it; CPython 3.9 forgets to. A new reference to None, or NULL with an exception. */
PyObject *gs_signal_on_stack(PyObject *args);

#endif
