/*
 * The functions and objects of libpython that this package uses, once.
 *
 *   F(return type, name, (arguments))  required: a library without it is refused
 *   O(return type, name, (arguments))  optional: NULL where the version lacks it
 *   T(name)                            a static object or type: its address
 *   E(name)                            a variable that holds an object
 *
 * Only what is exported by every CPython from 3.9 to 3.14 may be required.
 * No structure of CPython is known here; those of the stable ABI that are
 * passed to it (type specs, method tables) are declared in capi.h.
 */
#ifndef GS_CAPI_TABLE_H
#define GS_CAPI_TABLE_H

#define GS_CAPI_FUNCTIONS(F, O)                                                        \
	/* life cycle */                                                               \
	F(void, Py_InitializeEx, (int))                                                \
	F(int, Py_FinalizeEx, (void))                                                  \
	F(const char *, Py_GetVersion, (void))                                         \
	F(wchar_t *, Py_DecodeLocale, (const char *, size_t *))                        \
	O(void, Py_SetProgramName, (const wchar_t *))                                  \
	O(PyInitConfig *, PyInitConfig_Create, (void))                                 \
	O(void, PyInitConfig_Free, (PyInitConfig *))                                   \
	O(int, PyInitConfig_SetInt, (PyInitConfig *, const char *, int64_t))           \
	O(int, PyInitConfig_SetStr, (PyInitConfig *, const char *, const char *))      \
	O(int, PyInitConfig_GetError, (PyInitConfig *, const char **))                 \
	O(int, Py_InitializeFromInitConfig, (PyInitConfig *))                          \
	F(PyThreadState *, Py_NewInterpreter, (void))                                  \
	O(PyStatus, Py_NewInterpreterFromConfig,                                       \
	  (PyThreadState **, const PyInterpreterConfig *))                             \
	F(void, Py_EndInterpreter, (PyThreadState *))                                  \
	/* threads */                                                                  \
	F(PyThreadState *, PyThreadState_New, (PyInterpreterState *))                  \
	F(PyInterpreterState *, PyThreadState_GetInterpreter, (PyThreadState *))       \
	F(PyThreadState *, PyThreadState_Get, (void))                                  \
	F(PyThreadState *, PyThreadState_Swap, (PyThreadState *))                      \
	F(PyThreadState *, PyThreadState_Next, (PyThreadState *))                      \
	F(PyThreadState *, PyInterpreterState_ThreadHead, (PyInterpreterState *))      \
	F(void, PyThreadState_Clear, (PyThreadState *))                                \
	F(int, PyThreadState_SetAsyncExc, (unsigned long, PyObject *))                 \
	F(void, PyThreadState_Delete, (PyThreadState *))                               \
	F(void, PyThreadState_DeleteCurrent, (void))                                   \
	F(PyThreadState *, PyEval_SaveThread, (void))                                  \
	F(void, PyEval_RestoreThread, (PyThreadState *))                               \
	/* objects */                                                                  \
	F(void, Py_IncRef, (PyObject *))                                               \
	F(void, Py_DecRef, (PyObject *))                                               \
	F(PyObject *, PyObject_Type, (PyObject *))                                     \
	F(PyObject *, PyObject_GetAttrString, (PyObject *, const char *))              \
	F(PyObject *, PyObject_GetAttr, (PyObject *, PyObject *))                      \
	F(PyObject *, PyObject_Repr, (PyObject *))                                     \
	F(PyObject *, PyObject_GetIter, (PyObject *))                                  \
	F(PyObject *, PyObject_SelfIter, (PyObject *))                                 \
	F(PyObject *, PyIter_Next, (PyObject *))                                       \
	F(int, PyObject_IsTrue, (PyObject *))                                          \
	O(PyObject *, PyObject_Vectorcall,                                              \
	  (PyObject *, PyObject *const *, size_t, PyObject *))                           \
	F(PyObject *, PyObject_CallFunctionObjArgs, (PyObject *, ...))                 \
	F(PyObject *, PyObject_CallMethod, (PyObject *, const char *, const char *, ...)) \
	F(PyObject *, PyBytes_FromObject, (PyObject *))                                \
	F(PyObject *, PyMemoryView_FromObject, (PyObject *))                           \
	F(void, PyObject_Free, (void *))                                               \
	/* types */                                                                    \
	F(PyObject *, PyType_FromSpec, (PyType_Spec *))                                \
	F(PyObject *, PyType_GenericAlloc, (PyTypeObject *, Py_ssize_t))               \
	F(int, PyType_IsSubtype, (PyTypeObject *, PyTypeObject *))                     \
	/* str and bytes */                                                            \
	F(PyObject *, PyUnicode_DecodeLatin1, (const char *, Py_ssize_t, const char *)) \
	F(PyObject *, PyUnicode_DecodeFSDefaultAndSize, (const char *, Py_ssize_t))    \
	F(PyObject *, PyUnicode_FromString, (const char *))                            \
	F(PyObject *, PyUnicode_InternFromString, (const char *))                      \
	F(const char *, PyUnicode_AsUTF8AndSize, (PyObject *, Py_ssize_t *))           \
	F(PyObject *, PyUnicode_AsLatin1String, (PyObject *))                          \
	F(PyObject *, PyUnicode_AsEncodedString, (PyObject *, const char *, const char *)) \
	F(Py_ssize_t, PyUnicode_GetLength, (PyObject *))                               \
	F(PyObject *, PyBytes_FromStringAndSize, (const char *, Py_ssize_t))           \
	F(int, PyBytes_AsStringAndSize, (PyObject *, char **, Py_ssize_t *))           \
	F(char *, PyBytes_AsString, (PyObject *))                                      \
	F(int, _PyBytes_Resize, (PyObject **, Py_ssize_t))                             \
	/* numbers */                                                                  \
	F(PyObject *, PyLong_FromLong, (long))                                         \
	F(PyObject *, PyLong_FromUnsignedLong, (unsigned long))                        \
	F(PyObject *, PyLong_FromLongLong, (long long))                                \
	F(long, PyLong_AsLong, (PyObject *))                                           \
	F(long long, PyLong_AsLongLong, (PyObject *))                                  \
	F(PyObject *, PyFloat_FromDouble, (double))                                    \
	F(Py_ssize_t, PyNumber_AsSsize_t, (PyObject *, PyObject *))                    \
	/* containers */                                                               \
	F(PyObject *, PyDict_New, (void))                                              \
	F(PyObject *, PyDict_Copy, (PyObject *))                                       \
	F(int, PyDict_SetItem, (PyObject *, PyObject *, PyObject *))                   \
	F(int, PyDict_SetItemString, (PyObject *, const char *, PyObject *))           \
	F(PyObject *, PyDict_GetItemWithError, (PyObject *, PyObject *))               \
	F(PyObject *, PyDict_GetItemString, (PyObject *, const char *))                \
	F(int, PyDict_DelItem, (PyObject *, PyObject *))                               \
	F(PyObject *, PyList_New, (Py_ssize_t))                                        \
	F(Py_ssize_t, PyList_Size, (PyObject *))                                       \
	F(PyObject *, PyList_GetItem, (PyObject *, Py_ssize_t))                        \
	F(int, PyList_Append, (PyObject *, PyObject *))                                \
	F(int, PySequence_SetSlice, (PyObject *, Py_ssize_t, Py_ssize_t, PyObject *))  \
	F(Py_ssize_t, PyTuple_Size, (PyObject *))                                      \
	F(PyObject *, PyTuple_GetItem, (PyObject *, Py_ssize_t))                       \
	F(PyObject *, Py_BuildValue, (const char *, ...))                              \
	F(int, PyArg_ParseTuple, (PyObject *, const char *, ...))                      \
	/* functions, modules and code */                                              \
	F(PyObject *, PyCFunction_NewEx, (PyMethodDef *, PyObject *, PyObject *))      \
	F(PyObject *, PyModule_New, (const char *))                                    \
	F(PyObject *, PyModule_GetDict, (PyObject *))                                  \
	F(PyObject *, PyImport_ImportModule, (const char *))                           \
	F(PyObject *, PyImport_GetModuleDict, (void))                                  \
	F(PyObject *, Py_CompileString, (const char *, const char *, int))             \
	F(PyObject *, PyEval_EvalCode, (PyObject *, PyObject *, PyObject *))           \
	F(PyObject *, PyEval_GetBuiltins, (void))                                      \
	/* errors */                                                                   \
	F(PyObject *, PyErr_Occurred, (void))                                          \
	F(void, PyErr_Clear, (void))                                                   \
	F(void, PyErr_Fetch, (PyObject **, PyObject **, PyObject **))                  \
	F(void, PyErr_Restore, (PyObject *, PyObject *, PyObject *))                   \
	F(void, PyErr_NormalizeException, (PyObject **, PyObject **, PyObject **))     \
	F(int, PyException_SetTraceback, (PyObject *, PyObject *))                     \
	F(int, PyErr_ExceptionMatches, (PyObject *))                                   \
	F(void, PyErr_SetString, (PyObject *, const char *))                           \
	F(PyObject *, PyErr_Format, (PyObject *, const char *, ...))                   \
	F(PyObject *, PyErr_NoMemory, (void))                                          \
	F(void, PyErr_WriteUnraisable, (PyObject *))

#define GS_CAPI_OBJECTS(T, E)         \
	T(_Py_NoneStruct)             \
	T(_Py_TrueStruct)             \
	T(_Py_FalseStruct)            \
	T(PyBaseObject_Type)          \
	T(PyUnicode_Type)             \
	T(PyBytes_Type)               \
	T(PyList_Type)                \
	T(PyTuple_Type)               \
	T(PyGen_Type)                 \
	E(PyExc_OSError)              \
	E(PyExc_RuntimeError)         \
	E(PyExc_StopIteration)        \
	E(PyExc_SystemExit)           \
	E(PyExc_TypeError)            \
	E(PyExc_ValueError)

#endif
