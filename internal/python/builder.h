/*
 * builder: a bytes object that grows while it is made.
 *
 * Role: lets input be read straight into the object that is returned. Needs the
 * GIL. Memory: the builder owns the object until gs_builder_done or
 * gs_builder_drop, one of which is called; nobody else has seen it.
 */
#ifndef GS_BUILDER_H
#define GS_BUILDER_H

#include "capi.h"

/* Begins as {0}. */
struct gs_builder {
	PyObject *bytes; /* owned, or NULL */
	char *data;      /* of bytes */
	size_t size, cap;
};

/* Makes room for cap bytes in all. Returns 0, or -1 with an exception. */
int gs_builder_room(struct gs_builder *b, size_t cap);

/* Adds n bytes. Returns 0, or -1 with an exception. */
int gs_builder_add(struct gs_builder *b, const char *data, size_t n);

/* The finished object, or NULL with an exception; b is used up. */
PyObject *gs_builder_done(struct gs_builder *b);

/* Gives up what was made. Returns NULL. */
PyObject *gs_builder_drop(struct gs_builder *b);

#endif
