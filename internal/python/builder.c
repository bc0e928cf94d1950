#include "builder.h"

#include <string.h>

int gs_builder_room(struct gs_builder *b, size_t cap)
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

int gs_builder_add(struct gs_builder *b, const char *data, size_t n)
{
	if (b->size + n > b->cap || !b->bytes) {
		size_t cap = b->size + n > 2 * b->cap ? b->size + n : 2 * b->cap;

		if (gs_builder_room(b, cap) < 0)
			return -1;
	}
	memcpy(b->data + b->size, data, n);
	b->size += n;
	return 0;
}

PyObject *gs_builder_done(struct gs_builder *b)
{
	if (!b->bytes)
		return gs_py.PyBytes_FromStringAndSize(NULL, 0);
	if (b->size != b->cap && gs_py._PyBytes_Resize(&b->bytes, (Py_ssize_t)b->size) < 0)
		return NULL;
	return b->bytes;
}

PyObject *gs_builder_drop(struct gs_builder *b)
{
	gs_clear(&b->bytes);
	return NULL;
}
