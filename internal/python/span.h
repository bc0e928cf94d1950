/*
 * span: one environ entry as offsets.
 *
 * Role: lets Go look at what flat.h decodes, for the tests that compare it with
 * package flat. Pure bytes; nothing is kept.
 */
#ifndef GS_SPAN_H
#define GS_SPAN_H

#include "flat.h"

struct gs_span {
	uint16_t key, alias;
	int transient;
	size_t name_at, name_size, value_at, value_size;
};

/* Decodes the entry at *at of data and moves *at behind it; returns what
 * gs_flat_next does. */
int gs_flat_span(const char *data, size_t size, size_t nkeys, size_t *at, struct gs_span *s);

#endif
