#include "value/tally.h"

#include <string.h>

/* "OGTALLY1": another layout gets another number. */
#define MAGIC UINT64_C(0x31594c4c4154474f)

/* Else it would take a lock, in this process's memory only. */
_Static_assert(__atomic_always_lock_free(sizeof(uint64_t), 0),
    "64-bit numbers cannot be added to without a lock");

static void
add(uint64_t *number, uint64_t n)
{
	(void)__atomic_fetch_add(number, n, __ATOMIC_RELAXED);
}

static int64_t
load_signed(const int64_t *number)
{
	return __atomic_load_n(number, __ATOMIC_RELAXED);
}

static void
store_signed(int64_t *number, int64_t n)
{
	__atomic_store_n(number, n, __ATOMIC_RELAXED);
}

void
og_tally_init(struct og_tally *tally)
{
	tally->magic = MAGIC;
	tally->size = sizeof(*tally);
}

bool
og_tally_valid(const struct og_tally *tally)
{
	return tally->magic == MAGIC && tally->size == sizeof(*tally);
}

/* The text of a used slot was written before it was called used. */
static bool
is_used(const struct og_tally_name *name)
{
	return __atomic_load_n(&name->used, __ATOMIC_ACQUIRE) == 1;
}

static bool
is_among(const struct og_tally_name *slot, const char *const *name,
    size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strncmp(slot->text, name[i], sizeof(slot->text)) == 0)
			return true;
	}
	return false;
}

size_t
og_tally_slot(const struct og_tally *tally, const char *policy)
{
	size_t i;

	if (policy == NULL || strlen(policy) > OG_TALLY_NAME_MAX)
		return OG_TALLY_NO_POLICY;
	for (i = 0; i < OG_TALLY_POLICIES; i++) {
		if (is_used(&tally->name[i]) &&
		    is_among(&tally->name[i], &policy, 1))
			return i;
	}
	return OG_TALLY_NO_POLICY;
}

/* A free slot, else one that nobody wants any more. */
static size_t
find_room(const struct og_tally *tally, const char *const *name, size_t count)
{
	size_t i;

	for (i = 0; i < OG_TALLY_POLICIES; i++) {
		if (!is_used(&tally->name[i]))
			return i;
	}
	for (i = 0; i < OG_TALLY_POLICIES; i++) {
		if (!is_among(&tally->name[i], name, count))
			return i;
	}
	return OG_TALLY_NO_POLICY;
}

void
og_tally_keep(struct og_tally *tally, const char *const *name, size_t count)
{
	struct og_tally_name *slot;
	size_t at, i;

	for (i = 0; i < count; i++) {
		if (strlen(name[i]) > OG_TALLY_NAME_MAX ||
		    og_tally_slot(tally, name[i]) != OG_TALLY_NO_POLICY)
			continue;
		at = find_room(tally, name, count);
		if (at == OG_TALLY_NO_POLICY)
			return;
		slot = &tally->name[at];
		__atomic_store_n(&slot->used, 0, __ATOMIC_RELEASE);
		memset(tally->policy[at], 0, sizeof(tally->policy[at]));
		memset(slot->text, 0, sizeof(slot->text));
		memcpy(slot->text, name[i], strlen(name[i]));
		__atomic_store_n(&slot->used, 1, __ATOMIC_RELEASE);
	}
}

bool
og_tally_has(const struct og_tally *tally, const char *const *name,
    size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strlen(name[i]) <= OG_TALLY_NAME_MAX &&
		    og_tally_slot(tally, name[i]) == OG_TALLY_NO_POLICY)
			return false;
	}
	return true;
}

void
og_tally_decided(struct og_tally *tally, size_t slot, enum og_door door,
    enum og_reason reason, unsigned int cache)
{
	struct og_tally_count *count;

