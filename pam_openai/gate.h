/*
 * The decision of the PAM door: who asks, by which policy, known from the
 * store or fetched by the helper, all before one deadline. It knows nothing
 * of libpam: pam_openai.c reads the question from it and gives it the answer.
 *
 * Nothing stays behind in the host: no descriptor, thread, signal
 * disposition or memory.
 */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "meaning/identity.h"
#include "value/error.h"
#include "value/log.h"
#include "value/reason.h"

struct gate_question {
	const char *user;		/* NULL: the host has none */
	const char *service;		/* never NULL */
	const char *conf;		/* absolute path of gate.conf */
	const char *policy;		/* NULL: the one that names the service */
};

#define GATE_POLICY_MAX 64		/* bytes of its name that the log shows */

/* Zeroed: a denial. What the log line says, and the reason. */
struct gate_answer {
	enum og_reason reason;
	bool dry_run;		/* its policy is not enforced */
	char policy[GATE_POLICY_MAX + 1];	/* empty: none was reached */
	struct og_subject subject;		/* zeroed: nobody yet */
	const char *cache;			/* static; NULL: not consulted */
	int64_t age;		/* seconds of its oldest fact; -1: of none */
	struct og_message message;		/* empty: nothing to add */
};

/* Valid until the log's owner goes; log is borrowed for the call. */
void gate_decide(struct gate_answer *, const struct gate_question *,
    const struct og_log *);

#endif
