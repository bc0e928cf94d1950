#include "input.h"
#include "builder.h"
#include "call.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW = 64 << 10, FIRST_READ = 1 << 20 };

struct input {
	struct gs_request *r; /* NULL once the request is over */
};

/* The request of an Input that may be read, or NULL with an exception. */
static struct gs_request *usable(PyObject *self, const char *method)
{
	struct gs_request *r = ((struct input *)gs_body(self))->r;

	if (!r) {
		gs_py.PyErr_Format(GS_EXC(RuntimeError),
				   "%s called on wsgi.input after request completed", method);
		return NULL;
	}
	if (r->input_failed) {
		gs_py.PyErr_Format(GS_EXC(OSError), "mod_wsgi request data read error: "
						    "input is already in error state");
		return NULL;
	}
	r->input_reads++;
	return r;
}

/* Reads more of the body into buf. Returns bytes, 0 at the end, -1 with an
 * exception. */
static ssize_t read_more(struct gs_request *r, char *buf, size_t size)
{
	double before = r->watched ? gs_now() : 0;
	char why[200];
	ssize_t n;

	if (!r->body_more)
		return 0;
	if (gs_forked) {
		gs_py.PyErr_Format(GS_EXC(OSError), "mod_wsgi request data read error: "
						    "not available in a forked process");
		return -1;
	}
	GS_IO(r, n = r->io->read(r->call, buf, size));
	if (r->watched)
		r->input_time += gs_now() - before;
	if (n < 0) {
		size_t k = (size_t)-n < sizeof why ? (size_t)-n : sizeof why - 1;

		memcpy(why, buf, k);
		why[k] = 0;
		r->input_failed = 1;
		gs_py.PyErr_Format(GS_EXC(OSError), "mod_wsgi request data read error: %s", why);
		return -1;
	}
	if (n == 0)
		r->body_more = 0;
	return n;
}

/* Makes r->body hold at least one byte. Returns 1, 0 at the end, or -1 with an
 * exception. */
static int fill(struct gs_request *r)
{
	if (r->body_size > 0)
		return 1;
	if (!r->body_more)
		return 0;
	if (!r->window && !(r->window = malloc(WINDOW))) {
		gs_py.PyErr_NoMemory();
		return -1;
	}
	ssize_t n = read_more(r, r->window, WINDOW);
	if (n <= 0)
		return (int)n;
	r->body = r->window;
	r->body_size = (size_t)n;
	return 1;
}

static PyObject *take(struct gs_request *r, size_t n)
{
	PyObject *bytes = gs_py.PyBytes_FromStringAndSize(r->body, (Py_ssize_t)n);

	if (bytes) {
		r->body += n;
		r->body_size -= n;
		r->input_length += (int64_t)n;
	}
	return bytes;
}

/* Moves up to n bytes of what is in memory to b. */
static int move(struct gs_request *r, struct gs_builder *b, size_t n)
{
	size_t k = r->body_size < n ? r->body_size : n;

	if (k == 0)
		return 0;
	if (gs_builder_add(b, r->body, k) < 0)
		return -1;
	r->body += k;
	r->body_size -= k;
	return 0;
}

/* Reads until limit bytes or the end, straight into the result. */
static PyObject *read_long(struct gs_request *r, size_t limit)
{
	struct gs_builder b = {0};
	size_t room = limit < FIRST_READ ? limit : FIRST_READ;

	if (gs_builder_room(&b, room > r->body_size ? room : r->body_size) < 0 || move(r, &b, limit) < 0)
		return gs_builder_drop(&b);
	while (b.size < limit && r->body_more) {
		if (limit - b.size < WINDOW) { /* through the window: fewer, larger reads */
			int more = fill(r);

			if (more < 0 || move(r, &b, limit - b.size) < 0)
				return gs_builder_drop(&b);
			continue;
		}
		if (b.size == b.cap && gs_builder_room(&b, limit / 2 < b.cap ? limit : 2 * b.cap) < 0)
			return gs_builder_drop(&b);
		size_t want = b.cap - b.size;
		ssize_t n = read_more(r, b.data + b.size, want);
		if (n < 0)
			return gs_builder_drop(&b);
		b.size += (size_t)n;
	}
	r->input_length += (int64_t)b.size;
	return gs_builder_done(&b);
}

