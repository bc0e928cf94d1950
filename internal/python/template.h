/*
 * template: environs that are likely to come again.
 *
 * Role: clients repeat themselves: a request is often byte for byte an earlier
 * one, but for what is new each time. When the steady part of a request (see
 * package flat) is seen a second time, the dict made from it is kept, and the
 * requests that follow begin with a copy of it. Cookies, credentials and what
 * differs by request or connection are never part of it.
 *
 * The table is direct-mapped and of fixed size: what is in the way is replaced,
 * so nothing grows and no client can make it slow. All functions need the GIL.
 */
#ifndef GS_TEMPLATE_H
#define GS_TEMPLATE_H

#include "capi.h"

enum { GS_TEMPLATES = 64 };      /* a power of two */
enum { GS_TEMPLATE_MAX = 2048 }; /* longest steady part that is kept, in bytes */

struct gs_template {
	uint64_t seen;  /* hash of what was here last */
	PyObject *dict; /* owned, or NULL */
	char *bytes;    /* malloc'ed: the steady part that dict was made from */
	size_t size;
};

/* The hash of a steady part or of a value. */
uint64_t gs_hash(const char *data, size_t size);

/* The dict for the steady part: borrowed, not to be changed, or NULL. */
PyObject *gs_template_find(const struct gs_template *table, const char *steady, size_t size,
			   uint64_t hash);

/* Offers the environ just made from a steady part that was not found; it is
 * copied if this is the second time in a row. Never leaves an exception. */
void gs_template_offer(struct gs_template *table, const char *steady, size_t size, uint64_t hash,
		       PyObject *environ);

#endif
