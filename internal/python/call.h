/*
 * call: one request.
 *
 * Role: builds environ, loads the script if it must, calls the application,
 * takes its response and releases everything, in one call from Go.
 *
 * Memory: a struct gs_request lives on the stack of gs_serve. The Python
 * objects that point to it (input, start_response, wsgi.errors) are cut off
 * before gs_serve returns, so that an application that keeps one gets an
 * exception and never a dead pointer.
 */
#ifndef GS_CALL_H
#define GS_CALL_H

#include "interp.h"
#include "io.h"
#include "pace.h"

#include <sys/resource.h>
#include "template.h"

/* A script in an interpreter; made by gs_target_new, lives until the end. */
struct gs_target {
	struct gs_interp *interp;
	char *path;           /* "" for a script that is part of this program */
	char *process_group, *application_group;
	int reloading;        /* look whether the file changed */
	int recycles;         /* a changed script is for another process: GS_STALE */
	int server_pid;       /* process that takes connections */
	PyObject *loader;     /* loader.Target, owned */
	PyObject *load;       /* its method load(request id, wanted), owned */
	PyObject *base;       /* environ without what differs by request, owned */
	PyObject *callable;   /* name of the application, interned, owned */
	PyObject *dict;       /* of the loaded module, owned, or NULL */
	PyObject *mtime;      /* module.__mtime__ as the loader set it, owned */
	int64_t mtime_ns;     /* of the file as it was loaded */
	int64_t checked_ns;   /* when the file was last found unchanged; atomic */
	int failed;           /* the last attempt to load it has failed, and this process makes no other */
	int64_t failed_ns;    /* last change of the file then */
	int64_t kept_ns;      /* last change of the file that another process could not load; 0: none; atomic */
	int denied;           /* the last attempt to load it was refused: see owner.py */
	int64_t first_ns;     /* CLOCK_MONOTONIC of the first request of a target that recycles, or 0 */
	struct gs_template templates[GS_TEMPLATES];
};

struct gs_request {
	struct gs_target *target;
	struct gs_interp *interp;
	struct gs_thread *thread;
	const struct gs_io *io;
	gs_call call;
	double start; /* seconds since 1970 */
	double queue_start, daemon_start; /* likewise; 0 in embedded mode */

	/* input: body is borrowed and comes before what io->read yields */
	const char *body;
	size_t body_size;
	int body_more; /* io->read is to be asked */
	int input_failed;
	char *window; /* malloc'ed, for readline beyond the prefix */
	size_t window_at, window_size;

	/* output: buf is the caller's memory, or malloc'ed when a head is too
	 * large for it (buf != out) */
	char *out, *buf;
	size_t cap, size; /* of buf: room, and used by head and body */
	struct gs_pending *pending;
	int published;   /* pending->state is READY */
	int started;     /* start_response has been called */
	int head_final;  /* Content-Length is known and written */
	int sent;        /* the head goes out, or has */
	int heading;     /* one thread sends it now, without the GIL: see GS_SEND_HEAD */
	int gone;        /* the client has */
	int blocks;      /* held back in buf */
	int excess;      /* bytes beyond Content-Length were dropped */
	double asked;    /* when it was asked whether the client is, at an empty block; 0: not */
	int64_t length;  /* Content-Length or -1 */
	int64_t written; /* bytes of the body taken */
	int status;
	size_t length_at; /* where in buf the text of Content-Length is, 0: none */
	size_t length_size;
	int lengths_differ; /* there was another Content-Length, with another text */
	size_t control_at;  /* where in buf a value with a control character is, 0: none */
	size_t control_size;

	PyObject *environ, *input, *start_response, *data; /* owned, or NULL */
	PyObject *id; /* mod_wsgi.request_id; owned, or NULL */

	/* counters for events */
	long input_reads, output_writes;
	int64_t input_length;
	double input_time, output_time;
	int watched; /* someone subscribed to events */
	int in_io;   /* threads inside an io function, and others that need it to last */
	struct gs_request *pinned; /* the next one in gs_each_request */
};

