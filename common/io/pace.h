/*
 * The budget of each endpoint, kept in DIR/pace and shared by all processes
 * on the store. The file has a fixed size and is rewritten in place under
 * flock, so that a full disk does not stop it. A file that is missing,
 * damaged or cannot be written is logged and counts as an idle budget: our
 * own pace must never be what locks people out. Background work (reserve > 0)
 * is told to wait instead, with OG_STORE.
 *
 * Times are of the clock since the boot, so that setting the wall clock neither
 * ends a back-off nor makes one endless; after a restart of the machine the
 * wall clock says how long ago they were.
 *
 * The lock is held for microseconds and waited for at most 100 ms.
 */
#ifndef OG_IO_PACE_H
#define OG_IO_PACE_H

#include "io/store.h"
#include "meaning/api.h"
#include "meaning/budget.h"

/* Requests of the pace that background work leaves to people at the door: a
 * third, and never none. */
unsigned int og_pace_reserve(unsigned int per_minute);

/* As og_budget_take and friends, for that endpoint, at this moment. */
int64_t og_pace_take(struct og_store *, enum og_endpoint,
    unsigned int per_minute, unsigned int reserve, enum og_reason *why);
void og_pace_succeed(struct og_store *, enum og_endpoint);
void og_pace_fail(struct og_store *, enum og_endpoint, enum og_reason why,
    int64_t retry_after_ms);

/* For the command line. False: nothing on record. */
bool og_pace_show(struct og_store *, enum og_endpoint, struct og_budget *);

/* For the command line. False, and what is the matter with the file: nobody
 * keeps the pace. Not there is fine. */
bool og_pace_usable(struct og_store *, struct og_message *);

/* All of them, the lock taken once. Zeroed: nothing on record. */
void og_pace_show_all(struct og_store *,
    struct og_budget budget[OG_ENDPOINT_COUNT]);

#endif
