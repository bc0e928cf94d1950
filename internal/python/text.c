#include "text.h"

int gs_text_of(PyObject *o, struct gs_text *t)
{
	Py_ssize_t n;
	const char *utf8 = gs_py.PyUnicode_AsUTF8AndSize(o, &n);

	t->owner = NULL;
	if (utf8 && n == gs_py.PyUnicode_GetLength(o)) { /* ASCII */
		t->data = utf8;
		t->size = (size_t)n;
		return 0;
	}
	gs_py.PyErr_Clear();
	if (!gs_is(o, gs_py.PyUnicode_Type)) {
		gs_type_error("must be str, not ", o);
		return -1;
	}
	char *data;
	t->owner = gs_py.PyUnicode_AsLatin1String(o);
	if (!t->owner || gs_py.PyBytes_AsStringAndSize(t->owner, &data, &n) < 0) {
		gs_clear(&t->owner);
		return -1;
	}
	t->data = data;
	t->size = (size_t)n;
	return 0;
}

int gs_bad_text(const char *message, const struct gs_text *t)
{
	PyObject *bytes = gs_py.PyBytes_FromStringAndSize(t->data, (Py_ssize_t)t->size);

	if (bytes)
		gs_py.PyErr_Format(GS_EXC(ValueError), "%s: %R", message, bytes);
	gs_py.Py_DecRef(bytes);
	return -1;
}
