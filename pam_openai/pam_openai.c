/*
 * The PAM door (pam_openai(8)): `account` is the gate, since a public key
 * skips `auth`; `auth` and `session` give the same verdict for stacks that
 * want it there.
 */
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <string.h>
#include <syslog.h>

#include "arguments.h"
#include "gate.h"
#include "report.h"

#define EXPORTED __attribute__((visibility("default")))

/*
 * The only place where a reason becomes a code, and PAM_SUCCESS stands once. A
 * policy that is not enforced leaves the decision to the other modules, as for
 * the exempt: it refuses nobody, and lets nobody in whom they would not.
 */
static int
pam_code(const struct gate_answer *answer)
{
	if (answer->dry_run)
		return PAM_IGNORE;
	switch (answer->reason) {
	case OG_PASS:
		return PAM_SUCCESS;
	case OG_NOT_A_MEMBER:
	case OG_ROLE:
	case OG_PROJECT:
	case OG_PROJECT_ROLE:
	case OG_GROUP:
	case OG_ACCOUNT_DISABLED:
	case OG_SERVICE_ACCOUNT:
	case OG_INVITE_PENDING:
	case OG_GO_ON:
		return PAM_PERM_DENIED;
	case OG_NO_IDENTITY:
	case OG_BAD_NAME:
		return PAM_USER_UNKNOWN;
	case OG_TIMEOUT:
	case OG_NETWORK:
	case OG_RATE_LIMITED:
	case OG_SERVER_ERROR:
	case OG_PROTOCOL:
	case OG_STORE:
		return PAM_AUTHINFO_UNAVAIL;
	case OG_CONFIG:
	case OG_NO_POLICY:
	case OG_UNSAFE_FILE:
	case OG_CREDENTIAL:
		return PAM_SERVICE_ERR;
	case OG_EXEMPT_USER:
	case OG_EXEMPT_GROUP:
	case OG_MIN_UID:
	case OG_SERVICE_IGNORED:
		return PAM_IGNORE;
	case OG_NO_MEMORY:
		return PAM_BUF_ERR;
	}
	return PAM_PERM_DENIED;
}

/* Text of an item, borrowed from libpam; NULL: not set. */
static const char *
get_text(const pam_handle_t *pamh, int type)
{
	const void *item = NULL;

	if (pam_get_item(pamh, type, &item) != PAM_SUCCESS)
		return NULL;
	return item;
}

/*
 * The name is read once and never set, so not by pam_get_user, which asks for
 * it and sets it when the host has none: who has no name yet is refused.
 */
static int
judge(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct gate_arguments arguments;
	struct gate_question question;
	struct gate_answer answer;
	struct og_message message;
	enum og_reason reason;
	struct og_log log;

	reason = gate_arguments_parse(&arguments, argc, argv, &message);
	log.emit = gate_report_emit;
	log.arg = pamh;
	log.max_level = arguments.debug ? LOG_DEBUG : LOG_INFO;
	question.user = get_text(pamh, PAM_USER);
	question.service = get_text(pamh, PAM_SERVICE);
	if (question.service == NULL)
		question.service = "";
	question.conf = arguments.conf;
	question.policy = arguments.policy;
	if (reason == OG_GO_ON) {
		gate_decide(&answer, &question, &log);
	} else {
		memset(&answer, 0, sizeof(answer));
		answer.reason = reason;
		answer.age = -1;
		answer.message = message;
	}
	gate_report_log(&log, &question, &answer);
	if (!arguments.quiet && ((unsigned int)flags & PAM_SILENT) == 0)
		gate_report_tell(pamh, &answer);
	return pam_code(&answer);
}

EXPORTED int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return judge(pamh, flags, argc, argv);
}

EXPORTED int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return judge(pamh, flags, argc, argv);
}

EXPORTED int
pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return judge(pamh, flags, argc, argv);
}

EXPORTED int
pam_sm_close_session(pam_handle_t *pamh, int flags, int argc,
    const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}

EXPORTED int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}
