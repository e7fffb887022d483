#include "cli/cli.h"
#include "cli/status.h"

#include <jansson.h>
#include <stdio.h>

/* Text that is not UTF-8 (a user name from the command line) is cleaned. */
static json_t *
text(const char *s)
{
	char clean[OG_LOG_MAX];

	if (s == NULL || *s == '\0')
		return json_null();
	og_log_clean(clean, sizeof(clean), s);
	return json_string(clean);
}

static json_t *
fact_json(const struct og_fact *fact, int64_t now)
{
	char query[OG_QUERY_TEXT_MAX];
	bool known;

	og_query_text(&fact->query, query);
	known = fact->state == OG_FACT_FOUND || fact->state == OG_FACT_ABSENT;
	return json_pack("{s:o, s:o, s:o, s:o, s:o}",
	    "query", text(query),
	    "found", !known ? json_null() :
	    json_boolean(fact->state == OG_FACT_FOUND),
	    "fetched_at", !known ? json_null() :
	    json_integer((json_int_t)fact->fetched_at),
	    "age", !known ? json_null() :
	    json_integer((json_int_t)(now - fact->fetched_at)),
	    "source", !known ? json_null() : json_string(
	    fact->source == OG_SOURCE_API ? "api" : "store"));
}

/* Takes the object. */
static enum og_error
print_line(json_t *object)
{
	int failed;

	if (object == NULL)
		return OG_ERR_NOMEM;
	failed = json_dumpf(object, stdout, JSON_COMPACT);
	json_decref(object);
	if (failed != 0 || putchar('\n') == EOF)
		return OG_ERR_SYSTEM;
	return OG_OK;
}

enum og_error
og_cli_print_json(const struct og_report *report)
{
	json_t *object, *facts;
	const struct og_record *user;
	size_t i;

	facts = json_array();
	for (i = 0; facts != NULL && report->facts != NULL &&
	    i < report->facts->count; i++)
		json_array_append_new(facts,
		    fact_json(&report->facts->item[i], report->now));
	user = report->decision != NULL ? &report->decision->user : NULL;
	object = json_pack("{s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o}",
	    "user", text(report->user),
	    "policy", text(report->policy != NULL ?
	    report->policy->name : NULL),
	    "enforced", report->policy == NULL ? json_null() :
	    json_boolean(!report->policy->dry_run),
	    "verdict", og_verdict_word(og_reason_verdict(report->reason)),
	    "reason", og_reason_word(report->reason),
	    "identity", text(report->subject != NULL ?
	    report->subject->text : NULL),
	    "user_id", text(user != NULL ? user->id : NULL),
	    "role", text(user != NULL ? user->role : NULL),
	    "cache", report->facts == NULL ? json_null() :
	    json_string(og_cache_word(report->cache)),
	    "facts", facts);
	return print_line(object);
}

/* ---- status ---- */

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* Unix time, or an age: null when not known. */
static json_t *
known(int64_t n, bool is_known)
{
	return is_known ? json_integer((json_int_t)n) : json_null();
}

static json_t *
seconds(int64_t ms)
{
	return json_real((double)ms / 1000);
}

static void
add_decisions(json_t *array, const struct og_tally *tally, size_t slot,
    enum og_door door)
{
	const struct og_tally_count *count;
	unsigned int i;

	count = &tally->policy[slot][door];
	for (i = 0; i < OG_REASON_COUNT; i++) {
		if (count->reason[i] == 0)
			continue;
		json_array_append_new(array, json_pack(
		    "{s:s, s:o, s:s, s:s, s:o}",
		    "door", og_door_word(door),
		    "policy", text(slot == OG_TALLY_NO_POLICY ? NULL :
		    tally->name[slot].text),
		    "verdict", og_verdict_word(og_reason_verdict(
		    (enum og_reason)i)),
		    "reason", og_reason_word((enum og_reason)i),
		    "count", number(count->reason[i])));
	}
}

static void
add_caches(json_t *array, const struct og_tally *tally, size_t slot,
    enum og_door door)
{
	const struct og_tally_count *count;
	unsigned int i;

	count = &tally->policy[slot][door];
	for (i = 0; i < OG_TALLY_CACHES; i++) {
		if (count->cache[i] == 0)
			continue;
		json_array_append_new(array, json_pack(
		    "{s:s, s:o, s:s, s:o}",
		    "door", og_door_word(door),
		    "policy", text(slot == OG_TALLY_NO_POLICY ? NULL :
		    tally->name[slot].text),
		    "cache", og_cache_word((enum og_cache)i),
		    "count", number(count->cache[i])));
	}
}

