#include "client/check.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "client/lookup.h"

/*
 * One block holds the check and both tables. `facts` is the engine's;
 * `seen` remembers what the store said of facts that it could not settle, so
 * that nothing is looked up twice: WANTED, and with `stale` set the record is
 * what may be served should the fetch fail.
 */
struct og_check {
	const struct og_config *conf;
	const struct og_policy *policy;
	struct og_store *store;
	const struct og_log *log;
	struct og_subject subject;
	struct og_decision decision;
	int64_t now;			/* of the latest step */
	bool served_stale;
	bool asked_first;
	bool asked_again;
	struct og_facts facts;
	struct og_facts seen;
	struct og_fact room[];
};

enum og_error
og_check_new(struct og_check **checkp, const struct og_config *conf,
    const struct og_policy *policy, const struct og_subject *subject,
    struct og_store *store, const struct og_log *log)
{
	struct og_check *check;
	size_t size;

	*checkp = NULL;
	size = og_policy_facts_max(policy);
	check = malloc(sizeof(*check) + 2 * size * sizeof(check->room[0]));
	if (check == NULL)
		return OG_ERR_NOMEM;
	memset(check, 0, sizeof(*check));
	check->conf = conf;
	check->policy = policy;
	check->store = store;
	check->log = log;
	check->subject = *subject;
	check->facts.item = check->room;
	check->facts.size = size;
	check->seen.item = check->room + size;
	check->seen.size = size;
	*checkp = check;
	return OG_OK;
}

void
og_check_free(struct og_check *check)
{
	free(check);
}

/* True when the store settles the fact. */
static bool
consult_store(struct og_check *check, struct og_fact *fact, int64_t now)
{
	struct og_fact *known;
	size_t i;

	for (i = 0; i < check->seen.count; i++) {
		known = &check->seen.item[i];
		if (og_query_equal(&known->query, &fact->query)) {
			*fact = *known;
			return false;
		}
	}
	known = og_facts_get(&check->seen, &fact->query);
	if (known == NULL)
		return false;
	if (og_lookup(check->store, check->conf, &fact->query, now, known) ==
	    OG_AGE_FRESH) {
		*fact = *known;
		check->seen.count--;
		return true;
	}
	known->state = OG_FACT_WANTED;
	*fact = *known;
	return false;
}

/* Drops what is still wanted, so that the engine can say again what it needs
 * now that it knows more. */
static void
drop_wanted(struct og_facts *facts)
{
	size_t i, kept;

	for (i = kept = 0; i < facts->count; i++) {
		if (facts->item[i].state == OG_FACT_WANTED)
			continue;
		if (kept != i)
			facts->item[kept] = facts->item[i];
		kept++;
	}
	facts->count = kept;
}

enum og_step
og_check_step(struct og_check *check, int64_t now)
{
	bool settled;
	size_t i;

	check->now = now;
	for (;;) {
		if (og_policy_step(check->policy, &check->subject,
		    &check->facts, &check->decision) == OG_STEP_DONE)
			return OG_STEP_DONE;
		settled = false;
		for (i = 0; i < check->facts.count; i++) {
			if (check->facts.item[i].state == OG_FACT_WANTED &&
			    consult_store(check, &check->facts.item[i], now))
				settled = true;
		}
		if (!settled)
			return OG_STEP_WANT;
		drop_wanted(&check->facts);
	}
}

const struct og_facts *
og_check_facts(const struct og_check *check)
{
	return &check->facts;
}

static void
serve_stale(struct og_check *check, struct og_fact *fact,
    enum og_reason failure)
{
	char text[OG_QUERY_TEXT_MAX];

	og_query_text(&fact->query, text);
	/* A refused key cuts everybody off once stale_ttl is over: shout. */
	og_log(check->log, failure == OG_CREDENTIAL ? LOG_ALERT : LOG_WARNING,
	    "serving stale %s: %s", text, og_reason_word(failure));
	if (fact->state == OG_FACT_WANTED)
		fact->source = OG_SOURCE_STORE;
	fact->state = OG_FACT_FOUND;
	check->served_stale = true;
}

/*
 * A gateway that cannot reach the API itself gives out what it has kept, which
 * is dated when the API said it. Not fresh is only what was old before we
 * asked: no answer can be younger than its own way here, whatever the ttl.
 */
static enum og_age
answer_age(const struct og_check *check, const struct og_fact *answer)
{
	return og_fact_age(check->conf, answer,
	    check->now - check->conf->timeout_ms / 1000 - 1);
}

static void
settle_fresh(struct og_check *check, struct og_fact *fact,
    const struct og_fact *answer)
{
	if (fact->fetched_at != 0)
		check->asked_again = true;
	else
		check->asked_first = true;
	*fact = *answer;
	fact->stale = false;
}

/* fact is WANTED; with `stale` set its record may be served. */
static void
settle(struct og_check *check, struct og_fact *fact,
    const struct og_fact *answer)
{
	enum og_reason failure;

	failure = answer->failure;
	switch (answer_age(check, answer)) {
	case OG_AGE_FRESH:
		settle_fresh(check, fact, answer);
		return;
	case OG_AGE_STALE:
		failure = OG_SERVER_ERROR;
		if (fact->stale && fact->fetched_at >= answer->fetched_at)
			break;
		*fact = *answer;
		fact->stale = true;
		break;
	case OG_AGE_EXPIRED:
		if (answer->state != OG_FACT_FAILED)
			failure = OG_SERVER_ERROR;
		break;
	}
	if (fact->stale) {
		serve_stale(check, fact, failure);
		return;
	}
	fact->state = OG_FACT_FAILED;
	fact->failure = failure;
	check->asked_first = true;
}

void
og_check_answer(struct og_check *check, const struct og_fact *answer,
    size_t count)
{
	struct og_fact none;
	size_t i, j;

	memset(&none, 0, sizeof(none));
	none.state = OG_FACT_FAILED;
	none.failure = OG_PROTOCOL;
	for (i = 0; i < check->facts.count; i++) {
		if (check->facts.item[i].state != OG_FACT_WANTED)
			continue;
		for (j = 0; j < count; j++) {
			if (og_query_equal(&answer[j].query,
			    &check->facts.item[i].query))
				break;
		}
		settle(check, &check->facts.item[i],
		    j < count ? &answer[j] : &none);
	}
}

void
og_check_fail(struct og_check *check, enum og_reason reason)
{
	struct og_fact failed;
	size_t i;

	memset(&failed, 0, sizeof(failed));
	failed.state = OG_FACT_FAILED;
	failed.failure = reason;
	for (i = 0; i < check->facts.count; i++) {
		if (check->facts.item[i].state == OG_FACT_WANTED)
			settle(check, &check->facts.item[i], &failed);
	}
}

const struct og_decision *
og_check_decision(const struct og_check *check)
{
	return &check->decision;
}

enum og_cache
og_check_cache(const struct og_check *check)
{
	if (check->served_stale)
		return OG_CACHE_STALE;
	if (check->asked_first)
		return OG_CACHE_MISS;
	if (check->asked_again)
		return OG_CACHE_REFRESH;
	return OG_CACHE_HIT;
}

const char *
og_cache_word(enum og_cache cache)
{
	switch (cache) {
	case OG_CACHE_HIT:
		return "hit";
	case OG_CACHE_STALE:
		return "stale";
	case OG_CACHE_MISS:
		return "miss";
	case OG_CACHE_REFRESH:
		return "refresh";
	}
	return "miss";
}
