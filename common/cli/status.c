/*
 * openai-gate status: what was decided, what the store holds, how the API has
 * answered. Asks nobody.
 */
#include "cli/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "cli/cli.h"
#include "io/store_write.h"
#include "io/tally_write.h"
#include "value/clock.h"

#define DAY	((int64_t)24 * 60 * 60)

static const enum og_door doors[] = { OG_DOOR_PAM, OG_DOOR_CLI };

/* In the order of their weight. */
static const enum og_verdict verdicts[] = { OG_ALLOW, OG_DENY,
    OG_UNAVAILABLE, OG_MISCONFIGURED, OG_EXEMPT, OG_OUT_OF_MEMORY };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *
og_age_word(enum og_age age)
{
	switch (age) {
	case OG_AGE_FRESH:
		return "fresh";
	case OG_AGE_STALE:
		return "stale";
	case OG_AGE_EXPIRED:
		return "expired";
	}
	return "expired";
}

/* ---- collecting ---- */

static void
add_list(struct og_status *status, const struct og_store_entry *entry,
    const struct og_fact *fact, enum og_age age)
{
	struct og_status_list *larger;

	larger = reallocarray(status->list, status->lists + 1,
	    sizeof(*larger));
	if (larger == NULL) {
		status->failed = true;
		return;
	}
	status->list = larger;
	larger[status->lists++] = (struct og_status_list){
		.query = fact->query,
		.state = entry->list,
		.rows = entry->rows,
		.fetched_at = fact->fetched_at,
		.age = age,
	};
}

static void
visit(void *arg, const struct og_store_entry *entry)
{
	struct og_status *status;
	struct og_metrics *metrics;
	struct og_fact fact;
	enum og_age age;

	status = arg;
	metrics = &status->metrics;
	status->bytes += entry->size;
	if (entry->trouble != NULL) {
		status->useless++;
		return;
	}
	fact = *entry->fact;
	if (entry->list != OG_LIST_NONE)
		fact.state = OG_FACT_FOUND;
	age = og_fact_age(status->metrics.conf, &fact, metrics->now);
	if (entry->list != OG_LIST_NONE)
		add_list(status, entry, &fact, age);
	else
		status->singles++;
	if (age != OG_AGE_EXPIRED && (metrics->oldest == 0 ||
	    fact.fetched_at < metrics->oldest))
		metrics->oldest = fact.fetched_at;
}

static enum og_reason
collect(struct og_cli *cli, struct og_status *status, struct og_tally *tally)
{
	struct og_metrics *metrics;
	enum og_error error;

	metrics = &status->metrics;
	metrics->conf = cli->conf;
	metrics->now = og_clock_wall();
	metrics->door = doors;
	metrics->doors = COUNT(doors);
	metrics->tally = tally;
	/* A slot for each policy, so that their decisions are told apart. */
	(void)og_tally_write(cli->store, cli->conf, NULL);
	if (!og_tally_read(cli->store, tally)) {
		memset(tally, 0, sizeof(*tally));
		og_tally_init(tally);
		og_log(&cli->log, LOG_WARNING, "%s/%s: cannot be used: no "
		    "decisions are counted", cli->conf->directory,
		    OG_TALLY_FILE);
	}
	/* Where nobody asks, nobody keeps a pace. */
	og_metrics_budgets(metrics, cli->conf->base_url != NULL ?
	    cli->store : NULL);
	error = og_store_visit(cli->store, visit, status);
	if (error != OG_OK)
		return og_cli_store_failed(cli, error);
	return status->failed ? OG_NO_MEMORY : OG_GO_ON;
}

/* ---- a table for people ---- */

static void
print_verdict(const struct og_tally_count *count, enum og_verdict verdict,
    const char *before)
{
	const char *comma;
	unsigned int i;
	uint64_t sum;

	sum = 0;
	for (i = 0; i < OG_REASON_COUNT; i++) {
		if (og_reason_verdict((enum og_reason)i) == verdict)
			sum += count->reason[i];
	}
	printf("%s%s %" PRIu64, before, og_verdict_word(verdict), sum);
	if (verdict == OG_ALLOW)
		return;
	comma = " (";
	for (i = 0; i < OG_REASON_COUNT; i++) {
		if (og_reason_verdict((enum og_reason)i) != verdict ||
		    count->reason[i] == 0)
			continue;
		printf("%s%s %" PRIu64, comma,
		    og_reason_word((enum og_reason)i), count->reason[i]);
		comma = ", ";
	}
	printf(")");
}

