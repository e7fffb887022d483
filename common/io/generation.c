#include "io/store_private.h"

#include <fcntl.h>
#include <string.h>

#include "value/clock.h"

/*
 * A file that comes or goes changes the time of its directory, in steps of
 * some milliseconds: a second change in the same step does not show. So a
 * directory that has changed of late counts as changed at each look.
 */
#define SETTLED	2	/* seconds */

/* `now` counts whole seconds. */
#define BACK_MS	1500

static bool
singles_changed(struct og_store *store, int64_t now)
{
	struct timespec before, *seen;
	struct stat st;

	memset(&st, 0, sizeof(st));
	(void)fstatat(store->dir, og_inner_word(OG_INNER_SINGLES), &st,
	    AT_SYMLINK_NOFOLLOW);
	seen = &store->generation.singles;
	before = *seen;
	*seen = st.st_mtim;
	return before.tv_sec != seen->tv_sec ||
	    before.tv_nsec != seen->tv_nsec || now - seen->tv_sec < SETTLED;
}

/* What was made of the facts holds until a time that will now come later. */
static bool
clock_set_back(struct og_generation *generation, int64_t now)
{
	int64_t before_ms;

	before_ms = generation->ahead_ms;
	generation->ahead_ms = now * 1000 - og_clock_boot();
	return generation->ahead_ms < before_ms - BACK_MS;
}

uint64_t
og_store_generation(struct og_store *store, int64_t now)
{
	struct og_generation *generation;

	generation = &store->generation;
	if (generation->looked_at == now && generation->looks == store->looks)
		return generation->number;
	generation->looked_at = now;
	generation->looks = store->looks;
	og_held_look(store, now);
	if (clock_set_back(generation, now))
		generation->number++;
	if (singles_changed(store, now))
		generation->number++;
	return generation->number;
}
