#include "input.h"
#include "call.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW = 64 << 10, FIRST_READ = 1 << 20 };

struct input {
	struct gs_request *r; /* NULL once the request is over */
};

/* A bytes object under construction; nobody else has seen it. */
struct builder {
	PyObject *bytes; /* owned */
	char *data;
	size_t size, cap;
};

static int builder_room(struct builder *b, size_t cap)
{
	if (b->bytes && cap <= b->cap)
		return 0;
	if (!b->bytes)
		b->bytes = gs_py.PyBytes_FromStringAndSize(NULL, (Py_ssize_t)cap);
	else
		gs_py._PyBytes_Resize(&b->bytes, (Py_ssize_t)cap);
	if (!b->bytes)
		return -1;
	b->data = gs_py.PyBytes_AsString(b->bytes);
	b->cap = cap;
	return 0;
}

static int builder_add(struct builder *b, const char *data, size_t n)
{
	if (b->size + n > b->cap || !b->bytes) {
		size_t cap = b->size + n > 2 * b->cap ? b->size + n : 2 * b->cap;

		if (builder_room(b, cap) < 0)
			return -1;
	}
	memcpy(b->data + b->size, data, n);
	b->size += n;
	return 0;
}

/* The finished object, or NULL with an exception; b is used up. */
static PyObject *builder_done(struct builder *b)
{
	if (!b->bytes)
		return gs_py.PyBytes_FromStringAndSize(NULL, 0);
	if (b->size != b->cap && gs_py._PyBytes_Resize(&b->bytes, (Py_ssize_t)b->size) < 0)
		return NULL;
	return b->bytes;
}

static PyObject *builder_drop(struct builder *b)
{
	gs_clear(&b->bytes);
	return NULL;
}

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
static int move(struct gs_request *r, struct builder *b, size_t n)
{
	size_t k = r->body_size < n ? r->body_size : n;

	if (k == 0)
		return 0;
	if (builder_add(b, r->body, k) < 0)
		return -1;
	r->body += k;
	r->body_size -= k;
	return 0;
}

/* Reads until limit bytes or the end, straight into the result. */
static PyObject *read_long(struct gs_request *r, size_t limit)
{
	struct builder b = {0};
	size_t room = limit < FIRST_READ ? limit : FIRST_READ;

	if (builder_room(&b, room > r->body_size ? room : r->body_size) < 0 || move(r, &b, limit) < 0)
		return builder_drop(&b);
	while (b.size < limit && r->body_more) {
		if (limit - b.size < WINDOW) { /* through the window: fewer, larger reads */
			int more = fill(r);

			if (more < 0 || move(r, &b, limit - b.size) < 0)
				return builder_drop(&b);
			continue;
		}
		if (b.size == b.cap && builder_room(&b, limit / 2 < b.cap ? limit : 2 * b.cap) < 0)
			return builder_drop(&b);
		size_t want = b.cap - b.size;
		ssize_t n = read_more(r, b.data + b.size, want);
		if (n < 0)
			return builder_drop(&b);
		b.size += (size_t)n;
	}
	r->input_length += (int64_t)b.size;
	return builder_done(&b);
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
	struct builder b = {0};
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
			return builder_drop(&b);
		if (newline)
			break;
	}
	return more < 0 ? builder_drop(&b) : builder_done(&b);
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

static PyObject *input_next(PyObject *self)
{
	struct gs_request *r = usable(self, "__next__()");
	PyObject *line = r ? read_line(r, (size_t)INT64_MAX) : NULL;

	if (line && gs_py.PyObject_IsTrue(line) == 0)
		gs_clear(&line); /* NULL without an exception ends the iteration */
	return line;
}

static PyObject *input_close(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	return gs_none();
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
		{"close", input_close, METH_NOARGS, "close() has no effect"},
		{NULL, NULL, 0, NULL},
	};
	static PyType_Slot slots[] = {
		{Py_tp_dealloc, (void *)input_dealloc},
		{Py_tp_iternext, (void *)input_next},
		{Py_tp_methods, methods},
		{0, NULL},
		{0, NULL},
	};
	slots[3] = (PyType_Slot){Py_tp_iter, (void *)gs_py.PyObject_SelfIter};
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
