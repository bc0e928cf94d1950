/*
 * flat: reading the layout of package flat.
 *
 * Role: a cursor over environ entries. Pure bytes: no Python, no allocation. It
 * trusts nothing and never reads beyond the size it was given.
 */
#ifndef GS_FLAT_H
#define GS_FLAT_H

#include <stdint.h>
#include <stddef.h>
#include <string.h>

struct gs_cursor {
	const char *at;
	size_t left;
};

struct gs_entry {
	uint16_t key;   /* index, or GS_LITERAL */
	uint16_t alias; /* index of a second key, or 0 */
	int transient;
	const char *name; /* of a literal key */
	size_t name_size;
	const char *value;
	size_t value_size;
};

enum { GS_LITERAL = 0xFFFF };

/* Reads the next entry; nkeys bounds the indices. Returns 1, 0 at the end, or
 * -1 when the bytes are malformed. */
static inline int gs_flat_next(struct gs_cursor *c, size_t nkeys, struct gs_entry *e)
{
	uint32_t size;

	if (c->left == 0)
		return 0;
	if (c->left < 8)
		return -1;
	memcpy(&e->key, c->at, 2);
	memcpy(&e->alias, c->at + 2, 2);
	memcpy(&size, c->at + 4, 4);
	c->at += 8;
	c->left -= 8;
	e->transient = size >> 31;
	size &= 0x7FFFFFFF;
	e->name = NULL;
	e->name_size = 0;
	if (e->key == GS_LITERAL) {
		if (e->alias > c->left)
			return -1;
		e->name = c->at;
		e->name_size = e->alias;
		c->at += e->alias;
		c->left -= e->alias;
		e->alias = 0;
	} else if (e->key == 0 || e->key >= nkeys || e->alias >= nkeys) {
		return -1;
	}
	if (size > c->left)
		return -1;
	e->value = c->at;
	e->value_size = size;
	c->at += size;
	c->left -= size;
	return 1;
}

#endif
