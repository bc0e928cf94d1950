#include "head.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEAD_PREFIX = 24, MAX_FIELDS = 65535 };

/* Makes room for n more bytes of head in r->buf. Returns 0, or -1 with an
 * exception. */
static int head_room(struct gs_request *r, size_t n)
{
	if (n > GS_HEAD_MAX - r->size) {
		gs_py.PyErr_Format(GS_EXC(ValueError),
				   "response head is larger than %d bytes in all (status and headers); "
				   "send large data in the body",
				   GS_HEAD_MAX);
		return -1;
	}
	if (r->size + n <= r->cap)
		return 0;
	size_t cap = 2 * (r->size + n);
	char *grown = r->buf == r->out ? malloc(cap) : realloc(r->buf, cap);
	if (!grown) {
		gs_py.PyErr_NoMemory();
		return -1;
	}
	if (r->buf == r->out)
		memcpy(grown, r->out, r->size);
	r->buf = grown;
	r->cap = cap;
	return 0;
}

static inline int is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

static inline int is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static int check_status(const struct gs_text *t)
{
	const unsigned char *s = (const unsigned char *)t->data;

	if (t->size < 3 || !is_digit(s[0]) || !is_digit(s[1]) || !is_digit(s[2]) ||
	    (t->size > 3 && is_digit(s[3])))
		return gs_bad_text("status code must be a 3 digit integer", t);
	if (t->size > 3 && s[3] != ' ')
		return gs_bad_text("no space following status code", t);
	for (size_t i = 4; i < t->size; i++)
		if (is_control(s[i]))
			return gs_bad_text("control character in status reason phrase", t);
	return 0;
}

static int check_name(const struct gs_text *t)
{
	if (t->size == 0) {
		gs_py.PyErr_SetString(GS_EXC(ValueError), "header name is empty");
		return -1;
	}
	for (size_t i = 0; i < t->size; i++) {
		unsigned char c = (unsigned char)t->data[i];

		if (is_control(c))
			return gs_bad_text("control character in header name", t);
		if (c == ' ')
			return gs_bad_text("space character in header name", t);
	}
	return 0;
}

/* Whether value has a control character that no header may hold: 0 or 1, or -1
 * with an exception for those that start_response refuses. */
static int check_value(const struct gs_text *t)
{
	int control = 0;

	for (size_t i = 0; i < t->size; i++) {
		unsigned char c = (unsigned char)t->data[i];

		if (c == '\r' || c == '\n')
			return gs_bad_text("carriage return/line feed character in header value", t);
		control |= is_control(c) && c != '\t';
	}
	return control;
}

static inline void put32(char *p, size_t n)
{
	uint32_t v = (uint32_t)n;

	memcpy(p, &v, sizeof v);
}

/* Notes the text of Content-Length, which is the last in buf. */
static void note_length(struct gs_request *r, const struct gs_text *value)
{
	if (r->length_at && (r->length_size != value->size ||
			     memcmp(r->buf + r->length_at, value->data, value->size) != 0))
		r->lengths_differ = 1;
	r->length_at = r->size - value->size;
	r->length_size = value->size;
}

/* control: value has one that is refused when the head goes out. */
static int add_field(struct gs_request *r, const struct gs_text *name, const struct gs_text *value, int control)
{
	if (head_room(r, 8 + name->size + value->size) < 0)
		return -1;
	char *p = r->buf + r->size;
	put32(p, name->size);
	put32(p + 4, value->size);
	memcpy(p + 8, name->data, name->size);
	memcpy(p + 8 + name->size, value->data, value->size);
	r->size += 8 + name->size + value->size;
	if (name->size == 14 && strncasecmp(name->data, "Content-Length", 14) == 0)
		note_length(r, value);
	if (control) {
		r->control_at = r->size - value->size;
		r->control_size = value->size;
	}
	return 0;
}

