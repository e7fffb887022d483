/*
 * openai-gate(8): one file per command, each a function from the common
 * options and its own arguments to an exit status. Answers go to standard
 * output, diagnostics to standard error.
 */
#ifndef OG_CLI_CLI_H
#define OG_CLI_CLI_H

#include "client/check.h"
#include "io/load.h"
#include "io/store.h"
#include "meaning/config.h"
#include "value/log.h"
#include "value/reason.h"
#include "value/tally.h"

/* Exit statuses, openai-gate(8), and sysexits(3)' for a misused command. */
#define OG_EXIT_PASS		0
#define OG_EXIT_DENY		1
#define OG_EXIT_UNAVAILABLE	2
#define OG_EXIT_MISCONFIGURED	3
#define OG_EXIT_USAGE		64

struct og_cli {
	const char *conf_path;
	struct og_config *conf;		/* NULL until loaded */
	struct og_store *store;		/* NULL: none */
	struct og_tally *tally;		/* of this process; NULL: not counted */
	struct og_log log;		/* to standard error */
};

int og_cli_exit(enum og_reason);

/* One line to standard error, after "openai-gate: ". Returns OG_EXIT_USAGE. */
int og_cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One line to standard output, of what others may have chosen (addresses,
 * roles, names): as the log shows it, so that no terminal obeys it. */
void og_cli_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Loads the configuration, unless it is loaded; on failure says why and
 * returns the reason. */
enum og_reason og_cli_load(struct og_cli *);

/*
 * Opens the store, creating it when it is not there yet. OG_GO_ON also when it
 * cannot be had at all (store stays NULL, said on standard error);
 * OG_UNSAFE_FILE when it must not be trusted. One that is open stays.
 */
enum og_reason og_cli_open_store(struct og_cli *);

/* Says why the store could not be gone through, and returns the reason. */
enum og_reason og_cli_store_failed(const struct og_cli *, enum og_error);

/* What the identity map at `path` is for a door: OG_GO_ON, or what is wrong. */
enum og_reason og_cli_test_map(const char *path, struct og_message *);

/* Without it nobody can pass by that policy. */
bool og_cli_has_identity(const struct og_config *, const struct og_policy *);

/* Where decisions by that policy (NULL: none) are counted. */
size_t og_cli_slot(const struct og_cli *, const char *policy);

int og_cli_check(struct og_cli *, int argc, char **argv);
int og_cli_config(struct og_cli *, int argc, char **argv);
int og_cli_cache(struct og_cli *, int argc, char **argv);
int og_cli_sync(struct og_cli *, int argc, char **argv);
int og_cli_status(struct og_cli *, int argc, char **argv);
int og_cli_doctor(struct og_cli *, int argc, char **argv);
int og_cli_setup(struct og_cli *, int argc, char **argv);

/* What `doctor` does, of the configuration that is loaded. */
int og_cli_examine(struct og_cli *);

/* What `check` does for one user, by that policy; the exempt of that PAM
 * service first, unless it is NULL. */
int og_cli_explain(struct og_cli *, const struct og_policy *,
    const char *service, const char *user);

/* What `check` found, in every form it can be printed. */
struct og_report {
	const char *user;
	const struct og_policy *policy;	/* NULL: none was chosen */
	enum og_reason reason;
	const struct og_subject *subject;	/* NULL: no identity */
	const struct og_decision *decision;	/* NULL: no facts were needed */
	const struct og_facts *facts;
	enum og_cache cache;
	int64_t now;
};

/* json.c: the object of `check --json`, with its newline, to standard output. */
enum og_error og_cli_print_json(const struct og_report *);

#endif
