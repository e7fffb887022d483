/*
 * openai-gate setup: from nothing to a gate.conf that is proven, with its key.
 * It writes beside the names, examines that, and only then puts it in place;
 * what is in force stays so until then, and for good when something is wrong.
 * It never touches /etc/pam.d.
 */
#include "cli/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "cli/survey.h"
#include "value/text.h"

#define UNCHANGED	"nothing was changed"

const struct og_setup_word og_setup_words[OG_SETUP_VALUES] = {
	[OG_SETUP_SERVICE] = { "--service", "pam_services",
	    "PAM service to gate first", "sshd" },
	[OG_SETUP_POLICY] = { "--policy", NULL, "Name of its policy", "" },
	[OG_SETUP_EMAIL] = { "--email", "email", "E-mail address of the local "
	    "name %u, as in %u@example.com\n(- where a map tells all)", "" },
	[OG_SETUP_MAP] = { "--map-file", "map_file",
	    "File that maps local names to addresses", "" },
	[OG_SETUP_ROLE] = { "--role", "role",
	    "Roles in the organization that pass (- for any)",
	    "owner reader" },
	[OG_SETUP_PROJECT] = { "--project", "project",
	    "Ids of projects, to be in one of them", "" },
	[OG_SETUP_GROUP] = { "--group", "group",
	    "Ids of groups, to be in one of them", "" },
	[OG_SETUP_ENFORCE] = { "--enforce", "enforce",
	    "In force at once (no: a dry run, which refuses nobody)", "yes" },
	[OG_SETUP_USER] = { "--user", NULL, "A local user to try it with",
	    "" },
	[OG_SETUP_EXEMPT] = { "--exempt", "exempt_users", NULL, NULL },
	[OG_SETUP_BASE_URL] = { "--base-url", "base_url", NULL, NULL },
	[OG_SETUP_CA_FILE] = { "--ca-file", "ca_file", NULL, NULL },
};

bool
og_setup_set(struct og_setup *setup, enum og_setup_value which,
    const char *value)
{
	free(setup->value[which]);
	setup->value[which] = strdup(value);
	return setup->value[which] != NULL;
}

/* A newline would be a line of gate.conf of its own. */
static bool
fits_a_line(const char *value)
{
	size_t n;

	for (; *value != '\0'; value += n) {
		n = og_print_length(value, strlen(value));
		if (n == 0)
			return false;
	}
	return true;
}

static int
take_value(struct og_setup *setup, const char *option, const char *value)
{
	enum og_setup_value which;

	if (strcmp(option, "--key-file") == 0) {
		setup->key_source = value;
		return OG_EXIT_PASS;
	}
	for (which = 0; which < OG_SETUP_VALUES; which++) {
		if (strcmp(option, og_setup_words[which].option) == 0)
			break;
	}
	if (which == OG_SETUP_VALUES)
		return og_cli_usage("setup: unknown option '%s'", option);
	if (setup->value[which] != NULL)
		return og_cli_usage("setup: %s is given twice", option);
	if (!fits_a_line(value))
		return og_cli_usage("setup: %s is not a line of text", option);
	return og_setup_set(setup, which, strcmp(value, "-") == 0 ? "" :
	    value) ? OG_EXIT_PASS :
	    OG_EXIT_MISCONFIGURED;
}

static int
parse_arguments(struct og_setup *setup, int argc, char **argv)
{
	int i, status;

	for (i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--yes") == 0) {
			setup->yes = true;
		} else if (strcmp(argv[i], "--force") == 0) {
			setup->force = true;
		} else if (i + 1 < argc) {
			status = take_value(setup, argv[i], argv[i + 1]);
			if (status != OG_EXIT_PASS)
				return status;
			i++;
		} else {
			return og_cli_usage("setup: '%s' is no option, or has "
			    "no value", argv[i]);
		}
	}
	if (!setup->yes && !isatty(STDIN_FILENO))
		return og_cli_usage("setup: no terminal to ask at; say --yes "
		    "and --email or --map-file, see openai-gate(8)");
	return OG_EXIT_PASS;
}

/* As it is shipped, or as setup would leave it without any option: nothing in
 * it is anybody's work. */
static bool
says_nothing(const struct og_cli *cli)
{
	struct og_message message;
	struct og_config *empty, *there;
	struct og_buffer a, b;
	bool same;

	empty = there = NULL;
	og_buffer_init(&a, OG_CONF_FILE_MAX);
	og_buffer_init(&b, OG_CONF_FILE_MAX);
	same = og_config_parse(&empty, "", "", 0, &message) == OG_OK &&
	    og_load_config(&there, cli->conf_path, &message) == OG_GO_ON &&
	    og_config_print(empty, &a) == OG_OK &&
	    og_config_print(there, &b) == OG_OK && a.len == b.len &&
	    memcmp(a.data, b.data, a.len) == 0;
	og_buffer_free(&a);
	og_buffer_free(&b);
	og_config_free(empty);
	og_config_free(there);
	return same;
}

