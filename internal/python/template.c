#include "template.h"

#include <stdlib.h>
#include <string.h>

uint64_t gs_hash(const char *data, size_t size)
{
	static const uint64_t k = 0x9E3779B97F4A7C15u;
	uint64_t h = size * k, word = 0;

	for (; size >= 8; data += 8, size -= 8) {
		memcpy(&word, data, 8);
		h = (h ^ word) * k;
		h ^= h >> 29;
	}
	word = 0;
	memcpy(&word, data, size);
	h = (h ^ word) * k;
	return h ^ h >> 32;
}

PyObject *gs_template_find(const struct gs_template *table, const char *steady, size_t size,
			   uint64_t hash)
{
	const struct gs_template *t = &table[hash & (GS_TEMPLATES - 1)];

	if (t->dict && t->size == size && memcmp(t->bytes, steady, size) == 0)
		return t->dict;
	return NULL;
}

void gs_template_offer(struct gs_template *table, const char *steady, size_t size, uint64_t hash,
		       PyObject *environ)
{
	struct gs_template *t = &table[hash & (GS_TEMPLATES - 1)];

	if (size > GS_TEMPLATE_MAX)
		return;
	if (t->seen != hash) {
		t->seen = hash;
		return;
	}
	PyObject *dict = gs_py.PyDict_Copy(environ);
	char *bytes = dict ? realloc(t->bytes, size) : NULL;
	if (!bytes) {
		gs_py.PyErr_Clear();
		gs_py.Py_DecRef(dict);
		return;
	}
	memcpy(bytes, steady, size);
	t->bytes = bytes;
	t->size = size;
	PyObject *old = t->dict;
	t->dict = dict;
	gs_py.Py_DecRef(old);
}
