/*
 * openai-gate check: the decision that a door would make, and what it rests on,
 * without opening the door.
 */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "cli/judge.h"
#include "cli/survey.h"
#include "io/exempt.h"

struct options {
	const char *policy;
	const char *service;
	bool json;
	bool all_local;
	const char *user;		/* NULL with all_local */
};

static int
parse_arguments(struct options *options, int argc, char **argv)
{
	int i;

	memset(options, 0, sizeof(*options));
	for (i = 0; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			options->json = true;
		} else if (strcmp(argv[i], "--all-local") == 0) {
			options->all_local = true;
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
	if (argc - i != (options->all_local ? 0 : 1))
		return og_cli_usage(options->all_local ?
		    "check: --all-local takes no user" :
		    "check: name one user");
	if (options->policy != NULL && options->service != NULL)
		return og_cli_usage("check: --policy or --service, not both");
	options->user = options->all_local ? NULL : argv[i];
	return OG_EXIT_PASS;
}

/* OG_GO_ON and *policy, or OG_NO_POLICY. */
static enum og_reason
choose_policy(const struct og_cli *cli, const struct options *options,
    const struct og_policy **policy)
{
	*policy = NULL;
	if (options->service != NULL) {
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
	const struct og_record *user;
	size_t i;

	og_cli_line("%s: %s (%s)%s", report->user,
	    og_verdict_word(og_reason_verdict(report->reason)),
	    og_reason_word(report->reason),
	    report->policy != NULL && report->policy->dry_run ?
	    " (not enforced)" : "");
	printf("  %s\n", og_reason_sentence(report->reason));
	if (report->policy != NULL)
		printf("  policy    %s\n", report->policy->name);
	if (report->subject != NULL)
		og_cli_line("  identity  %s", report->subject->text);
	if (report->decision != NULL) {
		user = &report->decision->user;
		if (user->id[0] != '\0')
			printf("  user id   %s\n", user->id);
		if (user->role[0] != '\0')
			og_cli_line("  role      %s", user->role);
	}
	if (report->facts == NULL)
		return;
	printf("  cache     %s\n", og_cache_word(report->cache));
	for (i = 0; i < report->facts->count; i++)
		print_fact(&report->facts->item[i], report->now);
}

static enum og_reason
judge(struct og_cli *cli, const struct options *options,
    struct og_judge *judge, struct og_judged *judged)
{
	struct og_report *report = &judged->report;
	enum og_reason reason;

	if (!og_name_valid(options->user, strlen(options->user)))
		return OG_BAD_NAME;
	reason = og_cli_load(cli);
	if (reason == OG_GO_ON && options->service != NULL)
		reason = og_exempt(cli->conf, options->user, options->service,
		    &cli->log);
	if (reason == OG_GO_ON)
		reason = choose_policy(cli, options, &report->policy);
	if (reason != OG_GO_ON)
		return reason;
	og_judge_decide(judge, judged, 1);
	return report->reason;
}

static int
check_one(struct og_cli *cli, const struct options *options)
{
	struct og_judged judged;
	struct og_judge mind;
	int status;

	og_judge_init(&mind, cli);
	memset(&judged, 0, sizeof(judged));
	judged.report.user = options->user;
	judged.report.reason = judge(cli, options, &mind, &judged);
	og_tally_decided(cli->tally, og_cli_slot(cli,
	    judged.report.policy != NULL ? judged.report.policy->name : NULL),
	    OG_DOOR_CLI, judged.report.reason, judged.report.facts != NULL ?
	    (unsigned int)judged.report.cache : OG_TALLY_NO_CACHE);
	status = og_cli_exit(judged.report.reason);
	if (!options->json)
		print_text(&judged.report);
	else if (og_cli_print_json(&judged.report) != OG_OK)
		status = OG_EXIT_MISCONFIGURED;
	og_judged_free(&judged);
	og_judge_free(&mind);
	return status;
}

int
og_cli_explain(struct og_cli *cli, const struct og_policy *policy,
    const char *service, const char *user)
{
	struct options options;

	memset(&options, 0, sizeof(options));
	options.service = service;
	options.policy = policy->name;
	options.user = user;
	return check_one(cli, &options);
}

/* A line that cannot be written shows at the end, when output is flushed. */
static void
print_json_line(const struct og_report *report)
{
	(void)og_cli_print_json(report);
}

static int
check_all(struct og_cli *cli, const struct options *options)
{
	struct og_survey survey;
	enum og_reason reason;

	memset(&survey, 0, sizeof(survey));
	survey.cli = cli;
	survey.service = options->service != NULL ? options->service : "";
	survey.each = options->json ? print_json_line : og_survey_print_line;
	reason = og_cli_load(cli);
	if (reason == OG_GO_ON)
		reason = choose_policy(cli, options, &survey.policy);
	if (reason != OG_GO_ON)
		return og_cli_exit(reason);
	if (!options->json)
		og_survey_print_head();
	reason = og_survey_run(&survey);
	if (reason != OG_GO_ON)
		return og_cli_exit(reason);
	if (!options->json)
		og_survey_print_sum(&survey);
	(void)og_survey_warn(&survey);
	return survey.unknown > 0 ? og_cli_exit(survey.why) : OG_EXIT_PASS;
}

int
og_cli_check(struct og_cli *cli, int argc, char **argv)
{
	struct options options;
	int status;

	status = parse_arguments(&options, argc, argv);
	if (status != OG_EXIT_PASS)
		return status;
	return options.all_local ? check_all(cli, &options) :
	    check_one(cli, &options);
}
