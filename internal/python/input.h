/*
 * input: wsgi.input.
 *
 * Role: the type mod_wsgi.Input (PEP 3333, "Input and Error Streams"). An
 * instance points to the request it belongs to and is cut off from it by
 * gs_input_end; it owns no other object.
 */
#ifndef GS_INPUT_H
#define GS_INPUT_H

#include "interp.h"

struct gs_request;

/* Makes the type for interp. Returns 0, or -1 with an exception. */
int gs_input_type(struct gs_interp *interp);

/* A new Input of r, or NULL with an exception. */
PyObject *gs_input_new(struct gs_request *r);

/* Ends the use of input by its request; input may be NULL. */
void gs_input_end(PyObject *input);

#endif
