#include "nofile.h"

#include <errno.h>
#include <sys/resource.h>

static rlim_t inherited = RLIM_INFINITY;

/* Runs before main, and so before Go. */
__attribute__((constructor)) static void remember(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		inherited = limit.rlim_cur;
}

int gs_nofile_restore(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return errno;
	if (limit.rlim_cur <= inherited)
		return 0;
	limit.rlim_cur = inherited;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : errno;
}
