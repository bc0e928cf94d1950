#include "span.h"

int gs_flat_span(const char *data, size_t size, size_t nkeys, size_t *at, struct gs_span *s)
{
	struct gs_cursor c = {data + *at, size - *at};
	struct gs_entry e;
	int more = gs_flat_next(&c, nkeys, &e);

	if (more != 1)
		return more;
	*at = (size_t)(c.at - data);
	*s = (struct gs_span){
		.key = e.key,
		.alias = e.alias,
		.transient = e.transient,
		.name_at = e.name ? (size_t)(e.name - data) : 0,
		.name_size = e.name_size,
		.value_at = (size_t)(e.value - data),
		.value_size = e.value_size,
	};
	return 1;
}
