/*
 * capi: libpython, opened at run time.
 *
 * Role: one table, gs_py, of the functions listed in capi_table.h. It is
 * filled once by gs_capi_open, before any other function of this package is
 * called, and never changes afterwards; reading it needs no lock.
 *
 * Nothing here holds a reference to a Python object: what gs_py contains of
 * objects is static in libpython.
 */
#ifndef GS_CAPI_H
#define GS_CAPI_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <wchar.h>

typedef struct gs_PyObject PyObject;
typedef struct gs_PyTypeObject PyTypeObject;
typedef struct gs_PyThreadState PyThreadState;
typedef struct gs_PyInterpreterState PyInterpreterState;
typedef struct gs_PyInitConfig PyInitConfig;
typedef ssize_t Py_ssize_t;

/* Structures of CPython's stable ABI and, for the last two, of its public
 * interface since 3.8 and 3.12. */
typedef PyObject *(*PyCFunction)(PyObject *, PyObject *);
typedef struct {
	const char *name;
	PyCFunction func;
	int flags;
	const char *doc;
} PyMethodDef;
typedef struct {
	int slot;
	void *func;
} PyType_Slot;
typedef struct {
	const char *name;
	int basicsize;
	int itemsize;
	unsigned int flags;
	PyType_Slot *slots;
} PyType_Spec;
typedef PyObject *(*gs_getter)(PyObject *, void *);
typedef int (*gs_setter)(PyObject *, PyObject *, void *);
typedef struct {
	const char *name;
	gs_getter get;
	gs_setter set;
	const char *doc;
	void *closure;
} PyGetSetDef;
typedef struct {
	int type;
	const char *func;
	const char *err_msg;
	int exitcode;
} PyStatus;
typedef struct {
	int use_main_obmalloc;
	int allow_fork;
	int allow_exec;
	int allow_threads;
	int allow_daemon_threads;
	int check_multi_interp_extensions;
	int gil;
} PyInterpreterConfig;

enum { GS_GIL_OWN = 2 };           /* PyInterpreterConfig.gil */
enum { GS_FILE_INPUT = 257 };      /* Py_file_input */
enum {
	METH_VARARGS = 0x0001,
	METH_NOARGS = 0x0004,
	METH_O = 0x0008,
};
enum { Py_TPFLAGS_DEFAULT = 1 << 18 };

/* Slot numbers of the stable ABI (typeslots.h). */
enum {
	Py_tp_alloc = 47,
	Py_tp_call = 50,
	Py_tp_dealloc = 52,
	Py_tp_free = 74,
	Py_tp_getset = 73,
	Py_tp_iter = 62,
	Py_tp_iternext = 63,
	Py_tp_methods = 64,
};

#include "capi_table.h"

struct gs_capi {
#define F(ret, name, args) ret(*name) args;
#define T(name) PyObject *name;
#define E(name) PyObject **name;
	GS_CAPI_FUNCTIONS(F, F)
	GS_CAPI_OBJECTS(T, E)
#undef F
#undef T
#undef E
	int *Py_UTF8Mode; /* set before initialising; NULL from 3.15 on */
	int version;      /* 0x030B for 3.11 */
};

extern struct gs_capi gs_py;

/* Short names for the static objects; borrowed, never released. */
#define GS_NONE (gs_py._Py_NoneStruct)
#define GS_TRUE (gs_py._Py_TrueStruct)
#define GS_FALSE (gs_py._Py_FalseStruct)
#define GS_EXC(name) (*gs_py.PyExc_##name)

/*
 * Opens the library at path and fills gs_py. On failure it returns -1 and
 * writes what is wrong to err as a NUL-terminated text of at most size bytes.
 * It may be called again after a failure, not after a success.
 */
int gs_capi_open(const char *path, char *err, size_t size);

/* A new reference to None. */
static inline PyObject *gs_none(void)
{
	gs_py.Py_IncRef(GS_NONE);
	return GS_NONE;
}

/* Releases *slot, if any, and sets it to NULL first, so that code run by the
 * release cannot find it. */
static inline void gs_clear(PyObject **slot)
{
	PyObject *o = *slot;
	*slot = NULL;
	gs_py.Py_DecRef(o);
}

/* Reports whether the type of o is t or derived from it; cannot fail. */
int gs_is(PyObject *o, PyObject *t);

/* Reports whether the type of o is exactly t; cannot fail. */
static inline int gs_is_exact(PyObject *o, PyObject *t)
{
	PyObject *type = gs_py.PyObject_Type(o);
	gs_py.Py_DecRef(type);
	return type == t;
}

/* The name of o's type, for messages; a new str or NULL with an exception. */
PyObject *gs_type_name(PyObject *o);

/* Sets a TypeError "<prefix><type name of o>". Returns NULL. */
PyObject *gs_type_error(const char *prefix, PyObject *o);

/* Calls f with one argument; a new reference or NULL with an exception. */
static inline PyObject *gs_call1(PyObject *f, PyObject *arg)
{
	if (gs_py.PyObject_Vectorcall) {
		PyObject *args[2] = {NULL, arg};
		return gs_py.PyObject_Vectorcall(f, args + 1, 1 | ((size_t)1 << 63), NULL);
	}
	return gs_py.PyObject_CallFunctionObjArgs(f, arg, NULL);
}

/* Calls f with two arguments; a new reference or NULL with an exception. */
static inline PyObject *gs_call2(PyObject *f, PyObject *a, PyObject *b)
{
	if (gs_py.PyObject_Vectorcall) {
		PyObject *args[3] = {NULL, a, b};
		return gs_py.PyObject_Vectorcall(f, args + 1, 2 | ((size_t)1 << 63), NULL);
	}
	return gs_py.PyObject_CallFunctionObjArgs(f, a, b, NULL);
}

#endif
