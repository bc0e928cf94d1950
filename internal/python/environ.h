/*
 * environ: the dict that an application is called with.
 *
 * Role: PEP 3333 ("environ Variables"), from the target's constant part and the
 * flat entries of the request. Needs the GIL.
 */
#ifndef GS_ENVIRON_H
#define GS_ENVIRON_H

#include "call.h"

/* Sets r->environ, r->input and r->id. Returns 0, or -1 with an exception. */
int gs_environ_build(struct gs_request *r, const struct gs_flat_environ *flat);

#endif
