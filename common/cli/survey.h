/*
 * Everybody who could log in here, against one policy: those of /etc/passwd
 * whose shell is in /etc/shells. Whom other sources of NSS know is not asked
 * about: they may be a company.
 */
#ifndef OG_CLI_SURVEY_H
#define OG_CLI_SURVEY_H

#include "cli/cli.h"

struct og_survey {
	struct og_cli *cli;
	const struct og_policy *policy;
	const char *service;		/* of PAM; empty: any */
	void (*each)(const struct og_report *);	/* in the file's order */
	/* set by og_survey_run */
	size_t pass;			/* allow */
	size_t refused;			/* deny */
	size_t exempt;
	size_t unknown;			/* all else: cannot be judged now */
	enum og_reason why;		/* of the first of these */
};

/* OG_GO_ON: all were judged, or are counted as unknown. OG_CONFIG (said on
 * standard error) or OG_NO_MEMORY: /etc/passwd cannot be read. */
enum og_reason og_survey_run(struct og_survey *);

/* The table's head, a line of it, and what it comes to. */
void og_survey_print_head(void);
void og_survey_print_line(const struct og_report *);
void og_survey_print_sum(const struct og_survey *);

/* Warns of who would be locked out. True: everybody. */
bool og_survey_warn(const struct og_survey *);

#endif
