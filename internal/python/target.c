#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

PyObject *gs_text_list(const char *pairs, size_t size);

/* A malloc'ed copy of a str attribute in the file system's encoding, or NULL
 * with an exception. */
static char *text_attribute(PyObject *o, const char *name)
{
	char *data, *copy = NULL;
	PyObject *text = gs_py.PyObject_GetAttrString(o, name);
	PyObject *bytes = text
		? gs_py.PyUnicode_AsEncodedString(text, "utf-8", "surrogateescape") : NULL;

	if (bytes && gs_py.PyBytes_AsStringAndSize(bytes, &data, NULL) == 0)
		copy = strdup(data);
	gs_py.Py_DecRef(bytes);
	gs_py.Py_DecRef(text);
	return copy;
}

static int flag_attribute(PyObject *o, const char *name)
{
	PyObject *flag = gs_py.PyObject_GetAttrString(o, name);
	int yes = flag && gs_py.PyObject_IsTrue(flag) == 1;

	gs_py.Py_DecRef(flag);
	return yes;
}

static int number_attribute(PyObject *o, const char *name)
{
	PyObject *number = gs_py.PyObject_GetAttrString(o, name);
	int n = number ? (int)gs_py.PyLong_AsLong(number) : 0;

	gs_py.Py_DecRef(number);
	return n;
}

/* Fills t from its loader.Target. Returns 0, or -1 with an exception. */
static int read_target(struct gs_target *t)
{
	t->base = gs_py.PyObject_GetAttrString(t->loader, "base");
	t->callable = gs_py.PyObject_GetAttrString(t->loader, "callable_object");
	t->load = gs_py.PyObject_GetAttrString(t->loader, "load");
	t->path = text_attribute(t->loader, "file");
	t->reloading = flag_attribute(t->loader, "reloading");
	t->recycles = flag_attribute(t->loader, "recycles");
	t->server_pid = number_attribute(t->loader, "server_pid");
	return t->base && t->callable && t->load && t->path ? 0 : -1;
}

struct gs_target *gs_target_new(struct gs_interp *interp, const char *pairs, size_t size,
				char *err, size_t errsize)
{
	struct gs_target *t = calloc(1, sizeof *t);

	if (!t)
		abort();
	t->interp = interp;
	gs_attach(interp);
	PyObject *list = gs_text_list(pairs, size);
	t->loader = list ? gs_call1(interp->new_target, list) : NULL;
	gs_py.Py_DecRef(list);
	if (!t->loader || read_target(t) < 0) {
		gs_explain("prepare script", err, errsize);
		free(t); /* once per failed start: its objects may stay */
		t = NULL;
	}
	gs_detach(interp);
	return t;
}

