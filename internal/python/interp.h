/*
 * interp: the life of CPython in this process.
 *
 * Role: starts libpython, creates sub-interpreters (application groups), keeps
 * one thread state per operating system thread and interpreter, and ends it
 * all in order.
 *
 * Threads: gs_python_start, gs_interp_new and gs_python_stop are called on one
 * operating system thread, Python's main thread. gs_attach may be called on
 * any thread.
 *
 * Memory: gs_interp structures live until the process ends; their Python
 * objects are owned by them and released by gs_python_stop.
 */
#ifndef GS_INTERP_H
#define GS_INTERP_H

#include "capi.h"
#include "fork.h"
#include "io.h"

enum { GS_MAX_INTERPS = 256 };
enum { GS_VALUES = 512 };      /* remembered strings, a power of two */
enum { GS_VALUE_MAX = 256 };   /* longest of them in bytes */

struct gs_request;

/* A string of an earlier request that is likely to come again. */
struct gs_value {
	PyObject *text;   /* owned; ASCII only */
	const char *data; /* its bytes, valid while text lives */
	uint32_t size;
};

/* Exit handlers of a sub-interpreter that ends run after gs_python_stop has released
 * the objects below: what Python code can call then takes none of them for granted. */
struct gs_interp {
	int index;
	int own_gil;
	PyInterpreterState *state;
	PyThreadState *home; /* of Python's main thread */
	int *busy;           /* threads that hold or want this GIL; a hint only */

	PyObject **keys; /* interned str by flat.Key; nkeys of them */
	size_t nkeys;
	struct gs_value values[GS_VALUES];

	PyObject *input_type, *log_type, *start_type;
	PyObject *getrefcount;     /* sys.getrefcount */
	PyObject *unsupported;     /* class io.UnsupportedOperation */
	PyObject *text_wrapper;    /* io.TextIOWrapper of a Log for wsgi.errors */
	PyObject *file_wrapper;    /* class mod_wsgi.FileWrapper */
	PyObject *file_of;         /* wrapper.file_of(FileWrapper) */
	PyObject *request_timeout; /* class mod_wsgi.RequestTimeout */
	PyObject *event_callbacks; /* list */
	PyObject *publish;         /* events.publish(name, payload) */
	PyObject *publish_signal;  /* events.publish_signal(number) */
	PyObject *log_exception;   /* errors.log_exception(...) */
	PyObject *stack_of;        /* errors.stack_of(thread ident) */
	PyObject *stopping;        /* setup.stopping(ending) */
	PyObject *new_target;      /* loader.new_target(pairs) */
	PyObject *sources;         /* setup.source_files() */
	PyObject *loading;         /* loading.report() */
	PyObject *active;          /* dict of mod_wsgi.active_requests once asked for, or NULL */
	/* interned names */
	PyObject *n_close, *n_mtime, *n_reload_required;
	PyObject *k_input, *k_errors, *k_request_start, *k_queue_start, *k_daemon_start, *k_application_start, *k_thread_id,
		*k_request_id;
};

/* Text collected until a line is complete. */
struct gs_lines {
	char *data;
	size_t size, cap;
	int line_flush; /* what was written last has ended a line: the text layer flushes */
};

/* What one thread has in one interpreter. */
struct gs_seat {
	PyThreadState *state;
	struct gs_request *request; /* running now in this interpreter, or NULL */
	struct gs_seat *dropped;    /* the next one in gs_drop_other_seats */
	PyObject *log, *text; /* an idle wsgi.errors, owned, or NULL */
};

/* One operating system thread that has run Python. */
struct gs_thread {
	struct gs_thread *next;
	int id;   /* mod_wsgi.thread_id */
	long tid; /* of the operating system */
	unsigned long ident; /* threading.get_ident() */
	struct gs_request *request; /* running now, or NULL */
	double gil_wait; /* seconds that the last gs_attach waited */
	int64_t gil_waited_ns; /* and all of them; others read it */
	struct gs_lines out, err;
	struct gs_seat *seats[GS_MAX_INTERPS];
};

/* The log of what belongs to no request; set by gs_python_start. */
extern void (*gs_log_plain)(gs_call, int, const char *, size_t);

/* Adds a module of the Python side; both texts are copied. Before start. */
void gs_source_add(const char *name, const char *text, size_t size);

