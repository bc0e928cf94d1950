/*
 * head: status line and headers of a response.
 *
 * Role: validates what start_response is given and lays it out flat (see
 * package flat) at the beginning of the request's buffer.
 */
#ifndef GS_HEAD_H
#define GS_HEAD_H

#include "call.h"

/* Encodes a head, in place of an earlier one. headers is a list. Returns 0, or
 * -1 with an exception and no head. */
int gs_head_encode(struct gs_request *r, PyObject *status, PyObject *headers);

/* Reads Content-Length and writes the prefix of the head. Returns 0, or -1 with
 * a ValueError. */
int gs_head_finish(struct gs_request *r);

/* Makes room for n more bytes in r->buf. Returns 0, or -1 with MemoryError. */
int gs_head_room(struct gs_request *r, size_t n);

#endif
