#define _GNU_SOURCE
#include "errlog.h"
#include "call.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 64 << 10 }; /* a longer line is logged in parts */

struct log {
	const char *name; /* static */
	int level;
	PyObject *unsupported; /* class io.UnsupportedOperation; owned: exit handlers run after the interpreter's is gone */
	int bound;             /* belongs to one request */
	struct gs_request *r;  /* bound: NULL once it is over */
	struct gs_lines lines; /* bound: collected here */
};

static void write_plainly(const char *text, size_t size)
{
	if (write(2, text, size) < 0 || write(2, "\n", 1) < 0) {
		/* a log that cannot be written has no place to say so */
	}
}

/* The size of text without the ends of lines at its end. */
static size_t trimmed(const char *text, size_t size)
{
	while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
		size--;
	return size;
}

void gs_log(struct gs_request *r, int level, const char *text, size_t size)
{
	size = trimmed(text, size);
	if (gs_forked) /* Go's runtime does not exist there */
		write_plainly(text, size);
	else if (r)
		GS_IO(r, r->io->log(r->call, level, text, size));
	else
		GS_UNLOCKED(gs_log_plain(0, level, text, size));
}

static void flush_lines(struct gs_lines *l, struct gs_request *r, int level)
{
	if (l->size == 0)
		return;
	/* while the GIL is away others may write to l: it starts afresh */
	struct gs_lines mine = *l;
	*l = (struct gs_lines){0};
	gs_log(r, level, mine.data, mine.size);
	if (l->data) {
		free(mine.data);
	} else {
		mine.size = 0;
		*l = mine;
	}
}

static int keep(struct gs_lines *l, const char *data, size_t n)
{
	if (l->size + n > l->cap) {
		size_t cap = 2 * (l->size + n);
		char *grown = realloc(l->data, cap);

		if (!grown) {
			gs_py.PyErr_NoMemory();
			return -1;
		}
		l->data = grown;
		l->cap = cap;
	}
	memcpy(l->data + l->size, data, n);
	l->size += n;
	return 0;
}

/* Whether the complete lines in l are a traceback that has not come to its last
 * line: no line follows its head that does not begin with a blank. Python writes
 * the lines one by one, and they are to be one record. */
static int in_traceback(const struct gs_lines *l)
{
	static const char head[] = "Traceback (most recent call last):\n";
	size_t end = l->size;

	while (end > 0) {
		const char *before = memrchr(l->data, '\n', end - 1);
		size_t begin = before ? (size_t)(before - l->data) + 1 : 0;

		if (l->data[begin] != ' ')
			return end - begin == sizeof head - 1 &&
			       memcmp(l->data + begin, head, sizeof head - 1) == 0;
		end = begin;
	}
	return 0;
}

/* Logs the complete lines in l; what is behind them stays. Returns 0, or -1 with an
 * exception. */
static int flush_complete(struct gs_lines *l, struct gs_request *r, int level)
{
	const char *end = l->size > 0 ? memrchr(l->data, '\n', l->size) : NULL;

	if (!end)
		return 0;
	struct gs_lines mine = *l; /* as in flush_lines */
	size_t done = (size_t)(end - mine.data) + 1;
	*l = (struct gs_lines){0};
	int status = done < mine.size ? keep(l, mine.data + done, mine.size - done) : 0;
	gs_log(r, level, mine.data, done);
	free(mine.data);
	return status;
}

/* Adds text to l and logs the lines that are complete by it. */
static int add_text(struct gs_lines *l, struct gs_request *r, int level, const char *data, size_t n)
{
	const char *end = memrchr(data, '\n', n);

	l->line_flush = end != NULL;
	if (!end)
		return keep(l, data, n) < 0 ? -1
		     : l->size > LINE_MAX_BYTES ? (flush_lines(l, r, level), 0) : 0;
	size_t done = (size_t)(end - data) + 1, rest = n - done;
	if (keep(l, data, done) < 0)
		return -1;
	if (l->size > LINE_MAX_BYTES || !in_traceback(l))
		flush_lines(l, r, level);
	return rest > 0 ? keep(l, data + done, rest) : 0;
}

/* Where text of lg is collected, and the request it belongs to; NULL with an
 * exception when that is over. */