	if (tally == NULL || slot > OG_TALLY_NO_POLICY ||
	    (unsigned int)reason >= OG_REASON_COUNT)
		return;
	count = &tally->policy[slot][door];
	add(&count->reason[reason], 1);
	if (cache < OG_TALLY_CACHES)
		add(&count->cache[cache], 1);
}

void
og_tally_fetched(struct og_tally *tally, unsigned int endpoint,
    enum og_outcome outcome)
{
	if (tally != NULL && endpoint < OG_TALLY_ENDPOINTS)
		add(&tally->fetched[endpoint][outcome], 1);
}

void
og_tally_shared(struct og_tally *tally)
{
	if (tally != NULL)
		add(&tally->shared, 1);
}

void
og_tally_waited(struct og_tally *tally, unsigned int endpoint, int64_t ms)
{
	if (tally != NULL && endpoint < OG_TALLY_ENDPOINTS && ms > 0)
		add(&tally->waited_ms[endpoint], (uint64_t)ms);
}

void
og_tally_synced(struct og_tally *tally, int64_t at, int64_t ms)
{
	if (tally == NULL)
		return;
	store_signed(&tally->sync_ms, ms);
	store_signed(&tally->synced_at, at);
}

void
og_tally_key_expires(struct og_tally *tally, int64_t at)
{
	if (tally != NULL)
		store_signed(&tally->key_expires_at, at);
}

/* What is 0 is not touched: its page of a file need not be written. */
static void
add_all(uint64_t *to, const uint64_t *from, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (og_tally_load(&from[i]) != 0)
			add(&to[i], og_tally_load(&from[i]));
	}
}

static void
add_count(struct og_tally_count *to, const struct og_tally_count *from)
{
	add_all(to->reason, from->reason, OG_REASON_COUNT);
	add_all(to->cache, from->cache, OG_TALLY_CACHES);
}

void
og_tally_merge(struct og_tally *tally, const struct og_tally *more)
{
	size_t i, door, to;

	if (load_signed(&more->synced_at) != 0)
		og_tally_synced(tally, load_signed(&more->synced_at),
		    load_signed(&more->sync_ms));
	if (load_signed(&more->key_expires_at) != 0)
		og_tally_key_expires(tally,
		    load_signed(&more->key_expires_at));
	add_all(&tally->shared, &more->shared, 1);
	for (i = 0; i < OG_TALLY_ENDPOINTS; i++)
		add_all(tally->fetched[i], more->fetched[i], OG_OUTCOME_COUNT);
	add_all(tally->waited_ms, more->waited_ms, OG_TALLY_ENDPOINTS);
	for (i = 0; i <= OG_TALLY_NO_POLICY; i++) {
		to = OG_TALLY_NO_POLICY;
		if (i < OG_TALLY_NO_POLICY && is_used(&more->name[i]))
			to = og_tally_slot(tally, more->name[i].text);
		for (door = 0; door < OG_DOOR_COUNT; door++)
			add_count(&tally->policy[to][door],
			    &more->policy[i][door]);
	}
}

const char *
og_door_word(enum og_door door)
{
	switch (door) {
	case OG_DOOR_PAM:
		return "pam";
	case OG_DOOR_CLI:
		return "cli";
	case OG_DOOR_NGINX:
		return "nginx";
	}
	return "unknown";
}

const char *
og_outcome_word(enum og_outcome outcome)
{
	switch (outcome) {
	case OG_OUTCOME_200:
		return "200";
	case OG_OUTCOME_400:
		return "400";
	case OG_OUTCOME_401:
		return "401";
	case OG_OUTCOME_403:
		return "403";
	case OG_OUTCOME_404:
		return "404";
	case OG_OUTCOME_429:
		return "429";
	case OG_OUTCOME_5XX:
		return "5xx";
	case OG_OUTCOME_OTHER:
		return "other";
	case OG_OUTCOME_TIMEOUT:
		return "timeout";
	case OG_OUTCOME_NETWORK:
		return "network";
	case OG_OUTCOME_PROTOCOL:
		return "protocol";
	}
	return "other";
}
