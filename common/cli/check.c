/*
 * openai-gate check: the decision that a door would make, and what it rests on,
 * without opening the door.
 */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "client/fetch.h"
#include "io/exempt.h"
#include "value/clock.h"

struct options {
	const char *policy;
	const char *service;
	bool json;
	const char *user;
};

/* Everything the decision needs, so that it can be freed in one place. */
struct asking {
	struct og_subject subject;
	struct og_check *check;
	struct og_fetch *fetch;
	struct og_credentials credentials;
	bool finished;
};

static int
parse_arguments(struct options *options, int argc, char **argv)
{
	int i;

	memset(options, 0, sizeof(*options));
	for (i = 0; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			options->json = true;
		} else if (strcmp(argv[i], "--policy") == 0 && i + 1 < argc) {
			options->policy = argv[++i];
		} else if (strcmp(argv[i], "--service") == 0 && i + 1 < argc) {
			options->service = argv[++i];
		} else if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		} else {
			return og_cli_usage("check: unknown option '%s'",
			    argv[i]);
		}
	}
	if (argc - i != 1)
		return og_cli_usage("check: name one user");
	if (options->policy != NULL && options->service != NULL)
		return og_cli_usage("check: --policy or --service, not both");
	options->user = argv[i];
	return OG_EXIT_PASS;
}

/* OG_GO_ON and *policy, or why the facts need not be asked. */
static enum og_reason
choose_policy(const struct og_cli *cli, const struct options *options,
    const struct og_policy **policy)
{
	enum og_reason reason;

	*policy = NULL;
	if (options->service != NULL) {
		reason = og_exempt(cli->conf, options->user,
		    options->service, &cli->log);
		if (reason != OG_GO_ON)
			return reason;
		*policy = og_config_policy_for_service(cli->conf,
		    options->service);
		if (*policy == NULL)
			og_log(&cli->log, LOG_ERR, "%s: no policy has "
			    "pam_services = %s", cli->conf_path,
			    options->service);
	} else if (options->policy != NULL) {
		*policy = og_config_policy(cli->conf, options->policy);
		if (*policy == NULL)
			og_log(&cli->log, LOG_ERR, "%s: no [policy %s]",
			    cli->conf_path, options->policy);
	} else if (cli->conf->policy_count == 1) {
		*policy = &cli->conf->policies[0];
	} else {
		og_log(&cli->log, LOG_ERR, "%s has %zu policies: choose one "
		    "with --policy or --service", cli->conf_path,
		    cli->conf->policy_count);
	}
	return *policy != NULL ? OG_GO_ON : OG_NO_POLICY;
}

static void
answered(void *arg, const struct og_fact *answer, size_t count)
{
	struct asking *asking;

	asking = arg;
	og_check_answer(asking->check, answer, count);
	asking->finished = true;
}

/* The fetcher is made when the store does not settle the matter. */
static enum og_reason
prepare_fetch(struct og_cli *cli, struct asking *asking)
{
	struct og_message message;
	enum og_reason reason;
	enum og_error error;

	if (asking->fetch != NULL)
		return OG_GO_ON;
	reason = og_load_credentials(&asking->credentials, cli->conf,
	    &message);
	if (reason != OG_GO_ON) {
		og_log(&cli->log, LOG_ERR, "%s", message.text);
		return reason;
	}
	error = og_fetch_new(&asking->fetch, cli->conf, cli->store,
	    &asking->credentials, &cli->log);
	if (error == OG_OK)
		return OG_GO_ON;
	return error == OG_ERR_NOMEM ? OG_NO_MEMORY : OG_NETWORK;
}

static void
fetch_wanted(struct og_cli *cli, struct asking *asking, int64_t deadline)
{
	enum og_reason reason;

	reason = prepare_fetch(cli, asking);
	if (reason != OG_GO_ON) {
		og_check_fail(asking->check, reason);
		return;
	}
	asking->finished = false;
	if (og_fetch_ask(asking->fetch, og_check_facts(asking->check),
	    deadline, answered, asking) == NULL)
		og_check_fail(asking->check, OG_NO_MEMORY);
	else
		og_fetch_wait(asking->fetch, &asking->finished);
}

