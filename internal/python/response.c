#include "response.h"
#include "head.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

/* Output that may wait while a lazy application computes on: any number of
 * blocks of this many bytes in all, or two blocks that fit into the buffer. */
enum { HOLD_BYTES = 16 << 10, HOLD_BLOCKS = 2 };

/* How often a stream that yields nothing asks whether its client is still there. */
static const double ASK_SECONDS = 0.1;

struct start {
	struct gs_request *r; /* NULL once the request is over */
};

/* How long to wait at a time for the thread that sends the head. */
enum { HEAD_MICROSECONDS = 50 };

int gs_reclaim(struct gs_request *r)
{
	int lost;

	while (r->heading && !gs_forked) /* in a child that thread does not exist */
		GS_IO(r, usleep(HEAD_MICROSECONDS));
	if (!r->published)
		return r->gone;
	r->published = 0;
	uint32_t state = __atomic_load_n(&r->pending->state, __ATOMIC_RELAXED);
	if ((state & 3) == GS_READY &&
	    __atomic_compare_exchange_n(&r->pending->state, &state, state & ~(uint32_t)3, 0,
					__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return r->gone;
	r->sent = 1;
	if (gs_forked)
		return r->gone = 1;
	GS_SEND_HEAD(r, lost = r->io->settle(r->call));
	if (lost < 0)
		r->gone = 1;
	return r->gone;
}

static double clock_if(int wanted)
{
	return wanted ? gs_now() : 0;
}

static int deliver(struct gs_request *r, const char *data, size_t n, int flush)
{
	double before = clock_if(r->watched);
	int lost = 0;

	if (gs_forked) /* the connection is the parent's */
		return r->gone = 1;
	if (!r->sent) {
		r->sent = 1;
		GS_SEND_HEAD(r, lost = r->io->send(r->call, r->buf, r->size));
	}
	if (lost == 0 && n > 0)
		GS_IO(r, lost = r->io->write(r->call, data, n, flush));
	r->output_time += clock_if(r->watched) - before;
	if (lost < 0)
		r->gone = 1;
	return r->gone;
}

void gs_offer(struct gs_request *r)
{
	if (r->sent || r->published || !r->head_final || r->buf != r->out)
		return;
	if (r->pending->eager) {
		deliver(r, NULL, 0, 1); /* r->gone says whether that failed */
		return;
	}
	r->pending->size = (uint32_t)r->size;
	uint32_t state = __atomic_load_n(&r->pending->state, __ATOMIC_RELAXED);
	__atomic_store_n(&r->pending->state, ((state | 3) + 1) | GS_READY, __ATOMIC_RELEASE);
	r->published = 1;
}

static int may_hold(struct gs_request *r, size_t n, enum gs_emit how)
{
	if (r->sent || r->buf != r->out || r->size + n > r->cap)
		return 0;
	return how == GS_PART ||
	       (how == GS_HOLD && (r->written + (int64_t)n <= HOLD_BYTES || r->blocks < HOLD_BLOCKS));
}

/* Takes an empty block, which sends nothing. Without a question a stream of such
 * blocks would go on after its client has left. */
static int emit_nothing(struct gs_request *r)
{
	int lost;

	if (r->gone || gs_forked)
		return r->gone;
	double now = gs_now();
	if (r->asked == 0)
		r->asked = now; /* one empty block is common: no question */
	if (now >= r->asked && now - r->asked < ASK_SECONDS)
		return 0;
	r->asked = now;
	GS_IO(r, lost = r->io->write(r->call, NULL, 0, 0));
	if (lost < 0)
		r->gone = 1;
	return r->gone;
}

int gs_emit(struct gs_request *r, const char *data, size_t n, enum gs_emit how)
{
	if (n == 0)
		return emit_nothing(r);
	if (gs_finish_head(r) < 0)
		return -1;
	r->output_writes++;
	if (r->length >= 0 && r->written + (int64_t)n > r->length) {
		n = (size_t)(r->length - r->written);
		r->excess = 1;
		if (n == 0)
			return r->gone;
	}
	if (gs_reclaim(r))
		return 1;
	if (may_hold(r, n, how)) {
		memcpy(r->buf + r->size, data, n);
		r->size += n;
		r->blocks++;
		r->written += (int64_t)n;
		return 0;
	}
	r->written += (int64_t)n;
	return deliver(r, data, n, how != GS_PART);
}

int gs_finish_head(struct gs_request *r)
{
	if (r->head_final)
		return 0;
	if (!r->started) {
		gs_py.PyErr_SetString(
			GS_EXC(RuntimeError),
			"start_response() must be called before response content is produced");
		return -1;
	}
	return gs_head_finish(r);
}

static PyObject *over(const char *what)
{
	return gs_py.PyErr_Format(GS_EXC(RuntimeError), "%s called after request completed", what);
}

static PyObject *write_block(PyObject *self, PyObject *block)
{
	struct start *s = gs_body(self);
	char *data;
	Py_ssize_t n;

	if (!s->r)
		return over("write()");
	if (!gs_is(block, gs_py.PyBytes_Type))
		return gs_type_error("write() argument must be bytes, not ", block);
	if (gs_py.PyBytes_AsStringAndSize(block, &data, &n) < 0)
		return NULL;
	switch (gs_emit(s->r, data, (size_t)n, GS_SEND)) {
	case 0:
		return gs_none();
	case 1:
		return gs_py.PyErr_Format(GS_EXC(OSError), "mod_wsgi client connection closed");
	}
	return NULL;
}

static PyMethodDef write_def = {
	"write", write_block, METH_O, "write(bytes): send a block of the response body.",
};

/* Checks exc_info; re-raises it when output has begun. Returns 0, or -1 with an
 * exception. */
static int take_exc_info(struct gs_request *r, PyObject *info)
{
	PyObject *parts[3];

	if (!info || info == GS_NONE) {
		if (!r->head_final)
			return 0;
		gs_py.PyErr_SetString(GS_EXC(RuntimeError),
				      "start_response() called more than once without exc_info");
		return -1;
	}
	if (!gs_is(info, gs_py.PyTuple_Type) || gs_py.PyTuple_Size(info) != 3) {
		gs_py.PyErr_SetString(GS_EXC(RuntimeError),
				      "start_response() argument 'exc_info' must be a 3-tuple or None");
		return -1;
	}
	if (!r->head_final)
		return 0;
	for (int i = 0; i < 3; i++) {
		parts[i] = gs_py.PyTuple_GetItem(info, i);
		parts[i] = parts[i] == GS_NONE ? NULL : parts[i];
		gs_py.Py_IncRef(parts[i]);
	}
	gs_py.PyErr_Restore(parts[0], parts[1], parts[2]); /* takes the references */
	if (!gs_py.PyErr_Occurred())
		gs_py.PyErr_SetString(GS_EXC(RuntimeError),
				      "start_response() argument 'exc_info' holds no exception");
	return -1;
}

static void publish_started(struct gs_request *r, PyObject *status, PyObject *headers, PyObject *info)
{
	PyObject *payload = gs_py.Py_BuildValue(
		"{s:O,s:O,s:O}", "response_status", status, "response_headers", headers,
		"exception_info", info ? info : GS_NONE);

	gs_py.Py_DecRef(gs_publish(r, "response_started", payload));
}

static int parse_args(PyObject *args, PyObject *kwargs, PyObject **status, PyObject **headers,
		      PyObject **info)
{
	Py_ssize_t n = gs_py.PyTuple_Size(args);

	*info = NULL;
	if (n == 2 || n == 3) {
		*status = gs_py.PyTuple_GetItem(args, 0);
		*headers = gs_py.PyTuple_GetItem(args, 1);
		*info = n == 3 ? gs_py.PyTuple_GetItem(args, 2) : NULL;
	} else if (!gs_py.PyArg_ParseTuple(args, "OO|O:start_response", status, headers, info)) {
		return -1; /* it says what is wrong */
	}
	if (kwargs && !*info)
		*info = gs_py.PyDict_GetItemString(kwargs, "exc_info");
	if (gs_is_exact(*headers, gs_py.PyList_Type))
		return 0;
	gs_type_error("start_response() argument 2 must be list, not ", *headers);
	return -1;
}

static PyObject *start_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
	struct start *s = gs_body(self);
	PyObject *status, *headers, *info;

	if (!s->r)
		return over("start_response()");
	if (parse_args(args, kwargs, &status, &headers, &info) < 0)
		return NULL;
	if (s->r->watched)
		publish_started(s->r, status, headers, info);
	if (!s->r) /* it ended while the callbacks ran, in a thread of the application */
		return over("start_response()");
	if (take_exc_info(s->r, info) < 0 || gs_head_encode(s->r, status, headers) < 0)
		return NULL;
	return gs_py.PyCFunction_NewEx(&write_def, self, NULL);
}

static void start_dealloc(PyObject *self)
{
	gs_free(self);
}

int gs_start_type(struct gs_interp *interp)
{
	static PyType_Slot slots[] = {
		{Py_tp_call, (void *)start_call},
		{Py_tp_dealloc, (void *)start_dealloc},
		{0, NULL},
	};
	PyType_Spec spec = {
		.name = "mod_wsgi.StartResponse",
		.basicsize = gs_object_head + (int)sizeof(struct start),
		.flags = Py_TPFLAGS_DEFAULT,
		.slots = slots,
	};
	interp->start_type = gs_py.PyType_FromSpec(&spec);
	return interp->start_type ? 0 : -1;
}

PyObject *gs_start_new(struct gs_request *r)
{
	PyObject *o = gs_py.PyType_GenericAlloc((PyTypeObject *)r->interp->start_type, 0);

	if (o)
		((struct start *)gs_body(o))->r = r;
	return o;
}

void gs_start_end(PyObject *o)
{
	if (o)
		((struct start *)gs_body(o))->r = NULL;
}
