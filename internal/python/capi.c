#define _GNU_SOURCE
#include "capi.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

struct gs_capi gs_py;

static int missing(const char *path, const char *name, char *err, size_t size)
{
	snprintf(err, size, "%s has no symbol %s", path, name);
	return -1;
}

int gs_capi_open(const char *path, char *err, size_t size)
{
	struct gs_capi t = {0};
	void *lib = dlopen(path, RTLD_NOW | RTLD_GLOBAL);

	if (!lib) {
		snprintf(err, size, "%s", dlerror());
		return -1;
	}
#define LOAD(name) *(void **)(&t.name) = dlsym(lib, #name)
#define NEED(name)         \
	LOAD(name);        \
	if (!t.name)       \
		return missing(path, #name, err, size);
#define F(ret, name, args) NEED(name)
#define O(ret, name, args) LOAD(name);
#define T(name) NEED(name)
	GS_CAPI_FUNCTIONS(F, O)
	GS_CAPI_OBJECTS(T, T)
	LOAD(Py_UTF8Mode);
#undef T
#undef O
#undef F
#undef NEED
#undef LOAD
	int major = 0, minor = 0;
	if (sscanf(t.Py_GetVersion(), "%d.%d", &major, &minor) != 2) {
		snprintf(err, size, "%s says it is version \"%.40s\"", path, t.Py_GetVersion());
		return -1;
	}
	t.version = major << 8 | minor;
	gs_py = t;
	return 0;
}

int gs_is(PyObject *o, PyObject *t)
{
	PyObject *type = gs_py.PyObject_Type(o);
	int yes = type == t || gs_py.PyType_IsSubtype((PyTypeObject *)type, (PyTypeObject *)t);

	gs_py.Py_DecRef(type);
	return yes;
}

PyObject *gs_type_name(PyObject *o)
{
	PyObject *type = gs_py.PyObject_Type(o);
	PyObject *name = gs_py.PyObject_GetAttrString(type, "__name__");

	gs_py.Py_DecRef(type);
	return name;
}

PyObject *gs_type_error(const char *prefix, PyObject *o)
{
	PyObject *name = gs_type_name(o);

	if (name)
		gs_py.PyErr_Format(GS_EXC(TypeError), "%s%U", prefix, name);
	gs_py.Py_DecRef(name);
	return NULL;
}
