/*
 * What a sync has read so far, page by page, so that one that was stopped can
 * be taken up again by the next: DIR/sync.
 *
 *	DIR/sync/begun			when the sync under way began; locked by it
 *	DIR/sync/<SHA-256 of a list>	the pages of that list, in their order
 *
 * A page is written behind the others and flushed; one that was cut off by a
 * crash is dropped when the file is opened again. Readers of the store never
 * look here. For whoever writes the store; see store_write.h.
 */
#ifndef OG_IO_JOURNAL_H
#define OG_IO_JOURNAL_H

#include "io/store.h"
#include "meaning/api.h"
#include "value/fact.h"

struct og_journals;

/*
 * Takes up the sync that was begun no longer than max_age seconds ago and not
 * finished, or begins one. OG_ERR_BUSY: another process is at it.
 * OG_ERR_SYSTEM, OG_ERR_UNSAFE (logged), OG_ERR_NOMEM.
 */
enum og_error og_journals_open(struct og_journals **, struct og_store *,
    int64_t now, int64_t max_age);

/* Leaves all as it is, for the next. NULL is fine. */
void og_journals_close(struct og_journals *);

/* Forgets what was read: the sync is complete. Closes. */
void og_journals_finish(struct og_journals *);

/* Whether the list was fetched since the sync began that was taken up. One that
 * begins now trusts nothing that is there. */
bool og_journals_since(const struct og_journals *,
    const struct og_list_info *);

struct og_journal;

/* Read only. */
struct og_journal_state {
	unsigned int pages;
	uint64_t rows;
	char cursor[OG_API_CURSOR_MAX + 1];	/* of the next page; "" after the last one */
	bool complete;
	int64_t fetched_at;	/* of the oldest page; 0 while there is none */
	int64_t boot_ms;
};
const struct og_journal_state *og_journal_state(const struct og_journal *);

/*
 * The pages of `list` so far; none when they are of another organization, or
 * from before this sync. Errors as above.
 */
enum og_error og_journal_open(struct og_journal **, struct og_journals *,
    const struct og_query *list, int64_t now);
void og_journal_close(struct og_journal *);	/* NULL is fine */

/*
 * One page more; cursor "" says that it was the last. The oldest dates the
 * list. OG_ERR_SYSTEM (logged) leaves the pages before it; OG_ERR_LIMIT: more
 * rows than any page has.
 */
struct og_journal_page {
	const struct og_record *row;
	size_t count;
	const char *cursor;
	int64_t fetched_at;
	int64_t boot_ms;
};
enum og_error og_journal_add(struct og_journal *,
    const struct og_journal_page *);

/* Every row, in order, until `each` returns an error. OG_ERR_CORRUPT. */
enum og_error og_journal_read(struct og_journal *,
    enum og_error (*each)(void *arg, const struct og_record *), void *arg);

/* Forgets its pages: they contradict each other. */
enum og_error og_journal_restart(struct og_journal *);

#endif
