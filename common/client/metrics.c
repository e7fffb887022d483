#include "client/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/check.h"
#include "io/pace.h"
#include "value/clock.h"

#define LINE_MAX_BYTES	512
#define LABEL_MAX	(2 * OG_TALLY_NAME_MAX + 1)

_Static_assert(OG_ENDPOINT_COUNT <= OG_TALLY_ENDPOINTS,
    "an endpoint without a place");
_Static_assert(OG_CACHE_REFRESH + 1 == OG_TALLY_CACHES,
    "a cache word without a place");

/* Text under way; its first error stays. */
struct page {
	struct og_buffer *buffer;
	enum og_error error;
	const struct og_metrics *metrics;
};

static void line(struct page *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
line(struct page *page, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	if (page->error != OG_OK)
		return;
	if (len < 0 || (size_t)len >= sizeof(text) - 1) {
		page->error = OG_ERR_LIMIT;
		return;
	}
	text[len] = '\n';
	page->error = og_buffer_add(page->buffer, text, (size_t)len + 1);
}

static void
head(struct page *page, const char *name, const char *type, const char *help)
{
	line(page, "# HELP %s %s", name, help);
	line(page, "# TYPE %s %s", name, type);
}

/* Backslash, quote and newline: all that the format wants escaped. */
static void
label(char text[LABEL_MAX], const char *value)
{
	size_t used;

	for (used = 0; *value != '\0' && used + 2 < LABEL_MAX; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			text[used++] = '\\';
		text[used++] = *value;
		if (*value == '\n')
			text[used - 1] = 'n';
	}
	text[used] = '\0';
}

/* False: the slot has no policy. The last slot's is "". */
static bool
policy_label(const struct og_tally *tally, size_t slot, char text[LABEL_MAX])
{
	char name[OG_TALLY_NAME_MAX + 1];

	text[0] = '\0';
	if (slot == OG_TALLY_NO_POLICY)
		return true;
	if (og_tally_load(&tally->name[slot].used) == 0)
		return false;
	memcpy(name, tally->name[slot].text, sizeof(name));
	name[OG_TALLY_NAME_MAX] = '\0';
	label(text, name);
	return name[0] != '\0';
}

/*
 * A counter that first appears with a 1 shows no increase, so what may happen
 * is there from the start; what cannot happen would only be in the way.
 */
static bool
is_possible(enum og_door door, size_t slot, enum og_verdict verdict)
{
	switch (door) {
	case OG_DOOR_PAM:
		/* Who is exempt is so before a policy is chosen. */
		return slot == OG_TALLY_NO_POLICY || verdict != OG_EXEMPT;
	case OG_DOOR_NGINX:
		return slot != OG_TALLY_NO_POLICY && verdict != OG_EXEMPT;
	case OG_DOOR_CLI:
		break;
	}
	return false;
}

static void
decisions_of(struct page *page, size_t slot, enum og_door door)
{
	const struct og_tally_count *count;
	char policy[LABEL_MAX];
	enum og_verdict verdict;
	unsigned int reason;
	uint64_t n;

	if (!policy_label(page->metrics->tally, slot, policy))
		return;
	count = &page->metrics->tally->policy[slot][door];
	for (reason = 0; reason < OG_REASON_COUNT; reason++) {
		verdict = og_reason_verdict((enum og_reason)reason);
		n = og_tally_load(&count->reason[reason]);
		if (n == 0 && !is_possible(door, slot, verdict))
			continue;
		line(page, "openai_gate_decisions_total{door=\"%s\","
		    "policy=\"%s\",verdict=\"%s\",reason=\"%s\"} %" PRIu64,
		    og_door_word(door), policy, og_verdict_word(verdict),
		    og_reason_word((enum og_reason)reason), n);
	}
}

static void
caches_of(struct page *page, size_t slot, enum og_door door)
{
	const struct og_tally_count *count;
	char policy[LABEL_MAX];
	unsigned int cache;
	uint64_t n;

	if (!policy_label(page->metrics->tally, slot, policy))
		return;
	count = &page->metrics->tally->policy[slot][door];
	for (cache = 0; cache < OG_TALLY_CACHES; cache++) {
		n = og_tally_load(&count->cache[cache]);
		/* Without a policy no fact is asked for. */
		if (n == 0 && (slot == OG_TALLY_NO_POLICY ||
		    !is_possible(door, slot, OG_ALLOW)))
			continue;
		line(page, "openai_gate_cache_total{door=\"%s\","
		    "policy=\"%s\",cache=\"%s\"} %" PRIu64,
		    og_door_word(door), policy,
		    og_cache_word((enum og_cache)cache), n);
	}
}

static void
each_policy(struct page *page,
    void (*of)(struct page *, size_t slot, enum og_door))
{
	size_t door, slot;

	for (door = 0; door < page->metrics->doors; door++) {
		for (slot = 0; slot <= OG_TALLY_NO_POLICY; slot++)
			of(page, slot, page->metrics->door[door]);
	}
}

/* Whoever relies on the gate must not overlook a dry run. */
static void
enforcement(struct page *page)
{
	const struct og_config *conf;
	char policy[LABEL_MAX];
	size_t i;

	head(page, "openai_gate_policy_enforced", "gauge",
	    "0: a dry run (enforce = no), which refuses nobody.");
	conf = page->metrics->conf;
	for (i = 0; conf != NULL && i < conf->policy_count; i++) {
		label(policy, conf->policies[i].name);
		line(page, "openai_gate_policy_enforced{policy=\"%s\"} %d",
		    policy, conf->policies[i].dry_run ? 0 : 1);
	}
}

/* Has this endpoint ever been asked, or waited for? */
static bool
is_in_use(const struct og_tally *tally, unsigned int endpoint)
{
	unsigned int outcome;

	for (outcome = 0; outcome < OG_OUTCOME_COUNT; outcome++) {
		if (og_tally_load(&tally->fetched[endpoint][outcome]) != 0)
			return true;
	}
	return og_tally_load(&tally->waited_ms[endpoint]) != 0;
}

static void
requests(struct page *page)
{
	const struct og_tally *tally;
	unsigned int endpoint, outcome;

	tally = page->metrics->tally;
	head(page, "openai_gate_api_requests_total", "counter",
	    "Requests to the Administration API, by how they ended.");
	for (endpoint = 0; endpoint < OG_ENDPOINT_COUNT; endpoint++) {
		if (!is_in_use(tally, endpoint))
			continue;
		for (outcome = 0; outcome < OG_OUTCOME_COUNT; outcome++)
			line(page, "openai_gate_api_requests_total"
			    "{endpoint=\"%s\",status=\"%s\"} %" PRIu64,
			    og_endpoint_word((enum og_endpoint)endpoint),
			    og_outcome_word((enum og_outcome)outcome),
			    og_tally_load(&tally->fetched[endpoint][outcome]));
	}
	head(page, "openai_gate_api_wait_seconds_total", "counter",
	    "Time that requests waited for our own pace or a back-off.");
	for (endpoint = 0; endpoint < OG_ENDPOINT_COUNT; endpoint++) {
		if (!is_in_use(tally, endpoint))
			continue;
		line(page, "openai_gate_api_wait_seconds_total"
		    "{endpoint=\"%s\"} %" PRIu64 ".%03" PRIu64,
		    og_endpoint_word((enum og_endpoint)endpoint),
		    og_tally_load(&tally->waited_ms[endpoint]) / 1000,
		    og_tally_load(&tally->waited_ms[endpoint]) % 1000);
	}
	head(page, "openai_gate_shared_total", "counter",
	    "Answers taken from what another check or process had asked for.");
	line(page, "openai_gate_shared_total %" PRIu64,
	    og_tally_load(&tally->shared));
}

void
og_metrics_budgets(struct og_metrics *metrics, struct og_store *store)
{
	metrics->boot_ms = og_clock_boot();
	memset(metrics->budget, 0, sizeof(metrics->budget));
	if (store != NULL)
		og_pace_show_all(store, metrics->budget);
}

int64_t
og_metrics_backoff_ms(const struct og_metrics *metrics,
    enum og_endpoint endpoint)
{
	int64_t left;

	left = metrics->budget[endpoint].not_before_ms - metrics->boot_ms;
	return left > 0 ? left : 0;
}

static void
budgets(struct page *page)
{
	const struct og_budget *budget;
	unsigned int endpoint;
	int64_t ms;

	head(page, "openai_gate_api_failures", "gauge",
	    "Requests that have failed in a row.");
	for (endpoint = 0; endpoint < OG_ENDPOINT_COUNT; endpoint++) {
		budget = &page->metrics->budget[endpoint];
		if (budget->updated_ms != 0)
			line(page, "openai_gate_api_failures{endpoint=\"%s\"} "
			    "%" PRIu32, og_endpoint_word(
			    (enum og_endpoint)endpoint), budget->failures);
	}
	head(page, "openai_gate_api_backoff_seconds", "gauge",
	    "Time until the API is asked again.");
	for (endpoint = 0; endpoint < OG_ENDPOINT_COUNT; endpoint++) {
		if (page->metrics->budget[endpoint].updated_ms == 0)
			continue;
		ms = og_metrics_backoff_ms(page->metrics,
		    (enum og_endpoint)endpoint);
		line(page, "openai_gate_api_backoff_seconds{endpoint=\"%s\"} "
		    "%" PRId64 ".%03" PRId64, og_endpoint_word(
		    (enum og_endpoint)endpoint), ms / 1000, ms % 1000);
	}
}

static void
known(struct page *page)
{
	const struct og_metrics *metrics;
	const struct og_tally *tally;
	int64_t age;

	metrics = page->metrics;
	tally = metrics->tally;
	head(page, "openai_gate_last_sync_timestamp_seconds", "gauge",
	    "When the last complete sync ended.");
	if (tally->synced_at > 0)
		line(page, "openai_gate_last_sync_timestamp_seconds %" PRId64,
		    tally->synced_at);
	head(page, "openai_gate_last_sync_duration_seconds", "gauge",
	    "How long it took.");
	if (tally->synced_at > 0)
		line(page, "openai_gate_last_sync_duration_seconds "
		    "%" PRId64 ".%03" PRId64, tally->sync_ms / 1000,
		    tally->sync_ms % 1000);
	head(page, "openai_gate_key_expiry_timestamp_seconds", "gauge",
	    "When the admin key expires.");
	if (tally->key_expires_at > 0)
		line(page, "openai_gate_key_expiry_timestamp_seconds %" PRId64,
		    tally->key_expires_at);
	head(page, "openai_gate_oldest_fact_age_seconds", "gauge",
	    "Age of the oldest fact that may still serve.");
	age = metrics->now - metrics->oldest;
	if (metrics->oldest > 0)
		line(page, "openai_gate_oldest_fact_age_seconds %" PRId64,
		    age > 0 ? age : 0);
	head(page, "openai_gate_fact_limit_seconds", "gauge",
	    "Age at which a fact serves no more: ttl and stale_ttl.");
	if (metrics->conf != NULL)
		line(page, "openai_gate_fact_limit_seconds %" PRId64,
		    og_config_limit(metrics->conf));
}

enum og_error
og_metrics_print(struct og_buffer *buffer, const struct og_metrics *metrics)
{
	struct page page;

	page = (struct page){ buffer, OG_OK, metrics };
	head(&page, "openai_gate_decisions_total", "counter",
	    "Decisions, by policy and by what was decided.");
	each_policy(&page, decisions_of);
	head(&page, "openai_gate_cache_total", "counter",
	    "Decisions, by where their facts came from.");
	each_policy(&page, caches_of);
	enforcement(&page);
	requests(&page);
	budgets(&page);
	known(&page);
	return page.error;
}
