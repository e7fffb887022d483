/*
 * A fact from the store, with its age judged (RFC 9111 and 5861 sense):
 * fresh under ttl, stale up to stale_ttl more, else expired. A negative fact is
 * fresh under negative_ttl and never stale.
 *
 * With base_url = none nobody can be asked, and what the store does not say is
 * never known: there "not there" serves as long as "there", for ttl.
 */
#ifndef OG_CLIENT_LOOKUP_H
#define OG_CLIENT_LOOKUP_H

#include "io/store.h"
#include "meaning/config.h"
#include "value/fact.h"

/*
 * Pages of a list that are read at one go: more cost more of a minute's pace
 * than asking for whoever comes. Half of that pace, 1 to 5.
 */
unsigned int og_list_pages(const struct og_config *);

/* Known to have more pages than that, or lately not read to its end: so that
 * a person is asked for himself. `kind` is that of the list. */
bool og_list_is_large(const struct og_config *, const struct og_list_info *,
    enum og_query_kind kind, int64_t now);

enum og_age {
	OG_AGE_FRESH,
	OG_AGE_STALE,
	OG_AGE_EXPIRED
};

/* Seconds that a negative fact is fresh. */
int64_t og_negative_ttl(const struct og_config *);

enum og_age og_fact_age(const struct og_config *, const struct og_fact *,
    int64_t now);

/*
 * Sets *fact (its query too) to the best the store has: FRESH and FOUND or
 * ABSENT; STALE and FOUND with stale set; EXPIRED and OG_FACT_WANTED, where
 * fetched_at still tells whether anything was known once (0: nothing). A NULL
 * store has nothing.
 */
enum og_age og_lookup(struct og_store *, const struct og_config *,
    const struct og_query *, int64_t now, struct og_fact *fact);

#endif
