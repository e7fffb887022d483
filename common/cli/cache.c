/*
 * openai-gate cache: what the store holds, and how to make it forget.
 */
#include "cli/cli.h"
#include "cli/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "client/lookup.h"
#include "io/pace.h"
#include "io/store_write.h"
#include "value/clock.h"

struct listing {
	const struct og_config *conf;
	int64_t now;
	size_t files;
	size_t useless;
	uint64_t bytes;
};

static void
list_entry(void *arg, const struct og_store_entry *entry)
{
	char query[OG_QUERY_TEXT_MAX], clean[4 * OG_QUERY_TEXT_MAX];
	struct listing *listing;
	struct og_fact fact;

	listing = arg;
	listing->files++;
	listing->bytes += entry->size;
	if (entry->trouble != NULL) {
		listing->useless++;
		og_cli_line("%-44s  cannot be used: %s", entry->path,
		    entry->trouble);
		return;
	}
	fact = *entry->fact;
	if (entry->list != OG_LIST_NONE)
		fact.state = OG_FACT_FOUND;
	og_query_text(&fact.query, query);
	og_log_clean(clean, sizeof(clean), query);
	printf("%-44s  %6" PRId64 " s  %-7s  ", clean,
	    listing->now - fact.fetched_at,
	    og_age_word(og_fact_age(listing->conf, &fact, listing->now)));
	if (entry->list == OG_LIST_COMPLETE)
		printf("all %" PRId64 " rows\n", entry->rows);
	else if (entry->list == OG_LIST_PARTIAL)
		printf("the first %" PRId64 " rows\n", entry->rows);
	else
		printf("%s\n", fact.state == OG_FACT_FOUND ? "found" :
		    "not there");
}

/* Where the API has told us, or we have told ourselves, to wait. */
static void
list_pace(struct og_store *store)
{
	struct og_budget budget;
	enum og_endpoint endpoint;
	int64_t wait;

	for (endpoint = 0; endpoint < OG_ENDPOINT_COUNT; endpoint++) {
		if (!og_pace_show(store, endpoint, &budget) ||
		    budget.failures == 0)
			continue;
		wait = (budget.not_before_ms - og_clock_boot() + 999) / 1000;
		printf("%-44s  failed %" PRIu32 " times in a row, last: %s",
		    og_endpoint_word(endpoint), budget.failures,
		    og_reason_word(budget.last_failure));
		if (wait > 0)
			printf(", not asked for another %" PRId64 " s", wait);
		printf("\n");
	}
}

static int
list(struct og_cli *cli)
{
	struct listing listing;
	enum og_error error;

	memset(&listing, 0, sizeof(listing));
	listing.conf = cli->conf;
	listing.now = og_clock_wall();
	error = og_store_visit(cli->store, list_entry, &listing);
	if (error != OG_OK)
		return og_cli_exit(og_cli_store_failed(cli, error));
	printf("%zu files, %" PRIu64 " kB", listing.files,
	    (listing.bytes + 1023) / 1024);
	if (listing.useless > 0)
		printf(", %zu of them of no use", listing.useless);
	printf("\n");
	list_pace(cli->store);
	return OG_EXIT_PASS;
}

struct showing {
	const struct og_cli *cli;
	const struct og_subject *subject;
	int64_t now;
	size_t shown;
};

static void
show_fact(const struct showing *showing, const struct og_fact *fact)
{
	char query[OG_QUERY_TEXT_MAX];
	const struct og_record *record;

	og_query_text(&fact->query, query);
	og_cli_line("%s", query);
	printf("  %s, %" PRId64 " s old, %s\n",
	    fact->state == OG_FACT_FOUND ? "found" : "not there",
	    showing->now - fact->fetched_at,
	    og_age_word(og_fact_age(showing->cli->conf, fact, showing->now)));
	if (fact->state != OG_FACT_FOUND)
		return;
	record = &fact->record;
	og_cli_line("  id %s, e-mail %s, role %s%s%s%s", record->id,
	    record->email[0] != '\0' ? record->email : "none",
	    record->role[0] != '\0' ? record->role : "none",
	    record->disabled ? ", disabled" : "",
	    record->service_account ? ", service account" : "",
	    record->ambiguous ? ", several people have this address" : "");
}

