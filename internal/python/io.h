/*
 * io: where a request's bytes come from and go to.
 *
 * Role: the adapter (call, input, response, errlog) reads request bodies and
 * writes responses only through a gs_io. Embedded mode supplies functions that
 * call into Go; a daemon supplies operations on its slot of the shared region.
 *
 * Contract of every function: it is entered WITHOUT the GIL, may block, and
 * must not touch Python. `call` is the handle that was given to gs_serve.
 * Memory passed in is borrowed for the call.
 */
#ifndef GS_IO_H
#define GS_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef uintptr_t gs_call;

enum gs_level { /* the values of logs.Level */
	GS_LOG_EMERG,
	GS_LOG_ALERT,
	GS_LOG_CRIT,
	GS_LOG_ERROR,
	GS_LOG_WARN,
	GS_LOG_NOTICE,
	GS_LOG_INFO,
	GS_LOG_DEBUG,
	GS_LOG_TRACE,
};

struct gs_io {
	/* Reads up to size bytes of the body that follow its prefix. Returns the
	 * number read, 0 at the end, or -n when the body cannot be read: then
	 * buf holds n bytes that say why (0 < n <= size). With size 0 it only
	 * says that the body is wanted, and returns 0. */
	ssize_t (*read)(gs_call call, char *buf, size_t size);
	/* Sends the head (flat, see package flat) and the body bytes behind it.
	 * Called once, before write. Returns 0, or -1: the client is gone. */
	int (*send)(gs_call call, const char *flat, size_t size);
	/* Sends bytes of the body, at once if flush. Returns 0, or -1: the
	 * client is gone. With size 0 it only asks for that, also before send,
	 * and may give the answer the next time. */
	int (*write)(gs_call call, const char *data, size_t size, int flush);
	/* Waits until output that was taken from a pending buffer is sent (see
	 * struct gs_pending). Returns 0, or -1: the client is gone. */
	int (*settle)(gs_call call);
	/* Takes one or more lines, without a newline at the end, for the error
	 * log; call is 0 outside requests. */
	void (*log)(gs_call call, int level, const char *text, size_t size);
};

/*
 * A buffer of output that the adapter holds back in the hope to complete it,
 * while the application computes on. PEP 3333 ("Buffering and Streaming")
 * wants a block to be on its way meanwhile: whoever owns the memory may take
 * the output when it has waited for some milliseconds, by changing state from
 * READY to TAKEN with compare-and-swap, and sends it.
 */
struct gs_pending {
	uint32_t state; /* generation << 2 | one of enum gs_pending_state */
	uint32_t size;  /* bytes ready in the output buffer */
	uint32_t eager; /* nothing waits: the adapter sends at once itself; never changes */
};

enum gs_pending_state {
	GS_IDLE = 0,  /* the adapter's: only it may touch the buffer */
	GS_READY = 1, /* either side may change this */
	GS_TAKEN = 2, /* the sender's, until settle returns */
};

#endif
