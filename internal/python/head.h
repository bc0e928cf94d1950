/*
 * head: status line and headers of a response.
 *
 * Role: validates what start_response is given and lays it out flat (see
 * package flat) at the beginning of the request's buffer.
 */
#ifndef GS_HEAD_H
#define GS_HEAD_H

#include "call.h"

/* Largest head in bytes, as it is laid out: MaxHead of package flat. A server does
 * not believe a daemon that sends a larger one. */
enum { GS_HEAD_MAX = 8 << 20 };

/* Encodes a head, in place of an earlier one. headers is a list. Returns 0, or
 * -1 with an exception and no head: a ValueError, too, if it is larger than
 * GS_HEAD_MAX. */
int gs_head_encode(struct gs_request *r, PyObject *status, PyObject *headers);

/* Refuses a control character in a value and two different Content-Lengths, reads
 * Content-Length and writes the prefix of the head. Returns 0, or -1 with a
 * ValueError. */
int gs_head_finish(struct gs_request *r);

#endif