static enum og_reason
decide(struct og_cli *cli, struct asking *asking,
    const struct og_policy *policy, struct og_report *report)
{
	struct og_message message;
	enum og_reason reason;
	int64_t deadline;

	deadline = og_clock_mono() + cli->conf->timeout_ms;
	message.text[0] = '\0';
	reason = og_load_subject(&asking->subject, cli->conf, policy,
	    report->user, strlen(report->user), &message);
	if (reason != OG_GO_ON) {
		if (message.text[0] != '\0')
			og_log(&cli->log, LOG_ERR, "%s", message.text);
		return reason;
	}
	report->subject = &asking->subject;
	reason = og_cli_open_store(cli);
	if (reason != OG_GO_ON)
		return reason;
	if (og_check_new(&asking->check, cli->conf, policy, &asking->subject,
	    cli->store, &cli->log) != OG_OK)
		return OG_NO_MEMORY;
	while (og_check_step(asking->check, og_clock_wall()) == OG_STEP_WANT)
		fetch_wanted(cli, asking, deadline);
	report->decision = og_check_decision(asking->check);
	report->facts = og_check_facts(asking->check);
	report->cache = og_check_cache(asking->check);
	report->now = og_clock_wall();
	return report->decision->reason;
}

static void
print_fact(const struct og_fact *fact, int64_t now)
{
	char query[OG_QUERY_TEXT_MAX], clean[OG_QUERY_TEXT_MAX * 4];

	og_query_text(&fact->query, query);
	og_log_clean(clean, sizeof(clean), query);
	printf("  %-40s  ", clean);
	switch (fact->state) {
	case OG_FACT_FOUND:
	case OG_FACT_ABSENT:
		printf("%s, %" PRId64 " s old, from the %s%s\n",
		    fact->state == OG_FACT_FOUND ? "found" : "not there",
		    now - fact->fetched_at,
		    fact->source == OG_SOURCE_API ? "API" : "store",
		    fact->stale ? " (stale)" : "");
		break;
	case OG_FACT_FAILED:
		printf("not known: %s\n", og_reason_word(fact->failure));
		break;
	case OG_FACT_WANTED:
		printf("not asked\n");
		break;
	}
}

static void
print_text(const struct og_report *report)
{
	char clean[OG_LOG_MAX];
	const struct og_record *user;
	size_t i;

	og_log_clean(clean, sizeof(clean), report->user);
	printf("%s: %s (%s)%s\n", clean,
	    og_verdict_word(og_reason_verdict(report->reason)),
	    og_reason_word(report->reason),
	    report->policy != NULL && report->policy->dry_run ?
	    " (not enforced)" : "");
	printf("  %s\n", og_reason_sentence(report->reason));
	if (report->policy != NULL)
		printf("  policy    %s\n", report->policy->name);
	if (report->subject != NULL)
		printf("  identity  %s\n", report->subject->text);
	if (report->decision != NULL) {
		user = &report->decision->user;
		if (user->id[0] != '\0')
			printf("  user id   %s\n", user->id);
		if (user->role[0] != '\0')
			printf("  role      %s\n", user->role);
	}
	if (report->facts == NULL)
		return;
	printf("  cache     %s\n", og_cache_word(report->cache));
	for (i = 0; i < report->facts->count; i++)
		print_fact(&report->facts->item[i], report->now);
}

int
og_cli_check(struct og_cli *cli, int argc, char **argv)
{
	const struct og_policy *policy;
	struct options options;
	struct asking asking;
	struct og_report report;
	int status;

	status = parse_arguments(&options, argc, argv);
	if (status != OG_EXIT_PASS)
		return status;
	memset(&asking, 0, sizeof(asking));
	og_credentials_init(&asking.credentials);
	memset(&report, 0, sizeof(report));
	report.user = options.user;
	if (!og_name_valid(options.user, strlen(options.user))) {
		report.reason = OG_BAD_NAME;
	} else {
		report.reason = og_cli_load(cli);
		if (report.reason == OG_GO_ON)
			report.reason = choose_policy(cli, &options, &policy);
		if (report.reason == OG_GO_ON) {
			report.policy = policy;
			report.reason = decide(cli, &asking, policy, &report);
		}
	}
	status = og_cli_exit(report.reason);
	if (!options.json)
		print_text(&report);
	else if (og_cli_print_json(&report) != OG_OK)
		status = OG_EXIT_MISCONFIGURED;
	og_check_free(asking.check);
	og_fetch_free(asking.fetch);
	og_credentials_free(&asking.credentials);
	return status;
}
