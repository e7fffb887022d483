/*
 * One lock per query, so that one process fetches and the others wait
 *. flock(2): it dies with its holder. Never
 * blocks: who waits, tries again.
 */
#ifndef OG_IO_LOCK_H
#define OG_IO_LOCK_H

#include "io/store.h"

enum og_lock {
	OG_LOCK_HELD,		/* *fd is the lock: og_lock_release */
	OG_LOCK_BUSY,		/* somebody else fetches */
	OG_LOCK_NONE		/* locks cannot be had (read-only or full store): go on alone */
};

enum og_lock og_lock_try(struct og_store *, const struct og_query *, int *fd);
void og_lock_release(int fd);		/* -1 is fine */

/*
 * Addresses that somebody waits to have looked up, so that who wins the lock
 * asks for up to OG_API_EMAILS_MAX of them in one request. Best effort: an
 * error is "nobody waits". A want left behind by a dead process is forgotten
 * after a minute.
 *
 * One that is set apart was among those of a request that the API refused. For
 * a minute, or until it is removed, og_wants_list leaves it out and nothing is
 * added in its place: who waits for it asks for it alone.
 */
void og_wants_add(struct og_store *, const char *email);
void og_wants_remove(struct og_store *, const char *email);
void og_wants_set_apart(struct og_store *, const char *email);
bool og_wants_is_apart(struct og_store *, const char *email);
size_t og_wants_list(struct og_store *, char (*email)[OG_EMAIL_MAX + 1],
    size_t max);

#endif
