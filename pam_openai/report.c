#include "report.h"

#include <inttypes.h>
#include <security/pam_ext.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

/* Bytes of an outside name that the log shows. */
#define WORD_MAX 64

void
gate_report_emit(void *arg, int level, const char *line)
{
	pam_handle_t *pamh = arg;

	pam_syslog(pamh, level, "%s", line);
}

/*
 * src as one word of the line: a refused name may hold blanks and "=", and
 * " policy=admin" in it must not read as ours. Control characters are og_log's
 * affair.
 */
static void
one_word(char *dst, size_t size, const char *src)
{
	const char *p;
	size_t used;

	used = 0;
	for (p = src; *p != '\0' && p - src < WORD_MAX && used + 5 < size;
	    p++) {
		if (*p == ' ' || *p == '=' || *p == '"' || *p == '\\') {
			snprintf(dst + used, 5, "\\x%02x",
			    (unsigned int)(unsigned char)*p);
			used += 4;
		} else {
			dst[used++] = *p;
		}
	}
	snprintf(dst + used, size - used, "%s", *p != '\0' ? "..." :
	    used == 0 ? "-" : "");
}

static int
level_of(enum og_verdict verdict)
{
	switch (verdict) {
	case OG_ALLOW:
		return LOG_INFO;
	case OG_DENY:
	case OG_UNAVAILABLE:
	case OG_EXEMPT:
		return LOG_NOTICE;
	case OG_OUT_OF_MEMORY:
		return LOG_CRIT;
	case OG_MISCONFIGURED:
		return LOG_ALERT;
	}
	return LOG_ALERT;
}

void
gate_report_log(const struct og_log *log, const struct gate_question *question,
    const struct gate_answer *answer)
{
	char user[WORD_MAX * 4 + 8], service[WORD_MAX * 4 + 8], age[32];
	enum og_verdict verdict;

	verdict = og_reason_verdict(answer->reason);
	one_word(user, sizeof(user),
	    question->user != NULL ? question->user : "");
	one_word(service, sizeof(service), question->service);
	snprintf(age, sizeof(age), "%" PRId64 "s", answer->age);
	og_log(log, level_of(verdict), "%s %s: user=%s service=%s policy=%s "
	    "identity=%s cache=%s age=%s%s%s", og_verdict_word(verdict),
	    og_reason_word(answer->reason), user, service,
	    answer->policy[0] != '\0' ? answer->policy : "-",
	    answer->subject.text[0] != '\0' ? answer->subject.text : "-",
	    answer->cache != NULL ? answer->cache : "-",
	    answer->age >= 0 ? age : "-",
	    answer->message.text[0] != '\0' ? ": " : "",
	    answer->message.text);
}

void
gate_report_tell(pam_handle_t *pamh, enum og_reason reason)
{
	switch (og_reason_verdict(reason)) {
	case OG_ALLOW:
	case OG_EXEMPT:
		return;
	case OG_DENY:
	case OG_UNAVAILABLE:
	case OG_MISCONFIGURED:
	case OG_OUT_OF_MEMORY:
		break;
	}
	(void)pam_error(pamh, "%s", og_reason_sentence(reason));
}
