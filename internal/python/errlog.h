/*
 * errlog: what applications write for the error log.
 *
 * Role: the type mod_wsgi.Log, a raw binary stream under the text streams
 * sys.stdout, sys.stderr and wsgi.errors, which collects text into lines.
 * A Log of wsgi.errors belongs to one request and raises RuntimeError
 * afterwards; the others belong to whatever request runs on the thread that
 * writes.
 */
#ifndef GS_ERRLOG_H
#define GS_ERRLOG_H

#include "interp.h"

/* Makes the type for interp. Returns 0, or -1 with an exception. */
int gs_log_type(struct gs_interp *interp);

/* A new Log with a name for messages: new, or NULL with an exception. level is an
 * enum gs_level; request_bound makes one for wsgi.errors. */
PyObject *gs_log_new(struct gs_interp *interp, const char *name, int level, int request_bound);

/* Gives r an idle or new wsgi.errors: borrowed from the thread's seat, or NULL
 * with an exception. */
PyObject *gs_errors_take(struct gs_request *r);

/* Ends the request's use of it; keeps the stream for the next request only when
 * nobody else has a reference. */
void gs_errors_end(struct gs_request *r);

/* Writes out the incomplete lines that r's thread has in sys.stdout and stderr. */
void gs_lines_end(struct gs_thread *t);

/* The same without a GIL, at the end of Python or of a thread that Go may be called
 * on. */
void gs_lines_last(struct gs_thread *t);

/* Logs lines for r, or for no request if it is NULL. Gives the GIL up. */
void gs_log(struct gs_request *r, int level, const char *text, size_t size);

#endif
