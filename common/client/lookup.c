#include "client/lookup.h"

#include <string.h>

#define PAGES_MAX	5

/* How long a list that was larger is taken to be so still, and how long one
 * that was not read to its end is not begun again. Seconds. */
#define LARGE_MEMORY	((int64_t)24 * 60 * 60)
#define BROKEN_MEMORY	60

unsigned int
og_list_pages(const struct og_config *conf)
{
	unsigned int pages;

	pages = conf->requests_per_minute / 2;
	if (pages < 1)
		return 1;
	return pages < PAGES_MAX ? pages : PAGES_MAX;
}

bool
og_list_is_large(const struct og_config *conf, const struct og_list_info *list,
    enum og_query_kind kind, int64_t now)
{
	uint64_t rows;
	int64_t age;

	rows = (uint64_t)og_list_pages(conf) *
	    (kind == OG_QUERY_GROUP_USER ? 1000 : 100);
	age = now - list->fetched_at;
	switch (list->state) {
	case OG_LIST_NONE:
		return false;
	case OG_LIST_PARTIAL:
		return age < (list->rows >= rows ? LARGE_MEMORY :
		    BROKEN_MEMORY);
	case OG_LIST_COMPLETE:
		return list->rows > rows && age < LARGE_MEMORY;
	}
	return false;
}

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
		if (age < og_config_limit(conf))
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
	bool outdated;

	memset(fact, 0, sizeof(*fact));
	fact->query = *query;
	if (store == NULL)
		return OG_AGE_EXPIRED;
	outdated = og_store_get_listed(store, fact, query, now);
	age = og_fact_age(conf, fact, now);
	if (age == OG_AGE_FRESH && !outdated)
		return age;
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
