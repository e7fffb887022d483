/*
 * What the files of `openai-gate doctor` share; nobody else includes this.
 *
 *	doctor.c	the key, and what the directory says
 *	doctor_host.c	what is on this host: configuration, maps, helper, store
 *	doctor_pam.c	... and whether PAM asks us
 */
#ifndef OG_CLI_DOCTOR_H
#define OG_CLI_DOCTOR_H

#include <stdbool.h>

#include "cli/cli.h"
#include "io/http.h"
#include "meaning/api.h"

struct og_examination {
	struct og_cli *cli;
	struct og_http *http;
	struct og_credentials credentials;
	enum og_reason worst;		/* OG_GO_ON: all is well */
	bool clock_known;
	/* of the request under way */
	const struct og_query *query;
	bool of_container;		/* the project or group itself */
	bool finished;
	struct og_answer answer;
	struct og_container container;
};

/* One line each. mend: NULL, `detail` says it. */
void og_doctor_good(const char *what, const char *detail);
void og_doctor_warn(const char *what, const char *detail);
void og_doctor_bad(struct og_examination *, enum og_reason, const char *what,
    const char *detail, const char *mend);

/* All that can be seen without asking anybody. Opens the store. */
void og_doctor_examine_host(struct og_examination *);
void og_doctor_examine_pam(struct og_examination *);

#endif
