#define _GNU_SOURCE
#include "filewrapper.h"

#include <errno.h>
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

/*
 * Whether the size of a file is what there is to read. It is not in /proc, where it is
 * 0, and in /sys, where it is that of a page: what the kernel makes up while it is read
 * has no blocks, and yet data. A file that is all hole has neither. An empty one loses
 * nothing by being read. The position of the descriptor may be lost if it is not.
 */
static int has_size(int fd, const struct stat *st)
{
	if (st->st_size == 0)
		return 0;
	return st->st_blocks > 0 || (lseek(fd, 0, SEEK_DATA) < 0 && errno == ENXIO);
}

int gs_file_of(struct gs_request *r, PyObject *iterable, struct gs_file *f)
{
	struct stat st;
	long long at = -1;
	int fd = -1, found = 0;

	if (r->started == 0 || r->head_final || !gs_is(iterable, r->interp->file_wrapper))
		return 0;
	PyObject *file = gs_call1(r->interp->file_of, iterable);
	if (file && file != GS_NONE && gs_py.PyArg_ParseTuple(file, "iL", &fd, &at) && at >= 0 &&
	    fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (f->fd = reopen(fd, at)) >= 0) {
		f->count = st.st_size > at ? st.st_size - at : 0;
		found = has_size(f->fd, &st);
		if (!found) {
			close(f->fd);
			f->fd = -1;
		}
	}
	gs_py.Py_DecRef(file);
	gs_py.PyErr_Clear();
	return found;
}