static json_t *
each_count(const struct og_metrics *metrics,
    void (*add)(json_t *, const struct og_tally *, size_t, enum og_door))
{
	json_t *array;
	size_t door, slot;

	array = json_array();
	for (door = 0; array != NULL && door < metrics->doors; door++) {
		for (slot = 0; slot <= OG_TALLY_NO_POLICY; slot++)
			add(array, metrics->tally, slot, metrics->door[door]);
	}
	return array;
}

static json_t *
endpoint_json(const struct og_metrics *metrics, enum og_endpoint endpoint)
{
	const struct og_budget *budget;
	const uint64_t *fetched;
	json_t *requests;
	unsigned int i;

	fetched = metrics->tally->fetched[endpoint];
	budget = &metrics->budget[endpoint];
	requests = json_object();
	for (i = 0; requests != NULL && i < OG_OUTCOME_COUNT; i++) {
		if (fetched[i] != 0)
			json_object_set_new(requests, og_outcome_word(
			    (enum og_outcome)i), number(fetched[i]));
	}
	return json_pack("{s:s, s:o, s:i, s:o, s:i, s:o, s:o}",
	    "endpoint", og_endpoint_word(endpoint),
	    "requests", requests,
	    "last_minute", (int)og_budget_spent(budget, metrics->boot_ms),
	    "waited", seconds((int64_t)metrics->tally->waited_ms[endpoint]),
	    "failures", (int)budget->failures,
	    "last_failure", text(budget->failures == 0 ? NULL :
	    og_reason_word(budget->last_failure)),
	    "backoff", seconds(og_metrics_backoff_ms(metrics, endpoint)));
}

static json_t *
api_json(const struct og_metrics *metrics)
{
	enum og_endpoint endpoint;
	json_t *array;

	array = json_array();
	for (endpoint = 0; array != NULL && endpoint < OG_ENDPOINT_COUNT;
	    endpoint++)
		json_array_append_new(array,
		    endpoint_json(metrics, endpoint));
	return array;
}

static json_t *
lists_json(const struct og_status *status)
{
	char query[OG_QUERY_TEXT_MAX];
	const struct og_status_list *list;
	json_t *array;
	size_t i;

	array = json_array();
	for (i = 0; array != NULL && i < status->lists; i++) {
		list = &status->list[i];
		og_query_text(&list->query, query);
		json_array_append_new(array, json_pack(
		    "{s:s, s:b, s:o, s:o, s:o, s:s}",
		    "query", query,
		    "complete", list->state == OG_LIST_COMPLETE,
		    "rows", number((uint64_t)list->rows),
		    "fetched_at", known(list->fetched_at, true),
		    "age", known(status->metrics.now - list->fetched_at, true),
		    "state", og_age_word(list->age)));
	}
	return array;
}

/* Names of policies that refuse nobody. */
static json_t *
dry_runs_json(const struct og_config *conf)
{
	json_t *names;
	size_t i;

	names = json_array();
	for (i = 0; i < conf->policy_count; i++) {
		if (conf->policies[i].dry_run && json_array_append_new(names,
		    json_string(conf->policies[i].name)) != 0) {
			json_decref(names);
			return NULL;
		}
	}
	return names;
}

enum og_error
og_cli_print_status_json(const struct og_status *status)
{
	const struct og_metrics *metrics;
	const struct og_tally *tally;

	metrics = &status->metrics;
	tally = metrics->tally;
	return print_line(json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
	    "s:o, s:o, s:o, s:o, s:o, s:o}",
	    "not_enforced", dry_runs_json(status->metrics.conf),
	    "decisions", each_count(metrics, add_decisions),
	    "cache", each_count(metrics, add_caches),
	    "lists", lists_json(status),
	    "singles", number(status->singles),
	    "useless", number(status->useless),
	    "bytes", number(status->bytes),
	    "api", api_json(metrics),
	    "shared", number(tally->shared),
	    "oldest_fact_age", known(metrics->now - metrics->oldest,
	    metrics->oldest > 0),
	    "fact_limit", known(og_config_limit(metrics->conf), true),
	    "last_sync", known(tally->synced_at, tally->synced_at > 0),
	    "last_sync_seconds", tally->synced_at > 0 ?
	    seconds(tally->sync_ms) : json_null(),
	    "key_expires_at", known(tally->key_expires_at,
	    tally->key_expires_at > 0)));
}