enum gs_kind {
	GS_COMPLETE,  /* out holds the head and the whole body */
	GS_FILE,      /* out holds the head; fd, offset and count the body */
	GS_STREAMED,  /* everything went through io */
	GS_FAILED,    /* nothing was sent: 500 */
	GS_NOT_FOUND, /* the script is not there: 404 */
	GS_FORBIDDEN, /* the script is not a file: 403 */
	GS_TIMEOUT,   /* RequestTimeout before anything was sent: 504 */
	GS_ABORTED,   /* it failed after the head was sent */
	GS_GONE,      /* the client went away */
	GS_STALE,     /* the script changed: nothing was done */
	GS_DENIED,    /* the script may not be run: 403; the reason has been logged */
};

struct gs_result {
	int kind;
	int status;     /* of the head in out, or that was sent */
	uint32_t size;  /* bytes in out */
	int fd;         /* GS_FILE: given to the caller, who closes it */
	int64_t count;  /* GS_FILE: bytes to send */
	int64_t length;  /* declared Content-Length or -1 */
	int64_t written; /* bytes of body produced, at most length */
	int excess;      /* more were produced and dropped */
	struct gs_sample sample; /* if it was measured */
};

/*
 * Makes a target from pairs of NUL-terminated texts (see loader.new_target).
 * Returns NULL with a text in err. Takes the GIL.
 */
struct gs_target *gs_target_new(struct gs_interp *interp, const char *pairs, size_t size,
				char *err, size_t errsize);

/* Loads the script of t if it is not, in the calling thread: with the GIL taken
 * here. Failures are logged. */
void gs_target_preload(struct gs_target *t);

/* The time of the last change of the file of t, 0 if there is none. Neither this nor the
 * next takes the GIL. */
int64_t gs_target_changed(const struct gs_target *t);

/* Has requests served by what is loaded, while the last change of the file is this one;
 * 0 is none. */
void gs_target_keep(struct gs_target *t, int64_t changed_ns);

/* The entries of an environ, see package flat. */
struct gs_flat_environ {
	const char *data;
	size_t size;
	size_t steady; /* bytes of it that may come again */
};

/*
 * Serves one request on the calling thread.
 *
 * environ and body are borrowed for the call; more says that
 * io->read has the rest of the body. out of cap bytes and pending stay the
 * caller's; see struct gs_pending for who may touch them when. daemon_start is when a
 * daemon's thread took the request, seconds since 1970, or 0. measure asks for
 * the times in the result.
 */
struct gs_result gs_serve(struct gs_target *t, const struct gs_io *io, gs_call call,
			  const char *environ, size_t environ_size, size_t steady,
			  const char *body, size_t body_size, int more, int64_t start_ns, char *out, size_t cap,
			  struct gs_pending *pending, double daemon_start, int measure);

/* Calls an io function for r without the GIL. The request does not end meanwhile. */
#define GS_IO(r, statement)             \
	do {                            \
		(r)->in_io++;           \
		GS_UNLOCKED(statement); \
		(r)->in_io--;           \
	} while (0)

/* GS_IO for what sends the head, by the thread that has set sent. What others write
 * meanwhile waits (gs_reclaim): a body does not come before its head. */
#define GS_SEND_HEAD(r, statement)   \
	do {                         \
		(r)->heading = 1;    \
		GS_IO(r, statement); \
		(r)->heading = 0;    \
	} while (0)

/* The request that runs on the calling thread, or NULL. */
static inline struct gs_request *gs_current_request(void)
{
	return gs_thread_self()->request;
}

/* The dict of mod_wsgi.request_data() of r: borrowed, or NULL with an exception. */
PyObject *gs_request_data(struct gs_request *r);

/* Seconds since 1970. */
double gs_now(void);

/* Publishes an event; payload is stolen and may be NULL with an exception.
 * Returns the payload as the callbacks left it: new, or NULL after logging. */
PyObject *gs_publish(struct gs_request *r, const char *name, PyObject *payload);

/* Lets subscribers see the request, and replace the application: app is stolen, and
 * what they want instead, or app, returned. */
PyObject *gs_publish_started(struct gs_request *r, PyObject *app);

/* Tells subscribers the figures of the request, which began at a time and after
 * the thread had used this much of the processor. */
void gs_publish_finished(struct gs_request *r, double began, const struct rusage *before);

/* Logs the current exception as the failure of r's application and clears it. */
void gs_log_exception(struct gs_request *r);

#endif
