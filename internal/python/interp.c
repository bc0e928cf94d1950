#define _GNU_SOURCE
#include "interp.h"
#include "errlog.h"
#include "input.h"
#include "module.h"
#include "response.h"
#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gs_interp *gs_interps[GS_MAX_INTERPS];
volatile int gs_stopped;
int gs_object_head;
void (*gs_log_plain)(gs_call, int, const char *, size_t);

void gs_adopt_seat(struct gs_interp *interp);

int gs_ninterps;
static int main_busy;

static struct source {
	char *name, *text;
} sources[32];
static int n_sources;

static char **key_names;
static size_t n_keys;

static char *copy_text(const char *text, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy)
		abort();
	memcpy(copy, text, size);
	copy[size] = 0;
	return copy;
}

void gs_source_add(const char *name, const char *text, size_t size)
{
	if (n_sources == (int)(sizeof sources / sizeof sources[0]))
		abort();
	sources[n_sources++] = (struct source){copy_text(name, strlen(name)), copy_text(text, size)};
}

void gs_key_add(const char *text, size_t size)
{
	key_names = realloc(key_names, (n_keys + 1) * sizeof *key_names);
	if (!key_names)
		abort();
	key_names[n_keys++] = copy_text(text, size);
}

/* Writes the current exception to err and clears it. */
void *gs_explain(const char *what, char *err, size_t size)
{
	PyObject *type, *value, *traceback;

	gs_py.PyErr_Fetch(&type, &value, &traceback);
	gs_py.PyErr_NormalizeException(&type, &value, &traceback);
	PyObject *text = value ? gs_py.PyObject_Repr(value) : NULL;
	const char *s = text ? gs_py.PyUnicode_AsUTF8AndSize(text, NULL) : NULL;
	snprintf(err, size, "%s: %s", what, s ? s : "unknown error");
	gs_py.Py_DecRef(text);
	gs_py.Py_DecRef(type);
	gs_py.Py_DecRef(value);
	gs_py.Py_DecRef(traceback);
	gs_py.PyErr_Clear();
	return NULL;
}

/* Runs one source as the module _gophersnake.<name>. Returns 0 or -1. */
static int run_source(const struct source *s)
{
	char name[64], file[80];
	int status = -1;

	snprintf(name, sizeof name, "_gophersnake.%s", s->name);
	snprintf(file, sizeof file, "<gophersnake %s.py>", s->name);
	PyObject *code = gs_py.Py_CompileString(s->text, file, GS_FILE_INPUT);
	PyObject *module = code ? gs_py.PyModule_New(name) : NULL;
	if (module) {
		PyObject *dict = gs_py.PyModule_GetDict(module); /* borrowed */
		PyObject *modules = gs_py.PyImport_GetModuleDict();

		gs_py.PyDict_SetItemString(dict, "__builtins__", gs_py.PyEval_GetBuiltins());
		if (gs_py.PyDict_SetItemString(modules, name, module) == 0) {
			PyObject *result = gs_py.PyEval_EvalCode(code, dict, dict);

			status = result ? 0 : -1;
			gs_py.Py_DecRef(result);
		}
	}
	gs_py.Py_DecRef(module);
	gs_py.Py_DecRef(code);
	return status;
}

/* A list of the NUL-terminated texts in pairs; new, or NULL with an exception. */
PyObject *gs_text_list(const char *pairs, size_t size)
{
	PyObject *list = gs_py.PyList_New(0);

	for (size_t at = 0; list && at < size;) {
		size_t n = strlen(pairs + at);
		PyObject *text = gs_py.PyUnicode_DecodeFSDefaultAndSize(pairs + at, (Py_ssize_t)n);

		if (!text || gs_py.PyList_Append(list, text) < 0)
			gs_clear(&list);
		gs_py.Py_DecRef(text);
		at += n + 1;
	}
	return list;
}

static PyObject *helper(const char *module, const char *name)
{
	PyObject *m = gs_py.PyImport_ImportModule(module);
	PyObject *o = m ? gs_py.PyObject_GetAttrString(m, name) : NULL;

	gs_py.Py_DecRef(m);
	return o;
}

static int find_helpers(struct gs_interp *in)
{
	struct {
		PyObject **slot;
		const char *module, *name;
	} wanted[] = {
		{&in->getrefcount, "sys", "getrefcount"},
		{&in->unsupported, "io", "UnsupportedOperation"},
		{&in->text_wrapper, "_gophersnake.streams", "text_wrapper"},
		{&in->file_wrapper, "_gophersnake.wrapper", "FileWrapper"},
		{&in->file_of, "_gophersnake.wrapper", "file_of"},
		{&in->request_timeout, "_gophersnake.events", "RequestTimeout"},
		{&in->event_callbacks, "_gophersnake.events", "event_callbacks"},
		{&in->publish, "_gophersnake.events", "publish"},
		{&in->publish_signal, "_gophersnake.events", "publish_signal"},
		{&in->log_exception, "_gophersnake.errors", "log_exception"},
		{&in->stack_of, "_gophersnake.errors", "stack_of"},
		{&in->new_target, "_gophersnake.loader", "new_target"},
		{&in->stopping, "_gophersnake.setup", "stopping"},
		{&in->sources, "_gophersnake.setup", "source_files"},
		{&in->loading, "_gophersnake.loading", "report"},
	};
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		if (!(*wanted[i].slot = helper(wanted[i].module, wanted[i].name)))
			return -1;
	return 0;
}

