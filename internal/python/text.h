/*
 * text: str objects as latin-1 bytes.
 *
 * Role: PEP 3333 ("Unicode Issues") passes bytes as str whose characters are
 * all below 256; this gives their bytes without a copy where it can.
 */
#ifndef GS_TEXT_H
#define GS_TEXT_H

#include "capi.h"

struct gs_text {
	const char *data; /* valid while the str and owner live */
	size_t size;
	PyObject *owner; /* new reference, or NULL */
};

/* Fills t from o. Returns 0, or -1 with TypeError "must be str, not X" or
 * UnicodeEncodeError. gs_text_free is due only after 0. */
int gs_text_of(PyObject *o, struct gs_text *t);

static inline void gs_text_free(struct gs_text *t)
{
	gs_py.Py_DecRef(t->owner);
}

/* Sets a ValueError "<message>: b'…'" that shows the bytes. Returns -1. */
int gs_bad_text(const char *message, const struct gs_text *t);

#endif