static bool
has_verdict(const struct og_tally_count *count, enum og_verdict verdict)
{
	unsigned int i;

	for (i = 0; i < OG_REASON_COUNT; i++) {
		if (og_reason_verdict((enum og_reason)i) == verdict &&
		    count->reason[i] != 0)
			return true;
	}
	return false;
}

static void
print_count(const struct og_tally_count *count)
{
	const char *before;
	unsigned int i;

	before = "";
	for (i = 0; i < COUNT(verdicts); i++) {
		if (!has_verdict(count, verdicts[i]))
			continue;
		print_verdict(count, verdicts[i], before);
		before = ", ";
	}
	if (before[0] == '\0')
		printf("none yet");
	before = "; ";
	for (i = 0; i < OG_TALLY_CACHES; i++) {
		if (count->cache[i] == 0)
			continue;
		printf("%s%s %" PRIu64, before,
		    og_cache_word((enum og_cache)i), count->cache[i]);
		before = ", ";
	}
	printf("\n");
}

static bool
is_zero(const struct og_tally_count *count)
{
	static const struct og_tally_count none;

	return memcmp(count, &none, sizeof(none)) == 0;
}

static void
print_decisions(const struct og_tally *tally)
{
	const struct og_tally_count *count;
	size_t door, slot;
	bool named;

	printf("decisions\n");
	for (door = 0; door < COUNT(doors); door++) {
		for (slot = 0; slot <= OG_TALLY_NO_POLICY; slot++) {
			count = &tally->policy[slot][doors[door]];
			named = slot < OG_TALLY_NO_POLICY &&
			    tally->name[slot].used != 0;
			if (is_zero(count) &&
			    (!named || doors[door] != OG_DOOR_PAM))
				continue;
			printf("  %-4s %-23s  ", og_door_word(doors[door]),
			    named ? tally->name[slot].text : "no policy");
			print_count(count);
		}
	}
}

/* First of all: whoever relies on the gate must not overlook it. */
static void
print_dry_runs(const struct og_config *conf)
{
	size_t i;

	for (i = 0; i < conf->policy_count; i++) {
		if (conf->policies[i].dry_run)
			printf("[policy %s] NOT ENFORCED (enforce = no): it "
			    "refuses nobody\n", conf->policies[i].name);
	}
}

static void
print_store(const struct og_status *status)
{
	const struct og_status_list *list;
	char text[OG_QUERY_TEXT_MAX];
	size_t i;

	printf("store %s: %zu lists, %zu single answers, %" PRIu64 " kB",
	    status->metrics.conf->directory, status->lists, status->singles,
	    (status->bytes + 1023) / 1024);
	if (status->useless > 0)
		printf(", %zu files of no use", status->useless);
	printf("\n");
	for (i = 0; i < status->lists; i++) {
		list = &status->list[i];
		og_query_text(&list->query, text);
		printf("  %-28s  %s%" PRId64 " rows, %" PRId64 " s, %s\n",
		    text, list->state == OG_LIST_COMPLETE ? "" : "the first ",
		    list->rows, status->metrics.now - list->fetched_at,
		    og_age_word(list->age));
	}
}

static void
print_endpoint(const struct og_metrics *metrics, enum og_endpoint endpoint)
{
	const struct og_budget *budget;
	const uint64_t *fetched;
	const char *before;
	unsigned int i;
	int64_t wait;

	fetched = metrics->tally->fetched[endpoint];
	budget = &metrics->budget[endpoint];
	printf("  %-28s  ", og_endpoint_word(endpoint));
	before = "";
	for (i = 0; i < OG_OUTCOME_COUNT; i++) {
		if (fetched[i] == 0)
			continue;
		printf("%s%s: %" PRIu64, before,
		    og_outcome_word((enum og_outcome)i), fetched[i]);
		before = ", ";
	}
	printf("%s%u in the last minute", before[0] != '\0' ? "; " : "",
	    og_budget_spent(budget, metrics->boot_ms));
	if (metrics->tally->waited_ms[endpoint] != 0)
		printf(", waited %" PRIu64 " s",
		    (metrics->tally->waited_ms[endpoint] + 999) / 1000);
	wait = og_metrics_backoff_ms(metrics, endpoint);
	if (budget->failures > 0)
		printf("; failed %" PRIu32 " times in a row, last: %s",
		    budget->failures, og_reason_word(budget->last_failure));
	if (wait > 0)
		printf("; not asked for another %" PRId64 " s",
		    (wait + 999) / 1000);
	printf("\n");
}