static int intern_names(struct gs_interp *in)
{
	struct {
		PyObject **slot;
		const char *text;
	} names[] = {
		{&in->n_close, "close"},
		{&in->n_mtime, "__mtime__"},
		{&in->n_reload_required, "reload_required"},
		{&in->k_input, "wsgi.input"},
		{&in->k_errors, "wsgi.errors"},
		{&in->k_request_start, "mod_wsgi.request_start"},
		{&in->k_queue_start, "mod_wsgi.queue_start"},
		{&in->k_daemon_start, "mod_wsgi.daemon_start"},
		{&in->k_application_start, "mod_wsgi.application_start"},
		{&in->k_thread_id, "mod_wsgi.thread_id"},
		{&in->k_request_id, "mod_wsgi.request_id"},
	};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (!(*names[i].slot = gs_py.PyUnicode_InternFromString(names[i].text)))
			return -1;
	in->keys = calloc(n_keys, sizeof *in->keys);
	for (in->nkeys = 0; in->keys && in->nkeys < n_keys; in->nkeys++)
		if (!(in->keys[in->nkeys] = gs_py.PyUnicode_InternFromString(key_names[in->nkeys])))
			return -1;
	return in->keys ? 0 : -1;
}

/* Builds types, helpers and names of in, whose GIL is held. Returns 0 or -1
 * with an exception. */
static int furnish(struct gs_interp *in, const char *options, size_t size)
{
	PyObject *head = gs_py.PyObject_GetAttrString(gs_py.PyBaseObject_Type, "__basicsize__");
	if (!head)
		return -1;
	gs_object_head = (int)gs_py.PyLong_AsLong(head);
	gs_py.Py_DecRef(head);
	if (gs_input_type(in) < 0 || gs_log_type(in) < 0 || gs_start_type(in) < 0)
		return -1;
	if (gs_module_new() < 0)
		return -1;
	for (int i = 0; i < n_sources; i++)
		if (run_source(&sources[i]) < 0)
			return -1;
	if (find_helpers(in) < 0 || intern_names(in) < 0)
		return -1;
	PyObject *configure = helper("_gophersnake.setup", "configure");
	PyObject *list = configure ? gs_text_list(options, size) : NULL;
	PyObject *done = list ? gs_call1(configure, list) : NULL;
	gs_py.Py_DecRef(list);
	gs_py.Py_DecRef(configure);
	gs_py.Py_DecRef(done);
	return done ? 0 : -1;
}

static struct gs_interp *record(PyThreadState *home, int own_gil)
{
	struct gs_interp *in = calloc(1, sizeof *in);

	if (!in)
		abort();
	in->index = gs_ninterps;
	in->home = home;
	in->state = gs_py.PyThreadState_GetInterpreter(home);
	in->own_gil = own_gil;
	in->busy = own_gil ? calloc(1, sizeof *in->busy) : &main_busy;
	gs_interps[gs_ninterps++] = in;
	gs_adopt_seat(in);
	return in;
}

static int start_with_config(const char *program, int utf8, char *err, size_t errsize)
{
	const char *why = NULL;
	PyInitConfig *c = gs_py.PyInitConfig_Create();

	if (!c || gs_py.PyInitConfig_SetInt(c, "isolated", 0) < 0 ||
	    gs_py.PyInitConfig_SetInt(c, "use_environment", 1) < 0 ||
	    gs_py.PyInitConfig_SetInt(c, "user_site_directory", 1) < 0 ||
	    gs_py.PyInitConfig_SetInt(c, "safe_path", 1) < 0 ||
	    gs_py.PyInitConfig_SetInt(c, "install_signal_handlers", 0) < 0 ||
	    gs_py.PyInitConfig_SetInt(c, "utf8_mode", utf8) < 0 ||
	    gs_py.PyInitConfig_SetStr(c, "program_name", program) < 0 ||
	    gs_py.Py_InitializeFromInitConfig(c) < 0) {
		if (c)
			gs_py.PyInitConfig_GetError(c, &why);
		snprintf(err, errsize, "start Python: %s", why ? why : "out of memory");
		gs_py.PyInitConfig_Free(c);
		return -1;
	}
	gs_py.PyInitConfig_Free(c);
	return 0;
}

