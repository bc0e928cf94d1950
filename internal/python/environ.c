#include "environ.h"
#include "errlog.h"
#include "flat.h"
#include "input.h"
#include "template.h"

/*
 * The str of bytes, which is remembered for the next request when it is short.
 * The table is direct-mapped: an entry that is in the way is replaced, so
 * nothing grows and no client can make it slow.
 */
static PyObject *remembered(struct gs_interp *in, const char *data, size_t size)
{
	if (size == 0 || size > GS_VALUE_MAX)
		return gs_py.PyUnicode_DecodeLatin1(data, (Py_ssize_t)size, NULL);
	struct gs_value *v = &in->values[gs_hash(data, size) & (GS_VALUES - 1)];
	if (v->text && v->size == size && memcmp(v->data, data, size) == 0) {
		gs_py.Py_IncRef(v->text);
		return v->text;
	}
	PyObject *text = gs_py.PyUnicode_DecodeLatin1(data, (Py_ssize_t)size, NULL);
	Py_ssize_t n = 0;
	const char *utf8 = text ? gs_py.PyUnicode_AsUTF8AndSize(text, &n) : NULL;
	if (utf8 && (size_t)n == size) { /* ASCII */
		PyObject *old = v->text;

		gs_py.Py_IncRef(text);
		*v = (struct gs_value){text, utf8, (uint32_t)size};
		gs_py.Py_DecRef(old);
	}
	return text;
}

static int set(struct gs_request *r, PyObject *key, PyObject *value)
{
	int status = value ? gs_py.PyDict_SetItem(r->environ, key, value) : -1;

	gs_py.Py_DecRef(value);
	return status;
}

static int set_entry(struct gs_request *r, const struct gs_entry *e)
{
	struct gs_interp *in = r->interp;
	PyObject *key = NULL, *literal = NULL;

	if (e->key == GS_LITERAL) {
		key = literal = remembered(in, e->name, e->name_size);
		if (!literal)
			return -1;
	} else {
		key = in->keys[e->key];
	}
	PyObject *value = e->transient
		? gs_py.PyUnicode_DecodeLatin1(e->value, (Py_ssize_t)e->value_size, NULL)
		: remembered(in, e->value, e->value_size);
	int status = value ? gs_py.PyDict_SetItem(r->environ, key, value) : -1;
	if (status == 0 && e->alias)
		status = gs_py.PyDict_SetItem(r->environ, in->keys[e->alias], value);
	gs_py.Py_DecRef(value);
	gs_py.Py_DecRef(literal);
	return status;
}

static int set_entries(struct gs_request *r, const char *flat, size_t size)
{
	struct gs_cursor c = {flat, size};
	struct gs_entry e;
	int more;

	while ((more = gs_flat_next(&c, r->interp->nkeys, &e)) == 1)
		if (set_entry(r, &e) < 0)
			return -1;
	if (more < 0)
		gs_py.PyErr_SetString(GS_EXC(RuntimeError), "malformed environ");
	return more;
}

/* Makes the dict of the steady part. Returns 0, or -1 with an exception. */
static int begin(struct gs_request *r, const struct gs_flat_environ *flat)
{
	struct gs_template *templates = r->target->templates;
	uint64_t hash = gs_hash(flat->data, flat->steady);
	PyObject *known = gs_template_find(templates, flat->data, flat->steady, hash);

	r->environ = gs_py.PyDict_Copy(known ? known : r->target->base);
	if (!r->environ)
		return -1;
	if (known)
		return 0;
	if (set_entries(r, flat->data, flat->steady) < 0)
		return -1;
	gs_template_offer(templates, flat->data, flat->steady, hash, r->environ);
	return 0;
}

int gs_environ_build(struct gs_request *r, const struct gs_flat_environ *flat)
{
	struct gs_interp *in = r->interp;

	if (begin(r, flat) < 0 ||
	    set_entries(r, flat->data + flat->steady, flat->size - flat->steady) < 0)
		return -1;
	r->input = gs_input_new(r);
	PyObject *errors = gs_errors_take(r); /* borrowed */
	if (!r->input || !errors || gs_py.PyDict_SetItem(r->environ, in->k_input, r->input) < 0 ||
	    gs_py.PyDict_SetItem(r->environ, in->k_errors, errors) < 0)
		return -1;
	r->id = gs_py.PyDict_GetItemWithError(r->environ, in->k_request_id);
	gs_py.Py_IncRef(r->id); /* the application may change environ */
	if (set(r, in->k_request_start, gs_py.PyFloat_FromDouble(r->start)) < 0 ||
	    set(r, in->k_application_start, gs_py.PyFloat_FromDouble(gs_now())) < 0)
		return -1;
	if (r->daemon_start > 0 &&
	    (set(r, in->k_queue_start, gs_py.PyFloat_FromDouble(r->queue_start)) < 0 ||
	     set(r, in->k_daemon_start, gs_py.PyFloat_FromDouble(r->daemon_start)) < 0))
		return -1;
	return set(r, in->k_thread_id, gs_py.PyLong_FromLong(r->thread->id));
}
