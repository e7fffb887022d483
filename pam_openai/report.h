/*
 * What is said about a decision: one line to the log (LOG_AUTHPRIV, through
 * pam_syslog), one sentence to the person at the door.
 */
#ifndef GATE_REPORT_H
#define GATE_REPORT_H

#include <security/pam_modules.h>

#include "gate.h"
#include "value/log.h"

/* For struct og_log; arg is the pam_handle_t. */
void gate_report_emit(void *arg, int level, const char *line);

/* LOG_ALERT: an administrator must act; LOG_INFO: allowed; LOG_WARNING: would
 * be refused, but is not; else LOG_NOTICE. */
void gate_report_log(const struct og_log *, const struct gate_question *,
    const struct gate_answer *);

/* Nothing for who is allowed or exempt, or not refused. */
void gate_report_tell(pam_handle_t *, const struct gate_answer *);

#endif
