#include "cli/doctor.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/stack.h"
#include "io/file.h"
#include "io/pace.h"
#include "io/store_write.h"

#define COMMON		"/etc/pam.d/common-account"
#define INCLUDES_MAX	4	/* files of pam.d, one in another */

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

/* What is wrong with what a profile of pam-auth-update has written. */
static const char *
common_trouble(const struct og_cli *cli, const char *service)
{
	struct og_message message;
	struct og_buffer text;
	const char *wrong;

	og_buffer_init(&text, 64 * 1024);
	wrong = og_file_read(&text, COMMON, OG_TRUST_ROOT, &message) != OG_OK ?
	    og_stack_none : og_stack_shared(text.data, service, cli->conf,
	    cli->conf_path);
	og_buffer_free(&text);
	return wrong;
}

struct pam_stack {
	struct og_stack lines;
	struct og_message message;
	bool common;		/* it includes common-account ... */
	bool low;		/* ... below a line that ends it before */
};

static bool go_through(struct pam_stack *, const char *name,
    unsigned int depth);

/*
 * What a stack includes belongs to it, but for common-account: that ends it,
 * for an expired password, and is asked for each service by itself: see above.
 */
static bool
follow(struct pam_stack *stack, unsigned int depth)
{
	char name[sizeof(stack->lines.included)];
	bool ended, found, substack;

	memcpy(name, stack->lines.included, sizeof(name));
	if (strcmp(name, "common-account") == 0) {
		if (!stack->common)
			stack->low = stack->lines.ended;
		stack->common = stack->lines.ended = true;
		return false;
	}
	if (depth == 0)
		return false;
	ended = stack->lines.ended;
	substack = stack->lines.substack;
	found = go_through(stack, name, depth - 1);
	if (substack)
		stack->lines.ended = ended;
	return found;
}

/* That file of /etc/pam.d. True: our line is found, or a file cannot be read:
 * lines.trouble says what there is to say. */
static bool
go_through(struct pam_stack *stack, const char *name, unsigned int depth)
{
	enum og_stack_step step;
	struct og_buffer text;
	const char *rest;
	char path[320];
	bool found;

	snprintf(path, sizeof(path), "%s%s", *name == '/' ? "" : "/etc/pam.d/",
	    name);
	og_buffer_init(&text, 64 * 1024);
	found = og_file_read(&text, path, OG_TRUST_ROOT, &stack->message) !=
	    OG_OK;
	if (found)
		stack->lines.trouble = stack->message.text;
	rest = text.data;
	while (!found &&
	    (step = og_stack_next(&stack->lines, &rest)) != OG_STACK_END)
		found = step == OG_STACK_OURS || follow(stack, depth);
	og_buffer_free(&text);
	return found;
}

/* pam_start falls back to "other" where a service has no file of its own. */
static void
examine_service(struct og_examination *ex, const char *service)
{
	char path[320], what[320];
	const char *where, *wrong;
	struct pam_stack stack;

	memset(&stack, 0, sizeof(stack));
	og_stack_begin(&stack.lines, ex->cli->conf, ex->cli->conf_path);
	snprintf(path, sizeof(path), "/etc/pam.d/%s", service);
	snprintf(what, sizeof(what), "service %s", service);
	(void)go_through(&stack, service, INCLUDES_MAX);
	where = path;
	wrong = stack.lines.trouble;
	if (wrong == og_stack_none && stack.common) {
		where = COMMON;
		wrong = common_trouble(ex->cli, service);
		if (wrong == NULL && stack.low)
			wrong = og_stack_low;
	}
	if (wrong == NULL)
		og_doctor_good(what, where);
	else
		og_doctor_warn(what, wrong);
}

static void
examine_services(struct og_examination *ex)
{
	const struct og_policy *policy;
	size_t i, j;

	for (i = 0; i < ex->cli->conf->policy_count; i++) {
		policy = &ex->cli->conf->policies[i];
		for (j = 0; j < policy->pam_services.count; j++)
			examine_service(ex, policy->pam_services.item[j]);
	}
}

void
og_doctor_examine_host(struct og_examination *ex)
{
	og_doctor_good("configuration", ex->cli->conf_path);
	examine_policies(ex);
	examine_helper(ex);
	examine_services(ex);
	examine_store(ex);
}
