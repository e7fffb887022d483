#include "io/store_private.h"

#include <fcntl.h>
#include <string.h>

/*
 * A file that appears or goes changes the time of its directory, in steps of
 * some milliseconds: a second change in the same step does not show. So a
 * directory that has changed of late counts as changed at each look.
 */
#define SETTLED	2	/* seconds */

static bool
changed(struct og_store *store, enum og_inner inner, struct timespec *seen,
    int64_t now)
{
	struct timespec before;
	struct stat st;

	memset(&st, 0, sizeof(st));
	(void)fstatat(store->dir, og_inner_word(inner), &st,
	    AT_SYMLINK_NOFOLLOW);
	before = *seen;
	*seen = st.st_mtim;
	return before.tv_sec != seen->tv_sec ||
	    before.tv_nsec != seen->tv_nsec || now - seen->tv_sec < SETTLED;
}

uint64_t
og_store_generation(struct og_store *store, int64_t now)
{
	struct og_generation *generation;
	bool lists, singles;

	generation = &store->generation;
	if (generation->looked_at == now && generation->looks == store->looks)
		return generation->number;
	generation->looked_at = now;
	generation->looks = store->looks;
	lists = changed(store, OG_INNER_LISTS, &generation->lists, now);
	singles = changed(store, OG_INNER_SINGLES, &generation->singles, now);
	if (lists || singles)
		generation->number++;
	return generation->number;
}