static struct gs_lines *lines_of(struct log *lg, struct gs_request **r)
{
	if (lg->bound) {
		*r = lg->r;
		if (lg->r)
			return &lg->lines;
		gs_py.PyErr_Format(GS_EXC(RuntimeError),
				   "write() called on wsgi.errors after request completed");
		return NULL;
	}
	struct gs_thread *t = gs_thread_self();
	*r = t->request;
	return lg->level <= GS_LOG_ERROR ? &t->err : &t->out;
}

/* The bytes of a bytes-like object: a new reference, or NULL with a TypeError. */
static PyObject *bytes_of(PyObject *o)
{
	if (gs_is(o, gs_py.PyBytes_Type)) {
		gs_py.Py_IncRef(o);
		return o;
	}
	PyObject *view = gs_py.PyMemoryView_FromObject(o);
	PyObject *bytes = view ? gs_py.PyBytes_FromObject(view) : NULL;
	gs_py.Py_DecRef(view);
	return bytes;
}

static PyObject *log_write(PyObject *self, PyObject *arg)
{
	struct log *lg = gs_body(self);
	PyObject *bytes = bytes_of(arg), *result = NULL;
	struct gs_request *r; /* looked for last: bytes_of may run Python code */
	struct gs_lines *l = bytes ? lines_of(lg, &r) : NULL;
	char *data;
	Py_ssize_t n;

	if (l && gs_py.PyBytes_AsStringAndSize(bytes, &data, &n) == 0 &&
	    add_text(l, r, lg->level, data, (size_t)n) == 0)
		result = gs_py.PyLong_FromLongLong(n);
	gs_py.Py_DecRef(bytes);
	return result;
}

static PyObject *log_writelines(PyObject *self, PyObject *arg)
{
	PyObject *iter = gs_py.PyObject_GetIter(arg), *item;

	while (iter && (item = gs_py.PyIter_Next(iter))) {
		PyObject *written = log_write(self, item);

		gs_py.Py_DecRef(item);
		gs_py.Py_DecRef(written);
		if (!written)
			break;
	}
	gs_py.Py_DecRef(iter);
	return gs_py.PyErr_Occurred() ? NULL : gs_none();
}

/* Logs lines that wait for the end of a traceback (in_traceback). The text layer
 * flushes by itself after each write that ends a line, and that is not heard. An
 * incomplete line stays until it is complete or the request ends. */
static PyObject *log_flush(PyObject *self, PyObject *unused)
{
	struct log *lg = gs_body(self);
	struct gs_request *r;

	(void)unused;
	if (lg->bound && !lg->r)
		return gs_none();
	struct gs_lines *l = lines_of(lg, &r);
	int heard = !l->line_flush;
	l->line_flush = 0;
	return heard && flush_complete(l, r, lg->level) < 0 ? NULL : gs_none();
}

static PyObject *log_nothing(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	return gs_none();
}

/* As io's own streams without one. Those who look for a terminal, such as termcolor,
 * expect exactly this exception. */
static PyObject *log_fileno(PyObject *self, PyObject *unused)
{
	struct log *lg = gs_body(self);

	(void)unused;
	return gs_py.PyErr_Format(lg->unsupported,
				  "%s is the server's log and has no file descriptor; where one must be, "
				  "use that of the process: %d",
				  lg->name ? lg->name : "", lg->level <= GS_LOG_ERROR ? 2 : 1);
}

static PyObject *say(PyObject *o)
{
	gs_py.Py_IncRef(o);
	return o;
}

static PyObject *log_yes(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	return say(GS_TRUE);
}

static PyObject *log_no(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	return say(GS_FALSE);
}

static PyObject *get_closed(PyObject *self, void *unused)
{
	(void)self;
	(void)unused;
	return say(GS_FALSE);
}

static PyObject *get_name(PyObject *self, void *unused)
{
	struct log *lg = gs_body(self);

	(void)unused;
	return gs_py.PyUnicode_FromString(lg->name ? lg->name : "");
}

static void log_dealloc(PyObject *self)
{
	struct log *lg = gs_body(self);

	free(lg->lines.data);
	gs_py.Py_DecRef(lg->unsupported);
	gs_free(self);
}