int64_t gs_target_changed(const struct gs_target *t)
{
	struct stat st;

	if (!t->path[0] || stat(t->path, &st) < 0)
		return 0;
	return st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/* Remembers what the file was that this process could not load. */
static void note_failure(struct gs_target *t)
{
	PyObject *mtime = gs_py.PyObject_GetAttrString(t->loader, "_mtime_ns");

	t->failed_ns = mtime ? gs_py.PyLong_AsLongLong(mtime) : 0;
	if (t->failed_ns == 0) /* it could not even be opened */
		t->failed_ns = gs_target_changed(t);
	t->failed = t->recycles && !t->denied;
	gs_py.Py_DecRef(mtime);
}

/* Calls loader.Target.load and keeps what it loaded. Returns 0, or -1 when the
 * script failed, which has been logged. */
static int load(struct gs_target *t, PyObject *request_id, int force)
{
	PyObject *loaded = gs_call2(t->load, request_id ? request_id : GS_NONE, force ? GS_TRUE : GS_FALSE);
	int status = -1;

	if (!loaded || loaded == GS_NONE) {
		gs_clear(&t->dict); /* the next request tries again */
		t->denied = loaded && flag_attribute(t->loader, "denied");
		note_failure(t);
	}
	if (loaded && loaded != GS_NONE) {
		PyObject *old_dict = t->dict, *old_mtime = t->mtime;

		t->dict = gs_py.PyTuple_GetItem(loaded, 0);
		t->mtime = gs_py.PyTuple_GetItem(loaded, 1);
		t->mtime_ns = gs_py.PyLong_AsLongLong(gs_py.PyTuple_GetItem(loaded, 2));
		gs_py.Py_IncRef(t->dict);
		gs_py.Py_IncRef(t->mtime);
		t->denied = t->failed = 0;
		gs_py.Py_DecRef(old_dict);
		gs_py.Py_DecRef(old_mtime);
		status = 0;
	}
	if (!loaded)
		gs_py.PyErr_WriteUnraisable(t->load);
	gs_py.Py_DecRef(loaded);
	return status;
}

void gs_target_preload(struct gs_target *t)
{
	gs_attach(t->interp);
	if (!t->dict)
		load(t, NULL, 0);
	gs_lines_end(gs_thread_self());
	gs_fork_end("loading the script");
	gs_detach(t->interp);
}

/* How long a process that is replaced when the script wants it serves requests
 * before the script is heard. */
enum { SETTLE_NANOSECONDS = 1000000000 };

/*
 * Whether the wish of a script to be loaded again is not heard yet. A script that
 * wants it always would have every process replaced before it has served anything:
 * so each serves its first request, and a while longer, whatever the script wants.
 */
static int settling(struct gs_target *t)
{
	struct timespec now;

	if (!t->recycles)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t ns = now.tv_sec * (int64_t)1000000000 + now.tv_nsec;
	if (t->first_ns == 0)
		t->first_ns = ns;
	return ns - t->first_ns < SETTLE_NANOSECONDS;
}

/* Asks the script's own reload_required(resource), if it has one. */
static int script_wants_reload(struct gs_target *t)
{
	PyObject *f = gs_py.PyDict_GetItemWithError(t->dict, t->interp->n_reload_required);

	if (!f || settling(t))
		return 0;
	PyObject *wanted = gs_py.PyObject_CallMethod(t->loader, "reload_required", "O", f);
	int yes = wanted && gs_py.PyObject_IsTrue(wanted) == 1;

	gs_py.PyErr_Clear();
	gs_py.Py_DecRef(wanted);
	return yes;
}

/* How long a file that was found unchanged is trusted. */
enum { TRUST_NANOSECONDS = 100000 };

int gs_target_check(struct gs_target *t, int64_t now_ns, int64_t *mtime_ns)
{
	int64_t since = now_ns - __atomic_load_n(&t->checked_ns, __ATOMIC_ACQUIRE);
	struct stat st;

	*mtime_ns = __atomic_load_n(&t->mtime_ns, __ATOMIC_RELAXED);
	if (since >= 0 && since < TRUST_NANOSECONDS)
		return GS_COMPLETE;
	if (stat(t->path, &st) < 0)
		return GS_NOT_FOUND;
	if (!S_ISREG(st.st_mode))
		return GS_FORBIDDEN;
	int64_t found = st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	if (found == *mtime_ns)
		__atomic_store_n(&t->checked_ns, now_ns, __ATOMIC_RELEASE);
	*mtime_ns = found;
	return GS_COMPLETE;
}

void gs_target_keep(struct gs_target *t, int64_t changed_ns)
{
	__atomic_store_n(&t->kept_ns, changed_ns, __ATOMIC_RELAXED);
}

enum staleness { FRESH, STALE, UNWANTED };

/* Whether the script must be loaded. mtime_ns is that of its file now. */
static enum staleness staleness(struct gs_target *t, int64_t mtime_ns)
{
	if (!t->dict)
		return STALE;
	if (!t->reloading)
		return FRESH;
	if (mtime_ns == __atomic_load_n(&t->kept_ns, __ATOMIC_RELAXED))
		return FRESH; /* nobody else can load it: whatever it wants itself */
	if (mtime_ns != t->mtime_ns)
		return STALE;
	if (gs_py.PyDict_GetItemWithError(t->dict, t->interp->n_mtime) != t->mtime)
		return settling(t) ? FRESH : UNWANTED; /* the script changed or removed its __mtime__ */
	return script_wants_reload(t) ? UNWANTED : FRESH;
}

int gs_target_outdated(struct gs_target *t, int64_t mtime_ns)
{
	if (!t->recycles)
		return 0;
	if (!t->dict)
		return t->failed && mtime_ns != t->failed_ns && mtime_ns != __atomic_load_n(&t->kept_ns, __ATOMIC_RELAXED);
	return staleness(t, mtime_ns) != FRESH;
}

PyObject *gs_target_application(struct gs_target *t, PyObject *request_id, int64_t mtime_ns)
{
	enum staleness s = staleness(t, mtime_ns);

	if (s != FRESH && load(t, request_id, s == UNWANTED) < 0)
		return NULL;
	if (!t->dict) /* another thread failed to load it meanwhile, and said so */
		return NULL;
	PyObject *app = gs_py.PyDict_GetItemWithError(t->dict, t->callable);
	gs_py.Py_IncRef(app);
	if (!app) {
		PyObject *done =
			gs_py.PyObject_CallMethod(t->loader, "missing_callable", NULL);
		gs_py.Py_DecRef(done);
		gs_py.PyErr_Clear();
	}
	return app;
}
