#include "cli/survey.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "cli/judge.h"
#include "io/exempt.h"

#define PASSWD	"/etc/passwd"

struct names {
	char **item;
	size_t count;
};

static void
free_names(struct names *names)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		free(names->item[i]);
	free(names->item);
}

static bool
is_login_shell(const char *shell)
{
	const char *known, *name;
	bool found;

	if (*shell == '\0')
		shell = "/bin/sh";
	name = strrchr(shell, '/');
	name = name != NULL ? name + 1 : shell;
	/* Some list them, for ftpd. */
	if (strcmp(name, "nologin") == 0 || strcmp(name, "false") == 0)
		return false;
	found = false;
	setusershell();
	while (!found && (known = getusershell()) != NULL)
		found = strcmp(known, shell) == 0;
	endusershell();
	return found;
}

static enum og_error
add_name(struct names *names, const char *name)
{
	char **more;

	more = reallocarray(names->item, names->count + 1, sizeof(*more));
	if (more == NULL)
		return OG_ERR_NOMEM;
	names->item = more;
	more[names->count] = strdup(name);
	if (more[names->count] == NULL)
		return OG_ERR_NOMEM;
	names->count++;
	return OG_OK;
}

/* "+" and "-" begin lines for NIS, which name nobody. */
static enum og_error
list_names(struct names *names)
{
	const struct passwd *entry;
	enum og_error error;
	FILE *file;

	file = fopen(PASSWD, "re");
	if (file == NULL)
		return OG_ERR_SYSTEM;
	error = OG_OK;
	while (error == OG_OK && (entry = fgetpwent(file)) != NULL) {
		if (entry->pw_name[0] == '+' || entry->pw_name[0] == '-' ||
		    !is_login_shell(entry->pw_shell))
			continue;
		error = add_name(names, entry->pw_name);
	}
	fclose(file);
	return error;
}

static void
count_one(struct og_survey *survey, const struct og_report *report)
{
	switch (og_reason_verdict(report->reason)) {
	case OG_ALLOW:
		survey->pass++;
		break;
	case OG_DENY:
		survey->refused++;
		break;
	case OG_EXEMPT:
		survey->exempt++;
		break;
	case OG_UNAVAILABLE:
	case OG_MISCONFIGURED:
	case OG_OUT_OF_MEMORY:
		if (survey->unknown++ == 0)
			survey->why = report->reason;
		break;
	}
}

/* Not exempt, and so to be judged. */
static bool
must_be_judged(const struct og_survey *survey, struct og_report *report)
{
	const struct og_cli *cli = survey->cli;

	if (!og_name_valid(report->user, strlen(report->user))) {
		report->reason = OG_BAD_NAME;
		return false;
	}
	report->reason = og_exempt(cli->conf, report->user, survey->service,
	    &cli->log);
	return report->reason == OG_GO_ON;
}

/* Told in the order of the file, whoever is exempt among those who are judged
 * together. */
static void
judge_batch(struct og_survey *survey, struct og_judge *judge, char **name,
    size_t count)
{
	struct og_report report[OG_JUDGE_BATCH];
	struct og_judged judged[OG_JUDGE_BATCH];
	size_t i, n;

	memset(judged, 0, sizeof(judged));
	memset(report, 0, sizeof(report));
	n = 0;
	for (i = 0; i < count; i++) {
		report[i].user = name[i];
		report[i].policy = survey->policy;
		if (must_be_judged(survey, &report[i]))
			judged[n++].report = report[i];
	}
	og_judge_decide(judge, judged, n);
	n = 0;
	for (i = 0; i < count; i++) {
		if (report[i].reason == OG_GO_ON)
			report[i] = judged[n++].report;
		count_one(survey, &report[i]);
		survey->each(&report[i]);
	}
	for (i = 0; i < n; i++)
		og_judged_free(&judged[i]);
}

enum og_reason
og_survey_run(struct og_survey *survey)
{
	struct og_judge judge;
	struct names names;
	enum og_error error;
	size_t i, n;

	memset(&names, 0, sizeof(names));
	error = list_names(&names);
	if (error == OG_ERR_SYSTEM)
		og_log(&survey->cli->log, LOG_ERR, "%s: %s", PASSWD,
		    strerror(errno));
	og_judge_init(&judge, survey->cli);
	for (i = 0; error == OG_OK && i < names.count; i += n) {
		n = names.count - i;
		if (n > OG_JUDGE_BATCH)
			n = OG_JUDGE_BATCH;
		judge_batch(survey, &judge, names.item + i, n);
	}
	og_judge_free(&judge);
	free_names(&names);
	return og_reason_of(error, OG_CONFIG);
}

void
og_survey_print_head(void)
{
	printf("%-16s  %-13s  %-16s  %-36s  %s\n", "USER", "VERDICT", "REASON",
	    "IDENTITY", "CACHE");
}

void
og_survey_print_line(const struct og_report *report)
{
	og_cli_line("%-16s  %-13s  %-16s  %-36s  %s", report->user,
	    og_verdict_word(og_reason_verdict(report->reason)),
	    og_reason_word(report->reason),
	    report->subject != NULL ? report->subject->text : "-",
	    report->facts != NULL ? og_cache_word(report->cache) : "-");
}

void
og_survey_print_sum(const struct og_survey *survey)
{
	printf("%zu would pass by [policy %s], %zu would not, %zu exempt",
	    survey->pass, survey->policy->name, survey->refused,
	    survey->exempt);
	if (survey->unknown > 0)
		printf(", %zu CANNOT BE JUDGED NOW (%s)", survey->unknown,
		    og_reason_word(survey->why));
	printf("%s\n", survey->policy->dry_run ? " (not enforced)" : "");
}

bool
og_survey_warn(const struct og_survey *survey)
{
	const struct og_log *log = &survey->cli->log;

	if (survey->pass == 0)
		og_log(log, LOG_WARNING, "NOBODY here would pass by [policy "
		    "%s]: in force it locks out everybody%s",
		    survey->policy->name,
		    survey->exempt > 0 ? " but the exempt" : "");
	if (survey->exempt == 0)
		og_log(log, LOG_WARNING, "NO EXEMPT USER has a login shell "
		    "here: while the API or the key fails there is no way "
		    "back in; see exempt_users in gate.conf(5)");
	return survey->pass == 0 && survey->exempt == 0;
}