/* The optional size argument of a method: -1 for none, -2 with an exception. */
static Py_ssize_t size_arg(PyObject *args, const char *format)
{
	PyObject *arg = NULL;

	if (!gs_py.PyArg_ParseTuple(args, format, &arg))
		return -2;
	if (!arg || arg == GS_NONE)
		return -1;
	Py_ssize_t n = gs_py.PyNumber_AsSsize_t(arg, GS_EXC(ValueError));
	if (n == -1 && gs_py.PyErr_Occurred())
		return -2;
	return n < 0 ? -1 : n;
}

/* Asks for the body without reading any of it, which sends the interim response
 * to "Expect: 100-continue". A failure is kept for the next read. */
static void ask(struct gs_request *r)
{
	char none;

	if (r->body_more && r->input_reads == 1 && !gs_forked)
		GS_IO(r, r->io->read(r->call, &none, 0));
}

/* In the methods below the argument comes first: its __index__ may run for so
 * long that the request has ended afterwards. */
static PyObject *input_read(PyObject *self, PyObject *args)
{
	Py_ssize_t n = size_arg(args, "|O:read");
	struct gs_request *r = n == -2 ? NULL : usable(self, "read()");

	if (!r)
		return NULL;
	if (n == 0)
		ask(r);
	if (n >= 0 && (size_t)n <= r->body_size)
		return take(r, (size_t)n);
	if (!r->body_more)
		return take(r, r->body_size);
	return read_long(r, n < 0 ? (size_t)INT64_MAX : (size_t)n);
}

/* Reads up to and with the next newline, at most limit bytes. */
static PyObject *read_line(struct gs_request *r, size_t limit)
{
	struct gs_builder b = {0};
	int more;

	while ((more = b.size < limit ? fill(r) : 0) == 1) {
		size_t left = limit - b.size;
		size_t k = r->body_size < left ? r->body_size : left;
		const char *newline = memchr(r->body, '\n', k);

		if (newline)
			k = (size_t)(newline - r->body) + 1;
		if (!b.bytes && (newline || k == left))
			return take(r, k);
		r->input_length += (int64_t)k;
		if (move(r, &b, k) < 0)
			return gs_builder_drop(&b);
		if (newline)
			break;
	}
	return more < 0 ? gs_builder_drop(&b) : gs_builder_done(&b);
}

static PyObject *input_readline(PyObject *self, PyObject *args)
{
	Py_ssize_t n = size_arg(args, "|O:readline");
	struct gs_request *r = n == -2 ? NULL : usable(self, "readline()");

	if (!r)
		return NULL;
	return read_line(r, n < 0 ? (size_t)INT64_MAX : (size_t)n);
}

static PyObject *input_readlines(PyObject *self, PyObject *args)
{
	Py_ssize_t hint = size_arg(args, "|O:readlines");
	PyObject *list = hint == -2 ? NULL : gs_py.PyList_New(0);
	struct gs_request *r = list ? usable(self, "readlines()") : NULL;
	int64_t before = r ? r->input_length : 0;

	if (!r)
		gs_clear(&list);
	while (list) {
		PyObject *line = read_line(r, (size_t)INT64_MAX);
		int end = line && gs_py.PyObject_IsTrue(line) == 0;

		if (!line || (!end && gs_py.PyList_Append(list, line) < 0))
			gs_clear(&list);
		gs_py.Py_DecRef(line);
		if (end || (hint > 0 && r->input_length - before >= hint))
			break;
	}
	return list;
}

/* Takes what there is of up to n bytes; waits only if there is nothing. NULL with
 * an exception. */
static PyObject *take_some(struct gs_request *r, size_t n)
{
	if (n == 0)
		ask(r);
	if (n > 0 && fill(r) < 0)
		return NULL;
	return take(r, r->body_size < n ? r->body_size : n);
}

static PyObject *input_read1(PyObject *self, PyObject *args)
{
	Py_ssize_t n = size_arg(args, "|O:read1");
	struct gs_request *r = n == -2 ? NULL : usable(self, "read1()");

	return r ? take_some(r, n < 0 ? WINDOW : (size_t)n) : NULL;
}

/* A writable view of the bytes of buffer, new, and how many there are; NULL with an
 * exception. */
