/*
 * shared: words of the memory that a daemon shares with the server.
 *
 * Role: the one way to read and write them, for ring.c and slot.c. Both sides
 * change them while the other looks: every access is atomic and in order.
 */
#ifndef GS_SHARED_H
#define GS_SHARED_H

#include "ring.h"

/* The word at a position of ringlayout.h in the page of a slot. */
static inline uint32_t *gs_slot_word(const struct gs_slot *s, size_t at)
{
	return (uint32_t *)(s->words + at);
}

static inline uint32_t gs_load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static inline void gs_store(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_SEQ_CST);
}

#endif
