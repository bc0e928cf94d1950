/*
 * target: a script and the application in it.
 *
 * Role: decides when a script is loaded and finds the callable. The loading
 * itself, its lock and its messages are in py/loader.py.
 */
#ifndef GS_TARGET_H
#define GS_TARGET_H

#include "call.h"
#include "errlog.h"

/* Writes the current exception to err and clears it. Returns NULL. */
void *gs_explain(const char *what, char *err, size_t size);

/* The application of t, loaded or reloaded if needed: a new reference, or NULL
 * when it failed, which has been logged. mtime_ns is that of the file now. */
PyObject *gs_target_application(struct gs_target *t, PyObject *request_id, int64_t mtime_ns);

#endif