static bool
may_replace(const struct og_setup *setup, const char *path)
{
	/* A link that leads nowhere is somebody's, too. */
	if (setup->force || faccessat(AT_FDCWD, path, F_OK,
	    AT_SYMLINK_NOFOLLOW) != 0)
		return true;
	og_log(&setup->cli->log, LOG_ERR, "%s is there already: --force keeps "
	    "it as %s.bak and writes another", path, path);
	return false;
}

/* All that is to be known before anything is asked. */
static bool
prepare(struct og_setup *setup)
{
	const char *path = setup->cli->conf_path;
	char directory[PATH_MAX];
	int length;

	length = (int)(strrchr(path, '/') - path);
	snprintf(directory, sizeof(directory), "%.*s", length, path);
	if (snprintf(setup->key_path, sizeof(setup->key_path), "%.900s/"
	    "admin.key", directory) != length + (int)strlen("/admin.key") ||
	    geteuid() != 0) {
		og_log(&setup->cli->log, LOG_ERR, geteuid() != 0 ?
		    "setup writes files of root's: run it as root" :
		    "--conf: too long a path");
		return false;
	}
	if (!says_nothing(setup->cli) && !may_replace(setup, path))
		return false;
	/* Else the key that is there is taken. */
	if ((setup->key_source != NULL ||
	    access(setup->key_path, F_OK) != 0) &&
	    !may_replace(setup, setup->key_path))
		return false;
	if (mkdir(directory, 0755) == 0)
		return chmod(directory, 0755) == 0;
	if (errno == EEXIST)
		return true;
	og_log(&setup->cli->log, LOG_ERR, "%s: %s", directory,
	    strerror(errno));
	return false;
}

static bool
take_key(struct og_setup *setup)
{
	struct og_message message;

	if (setup->key_source == NULL &&
	    access(setup->key_path, F_OK) == 0)
		return true;
	if (setup->key_source == NULL && setup->yes) {
		og_log(&setup->cli->log, LOG_ERR, "%s is not there: say "
		    "--key-file", setup->key_path);
		return false;
	}
	if (setup->key_source == NULL || strcmp(setup->key_source, "-") == 0)
		return og_setup_read_key(setup);
	og_message_set(&message, "out of memory");
	if (og_load_key(&setup->key, setup->key_source, &message) ==
	    OG_GO_ON && og_buffer_add(&setup->key, "\n", 1) == OG_OK)
		return true;
	og_log(&setup->cli->log, LOG_ERR, "%s", message.text);
	return false;
}

/* What was neither given nor asked has its usual value. */
static bool
fill_in(struct og_setup *setup)
{
	bool narrow;

	narrow = setup->value[OG_SETUP_PROJECT] != NULL ||
	    setup->value[OG_SETUP_GROUP] != NULL;
	if (setup->value[OG_SETUP_SERVICE] == NULL &&
	    !og_setup_set(setup, OG_SETUP_SERVICE, "sshd"))
		return false;
	if (setup->value[OG_SETUP_POLICY] == NULL &&
	    !og_setup_set(setup, OG_SETUP_POLICY,
	    setup->value[OG_SETUP_SERVICE]))
		return false;
	if (setup->value[OG_SETUP_ROLE] == NULL && !narrow &&
	    !og_setup_set(setup, OG_SETUP_ROLE,
	    og_setup_words[OG_SETUP_ROLE].usual))
		return false;
	/* The first of several services names the policy. */
	setup->value[OG_SETUP_POLICY][strcspn(setup->value[OG_SETUP_POLICY],
	    " \t")] = '\0';
	return true;
}

/* An interrupt waits until no key stands under another name. */
static void
hold_signals(sigset_t *before)
{
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGQUIT);
	sigaddset(&held, SIGHUP);
	sigaddset(&held, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &held, before);
}

static bool
stage(struct og_setup *setup)
{
	struct og_message message;
	const char *path = setup->cli->conf_path;

	if (setup->key.len > 0 && og_setup_stage(setup->key_path, 0600,
	    &setup->key, &message) != OG_OK)
		goto fail;
	if (og_setup_stage(path, 0644, &setup->text, &message) != OG_OK)
		goto fail;
	return true;
fail:
	og_log(&setup->cli->log, LOG_ERR, "%s", message.text);
	return false;
}