/* What this file says of the person: as a list, or as his own record. */
static void
show_entry(void *arg, const struct og_store_entry *entry)
{
	struct showing *showing;
	struct og_query query;
	struct og_fact fact;

	showing = arg;
	if (entry->trouble != NULL)
		return;
	query = entry->fact->query;
	query.subject_kind = showing->subject->kind;
	memcpy(query.subject, showing->subject->text, sizeof(query.subject));
	memset(&fact, 0, sizeof(fact));
	fact.query = query;
	if (entry->list != OG_LIST_NONE)
		og_store_get_listed(showing->cli->store, &fact, &query,
		    showing->now);
	else if (og_query_equal(&entry->fact->query, &query))
		fact = *entry->fact;
	if (fact.state != OG_FACT_FOUND && fact.state != OG_FACT_ABSENT)
		return;
	show_fact(showing, &fact);
	showing->shown++;
}

static int
show(struct og_cli *cli, const struct og_subject *subject)
{
	struct showing showing;
	enum og_error error;

	showing.cli = cli;
	showing.subject = subject;
	showing.now = og_clock_wall();
	showing.shown = 0;
	error = og_store_visit(cli->store, show_entry, &showing);
	if (error != OG_OK)
		return og_cli_exit(og_cli_store_failed(cli, error));
	if (showing.shown == 0)
		og_cli_line("the store says nothing of %s", subject->text);
	return OG_EXIT_PASS;
}

static int
flush(struct og_cli *cli, const struct og_subject *subject)
{
	struct og_query query;
	enum og_error error;
	size_t removed;

	memset(&query, 0, sizeof(query));
	if (subject != NULL) {
		query.subject_kind = subject->kind;
		memcpy(query.subject, subject->text, sizeof(query.subject));
	}
	error = og_store_flush(cli->store, subject != NULL ? &query : NULL,
	    &removed);
	printf("forgot %zu %s\n", removed, removed == 1 ? "answer" : "answers");
	if (error != OG_OK)
		return og_cli_exit(og_cli_store_failed(cli, error));
	return OG_EXIT_PASS;
}

/*
 * USER is a local name, mapped by [identity], or directly an e-mail address
 * or user id where no map or template knows it.
 */
static enum og_reason
find_subject(struct og_cli *cli, const char *user, struct og_subject *subject)
{
	static const struct og_policy none;
	struct og_message message;
	enum og_reason reason;

	message.text[0] = '\0';
	reason = og_load_subject(subject, cli->conf, &none, user, strlen(user),
	    &message);
	if (reason == OG_CONFIG || reason == OG_UNSAFE_FILE) {
		og_log(&cli->log, LOG_ERR, "%s", message.text);
		return reason;
	}
	if (reason == OG_GO_ON)
		return reason;
	reason = og_identity_find(subject, user, strlen(user), "%u", NULL,
	    NULL, 0, &message);
	if (reason != OG_GO_ON && og_id_valid(user)) {
		memset(subject, 0, sizeof(*subject));
		subject->kind = OG_SUBJECT_ID;
		snprintf(subject->text, sizeof(subject->text), "%s", user);
		reason = OG_GO_ON;
	}
	if (reason != OG_GO_ON)
		og_log(&cli->log, LOG_ERR, "nobody: %s", user);
	return reason;
}

int
og_cli_cache(struct og_cli *cli, int argc, char **argv)
{
	struct og_subject subject;
	enum og_reason reason;
	bool listing, showing, flushing;

	listing = argc == 1 && strcmp(argv[0], "list") == 0;
	showing = argc == 2 && strcmp(argv[0], "show") == 0;
	flushing = (argc == 1 || argc == 2) && strcmp(argv[0], "flush") == 0;
	if (!listing && !showing && !flushing)
		return og_cli_usage("cache: list, show USER, or flush [USER]");
	reason = og_cli_load(cli);
	if (reason == OG_GO_ON)
		reason = og_cli_open_store(cli);
	if (reason == OG_GO_ON && cli->store == NULL)
		reason = OG_STORE;
	if (reason == OG_GO_ON && argc == 2)
		reason = find_subject(cli, argv[1], &subject);
	if (reason != OG_GO_ON)
		return og_cli_exit(reason);
	if (listing)
		return list(cli);
	if (showing)
		return show(cli, &subject);
	return flush(cli, argc == 2 ? &subject : NULL);
}