/* Adds the next key of package flat, in order. Before start. */
void gs_key_add(const char *text, size_t size);

/*
 * Initialises libpython, which gs_capi_open has opened, as program would.
 * utf8 switches on UTF-8 mode. options are pairs of NUL-terminated texts, size
 * bytes in all, for setup.configure. Returns the main interpreter, or NULL
 * with a text in err. The GIL is released on return.
 */
struct gs_interp *gs_python_start(const char *program, int utf8, const char *options, size_t size,
				  void (*log)(gs_call, int, const char *, size_t),
				  char *err, size_t errsize);

/* Creates a sub-interpreter; own_gil needs CPython 3.12. As above. */
struct gs_interp *gs_interp_new(int own_gil, const char *options, size_t size, char *err,
				size_t errsize);

/* Tells the subscribers in an interpreter of a signal to the process. */
void gs_interp_signal(struct gs_interp *in, int number);

/*
 * Tells subscribers the reason, runs shutdown callbacks and atexit handlers of every interpreter and
 * finalises those that no thread of their own keeps alive. No thread may be
 * inside gs_attach, unless busy says so: then nothing is finalised, and the process
 * is to end. Nothing of this package may be called afterwards.
 */
void gs_python_stop(const char *reason, int busy);

/*
 * Takes the GIL of interp for the calling thread, with the thread state it
 * always uses there. Blocks. Never returns NULL; a process without the memory
 * for a thread state is ended.
 */
struct gs_thread *gs_attach(struct gs_interp *interp);

/* Gives the GIL up; thread state and objects stay. What comes next is Go, or C that
 * belongs to it: a process that was forked by the application ends here. */
void gs_detach(struct gs_interp *interp);

/* Gives up what the calling thread has in all interpreters, at its end: for threads
 * that end before Python does, so that Python does not end meanwhile. */
void gs_thread_end(void);

/* Lets the processor rest for a moment, in a loop that looks for a change. */
static inline void gs_pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Takes and releases the GIL of the main interpreter. */
void gs_probe(void);

/* The interpreter that runs on the calling thread. Needs a GIL. */
struct gs_interp *gs_interp_current(void);

/* The record of the calling thread, made if it has none; no GIL needed. */
struct gs_thread *gs_thread_self(void);

/* Keep the list of threads as it is; whoever holds it waits for no GIL. For fork.c. */
void gs_threads_lock(void);
void gs_threads_unlock(void);

/* The request that runs on the calling thread, or NULL; makes no record. */
struct gs_request *gs_thread_request(void);

/* Calls visit for the requests of all other threads, with the list locked. */
void gs_threads_other_requests(void (*visit)(struct gs_request *));

/* Calls visit, which may run Python code, for every request that runs in interp.
 * Needs its GIL. */
void gs_each_request(struct gs_interp *interp,
		     void (*visit)(struct gs_request *, void *), void *arg);

/* How many threads have a state in interp; needs its GIL. */
int gs_thread_count(struct gs_interp *interp);

/* Runs one call of the helper setup.source_files in interp and returns a
 * malloc'ed text of NUL-terminated paths, its size in *size; NULL if it failed.
 * Takes the GIL. */
char *gs_source_files(struct gs_interp *interp, size_t *size);

/* The same with the helper loading.report. */
char *gs_loading(struct gs_interp *interp, size_t *size);

/* Bytes of a PyObject's head, from object.__basicsize__. */
extern int gs_object_head;

/* The data of an instance of one of our own types. */
static inline void *gs_body(PyObject *o)
{
	return (char *)o + gs_object_head;
}

/* Releases an instance of one of our own types, which owns its type. */
static inline void gs_free(PyObject *self)
{
	PyObject *type = gs_py.PyObject_Type(self);

	gs_py.PyObject_Free(self);
	gs_py.Py_DecRef(type);
	gs_py.Py_DecRef(type);
}

/* Gives the GIL up around a call of a gs_io function. */
#define GS_UNLOCKED(statement)                                        \
	do {                                                          \
		PyThreadState *gs_saved = gs_py.PyEval_SaveThread(); \
		statement;                                            \
		gs_py.PyEval_RestoreThread(gs_saved);                 \
	} while (0)

#endif
