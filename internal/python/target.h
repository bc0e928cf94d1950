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

/*
 * Looks at the script's file, without the GIL. now_ns is when the request came,
 * in nanoseconds since 1970. Returns GS_COMPLETE and the time of its last change,
 * or GS_NOT_FOUND or GS_FORBIDDEN.
 *
 * A file that was found unchanged is not looked at again for 100 microseconds:
 * under load, looking would cost more than anything else about it.
 */
int gs_target_check(struct gs_target *t, int64_t now_ns, int64_t *mtime_ns);

/* Whether another process is to serve the request, because the script changed since
 * it was loaded here. mtime_ns is what gs_target_check found. */
int gs_target_outdated(struct gs_target *t, int64_t mtime_ns);

/* The application of t, loaded or reloaded if needed: a new reference, or NULL
 * when it failed, which has been logged. request_id is borrowed or NULL; mtime_ns is
 * what gs_target_check found. */
PyObject *gs_target_application(struct gs_target *t, PyObject *request_id, int64_t mtime_ns);

#endif
