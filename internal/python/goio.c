#include "goio.h"
#include "_cgo_export.h"

/* cgo cannot declare const parameters; the functions keep to io.h. */
const struct gs_io gs_go_io = {
	.read = (ssize_t(*)(gs_call, char *, size_t))gsGoRead,
	.send = (int (*)(gs_call, const char *, size_t))gsGoSend,
	.write = (int (*)(gs_call, const char *, size_t, int))gsGoWrite,
	.settle = (int (*)(gs_call))gsGoSettle,
	.log = (void (*)(gs_call, int, const char *, size_t))gsGoLog,
};

struct gs_interp *gs_go_start(const char *program, int utf8, const char *options, size_t size,
			      char *err, size_t errsize)
{
	return gs_python_start(program, utf8, options, size, gs_go_io.log, err, errsize);
}