static PyObject *bytes_view(PyObject *buffer, Py_ssize_t *n)
{
	PyObject *view = gs_py.PyMemoryView_FromObject(buffer);
	PyObject *readonly = view ? gs_py.PyObject_GetAttrString(view, "readonly") : NULL;

	if (readonly == GS_TRUE) {
		gs_type_error("readinto() argument must be a writable bytes-like object, not ", buffer);
		gs_clear(&view);
	}
	gs_py.Py_DecRef(readonly);
	PyObject *bytes = view ? gs_py.PyObject_CallMethod(view, "cast", "s", "B") : NULL;
	PyObject *size = bytes ? gs_py.PyObject_GetAttrString(bytes, "nbytes") : NULL;

	*n = size ? gs_py.PyNumber_AsSsize_t(size, GS_EXC(ValueError)) : -1;
	gs_py.Py_DecRef(size);
	gs_py.Py_DecRef(view);
	if (*n < 0)
		gs_clear(&bytes);
	return bytes;
}

/* What io.BufferedReader reads with: as RawIOBase.readinto, maybe less than fits. */
static PyObject *input_readinto(PyObject *self, PyObject *buffer)
{
	Py_ssize_t n;
	PyObject *view = bytes_view(buffer, &n), *result = NULL, *some = NULL;
	struct gs_request *r = view ? usable(self, "readinto()") : NULL;
	char *data;

	if (r)
		some = take_some(r, (size_t)n);
	if (some && gs_py.PyBytes_AsStringAndSize(some, &data, &n) == 0 &&
	    gs_py.PySequence_SetSlice(view, 0, n, some) == 0)
		result = gs_py.PyLong_FromLongLong(n);
	gs_py.Py_DecRef(some);
	gs_py.Py_DecRef(view);
	return result;
}

static PyObject *input_next(PyObject *self)
{
	struct gs_request *r = usable(self, "__next__()");
	PyObject *line = r ? read_line(r, (size_t)INT64_MAX) : NULL;

	if (line && gs_py.PyObject_IsTrue(line) == 0)
		gs_clear(&line); /* NULL without an exception ends the iteration */
	return line;
}

static PyObject *input_nothing(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	return gs_none();
}

static PyObject *input_yes(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	gs_py.Py_IncRef(GS_TRUE);
	return GS_TRUE;
}

static PyObject *input_no(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	gs_py.Py_IncRef(GS_FALSE);
	return GS_FALSE;
}

static PyObject *get_closed(PyObject *self, void *unused)
{
	(void)unused;
	return input_no(self, NULL);
}

static void input_dealloc(PyObject *self)
{
	gs_free(self);
}

int gs_input_type(struct gs_interp *interp)
{
	static PyMethodDef methods[] = {
		{"read", input_read, METH_VARARGS, "read([size]) -> bytes"},
		{"readline", input_readline, METH_VARARGS, "readline([size]) -> bytes"},
		{"readlines", input_readlines, METH_VARARGS, "readlines([hint]) -> list of bytes"},
		{"read1", input_read1, METH_VARARGS, "read1([size]) -> bytes"},
		{"readinto", input_readinto, METH_O, "readinto(buffer) -> int"},
		{"readable", input_yes, METH_NOARGS, NULL},
		{"writable", input_no, METH_NOARGS, NULL},
		{"seekable", input_no, METH_NOARGS, NULL},
		{"isatty", input_no, METH_NOARGS, NULL},
		{"flush", input_nothing, METH_NOARGS, "flush() has no effect"},
		{"close", input_nothing, METH_NOARGS, "close() has no effect"},
		{NULL, NULL, 0, NULL},
	};
	static PyGetSetDef getset[] = {
		{"closed", get_closed, NULL, NULL, NULL},
		{NULL, NULL, NULL, NULL, NULL},
	};
	static PyType_Slot slots[] = {
		{Py_tp_dealloc, (void *)input_dealloc},
		{Py_tp_iternext, (void *)input_next},
		{Py_tp_methods, methods},
		{Py_tp_getset, getset},
		{0, NULL},
		{0, NULL},
	};
	slots[4] = (PyType_Slot){Py_tp_iter, (void *)gs_py.PyObject_SelfIter};
	PyType_Spec spec = {
		.name = "mod_wsgi.Input",
		.basicsize = gs_object_head + (int)sizeof(struct input),
		.flags = Py_TPFLAGS_DEFAULT,
		.slots = slots,
	};
	interp->input_type = gs_py.PyType_FromSpec(&spec);
	return interp->input_type ? 0 : -1;
}

PyObject *gs_input_new(struct gs_request *r)
{
	PyObject *o = gs_py.PyType_GenericAlloc((PyTypeObject *)r->interp->input_type, 0);

	if (o)
		((struct input *)gs_body(o))->r = r;
	return o;
}

void gs_input_end(PyObject *o)
{
	if (o)
		((struct input *)gs_body(o))->r = NULL;
}
