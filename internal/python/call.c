#define _GNU_SOURCE
#include "call.h"
#include "environ.h"
#include "errlog.h"
#include "filewrapper.h"
#include "input.h"
#include "response.h"
#include "target.h"

#include <string.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* How long to wait at a time for other threads to be done with a request. */
enum { OTHERS_MICROSECONDS = 200 };

/* What became of the application's part, before its output is looked at. */
enum outcome { DONE, FAILED, TIMED_OUT, SEND_FILE, OUTDATED, DENIED };

static PyObject *request_id(struct gs_request *r)
{
	return r->id ? r->id : GS_NONE;
}

/* Logs the current exception; tells whether it was a RequestTimeout. */
static enum outcome failed(struct gs_request *r)
{
	enum outcome o = gs_py.PyErr_ExceptionMatches(r->interp->request_timeout) ? TIMED_OUT : FAILED;

	gs_log_exception(r);
	return o;
}

static PyObject *or_none(PyObject *o)
{
	return o ? o : GS_NONE;
}

static void publish_exception(struct gs_request *r, PyObject *type, PyObject *value, PyObject *tb)
{
	PyObject *payload = gs_py.Py_BuildValue("{s:(OOO)}", "exception_info", or_none(type),
						or_none(value), or_none(tb));

	gs_py.Py_DecRef(gs_publish(r, "request_exception", payload));
}

void gs_log_exception(struct gs_request *r)
{
	PyObject *type, *value, *tb;

	gs_py.PyErr_Fetch(&type, &value, &tb);
	gs_py.PyErr_NormalizeException(&type, &value, &tb);
	if (value && tb)
		gs_py.PyException_SetTraceback(value, tb);
	if (r->watched)
		publish_exception(r, type, value, tb);
	PyObject *done = gs_py.PyObject_CallFunctionObjArgs(r->interp->log_exception,
							    r->target->loader, or_none(value), NULL);
	if (!done)
		gs_py.PyErr_WriteUnraisable(r->interp->log_exception);
	gs_py.Py_DecRef(done);
	gs_py.Py_DecRef(type);
	gs_py.Py_DecRef(value);
	gs_py.Py_DecRef(tb);
}

/* Emits one item of the application's iterable. As gs_emit. */
static int emit_item(struct gs_request *r, PyObject *item, enum gs_emit how)
{
	char *data;
	Py_ssize_t n;

	if (!gs_is(item, gs_py.PyBytes_Type)) {
		gs_type_error("response iterable must yield bytes, not ", item);
		return -1;
	}
	if (gs_py.PyBytes_AsStringAndSize(item, &data, &n) < 0)
		return -1;
	return gs_emit(r, data, (size_t)n, how);
}

struct sequence {
	PyObject *o; /* exactly a list or a tuple */
	int list;
};

static Py_ssize_t length_of(struct sequence s)
{
	return s.list ? gs_py.PyList_Size(s.o) : gs_py.PyTuple_Size(s.o);
}

static PyObject *item_of(struct sequence s, Py_ssize_t i) /* borrowed */
{
	return s.list ? gs_py.PyList_GetItem(s.o, i) : gs_py.PyTuple_GetItem(s.o, i);
}

/* Writes the sum of all items as the length of a body that declares none. */
static void sum_length(struct gs_request *r, struct sequence s, Py_ssize_t n)
{
	int64_t sum = 0;
	char *data;
	Py_ssize_t size;

	for (Py_ssize_t i = 0; i < n; i++) {
		if (gs_py.PyBytes_AsStringAndSize(item_of(s, i), &data, &size) < 0) {
			gs_py.PyErr_Clear(); /* reported when its turn comes */
			return;
		}
		sum += size;
	}
	if (sum == 0) /* also what HEAD may be answered with */
		return;
	r->length = sum;
	memcpy(r->buf + 16, &r->length, sizeof r->length);
}

/* Takes a list or tuple: all of the body is there, no code of the application
 * runs any more. */
static int consume_sequence(struct gs_request *r, struct sequence s)
{
	Py_ssize_t n = length_of(s);

	if (gs_finish_head(r) < 0)
		return -1;
	if (r->length < 0 && !r->sent)
		sum_length(r, s, n);
	for (Py_ssize_t i = 0; i < length_of(s); i++) {
		PyObject *item = item_of(s, i);

		gs_py.Py_IncRef(item); /* the list may change while the GIL is away */
		int status = emit_item(r, item, GS_PART);
		gs_py.Py_DecRef(item);
		if (status != 0)
			return status;
	}
	return 0;
}

