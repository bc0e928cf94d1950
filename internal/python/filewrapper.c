#define _GNU_SOURCE
#include "filewrapper.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A descriptor of our own for the file behind fd. Opening it anew gives it a
 * position of its own; the application's, shared with a mere dup, may be in use
 * by another request.
 */
static int reopen(int fd, int64_t at)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int own = open(path, O_RDONLY | O_CLOEXEC);
	if (own >= 0 && lseek(own, at, SEEK_SET) == at)
		return own;
	if (own >= 0)
		close(own);
	return -1;
}

static int64_t tell(PyObject *filelike)
{
	PyObject *at = gs_py.PyObject_CallMethod(filelike, "tell", NULL);
	int64_t n = at ? gs_py.PyLong_AsLongLong(at) : -1;

	gs_py.Py_DecRef(at);
	return n;
}

int gs_file_of(struct gs_request *r, PyObject *iterable, struct gs_file *f)
{
	struct stat st;
	int found = 0;

	if (r->started == 0 || r->head_final || !gs_is(iterable, r->interp->file_wrapper))
		return 0;
	PyObject *filelike = gs_py.PyObject_GetAttrString(iterable, "filelike");
	int fd = filelike ? gs_py.PyObject_AsFileDescriptor(filelike) : -1;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		int64_t at = tell(filelike);

		f->fd = at >= 0 ? reopen(fd, at) : -1;
		f->count = st.st_size > at ? st.st_size - at : 0;
		found = f->fd >= 0;
	}
	gs_py.Py_DecRef(filelike);
	gs_py.PyErr_Clear();
	return found;
}
