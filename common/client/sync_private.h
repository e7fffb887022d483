/*
 * What the files of the bulk sync share; nobody else includes this.
 *
 *	sync.c		the lists that are needed, in which order, how long to wait
 *	sync_list.c	one list: its pages, then its place in the store
 */
#ifndef OG_CLIENT_SYNC_PRIVATE_H
#define OG_CLIENT_SYNC_PRIVATE_H

#include "client/sync.h"
#include "io/journal.h"
#include "meaning/api.h"

struct og_sync {
	const struct og_config *conf;
	struct og_store *store;
	struct og_http *http;
	struct og_tally *tally;
	const struct og_log *log;
	const struct og_sync_events *events;
	struct og_journals *journals;
	unsigned int unpaced;		/* tries in a row without a pace to keep */
};

/* One list that is needed. Zeroed but for the first two: not begun. */
struct og_sync_list {
	struct og_sync *sync;
	struct og_query list;
	struct og_journal *journal;	/* NULL: not begun, or ended */
	uint64_t flushes;		/* the store's, when it was opened */
	struct og_sync_result result;
	uint64_t expected;
	unsigned int failures;		/* in a row */
	struct og_circle circle;
	bool restarted;			/* its pages have contradicted each other */
	bool done;
	/* of the request under way */
	bool arrived;
	int64_t age;			/* seconds that caches have kept the answer */
	struct og_answer answer;
};

/*
 * Goes on with the list as far as it can without waiting: a page, or its end.
 * Returns the milliseconds to wait before the next call; 0: none.
 */
int64_t og_sync_step(struct og_sync_list *);

#endif