static void
print_api(const struct og_status *status)
{
	static const uint64_t none[OG_OUTCOME_COUNT];
	const struct og_metrics *metrics;
	enum og_endpoint endpoint;

	metrics = &status->metrics;
	printf("API %s\n", status->metrics.conf->base_url != NULL ?
	    status->metrics.conf->base_url : "none: never asked");
	for (endpoint = 0; endpoint < OG_ENDPOINT_COUNT; endpoint++) {
		if (metrics->budget[endpoint].updated_ms != 0 ||
		    memcmp(metrics->tally->fetched[endpoint], none,
		    sizeof(none)) != 0)
			print_endpoint(metrics, endpoint);
	}
	if (metrics->tally->shared != 0)
		printf("  %-28s  %" PRIu64 "\n", "answers shared",
		    metrics->tally->shared);
}

static void
print_times(const struct og_metrics *metrics)
{
	const struct og_tally *tally;

	tally = metrics->tally;
	printf("oldest fact in use  ");
	if (metrics->oldest > 0)
		printf("%" PRId64 " s of the %" PRId64 " s that it may "
		    "serve\n", metrics->now - metrics->oldest,
		    og_config_limit(metrics->conf));
	else
		printf("none\n");
	printf("last complete sync  ");
	if (tally->synced_at > 0)
		printf("%" PRId64 " s ago, took %" PRId64 " s\n",
		    metrics->now - tally->synced_at,
		    (tally->sync_ms + 999) / 1000);
	else
		printf("never\n");
	printf("key expires         ");
	if (tally->key_expires_at > 0)
		printf("in %" PRId64 " days\n",
		    (tally->key_expires_at - metrics->now) / DAY);
	else
		printf("%s\n", tally->key_expires_at < 0 ?
		    "never, or the API does not tell" :
		    "not known; openai-gate doctor asks");
}

static enum og_reason
print_prometheus(const struct og_status *status)
{
	struct og_buffer text;
	enum og_error error;

	og_buffer_init(&text, OG_METRICS_MAX);
	error = og_metrics_print(&text, &status->metrics);
	if (error == OG_OK)
		(void)fwrite(text.data, 1, text.len, stdout);
	og_buffer_free(&text);
	return error == OG_OK ? OG_GO_ON : OG_NO_MEMORY;
}

static enum og_reason
print(const struct og_status *status, const char *form)
{
	if (form == NULL) {
		print_dry_runs(status->metrics.conf);
		print_decisions(status->metrics.tally);
		print_store(status);
		print_api(status);
		print_times(&status->metrics);
		return OG_GO_ON;
	}
	if (strcmp(form, "--prometheus") == 0)
		return print_prometheus(status);
	return og_cli_print_status_json(status) == OG_OK ? OG_GO_ON :
	    OG_NO_MEMORY;
}

int
og_cli_status(struct og_cli *cli, int argc, char **argv)
{
	struct og_status status;
	struct og_tally *tally;
	enum og_reason reason;

	if (argc > 1 || (argc == 1 && strcmp(argv[0], "--json") != 0 &&
	    strcmp(argv[0], "--prometheus") != 0))
		return og_cli_usage("status: --json or --prometheus");
	reason = og_cli_load(cli);
	if (reason == OG_GO_ON)
		reason = og_cli_open_store(cli);
	if (reason == OG_GO_ON && cli->store == NULL)
		reason = OG_STORE;
	if (reason != OG_GO_ON)
		return og_cli_exit(reason);
	memset(&status, 0, sizeof(status));
	tally = calloc(1, sizeof(*tally));
	reason = OG_NO_MEMORY;
	if (tally != NULL)
		reason = collect(cli, &status, tally);
	if (reason == OG_GO_ON)
		reason = print(&status, argc == 1 ? argv[0] : NULL);
	free(status.list);
	free(tally);
	return reason == OG_GO_ON ? OG_EXIT_PASS : og_cli_exit(reason);
}
