#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "io/store_write.h"
#include "io/tally_write.h"

struct command {
	const char *name;
	int (*run)(struct og_cli *, int argc, char **argv);
	const char *synopsis;
};

static const struct command commands[] = {
	{ "check", og_cli_check,
	    "check [--policy NAME | --service NAME] [--json] "
	    "USER | --all-local" },
	{ "config", og_cli_config, "config [--test | --print]" },
	{ "sync", og_cli_sync,
	    "sync [--base-url URL] [--key-file PATH] [--quiet]" },
	{ "cache", og_cli_cache, "cache list | show USER | flush [USER]" },
	{ "status", og_cli_status, "status [--json | --prometheus]" },
	{ "doctor", og_cli_doctor, "doctor" },
	{ "setup", og_cli_setup, "setup [--yes] [--force] [--key-file PATH | "
	    "-] [--service NAME] [--policy NAME] [--email TEMPLATE] "
	    "[--map-file PATH] [--role ROLES] [--project IDS] [--group IDS] "
	    "[--enforce yes | no] [--exempt USERS] [--user USER] "
	    "[--base-url URL] [--ca-file PATH]" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void
print_synopsis(FILE *to, const char *lead, const struct command *command)
{
	fprintf(to, "%s openai-gate [--conf PATH] [--verbose] %s\n", lead,
	    command->synopsis);
}

static void
print_usage(FILE *to)
{
	size_t i;

	for (i = 0; i < COMMAND_COUNT; i++)
		print_synopsis(to, i == 0 ? "usage:" : "      ",
		    &commands[i]);
}

int
og_cli_usage(const char *fmt, ...)
{
	va_list ap;

	fputs("openai-gate: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return OG_EXIT_USAGE;
}

void
og_cli_line(const char *fmt, ...)
{
	char raw[2 * OG_LOG_MAX], clean[4 * sizeof(raw)];
	va_list ap;

	raw[0] = '\0';	/* vsnprintf may fail and leave it alone */
	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	og_log_clean(clean, sizeof(clean), raw);
	puts(clean);
}

int
og_cli_exit(enum og_reason reason)
{
	switch (og_reason_verdict(reason)) {
	case OG_DENY:
		return OG_EXIT_DENY;
	case OG_ALLOW:
	case OG_EXEMPT:
		return OG_EXIT_PASS;
	case OG_UNAVAILABLE:
		return OG_EXIT_UNAVAILABLE;
	case OG_MISCONFIGURED:
	case OG_OUT_OF_MEMORY:
		return OG_EXIT_MISCONFIGURED;
	}
	return OG_EXIT_DENY;
}

enum og_reason
og_cli_load(struct og_cli *cli)
{
	struct og_message message;
	enum og_reason reason;

	if (cli->conf != NULL)
		return OG_GO_ON;
	reason = og_load_config(&cli->conf, cli->conf_path, &message);
	if (reason != OG_GO_ON)
		og_log(&cli->log, LOG_ERR, "%s", message.text);
	else
		cli->tally = og_tally_new(cli->conf);
	return reason;
}

size_t
og_cli_slot(const struct og_cli *cli, const char *policy)
{
	return cli->tally == NULL ? OG_TALLY_NO_POLICY :
	    og_tally_slot(cli->tally, policy);
}

/* What cannot be counted changes no answer. */
static void
add_up(struct og_cli *cli)
{
	if (cli->store != NULL && cli->tally != NULL)
		(void)og_tally_write(cli->store, cli->conf, cli->tally);
	free(cli->tally);
}

enum og_reason
og_cli_open_store(struct og_cli *cli)
{
	struct og_message message;
	enum og_error error;

	if (cli->store != NULL)
		return OG_GO_ON;
	error = og_store_create(cli->conf->directory, &message);
	/* A full disk: what is there can be read all the same. */
	if (error == OG_ERR_SYSTEM) {
		og_log(&cli->log, LOG_ERR, "%s", message.text);
		error = OG_OK;
	}
	if (error == OG_OK)
		error = og_store_open(&cli->store, cli->conf->directory, 0,
		    cli->conf, &cli->log, &message);
	if (error == OG_OK)
		return OG_GO_ON;
	og_log(&cli->log, LOG_ERR, "%s", message.text);
	return og_reason_of(error, OG_GO_ON);
}

enum og_reason
og_cli_store_failed(const struct og_cli *cli, enum og_error error)
{
	const char *directory = cli->conf->directory;

	/* Which it is, and its mend, the store has said. */
	if (error == OG_ERR_UNSAFE)
		og_log(&cli->log, LOG_ERR, "%s: unsafe file: left alone; mend "
		    "that, then once more", directory);
	else if (error == OG_ERR_SYSTEM)
		og_log(&cli->log, LOG_ERR, "%s: %s (%m)", directory,
		    og_strerror(error));
	else
		og_log(&cli->log, LOG_ERR, "%s: %s", directory,
		    og_strerror(error));
	return og_reason_of(error, OG_STORE);
}

static void
to_stderr(void *arg, int level, const char *line)
{
	(void)arg;
	fprintf(stderr, "openai-gate: %s%s\n", level <= LOG_ERR ? "" :
	    level <= LOG_WARNING ? "warning: " : "", line);
}

/* Options before the command. Returns the index of the command, 0 when the
 * process should end with *status. */
static int
parse_options(struct og_cli *cli, int argc, char **argv, int *status)
{
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--conf") == 0 && i + 1 < argc) {
			cli->conf_path = argv[++i];
			if (cli->conf_path[0] != '/') {
				*status = og_cli_usage("--conf takes an "
				    "absolute path, not '%s'", cli->conf_path);
				return 0;
			}
		} else if (strcmp(argv[i], "--verbose") == 0) {
			cli->log.max_level = LOG_DEBUG;
		} else if (strcmp(argv[i], "--help") == 0) {
			print_usage(stdout);
			*status = OG_EXIT_PASS;
			return 0;
		} else {
			print_usage(stderr);
			*status = og_cli_usage("unknown option '%s'", argv[i]);
			return 0;
		}
	}
	if (i == argc) {
		print_usage(stderr);
		*status = OG_EXIT_USAGE;
		return 0;
	}
	return i;
}

/* The key is in our memory: nobody may look there, and no core may hold it. */
static void
keep_memory(void)
{
	const struct rlimit none = { 0, 0 };

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
}

int
main(int argc, char **argv)
{
	struct og_cli cli;
	size_t i;
	int first, status = OG_EXIT_USAGE;

	/* No environment variable changes a decision, or shows our TLS keys
	 * (SSLKEYLOGFILE), or names a proxy. */
	clearenv();
	umask(077);
	keep_memory();
	(void)signal(SIGPIPE, SIG_IGN);
	memset(&cli, 0, sizeof(cli));
	cli.conf_path = OG_CONF_PATH;
	cli.log.emit = to_stderr;
	cli.log.max_level = LOG_WARNING;
	first = parse_options(&cli, argc, argv, &status);
	if (first == 0)
		return status;
	for (i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(argv[first], commands[i].name) == 0)
			break;
	}
	if (i == COMMAND_COUNT) {
		print_usage(stderr);
		return og_cli_usage("unknown command '%s'", argv[first]);
	}
	if (first + 1 < argc && strcmp(argv[first + 1], "--help") == 0) {
		print_synopsis(stdout, "usage:", &commands[i]);
		return OG_EXIT_PASS;
	}
	status = commands[i].run(&cli, argc - first - 1, argv + first + 1);
	add_up(&cli);
	og_store_free(cli.store);
	og_config_free(cli.conf);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "openai-gate: cannot write: %s\n",
		    strerror(errno));
		return OG_EXIT_MISCONFIGURED;
	}
	return status;
}
