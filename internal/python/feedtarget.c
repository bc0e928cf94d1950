#include "feedio.h"
#include "_cgo_export.h"

#include <stdlib.h>
#include <string.h>

/* A script in an application group, as requests name it. */
struct known {
	uint32_t script, size;
	char *group;
	struct gs_target *target;
};

enum { MAX_KNOWN = 4096 };

static struct known known[MAX_KNOWN];
static int n_known; /* entries below it never change */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static struct gs_target *find(const struct gs_slot *s)
{
	int n = __atomic_load_n(&n_known, __ATOMIC_ACQUIRE);

	for (int i = 0; i < n; i++) {
		const struct known *k = &known[i];

		if (k->script == s->script && k->size == s->group_size &&
		    memcmp(k->group, s->group, k->size) == 0)
			return k->target;
	}
	return NULL;
}

/* Lets Go make the target, in the main thread of Python. Under making. */
static struct gs_target *make(const struct gs_slot *s)
{
	struct gs_target *t = gsFeedTarget(s->script, (char *)s->group, s->group_size);
	char *group = malloc(s->group_size + 1);

	if (!group)
		abort();
	memcpy(group, s->group, s->group_size);
	if (!t || n_known == MAX_KNOWN) {
		free(group);
		return t;
	}
	known[n_known] = (struct known){s->script, s->group_size, group, t};
	__atomic_store_n(&n_known, n_known + 1, __ATOMIC_RELEASE);
	return t;
}

struct gs_target *gs_feed_target(const struct gs_slot *s)
{
	struct gs_target *t = find(s);

	if (t)
		return t;
	pthread_mutex_lock(&making);
	t = find(s);
	if (!t)
		t = make(s);
	pthread_mutex_unlock(&making);
	return t;
}
