#include "cli/doctor.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "cli/sshd.h"
#include "cli/stack.h"
#include "io/file.h"

#define PAM_D		"/etc/pam.d/"
#define COMMON		PAM_D "common-account"
#define INCLUDES_MAX	4	/* files of pam.d, one in another */
#define SSHD_CONFIG	"/etc/ssh/sshd_config"

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

static void
path_of(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s%s", *name == '/' ? "" : PAM_D, name);
}

/*
 * What a stack includes belongs to it, but for common-account: that ends it,
 * for an expired password, and is asked for each service by itself: see above.
 */
static bool
follow(struct pam_stack *stack, unsigned int depth)
{
	char name[sizeof(stack->lines.included)], path[320];
	bool ended, found, substack;

	memcpy(name, stack->lines.included, sizeof(name));
	path_of(path, sizeof(path), name);
	if (strcmp(path, COMMON) == 0) {
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

	path_of(path, sizeof(path), name);
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
	bool found;

	memset(&stack, 0, sizeof(stack));
	og_stack_begin(&stack.lines, ex->cli->conf, ex->cli->conf_path);
	path_of(path, sizeof(path), service);
	snprintf(what, sizeof(what), "service %s", service);
	found = go_through(&stack, service, INCLUDES_MAX);
	where = path;
	wrong = stack.lines.trouble;
	if (!found && stack.common) {
		where = COMMON;
		wrong = common_trouble(ex->cli, service);
		if (wrong == og_stack_none)
			wrong = stack.lines.trouble;
		else if (wrong == NULL && stack.low)
			wrong = og_stack_low;
	}
	if (wrong == NULL)
		og_doctor_good(what, where);
	else
		og_doctor_warn(what, wrong);
}

/* Whoever has a key of his own is in, whatever stands in pam.d. */
static void
examine_sshd(const char *service)
{
	if (strcmp(service, "sshd") == 0 && !og_sshd_asks_pam(SSHD_CONFIG))
		og_doctor_warn("service sshd", "UsePAM is not yes in "
		    SSHD_CONFIG ": sshd asks no PAM, and so not us; write it");
}

static void
examine_services(struct og_examination *ex)
{
	const struct og_policy *policy;
	size_t i, j;

	for (i = 0; i < ex->cli->conf->policy_count; i++) {
		policy = &ex->cli->conf->policies[i];
		for (j = 0; j < policy->pam_services.count; j++) {
			examine_service(ex, policy->pam_services.item[j]);
			examine_sshd(policy->pam_services.item[j]);
		}
	}
}

/* errno after a lookup: one that failed proves nothing. */
static bool
answers(bool found)
{
	return found || (errno != 0 && errno != ENOENT && errno != ESRCH);
}

static bool
is_user(const char *name)
{
	errno = 0;
	return answers(getpwnam(name) != NULL);
}

static bool
is_group(const char *name)
{
	errno = 0;
	return answers(getgrnam(name) != NULL);
}

/* A way back in that is misspelled is none. */
static void
examine_exempt(const char *kind, const struct og_words *names,
    bool (*known)(const char *))
{
	char what[OG_LOG_NAME_MAX + 16];
	size_t i;

	for (i = 0; i < names->count; i++) {
		if (known(names->item[i]))
			continue;
		snprintf(what, sizeof(what), "exempt %s %s", kind,
		    names->item[i]);
		og_doctor_warn(what, "there is none here: no way back in");
	}
}

void
og_doctor_examine_pam(struct og_examination *ex)
{
	const struct og_config *conf;

	conf = ex->cli->conf;
	examine_services(ex);
	examine_exempt("user", &conf->exempt_users, is_user);
	examine_exempt("group", &conf->exempt_groups, is_group);
}