static int start_python(const char *program, int utf8, char *err, size_t errsize)
{
	if (gs_py.version >= 0x030E && gs_py.Py_InitializeFromInitConfig)
		return start_with_config(program, utf8, err, errsize);
	if (gs_py.Py_UTF8Mode)
		*gs_py.Py_UTF8Mode = utf8;
	/* kept by CPython until the process ends */
	wchar_t *wide = gs_py.Py_DecodeLocale(program, NULL);
	if (!wide) {
		snprintf(err, errsize, "decode %s: not text in this locale", program);
		return -1;
	}
	gs_py.Py_SetProgramName(wide);
	gs_py.Py_InitializeEx(0);
	return 0;
}

struct gs_interp *gs_python_start(const char *program, int utf8, const char *options, size_t size,
				  void (*log)(gs_call, int, const char *, size_t), char *err,
				  size_t errsize)
{
	gs_log_plain = log;
	gs_fork_watch();
	if (start_python(program, utf8, err, errsize) < 0)
		return NULL;
	struct gs_interp *in = record(gs_py.PyThreadState_Get(), 0);
	if (furnish(in, options, size) < 0)
		in = gs_explain("set up the main interpreter", err, errsize);
	gs_fork_end("the start of Python");
	gs_py.PyEval_SaveThread();
	return in;
}

static PyThreadState *new_state(int own_gil, char *err, size_t errsize)
{
	PyThreadState *ts = NULL;

	if (!own_gil) {
		ts = gs_py.Py_NewInterpreter();
		if (!ts)
			snprintf(err, errsize, "create sub-interpreter: Python refused");
		return ts;
	}
	PyInterpreterConfig config = {
		.allow_fork = 1,
		.allow_exec = 1,
		.allow_threads = 1,
		.allow_daemon_threads = 1,
		.check_multi_interp_extensions = 1,
		.gil = GS_GIL_OWN,
	};
	if (!gs_py.Py_NewInterpreterFromConfig) {
		snprintf(err, errsize, "create sub-interpreter with its own GIL: needs Python 3.12");
		return NULL;
	}
	PyStatus status = gs_py.Py_NewInterpreterFromConfig(&ts, &config);
	if (status.type != 0) {
		snprintf(err, errsize, "create sub-interpreter with its own GIL: %s",
			 status.err_msg ? status.err_msg : "Python refused");
		return NULL;
	}
	return ts;
}

struct gs_interp *gs_interp_new(int own_gil, const char *options, size_t size, char *err,
				size_t errsize)
{
	struct gs_interp *in = NULL;

	if (gs_ninterps == GS_MAX_INTERPS) {
		snprintf(err, errsize, "create sub-interpreter: there are %d already", gs_ninterps);
		return NULL;
	}
	gs_attach(gs_interps[0]);
	PyThreadState *ts = new_state(own_gil, err, errsize);
	if (ts) {
		in = record(ts, own_gil);
		if (furnish(in, options, size) < 0)
			in = gs_explain("set up sub-interpreter", err, errsize);
		gs_py.PyEval_SaveThread();
		gs_py.PyEval_RestoreThread(gs_interps[0]->home);
	}
	gs_detach(gs_interps[0]);
	return in;
}

struct gs_interp *gs_interp_current(void)
{
	PyInterpreterState *state = gs_py.PyThreadState_GetInterpreter(gs_py.PyThreadState_Get());

	for (int i = 0; i < gs_ninterps; i++)
		if (gs_interps[i]->state == state)
			return gs_interps[i];
	return NULL;
}

void gs_interp_signal(struct gs_interp *in, int number)
{
	gs_attach(in);
	PyObject *arg = gs_py.PyLong_FromLong(number);
	PyObject *done = arg ? gs_call1(in->publish_signal, arg) : NULL;
	if (!done)
		gs_py.PyErr_WriteUnraisable(in->publish_signal);
	gs_py.Py_DecRef(done);
	gs_py.Py_DecRef(arg);
	gs_detach(in);
}

/* Runs one call of a helper that returns bytes; see gs_source_files. */
static char *bytes_from(struct gs_interp *in, PyObject *helper, size_t *size)
{
	char *copy = NULL, *data;
	Py_ssize_t n;

	gs_attach(in);
	PyObject *joined = gs_py.PyObject_CallFunctionObjArgs(helper, NULL);
	if (joined && gs_py.PyBytes_AsStringAndSize(joined, &data, &n) == 0) {
		copy = copy_text(data, (size_t)n);
		*size = (size_t)n;
	}
	gs_py.Py_DecRef(joined);
	gs_py.PyErr_Clear();
	gs_detach(in);
	return copy;
}

char *gs_source_files(struct gs_interp *in, size_t *size)
{
	return bytes_from(in, in->sources, size);
}

char *gs_loading(struct gs_interp *in, size_t *size)
{
	return bytes_from(in, in->loading, size);
}