static int consume_iterable(struct gs_request *r, PyObject *iterable)
{
	PyObject *iter = gs_py.PyObject_GetIter(iterable), *item;
	int status = iter ? 0 : -1;

	while (status == 0 && (item = gs_py.PyIter_Next(iter))) {
		status = emit_item(r, item, GS_HOLD);
		gs_py.Py_DecRef(item);
		if (status == 0)
			gs_offer(r);
	}
	gs_py.Py_DecRef(iter);
	if (status == 0 && gs_py.PyErr_Occurred())
		return -1;
	return status == 0 ? gs_finish_head(r) : status;
}

/* Fixes head and length of a file. Returns 1 when it can be sent by the caller. */
static int consume_file(struct gs_request *r, struct gs_file *f)
{
	if (gs_finish_head(r) < 0)
		return -1;
	if (r->buf != r->out)
		return 0;
	if (r->length < 0) {
		r->length = f->count;
		memcpy(r->buf + 16, &r->length, sizeof r->length);
	} else if (r->length < f->count) {
		f->count = r->length;
	}
	r->written = f->count;
	return 1;
}

static void call_close(struct gs_request *r, PyObject *iterable)
{
	PyObject *close = gs_py.PyObject_GetAttr(iterable, r->interp->n_close);

	if (!close) {
		gs_py.PyErr_Clear();
		return;
	}
	PyObject *result = gs_py.PyObject_CallFunctionObjArgs(close, NULL);
	if (!result)
		gs_log_exception(r);
	gs_py.Py_DecRef(result);
	gs_py.Py_DecRef(close);
}

static enum outcome consume(struct gs_request *r, PyObject *iterable, struct gs_file *f)
{
	struct sequence s = {iterable, gs_is_exact(iterable, gs_py.PyList_Type)};
	enum outcome o = DONE;
	int status;

	if (s.list || gs_is_exact(iterable, gs_py.PyTuple_Type))
		return consume_sequence(r, s) < 0 ? failed(r) : DONE;
	status = gs_file_of(r, iterable, f) ? consume_file(r, f) : 0;
	if (status == 1) {
		o = SEND_FILE;
	} else {
		if (status == 0)
			status = consume_iterable(r, iterable);
		if (status < 0)
			o = failed(r);
	}
	call_close(r, iterable);
	return o;
}

/* Calls the application and takes its response. */
static enum outcome run(struct gs_request *r, PyObject *app, struct gs_file *f)
{
	r->start_response = gs_start_new(r);
	PyObject *iterable =
		r->start_response ? gs_call2(app, r->environ, r->start_response) : NULL;
	if (!iterable)
		return failed(r);
	enum outcome o = consume(r, iterable, f);
	gs_py.Py_DecRef(iterable);
	return o;
}

/* run, with the events around it for subscribers. */
static enum outcome run_watched(struct gs_request *r, PyObject **app, struct gs_file *f)
{
	struct rusage before;
	double began = gs_now();

	getrusage(RUSAGE_THREAD, &before);
	*app = gs_publish_started(r, *app);
	enum outcome o = run(r, *app, f);
	gs_publish_finished(r, began, &before);
	return o;
}

static enum outcome serve(struct gs_request *r, const struct gs_flat_environ *flat,
			  int64_t mtime_ns, struct gs_file *f)
{
	struct gs_interp *in = r->interp;

	if (gs_target_outdated(r->target, mtime_ns))
		return OUTDATED;
	if (gs_environ_build(r, flat) < 0)
		return failed(r);
	PyObject *app = gs_target_application(r->target, r->id, mtime_ns);
	if (!app)
		return r->target->denied ? DENIED : FAILED;
	if (in->active && gs_request_data(r))
		gs_py.PyDict_SetItem(in->active, request_id(r), r->data);
	r->watched = gs_py.PyList_Size(in->event_callbacks) > 0;
	enum outcome o = r->watched ? run_watched(r, &app, f) : run(r, app, f);
	gs_py.Py_DecRef(app);
	if (in->active && gs_py.PyDict_DelItem(in->active, request_id(r)) < 0)
		gs_py.PyErr_Clear();
	return o;
}

