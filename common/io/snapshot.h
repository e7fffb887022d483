/*
 * A list as it lies in the store at one moment, to tell what a newer one has
 * changed. It stays as it was, whatever is written meanwhile. For whoever
 * writes the store.
 */
#ifndef OG_IO_SNAPSHOT_H
#define OG_IO_SNAPSHOT_H

#include "io/store.h"
#include "value/fact.h"

struct og_snapshot;

/* *snapshot is NULL when there is no list that can be used. OG_ERR_NOMEM. */
enum og_error og_snapshot_take(struct og_snapshot **, struct og_store *,
    const struct og_query *list, int64_t now);
void og_snapshot_free(struct og_snapshot *);	/* NULL is fine */

/* A part of a list, when it is not complete: who is missing may be there. */
struct og_list_info og_snapshot_info(const struct og_snapshot *);

/* The person's row. False: not in it, or the row is damaged. */
bool og_snapshot_find(struct og_snapshot *, const char *id,
    struct og_record *);

/* Calls each with every row, until it returns an error. OG_ERR_CORRUPT,
 * OG_ERR_SYSTEM: some may not have been read. */
enum og_error og_snapshot_each(const struct og_snapshot *,
    enum og_error (*each)(void *arg, const struct og_record *), void *arg);

enum og_change {
	OG_CHANGE_JOINED,	/* before is NULL */
	OG_CHANGE_LEFT,		/* after is NULL */
	OG_CHANGE_ROLE,
	OG_CHANGE_ACCOUNT	/* disabled or not, e-mail address, kind */
};

/* People are told apart by their ids. OG_ERR_CORRUPT, OG_ERR_SYSTEM. */
enum og_error og_snapshot_compare(struct og_snapshot *before,
    struct og_snapshot *after, void (*changed)(void *arg, enum og_change,
    const struct og_record *before, const struct og_record *after),
    void *arg);

#endif
