/*
 * goio: the io functions of embedded mode, which call into Go (export.go).
 */
#ifndef GS_GOIO_H
#define GS_GOIO_H

#include "call.h"

extern const struct gs_io gs_go_io;

/* gs_python_start with the Go function for the plain log. */
struct gs_interp *gs_go_start(const char *program, int utf8, const char *options, size_t size,
			      char *err, size_t errsize);

#endif
