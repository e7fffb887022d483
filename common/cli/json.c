#include "cli/cli.h"

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

enum og_error
og_cli_print_json(const struct og_report *report)
{
	json_t *object, *facts;
	const struct og_record *user;
	size_t i;
	int failed;

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
	if (object == NULL)
		return OG_ERR_NOMEM;
	failed = json_dumpf(object, stdout, JSON_COMPACT);
	json_decref(object);
	if (failed != 0 || putchar('\n') == EOF)
		return OG_ERR_SYSTEM;
	return OG_OK;
}
