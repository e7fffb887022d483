/*
 * Why a decision is what it is. Every outcome has one reason; its word is
 * the same in the log, in the nginx variable, in JSON and in the manual
 * page. The verdict is a function of the reason, so that the two can never
 * contradict each other.
 *
 * Zeroed memory is a denial, and so is OG_GO_ON, which a step of the way
 * returns when it has no objection: forgetting to go on lets nobody in.
 */
#ifndef OG_VALUE_REASON_H
#define OG_VALUE_REASON_H

#include "value/error.h"

enum og_verdict {
	OG_DENY = 0,
	OG_ALLOW,
	OG_UNAVAILABLE,		/* cannot know now */
	OG_MISCONFIGURED,	/* an administrator must act */
	OG_EXEMPT,		/* not ours to judge */
	OG_OUT_OF_MEMORY
};

enum og_reason {
	/* deny */
	OG_NOT_A_MEMBER = 0,
	OG_ROLE,
	OG_PROJECT,
	OG_PROJECT_ROLE,
	OG_GROUP,
	OG_ACCOUNT_DISABLED,
	OG_SERVICE_ACCOUNT,
	OG_INVITE_PENDING,
	OG_NO_IDENTITY,
	OG_BAD_NAME,
	/* unavailable */
	OG_TIMEOUT,
	OG_NETWORK,
	OG_RATE_LIMITED,
	OG_SERVER_ERROR,
	OG_PROTOCOL,
	OG_STORE,
	/* misconfigured */
	OG_CONFIG,
	OG_NO_POLICY,
	OG_UNSAFE_FILE,
	OG_CREDENTIAL,
	/* exempt */
	OG_EXEMPT_USER,
	OG_EXEMPT_GROUP,
	OG_MIN_UID,
	OG_SERVICE_IGNORED,
	/* neither ours nor the directory's fault */
	OG_NO_MEMORY,
	/* allow: said by the policy engine alone, on one line */
	OG_PASS,
	/* no outcome: this step has no objection, the next one decides */
	OG_GO_ON
};

#define OG_REASON_COUNT (OG_PASS + 1)	/* outcomes: OG_GO_ON is none */

/*
 * What an error means for the person at the door. OG_GO_ON when there is none;
 * want of memory and an unsafe file are that wherever they are met; of all
 * else the caller knows what has failed.
 */
enum og_reason og_reason_of(enum og_error, enum og_reason otherwise);

/* Never NULL. An unknown value is a denial, worded "not-a-member". */
enum og_verdict og_reason_verdict(enum og_reason);
const char *og_reason_word(enum og_reason);
const char *og_verdict_word(enum og_verdict);

/* One English sentence for the person at the door. Never NULL. */
const char *og_reason_sentence(enum og_reason);

#endif
