#include "report.h"

#include <inttypes.h>
#include <security/pam_ext.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

void
gate_report_emit(void *arg, int level, const char *line)
{
	pam_handle_t *pamh = arg;

	pam_syslog(pamh, level, "%s", line);
}

static int
level_of(const struct gate_answer *answer)
{
	switch (og_reason_verdict(answer->reason)) {
	case OG_ALLOW:
		return LOG_INFO;
	case OG_DENY:
	case OG_UNAVAILABLE:
		return answer->dry_run ? LOG_WARNING : LOG_NOTICE;
	case OG_EXEMPT:
		return LOG_NOTICE;
	case OG_OUT_OF_MEMORY:
		return LOG_CRIT;
	case OG_MISCONFIGURED:
		return LOG_ALERT;
	}
	return LOG_ALERT;
}

/* The pairs that every line has. None is ever cut: all are bounded, and the
 * longest of them leave a third of the line. */
static void
list_pairs(char line[OG_LOG_MAX], const struct gate_question *question,
    const struct gate_answer *answer)
{
	char user[OG_LOG_NAME_MAX], service[OG_LOG_NAME_MAX];
	char identity[OG_EMAIL_MAX + 1], age[32];

	og_log_word(user, sizeof(user),
	    question->user != NULL ? question->user : "");
	og_log_word(service, sizeof(service), question->service);
	og_log_word(identity, sizeof(identity), answer->subject.text);
	snprintf(age, sizeof(age), "%" PRId64 "s", answer->age);
	snprintf(line, OG_LOG_MAX, "%s%s %s: user=%s service=%s policy=%s "
	    "identity=%s cache=%s age=%s",
	    answer->dry_run ? "not enforced: would be " : "",
	    og_verdict_word(og_reason_verdict(answer->reason)),
	    og_reason_word(answer->reason), user, service,
	    answer->policy[0] != '\0' ? answer->policy : "-", identity,
	    answer->cache != NULL ? answer->cache : "-",
	    answer->age >= 0 ? age : "-");
}

void
gate_report_log(const struct og_log *log, const struct gate_question *question,
    const struct gate_answer *answer)
{
	static const char key[] = " message=";
	char line[OG_LOG_MAX], text[OG_LOG_MAX];
	size_t used;

	list_pairs(line, question, answer);
	if (answer->message.text[0] == '\0') {
		og_log(log, level_of(answer), "%s", line);
		return;
	}
	used = strlen(line) + strlen(key) + strlen("\"\"");
	og_log_quoted(text, sizeof(text) - used, answer->message.text);
	og_log(log, level_of(answer), "%s%s\"%s\"", line, key, text);
}

void
gate_report_tell(pam_handle_t *pamh, const struct gate_answer *answer)
{
	if (answer->dry_run)
		return;
	switch (og_reason_verdict(answer->reason)) {
	case OG_ALLOW:
	case OG_EXEMPT:
		return;
	case OG_DENY:
	case OG_UNAVAILABLE:
	case OG_MISCONFIGURED:
	case OG_OUT_OF_MEMORY:
		break;
	}
	(void)pam_error(pamh, "%s", og_reason_sentence(answer->reason));
}
