/*
 * Writing the store: for the helper, the command line and nginx workers, never
 * for a PAM process. A file is written whole beside its name and renamed; an
 * error leaves the old one. Unknown and forgotten temporary files are swept.
 *
 * Files and inner directories are as readable as the store's directory: who
 * shares it with a group (chmod 2750, mirror mode) shares what comes later.
 * The umask plays no part. What cannot be written is logged with its path.
 */
#ifndef OG_IO_STORE_WRITE_H
#define OG_IO_STORE_WRITE_H

#include "io/store.h"

/* Makes what is not there of the directory (its parents are) and its inner
 * directories, 0700, for the calling user. */
enum og_error og_store_create(const char *directory, struct og_message *);

/*
 * Whether files are flushed to the disk before they are renamed. Yes, by
 * default: PAM's answers must survive a power cut. An event loop turns it off.
 */
void og_store_no_sync(struct og_store *);

/*
 * Which flush was the last; 0 before the first. Taken before the API is asked:
 * what was asked for before a flush and answered after it is not kept.
 */
uint64_t og_store_flushes(struct og_store *);

/*
 * One FOUND or ABSENT fact about a subject; OG_ERR_PROTOCOL when a found
 * record is not the subject's, OG_ERR_SYNTAX for anything else. boot_ms: what
 * og_clock_boot said when it was fetched, so that its age is known whatever
 * becomes of the wall clock. flushes: as above; OG_ERR_MISSING when there has
 * been another since.
 */
enum og_error og_store_put_single(struct og_store *, const struct og_fact *,
    int64_t boot_ms, uint64_t flushes);

/*
 * A list, row by row, in bounded memory:
 *
 *	og_list_begin … og_list_add … og_list_commit or og_list_abort
 *
 * og_list_add: OG_ERR_PROTOCOL when an id comes twice (pages are no snapshot)
 * or is empty; every later call then fails alike. Two rows whose addresses fold to one make that address ambiguous, no more.
 */
struct og_list_writer;
enum og_error og_list_begin(struct og_list_writer **, struct og_store *,
    const struct og_query *list);
enum og_error og_list_add(struct og_list_writer *, const struct og_record *);

/* Whether a row with that id has been added. */
enum og_error og_list_has(struct og_list_writer *, const char *id, bool *found);

/* Both free the writer. state is PARTIAL or COMPLETE; boot_ms, flushes and
 * OG_ERR_MISSING as above. */
enum og_error og_list_commit(struct og_list_writer *, int64_t fetched_at,
    int64_t boot_ms, enum og_list_state state, uint64_t flushes);
void og_list_abort(struct og_list_writer *);	/* NULL is fine */

/* Keeps the store within conf's size, in blocks of 4 KiB: temporary and unknown
 * files (an hour old) first, then expired singles, then the oldest; a list
 * that goes while still in use is a warning. Cheap when nothing is to do: at
 * most one real look a minute (by the mtime of DIR/swept). */
void og_store_sweep(struct og_store *, int64_t now);

/*
 * For the command line: calls visit for every file of the store, sound or
 * not. `fact` tells query, time and (of a single) state and record; of a list,
 * rows is the number of rows, else -1. A file that cannot be used has
 * trouble != NULL.
 */
struct og_store_entry {
	const char *path;		/* below the store's directory */
	const struct og_fact *fact;	/* NULL when trouble is not */
	enum og_list_state list;	/* NONE: a single */
	int64_t rows;
	uint64_t size;			/* bytes */
	const char *trouble;
};
enum og_error og_store_visit(struct og_store *,
    void (*visit)(void *arg, const struct og_store_entry *), void *arg);

/* For the command line. False: a directory in it must not be trusted, each said
 * in the log with its mend, so that what belongs there is not used. */
bool og_store_usable(struct og_store *);

/*
 * Forgets everything, or (by a query's subject) all that speaks of one person:
 * his singles and, since a list is immutable, every list; and, by the time of
 * DIR/flushed, what is under way. *removed counts. OG_ERR_SYSTEM, errno.
 */
enum og_error og_store_flush(struct og_store *, const struct og_query *subject,
    size_t *removed);

#endif
