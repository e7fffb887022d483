#include "client/lookup.h"

#include <string.h>

int64_t
og_negative_ttl(const struct og_config *conf)
{
	return conf->base_url != NULL ? conf->negative_ttl : conf->ttl;
}

enum og_age
og_fact_age(const struct og_config *conf, const struct og_fact *fact,
    int64_t now)
{
	int64_t age;

	age = now - fact->fetched_at;
	switch (fact->state) {
	case OG_FACT_FOUND:
		if (age < conf->ttl)
			return OG_AGE_FRESH;
		if (age < conf->ttl + conf->stale_ttl)
			return OG_AGE_STALE;
		return OG_AGE_EXPIRED;
	case OG_FACT_ABSENT:
		return age < og_negative_ttl(conf) ? OG_AGE_FRESH :
		    OG_AGE_EXPIRED;
	case OG_FACT_WANTED:
	case OG_FACT_FAILED:
		return OG_AGE_EXPIRED;
	}
	return OG_AGE_EXPIRED;
}

/* Better: younger. Both are what the directory once said of the same query. */
static void
keep_better(struct og_fact *best, const struct og_fact *other)
{
	if (other->state != OG_FACT_FOUND && other->state != OG_FACT_ABSENT)
		return;
	if (best->state == OG_FACT_WANTED ||
	    other->fetched_at > best->fetched_at)
		*best = *other;
}

enum og_age
og_lookup(struct og_store *store, const struct og_config *conf,
    const struct og_query *query, int64_t now, struct og_fact *fact)
{
	struct og_fact single;
	enum og_age age;

	memset(fact, 0, sizeof(*fact));
	fact->query = *query;
	if (store == NULL)
		return OG_AGE_EXPIRED;
	og_store_get_listed(store, fact, query, now);
	age = og_fact_age(conf, fact, now);
	if (age == OG_AGE_FRESH)
		return age;

	/* A single is written only where no complete list is kept, so it is
	 * opened only when the list has nothing fresh. */
	memset(&single, 0, sizeof(single));
	single.query = *query;
	og_store_get_single(store, &single, query, now);
	keep_better(fact, &single);
	age = og_fact_age(conf, fact, now);
	switch (age) {
	case OG_AGE_FRESH:
		break;
	case OG_AGE_STALE:
		fact->stale = true;
		break;
	case OG_AGE_EXPIRED:
		fact->state = OG_FACT_WANTED;
		break;
	}
	return age;
}