/* Cuts the objects that the application has seen off from r and releases them. */
static void release(struct gs_request *r)
{
	gs_input_end(r->input);
	gs_start_end(r->start_response);
	gs_clear(&r->start_response);
	gs_clear(&r->input);
	gs_clear(&r->environ);
	gs_clear(&r->id);
	gs_clear(&r->data);
	gs_errors_end(r);
	gs_lines_end(r->thread);
	while (r->in_io > 0) /* threads that used them before they were cut off */
		GS_UNLOCKED(usleep(OTHERS_MICROSECONDS));
	free(r->window);
}

static int kind_of(struct gs_request *r, enum outcome o)
{
	if (r->gone)
		return GS_GONE;
	if (o == FAILED)
		return r->sent ? GS_ABORTED : GS_FAILED;
	if (o == TIMED_OUT)
		return r->sent ? GS_ABORTED : GS_TIMEOUT;
	if (o == SEND_FILE)
		return GS_FILE;
	if (o == OUTDATED)
		return GS_STALE;
	if (o == DENIED)
		return GS_DENIED;
	return r->sent ? GS_STREAMED : GS_COMPLETE;
}

static struct gs_result conclude(struct gs_request *r, enum outcome o, const struct gs_file *f)
{
	gs_reclaim(r);
	if (o == DONE && !r->sent && r->buf != r->out) { /* a head larger than out */
		int lost;

		r->sent = 1;
		GS_SEND_HEAD(r, lost = r->io->send(r->call, r->buf, r->size));
		r->gone = lost < 0;
	}
	struct gs_result result = {
		.kind = kind_of(r, o),
		.status = r->status,
		.size = (uint32_t)r->size,
		.fd = f->fd,
		.count = f->count,
		.length = r->head_final ? r->length : -1,
		.written = r->written,
		.excess = r->excess,
	};
	if (result.kind != GS_FILE && f->fd >= 0)
		close(f->fd);
	return result;
}

/* With CLOCK_THREAD_CPUTIME_ID not to be called with the GIL: the kernel takes the
 * opportunity to put the thread aside, and all others wait for the lock. */
static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
}

struct gs_result gs_serve(struct gs_target *t, const struct gs_io *io, gs_call call,
			  const char *environ, size_t environ_size, size_t steady,
			  const char *body, size_t body_size, int more, int64_t start_ns, char *out, size_t cap,
			  struct gs_pending *pending, double daemon_start, int measure)
{
	struct gs_file f = {.fd = -1};
	int64_t mtime_ns = 0;
	int kind = t->path[0] ? gs_target_check(t, start_ns, &mtime_ns) : GS_COMPLETE;

	if (kind != GS_COMPLETE)
		return (struct gs_result){.kind = kind};
	struct gs_request r = {
		.target = t, .interp = t->interp, .io = io, .call = call,
		.start = (double)start_ns / 1e9, .body = body, .body_size = body_size,
		.body_more = more, .out = out, .buf = out, .cap = cap, .pending = pending,
		.length = -1, .daemon_start = daemon_start,
		.queue_start = daemon_start > 0 ? (double)start_ns / 1e9 : 0,
	};
	int64_t computed = measure ? clock_ns(CLOCK_THREAD_CPUTIME_ID) : 0;
	r.thread = gs_attach(t->interp);
	struct gs_seat *seat = r.thread->seats[t->interp->index];
	struct gs_sample sample = {0};
	int64_t began = measure ? clock_ns(CLOCK_MONOTONIC) : 0;
	r.thread->request = seat->request = &r;
	struct gs_flat_environ flat = {environ, environ_size, steady};
	enum outcome o = serve(&r, &flat, mtime_ns, &f);
	gs_fork_end("the request");
	struct gs_result result = conclude(&r, o, &f);
	release(&r);
	if (r.buf != r.out)
		free(r.buf);
	r.thread->request = seat->request = NULL;
	if (measure)
		sample.ended = clock_ns(CLOCK_MONOTONIC);
	gs_detach(t->interp);
	if (measure) {
		sample.whole = sample.ended - began;
		sample.computed = clock_ns(CLOCK_THREAD_CPUTIME_ID) - computed;
	}
	result.sample = sample;
	return result;
}