static int encode_field(struct gs_request *r, PyObject *item)
{
	struct gs_text name, value;
	int status = -1;

	if (!gs_is(item, gs_py.PyTuple_Type)) {
		gs_type_error("each header must be a 2-tuple, not ", item);
		return -1;
	}
	Py_ssize_t n = gs_py.PyTuple_Size(item);
	if (n != 2) {
		gs_py.PyErr_Format(GS_EXC(ValueError), "each header must be a 2-tuple, got length %zd", n);
		return -1;
	}
	if (gs_text_of(gs_py.PyTuple_GetItem(item, 0), &name) < 0)
		return -1;
	if (gs_text_of(gs_py.PyTuple_GetItem(item, 1), &value) == 0) {
		int control = check_name(&name) < 0 ? -1 : check_value(&value);

		if (control >= 0)
			status = add_field(r, &name, &value, control);
		gs_text_free(&value);
	}
	gs_text_free(&name);
	return status;
}

static int encode_status(struct gs_request *r, PyObject *status)
{
	struct gs_text t;
	int result = -1;

	if (gs_text_of(status, &t) < 0)
		return -1;
	if (check_status(&t) == 0 && head_room(r, HEAD_PREFIX + t.size) == 0) {
		size_t reason = t.size > 4 ? t.size - 4 : 0;

		r->status = (t.data[0] - '0') * 100 + (t.data[1] - '0') * 10 + (t.data[2] - '0');
		memset(r->buf, 0, HEAD_PREFIX);
		put32(r->buf + 8, reason);
		memcpy(r->buf + HEAD_PREFIX, t.data + t.size - reason, reason);
		r->size = HEAD_PREFIX + reason;
		result = 0;
	}
	gs_text_free(&t);
	return result;
}

int gs_head_encode(struct gs_request *r, PyObject *status, PyObject *headers)
{
	uint16_t fields = 0;

	r->started = 0;
	r->size = 0;
	r->length_at = 0;
	r->control_at = 0;
	r->lengths_differ = 0;
	if (encode_status(r, status) < 0)
		return -1;
	/* the list may change under our hands only from Python code, and none
	 * runs in this loop but __del__ of nothing we drop */
	for (Py_ssize_t i = 0; i < gs_py.PyList_Size(headers); i++) {
		if (fields == MAX_FIELDS) {
			gs_py.PyErr_SetString(GS_EXC(ValueError), "too many response headers");
			return -1;
		}
		if (encode_field(r, gs_py.PyList_GetItem(headers, i)) < 0)
			return -1;
		fields++;
	}
	memcpy(r->buf + 6, &fields, sizeof fields);
	r->started = 1;
	return 0;
}

static int read_length(struct gs_request *r)
{
	struct gs_text t = {r->buf + r->length_at, r->length_size, NULL};
	int64_t n = 0;

	for (size_t i = 0; i < t.size && n >= 0; i++) {
		unsigned char c = (unsigned char)t.data[i];

		n = is_digit(c) && n < INT64_MAX / 10 - 1 ? n * 10 + (c - '0') : -1;
	}
	if (t.size > 0 && n >= 0) {
		r->length = n;
		return 0;
	}
	PyObject *text = gs_py.PyUnicode_DecodeLatin1(t.data, (Py_ssize_t)t.size, NULL);
	if (text)
		gs_py.PyErr_Format(GS_EXC(ValueError), "invalid Content-Length header value: %R", text);
	gs_py.Py_DecRef(text);
	return -1;
}

int gs_head_finish(struct gs_request *r)
{
	r->length = -1;
	if (r->control_at) {
		struct gs_text t = {r->buf + r->control_at, r->control_size, NULL};

		return gs_bad_text("control character in header value", &t);
	}
	if (r->length_at && read_length(r) < 0)
		return -1;
	if (r->lengths_differ) {
		gs_py.PyErr_SetString(GS_EXC(ValueError), "two different Content-Length header values");
		return -1;
	}
	uint16_t status = (uint16_t)r->status;
	put32(r->buf, r->size);
	memcpy(r->buf + 4, &status, sizeof status);
	memcpy(r->buf + 16, &r->length, sizeof r->length);
	r->head_final = 1;
	return 0;
}
