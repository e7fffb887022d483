/*
 * What is counted: decisions by policy, reason and door, fetches by endpoint
 * and outcome. A fixed layout of 64-bit numbers, changed by relaxed atomic
 * additions only, so that several processes can count in one piece of memory
 * (a mapped file, nginx's shared zone) and nobody waits for anybody: who is
 * stopped or killed in the middle leaves at worst one count missing.
 *
 * Only og_tally_keep changes more than numbers, and wants to be the only one.
 */
#ifndef OG_VALUE_TALLY_H
#define OG_VALUE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "value/reason.h"

#define OG_TALLY_POLICIES	64	/* as many as gate.conf may have */
#define OG_TALLY_NAME_MAX	64	/* bytes of a policy's name */
#define OG_TALLY_ENDPOINTS	16	/* room for endpoints to come */
#define OG_TALLY_CACHES		4	/* words of enum og_cache */

/* Slot and cache word of a decision that has none. */
#define OG_TALLY_NO_POLICY	OG_TALLY_POLICIES
#define OG_TALLY_NO_CACHE	OG_TALLY_CACHES

enum og_door {
	OG_DOOR_PAM,
	OG_DOOR_CLI,		/* openai-gate check */
	OG_DOOR_NGINX
};
#define OG_DOOR_COUNT (OG_DOOR_NGINX + 1)

/* How a request to the API ended: its status, or why there was none. */
enum og_outcome {
	OG_OUTCOME_200,
	OG_OUTCOME_400,
	OG_OUTCOME_401,
	OG_OUTCOME_403,
	OG_OUTCOME_404,
	OG_OUTCOME_429,
	OG_OUTCOME_5XX,
	OG_OUTCOME_OTHER,	/* another status, or no memory to read it */
	OG_OUTCOME_TIMEOUT,
	OG_OUTCOME_NETWORK,
	OG_OUTCOME_PROTOCOL	/* a status 200 and not what belongs to it */
};
#define OG_OUTCOME_COUNT (OG_OUTCOME_PROTOCOL + 1)

struct og_tally_name {
	uint64_t used;
	char text[OG_TALLY_NAME_MAX + 8];
};

/* One policy's decisions at one door. */
struct og_tally_count {
	uint64_t reason[OG_REASON_COUNT];
	uint64_t cache[OG_TALLY_CACHES];
};

/* Read with og_tally_load: another process may be adding. */
struct og_tally {
	uint64_t magic;
	uint64_t size;
	/* what is so now; 0: not known */
	int64_t synced_at;	/* Unix seconds: the last complete sync */
	int64_t sync_ms;	/* how long it took */
	int64_t key_expires_at;	/* Unix seconds; -1: never, or never told */
	/* what has been counted */
	uint64_t shared;	/* answers taken from another's fetch */
	uint64_t fetched[OG_TALLY_ENDPOINTS][OG_OUTCOME_COUNT];
	uint64_t waited_ms[OG_TALLY_ENDPOINTS];	/* for pace and back-off */
	struct og_tally_name name[OG_TALLY_POLICIES];
	struct og_tally_count policy[OG_TALLY_POLICIES + 1][OG_DOOR_COUNT];
};

/* Of zeroed memory. */
void og_tally_init(struct og_tally *);

/* False: not what og_tally_init of this version has made. */
bool og_tally_valid(const struct og_tally *);

/*
 * From now on each of these names (at most OG_TALLY_POLICIES) has a slot. A
 * slot of another name is taken, and its counts forgotten, only when none is
 * free. Not at the same time as another's og_tally_keep.
 */
void og_tally_keep(struct og_tally *, const char *const *name, size_t count);

/* Whether og_tally_keep would change anything. */
bool og_tally_has(const struct og_tally *, const char *const *name,
    size_t count);

/* OG_TALLY_NO_POLICY for NULL and for a name that has no slot. */
size_t og_tally_slot(const struct og_tally *, const char *policy);

/* These do nothing when tally is NULL: nobody counts. */
void og_tally_decided(struct og_tally *, size_t slot, enum og_door,
    enum og_reason, unsigned int cache);
void og_tally_fetched(struct og_tally *, unsigned int endpoint,
    enum og_outcome);
void og_tally_shared(struct og_tally *);
void og_tally_waited(struct og_tally *, unsigned int endpoint, int64_t ms);
void og_tally_synced(struct og_tally *, int64_t at, int64_t ms);
void og_tally_key_expires(struct og_tally *, int64_t at);

/* Adds all of `more`, by the policies' names, and takes over what it knows. */
void og_tally_merge(struct og_tally *, const struct og_tally *more);

static inline uint64_t
og_tally_load(const uint64_t *number)
{
	return __atomic_load_n(number, __ATOMIC_RELAXED);
}

/* Never NULL. */
const char *og_door_word(enum og_door);
const char *og_outcome_word(enum og_outcome);

#endif
