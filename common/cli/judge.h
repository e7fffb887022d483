/*
 * Decisions that a command makes itself: one or many at once, with one fetcher
 * for all of them, so that those who need the same answer share it.
 */
#ifndef OG_CLI_JUDGE_H
#define OG_CLI_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "client/fetch.h"
#include "meaning/identity.h"

/* Decisions made together: as many addresses as one request may ask for. */
#define OG_JUDGE_BATCH	20

/* Zeroed but for report.user and report.policy, which are the caller's. */
struct og_judged {
	struct og_report report;	/* complete after og_judge_decide */
	struct og_subject subject;
	struct og_check *check;		/* report borrows from it */
	bool waiting;
};

struct og_judge {
	struct og_cli *cli;
	struct og_fetch *fetch;		/* NULL: the store was enough so far */
	struct og_credentials credentials;
	bool opened;			/* the store, once, or in vain */
	enum og_reason store;		/* of og_cli_open_store */
	int64_t deadline;
	bool answered;			/* somebody, since cleared */
};

void og_judge_init(struct og_judge *, struct og_cli *);

/* Each by the policy of its report, within one timeout. */
void og_judge_decide(struct og_judge *, struct og_judged *, size_t count);

void og_judged_free(struct og_judged *);	/* the report ends here */
void og_judge_free(struct og_judge *);

#endif
