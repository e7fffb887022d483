#include "cli/doctor.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/pace.h"
#include "io/store_write.h"

static void
examine_store(struct og_examination *ex)
{
	struct og_message message;
	const char *directory;
	enum og_reason reason;

	directory = ex->cli->conf->directory;
	reason = og_cli_open_store(ex->cli);
	if (reason != OG_GO_ON)
		og_doctor_bad(ex, reason, "store", directory, NULL);
	else if (ex->cli->store == NULL)
		og_doctor_bad(ex, OG_STORE, "store", directory,
		    "see the line above; without it every login asks the API");
	else if (access(directory, W_OK) != 0)
		og_doctor_bad(ex, OG_STORE, "store", "cannot be written", "remount "
		    "it read-write; without it every login asks the API");
	else if (!og_store_usable(ex->cli->store))
		og_doctor_bad(ex, OG_UNSAFE_FILE, "store", "what is in it "
		    "cannot be trusted", "see the line above; until then it "
		    "is not used");
	else if (!og_pace_usable(ex->cli->store, &message))
		og_doctor_bad(ex, OG_STORE, "store", message.text, "remove that "
		    "file (rm -r); until then the doors keep no pace");
	else
		og_doctor_good("store", directory);
}

static void
examine_code(struct og_examination *ex, const char *path)
{
	struct og_message message;
	enum og_reason reason;

	reason = og_load_code(path, &message);
	if (reason == OG_GO_ON)
		og_doctor_good("helper", path);
	else
		og_doctor_bad(ex, reason, "helper", message.text,
		    "install openai-gate again");
}

/* The one part of it that is a program, and the other. */
static void
examine_helper(struct og_examination *ex)
{
	if (access(OG_HELPER_PATH, F_OK) == 0 &&
	    access(OG_HELPER_PATH, X_OK) != 0)
		og_doctor_bad(ex, OG_UNSAFE_FILE, "helper",
		    "cannot be executed", "chmod 755 " OG_HELPER_PATH);
	else
		examine_code(ex, OG_HELPER_PATH);
	examine_code(ex, OG_HTTP_PATH);
}

static void
examine_map(struct og_examination *ex, const char *path)
{
	struct og_message message;
	enum og_reason reason;

	if (path == NULL)
		return;
	reason = og_cli_test_map(path, &message);
	if (reason == OG_GO_ON)
		og_doctor_good("map", path);
	else
		og_doctor_bad(ex, reason, "map", message.text, NULL);
}

/* Without an identity nobody passes. */
static void
examine_policy(struct og_examination *ex, const struct og_policy *policy)
{
	char what[OG_LOG_NAME_MAX + 16];

	snprintf(what, sizeof(what), "policy %s", policy->name);
	if (policy->dry_run)
		og_doctor_warn(what,
		    "NOT ENFORCED (enforce = no): it refuses nobody");
	examine_map(ex, policy->map_file);
	if (!og_cli_has_identity(ex->cli->conf, policy))
		og_doctor_bad(ex, OG_CONFIG, what,
		    "neither email nor map_file: nobody has an identity",
		    "write email = %u@ and your domain into [identity]");
}

static void
examine_policies(struct og_examination *ex)
{
	const struct og_config *conf;
	size_t i;

	conf = ex->cli->conf;
	examine_map(ex, conf->map_file);
	if (conf->policy_count == 0)
		og_doctor_bad(ex, OG_NO_POLICY, "policies",
		    "none: nobody can pass",
		    "add a [policy NAME] section");
	for (i = 0; i < conf->policy_count; i++)
		examine_policy(ex, &conf->policies[i]);
}

void
og_doctor_examine_host(struct og_examination *ex)
{
	og_doctor_good("configuration", ex->cli->conf_path);
	examine_policies(ex);
	examine_helper(ex);
	og_doctor_examine_pam(ex);
	examine_store(ex);
}