int gs_log_type(struct gs_interp *interp)
{
	static PyMethodDef methods[] = {
		{"write", log_write, METH_O, "write(bytes-like) -> int"},
		{"writelines", log_writelines, METH_O, "writelines(iterable of bytes-like)"},
		{"flush", log_flush, METH_NOARGS, NULL},
		{"close", log_nothing, METH_NOARGS, "close() has no effect"},
		{"fileno", log_fileno, METH_NOARGS, "raises io.UnsupportedOperation"},
		{"isatty", log_no, METH_NOARGS, NULL},
		{"readable", log_no, METH_NOARGS, NULL},
		{"seekable", log_no, METH_NOARGS, NULL},
		{"writable", log_yes, METH_NOARGS, NULL},
		{NULL, NULL, 0, NULL},
	};
	static PyGetSetDef getset[] = {
		{"closed", get_closed, NULL, NULL, NULL},
		{"name", get_name, NULL, NULL, NULL},
		{NULL, NULL, NULL, NULL, NULL},
	};
	static PyType_Slot slots[] = {
		{Py_tp_dealloc, (void *)log_dealloc},
		{Py_tp_methods, methods},
		{Py_tp_getset, getset},
		{0, NULL},
	};
	PyType_Spec spec = {
		.name = "mod_wsgi.Log",
		.basicsize = gs_object_head + (int)sizeof(struct log),
		.flags = Py_TPFLAGS_DEFAULT,
		.slots = slots,
	};
	interp->log_type = gs_py.PyType_FromSpec(&spec);
	return interp->log_type ? 0 : -1;
}

PyObject *gs_log_new(struct gs_interp *interp, const char *name, int level, int bound)
{
	PyObject *o = gs_py.PyType_GenericAlloc((PyTypeObject *)interp->log_type, 0);

	if (o) {
		struct log *lg = gs_body(o);

		gs_py.Py_IncRef(interp->unsupported);
		lg->unsupported = interp->unsupported;
		lg->name = name;
		lg->level = level;
		lg->bound = bound;
	}
	return o;
}

PyObject *gs_errors_take(struct gs_request *r)
{
	struct gs_seat *seat = r->thread->seats[r->interp->index];

	if (!seat->text) {
		seat->log = gs_log_new(r->interp, "<wsgi.errors>", GS_LOG_ERROR, 1);
		seat->text = seat->log ? gs_call1(r->interp->text_wrapper, seat->log) : NULL;
		if (!seat->text) {
			gs_clear(&seat->log);
			return NULL;
		}
	}
	((struct log *)gs_body(seat->log))->r = r;
	return seat->text;
}

/* Reports whether o has exactly n references. */
static int has_refs(struct gs_interp *interp, PyObject *o, long n)
{
	PyObject *count = gs_call1(interp->getrefcount, o);
	long refs = count ? gs_py.PyLong_AsLong(count) : -1;

	gs_py.Py_DecRef(count);
	return refs == n;
}

void gs_errors_end(struct gs_request *r)
{
	struct gs_seat *seat = r->thread->seats[r->interp->index];

	if (!seat->text)
		return;
	struct log *lg = gs_body(seat->log);
	lg->r = NULL; /* before flush_lines, which lets other threads run */
	flush_lines(&lg->lines, r, lg->level);
	/* ours, and for the raw stream that of the text stream */
	if (has_refs(r->interp, seat->text, 1) && has_refs(r->interp, seat->log, 2))
		return;
	gs_clear(&seat->text);
	gs_clear(&seat->log);
}

static void flush_plainly(struct gs_lines *l, int level)
{
	if (l->size > 0 && gs_forked)
		write_plainly(l->data, trimmed(l->data, l->size));
	else if (l->size > 0)
		gs_log_plain(0, level, l->data, trimmed(l->data, l->size));
	l->size = 0;
}

void gs_lines_last(struct gs_thread *t)
{
	flush_plainly(&t->out, GS_LOG_INFO);
	flush_plainly(&t->err, GS_LOG_ERROR);
}

void gs_lines_end(struct gs_thread *t)
{
	flush_lines(&t->out, t->request, GS_LOG_INFO);
	flush_lines(&t->err, t->request, GS_LOG_ERROR);
}