/* What has been written, as a door would read it. */
static enum og_reason
load_staged(struct og_setup *setup)
{
	char path[PATH_MAX + 8];
	struct og_cli *cli = setup->cli;
	struct og_message message;
	enum og_reason reason;

	snprintf(path, sizeof(path), "%s%s", cli->conf_path, OG_SETUP_NEW);
	reason = og_load_config(&cli->conf, path, &message);
	if (reason == OG_GO_ON && setup->key.len > 0) {
		snprintf(path, sizeof(path), "%s%s", setup->key_path,
		    OG_SETUP_NEW);
		if (og_config_override(cli->conf, "key_file", path,
		    &message) != OG_OK)
			reason = OG_CONFIG;
	}
	if (reason == OG_GO_ON && cli->conf->email == NULL &&
	    cli->conf->map_file == NULL) {
		og_message_set(&message, "nobody would have an identity: say "
		    "--email or --map-file");
		reason = OG_CONFIG;
	}
	if (reason != OG_GO_ON)
		og_log(&cli->log, LOG_ERR, "%s", message.text);
	return reason;
}

/* Who could log in here. False: a line in /etc/pam.d would lock out all. */
static bool
survey(struct og_setup *setup)
{
	const struct og_policy *policy = &setup->cli->conf->policies[0];
	struct og_survey all;

	memset(&all, 0, sizeof(all));
	all.cli = setup->cli;
	all.policy = policy;
	all.service = policy->pam_services.count > 0 ?
	    policy->pam_services.item[0] : "";
	all.each = og_survey_print_line;
	printf("\n");
	og_survey_print_head();
	if (og_survey_run(&all) != OG_GO_ON)
		return false;
	og_survey_print_sum(&all);
	if (!og_survey_warn(&all) || policy->dry_run)
		return true;
	og_log(&setup->cli->log, LOG_ERR, "this would lock out everybody, "
	    "root too");
	return false;
}

static int
prove(struct og_setup *setup)
{
	struct og_cli *cli = setup->cli;
	const struct og_policy *policy;
	const char *user = setup->value[OG_SETUP_USER];
	enum og_reason reason;
	int status;

	reason = load_staged(setup);
	if (reason != OG_GO_ON)
		return og_cli_exit(reason);
	printf("\n");
	status = og_cli_examine(cli);
	if (status != OG_EXIT_PASS)
		return status;
	if (!survey(setup))
		return OG_EXIT_MISCONFIGURED;
	policy = &cli->conf->policies[0];
	if (user != NULL && *user != '\0') {
		printf("\n");
		(void)og_cli_explain(cli, policy, policy->pam_services.count >
		    0 ? policy->pam_services.item[0] : NULL, user);
	}
	return OG_EXIT_PASS;
}

static int
commit(struct og_setup *setup)
{
	const char *path = setup->cli->conf_path;
	struct og_setup_file file[2];
	struct og_message message;
	size_t count;

	memset(file, 0, sizeof(file));
	count = 0;
	if (setup->key.len > 0)
		file[count++].path = setup->key_path;
	file[count++].path = path;
	if (og_setup_commit(file, count, &message) != OG_OK) {
		og_log(&setup->cli->log, LOG_ERR, "%s", message.text);
		if (!file[0].placed && !file[1].placed)
			og_log(&setup->cli->log, LOG_ERR, UNCHANGED);
		return OG_EXIT_MISCONFIGURED;
	}
	printf("\n%s is written.\n", path);
	og_setup_print_steps(setup);
	return OG_EXIT_PASS;
}

/* What is staged goes through `act`, and is gone afterwards. */
static int
with_staged(struct og_setup *setup, int (*act)(struct og_setup *))
{
	sigset_t before;
	int status;

	hold_signals(&before);
	status = stage(setup) ? act(setup) : OG_EXIT_MISCONFIGURED;
	og_setup_discard(setup->cli->conf_path);
	og_setup_discard(setup->key_path);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

static int
run(struct og_setup *setup)
{
	int status;

	if (!prepare(setup) || !take_key(setup) ||
	    (!setup->yes && !og_setup_ask(setup)) || !fill_in(setup) ||
	    og_setup_compose(setup) != OG_OK)
		return OG_EXIT_MISCONFIGURED;
	status = with_staged(setup, prove);
	if (status != OG_EXIT_PASS) {
		og_log(&setup->cli->log, LOG_ERR, UNCHANGED);
		return status;
	}
	if (!og_setup_confirm(setup))
		return OG_EXIT_MISCONFIGURED;
	return with_staged(setup, commit);
}

int
og_cli_setup(struct og_cli *cli, int argc, char **argv)
{
	struct og_setup setup;
	size_t i;
	int status;

	memset(&setup, 0, sizeof(setup));
	setup.cli = cli;
	og_buffer_init(&setup.key, OG_KEY_MAX);
	og_buffer_init(&setup.text, OG_CONF_FILE_MAX);
	status = parse_arguments(&setup, argc, argv);
	if (status == OG_EXIT_PASS)
		status = run(&setup);
	og_buffer_free(&setup.key);
	og_buffer_free(&setup.text);
	for (i = 0; i < OG_SETUP_VALUES; i++)
		free(setup.value[i]);
	return status;
}
