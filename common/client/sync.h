/*
 * Bulk sync: fills the store with every list that the policies need, whole,
 * ahead of need. The lists of users and invitations, and those of the projects
 * and groups that are named.
 *
 * Page by page, at the pace that all processes on the store share; a third of
 * it stays for people at the door. What has been read is kept (io/journal.h),
 * so that a sync that was stopped, however, goes on where it was. A list is
 * replaced when it is complete, not before; a sync that fails takes nothing
 * away. Memory is bounded by the largest page and by what cdb needs for its
 * hash tables (some 100 bytes a person).
 *
 * Blocks; for the command line alone.
 */
#ifndef OG_CLIENT_SYNC_H
#define OG_CLIENT_SYNC_H

#include "io/http.h"
#include "io/snapshot.h"
#include "io/store.h"
#include "meaning/config.h"
#include "value/fact.h"
#include "value/log.h"
#include "value/tally.h"

/* One list under way. Borrowed for the time of a callback. */
struct og_sync_progress {
	const struct og_query *list;
	unsigned int pages;		/* read so far */
	uint64_t rows;
	uint64_t expected;		/* rows it had the last time; 0: unknown */
	int64_t wait_ms;		/* no request before that; 0: one is sent */
	enum og_reason why;		/* of the wait */
};

struct og_sync_result {
	const struct og_query *list;
	enum og_reason reason;		/* OG_GO_ON: it is in the store, whole */
	uint64_t rows;
	unsigned int requests;		/* of this run */
	unsigned int resumed;		/* pages that an earlier run had read */
	bool known;			/* was complete in the store already */
	bool fresh;			/* needed nothing: read by this sync before,
					   or by somebody else since it began */
	int64_t age;			/* seconds; of its first page */
};

struct og_sync_events {
	void *arg;
	void (*progress)(void *arg, const struct og_sync_progress *);

	/* Before `ended`, when the list was known. */
	void (*changed)(void *arg, enum og_change,
	    const struct og_record *before, const struct og_record *after);
	void (*ended)(void *arg, const struct og_sync_result *);
};

/*
 * All are borrowed; tally may be NULL: nobody counts.
 *
 * OG_GO_ON: every list is complete. Else why the first one that failed did; the others were tried all the same, and the next run goes
 * on. OG_STORE: another process is at it, or the store cannot be written,
 * its pace among it.
 */
enum og_reason og_sync_run(const struct og_config *, struct og_store *,
    struct og_http *, struct og_tally *, const struct og_log *,
    const struct og_sync_events *);

#endif
