/*
 * openai-gate config: does the gate accept its files, and what do they come to?
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "io/file.h"
#include "value/buffer.h"

#define CONF_PRINT_MAX (1024 * 1024)

/* A file that only has to be there and trustworthy. */
static bool
test_file(const struct og_cli *cli, const char *path, struct og_trust trust)
{
	struct og_message message;
	struct og_buffer text;
	enum og_error error;

	if (path == NULL)
		return true;
	og_buffer_init(&text, OG_MAP_FILE_MAX);
	error = og_file_read(&text, path, trust, &message);
	og_buffer_free(&text);
	if (error == OG_OK)
		return true;
	og_log(&cli->log, LOG_ERR, "%s", message.text);
	return false;
}

enum og_reason
og_cli_test_map(const char *path, struct og_message *message)
{
	struct og_buffer text;
	struct og_map *map;
	enum og_reason reason;

	map = NULL;
	reason = og_load_map(&text, path, message);
	if (reason == OG_GO_ON)
		reason = og_reason_of(og_map_parse(&map, path, text.data,
		    text.len, message), OG_CONFIG);
	og_map_free(map);
	og_buffer_free(&text);
	return reason;
}

bool
og_cli_has_identity(const struct og_config *conf,
    const struct og_policy *policy)
{
	return conf->email != NULL || conf->map_file != NULL ||
	    policy->email != NULL || policy->map_file != NULL;
}

static bool
test_map(const struct og_cli *cli, const char *path)
{
	struct og_message message;

	if (path == NULL || og_cli_test_map(path, &message) == OG_GO_ON)
		return true;
	og_log(&cli->log, LOG_ERR, "%s", message.text);
	return false;
}

static bool
test_identity(const struct og_cli *cli, const struct og_policy *policy)
{
	if (og_cli_has_identity(cli->conf, policy))
		return true;
	og_log(&cli->log, LOG_ERR, "%s:%d: [policy %s] has neither email nor "
	    "map_file: nobody can pass by it; write one into [identity]",
	    cli->conf_path, policy->line, policy->name);
	return false;
}

static bool
test_key(const struct og_cli *cli)
{
	struct og_message message;
	struct og_buffer key;
	enum og_reason reason;

	if (cli->conf->base_url == NULL || cli->conf->key_file == NULL)
		return true;
	og_buffer_init(&key, OG_KEY_MAX);
	reason = og_load_key(&key, cli->conf->key_file, &message);
	if (reason != OG_GO_ON)
		og_log(&cli->log, LOG_ERR, "%s", message.text);
	og_buffer_free(&key);
	return reason == OG_GO_ON;
}

/* Every file that a decision would trust; all faults, not only the first. */
static int
test(struct og_cli *cli)
{
	const struct og_config *conf;
	bool good;
	size_t i;

	conf = cli->conf;
	good = test_key(cli);
	good &= test_map(cli, conf->map_file);
	for (i = 0; i < conf->policy_count; i++)
		good &= test_map(cli, conf->policies[i].map_file) &
		    test_identity(cli, &conf->policies[i]);
	good &= test_file(cli, conf->ca_file, OG_TRUST_ROOT);
	good &= test_file(cli, conf->client_cert, OG_TRUST_ROOT);
	good &= test_file(cli, conf->client_key, OG_TRUST_KEY);
	good &= og_cli_open_store(cli) == OG_GO_ON;
	if (conf->policy_count == 0) {
		og_log(&cli->log, LOG_ERR, "%s: no policy: nobody can pass; "
		    "add a [policy NAME] section", cli->conf_path);
		good = false;
	}
	for (i = 0; i < conf->policy_count; i++) {
		if (conf->policies[i].dry_run)
			og_log(&cli->log, LOG_WARNING, "%s:%d: [policy %s] is "
			    "NOT ENFORCED (enforce = no): it refuses nobody",
			    cli->conf_path, conf->policies[i].line,
			    conf->policies[i].name);
	}
	if (!good)
		return OG_EXIT_MISCONFIGURED;
	printf("%s: good, %zu %s\n", cli->conf_path, conf->policy_count,
	    conf->policy_count == 1 ? "policy" : "policies");
	return OG_EXIT_PASS;
}

static int
print(struct og_cli *cli)
{
	struct og_buffer text;
	enum og_error error;

	og_buffer_init(&text, CONF_PRINT_MAX);
	error = og_config_hide(cli->conf);
	if (error == OG_OK)
		error = og_config_print(cli->conf, &text);
	if (error == OG_OK)
		fwrite(text.data, 1, text.len, stdout);
	else
		og_log(&cli->log, LOG_ERR, "cannot print: %s",
		    og_strerror(error));
	og_buffer_free(&text);
	return error == OG_OK ? OG_EXIT_PASS : OG_EXIT_MISCONFIGURED;
}

int
og_cli_config(struct og_cli *cli, int argc, char **argv)
{
	enum og_reason reason;
	bool printing;

	printing = argc == 1 && strcmp(argv[0], "--print") == 0;
	if (argc > 1 || (argc == 1 && !printing &&
	    strcmp(argv[0], "--test") != 0))
		return og_cli_usage("config: --test or --print");
	reason = og_cli_load(cli);
	if (reason != OG_GO_ON)
		return og_cli_exit(reason);
	return printing ? print(cli) : test(cli);
}
