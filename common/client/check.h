/*
 * A check: one request for a decision. It joins policy, store and whoever
 * can fetch; it does no network I/O itself and never waits.
 *
 *	og_check_new(&check, conf, policy, &subject, store, log)
 *	while (og_check_step(check, now) == OG_STEP_WANT) {
 *		get answers for every OG_FACT_WANTED fact of og_check_facts
 *		(helper, fetch.h), or fail them all with one reason
 *		og_check_answer(check, answers) / og_check_fail(check, reason)
 *	}
 *	og_check_decision(check)
 *
 * Stale on error happens here: a wanted fact that failed is served from a
 * stale positive one, where the store had it, and logged. So is one that a
 * gateway has kept for longer than ttl; and what it has kept for longer than
 * may be served is no answer, but a failure (OG_SERVER_ERROR).
 */
#ifndef OG_CLIENT_CHECK_H
#define OG_CLIENT_CHECK_H

#include "io/store.h"
#include "meaning/config.h"
#include "meaning/identity.h"
#include "meaning/policy.h"
#include "value/log.h"

struct og_check;

/* All borrowed for the check's life, but subject (copied). store may be NULL. */
enum og_error og_check_new(struct og_check **, const struct og_config *,
    const struct og_policy *, const struct og_subject *, struct og_store *,
    const struct og_log *);
void og_check_free(struct og_check *);		/* NULL is fine */

enum og_step og_check_step(struct og_check *, int64_t now);

/* Borrowed until the next call on this check. */
const struct og_facts *og_check_facts(const struct og_check *);

/* Takes the answers whose query the check wants; the others are ignored. A
 * wanted fact that no answer speaks of fails as OG_PROTOCOL. */
void og_check_answer(struct og_check *, const struct og_fact *answer,
    size_t count);
void og_check_fail(struct og_check *, enum og_reason);

/* Valid once og_check_step said OG_STEP_DONE; before that, a denial. */
const struct og_decision *og_check_decision(const struct og_check *);

/* How the decision came about, as $openai_gate_cache and JSON say it. */
enum og_cache {
	OG_CACHE_HIT,		/* all facts fresh in the store */
	OG_CACHE_STALE,		/* at least one served stale */
	OG_CACHE_MISS,		/* at least one that the store did not know was asked for */
	OG_CACHE_REFRESH	/* at least one was known, but too old, and asked for again */
};
enum og_cache og_check_cache(const struct og_check *);
const char *og_cache_word(enum og_cache);

#endif
