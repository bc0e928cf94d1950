/*
 * filewrapper: responses that are files.
 *
 * Role: finds out whether an iterable is a mod_wsgi.FileWrapper over a regular
 * file (by wrapper.file_of; PEP 3333, "Optional Platform-Specific File Handling"), and if so, what
 * part of which file is meant, so that it is sent without Python.
 */
#ifndef GS_FILEWRAPPER_H
#define GS_FILEWRAPPER_H

#include "call.h"

struct gs_file {
	int fd;         /* our own, positioned at the first byte to send */
	int64_t count;  /* bytes from there to the end of the file */
};

/* Returns 1 and fills f when iterable is to be sent as a file, 0 when it is to
 * be iterated over. Never leaves an exception. */
int gs_file_of(struct gs_request *r, PyObject *iterable, struct gs_file *f);

#endif
