/*
 * response: start_response, write and the output buffer.
 *
 * Role: validates what the application says (PEP 3333, "The start_response()
 * Callable"), lays it out flat in the request's buffer, and decides when bytes
 * leave it. All functions need the GIL; those that may send give it up while
 * they do.
 */
#ifndef GS_RESPONSE_H
#define GS_RESPONSE_H

#include "call.h"

/* How a block is to be handled by gs_emit. */
enum gs_emit {
	GS_HOLD, /* may wait in the buffer for the rest, while the application runs */
	GS_PART, /* the rest follows without the application: hold while there is room */
	GS_SEND, /* at once */
};

/* Makes the type of start_response for interp. Returns 0, or -1 with an exception. */
int gs_start_type(struct gs_interp *interp);

/* A new start_response of r, or NULL with an exception. */
PyObject *gs_start_new(struct gs_request *r);

/* Ends the use of a start_response, or of the write it returned. */
void gs_start_end(PyObject *start_response);

/* Takes n bytes of the body; the caller keeps data alive. Returns 0, -1 with an
 * exception, or 1 when the client is gone. */
int gs_emit(struct gs_request *r, const char *data, size_t n, enum gs_emit how);

/* Fixes the head: the application has said all. Returns 0, or -1 with an
 * exception. */
int gs_finish_head(struct gs_request *r);

/* Takes the buffer back from whoever may send it, and waits for the thread that sends
 * the head, so that nothing overtakes that. Returns 0, or 1 when the client
 * is gone. Afterwards r->sent says whether it was sent. */
int gs_reclaim(struct gs_request *r);

/* Lets the buffer be sent while the application runs on. */
void gs_offer(struct gs_request *r);

#endif
