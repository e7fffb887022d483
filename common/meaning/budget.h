/*
 * Pace and back-off as arithmetic, sans I/O: a
 * token bucket of `per_minute` and one rule for every failure. Times are
 * wall-clock milliseconds, since the budget is shared between processes and
 * outlives them. io/pace.h keeps it in the store.
 */
#ifndef OG_MEANING_BUDGET_H
#define OG_MEANING_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "value/reason.h"

/* Zeroed: a full bucket that never failed. */
struct og_budget {
	int64_t updated_ms;	/* when `spent` was last reckoned */
	int64_t spent;		/* 60,000ths of a request, up to a minute's */
	int64_t not_before_ms;	/* ask nobody before; 0: now */
	uint32_t failures;	/* consecutive */
	enum og_reason last_failure;	/* meaningful while failures > 0 */
};

/*
 * Takes one request, unless a back-off runs or the bucket has no more than
 * `reserve` requests left (0 for interactive checks; background work leaves
 * some, but a full bucket always has one for it). Returns 0 when
 * taken, else the milliseconds to wait, with *why: the last failure, or
 * OG_RATE_LIMITED for our own pace. A bucket reckoned in the future (the
 * clock was set back) is full, with no back-off; so is a back-off forgotten
 * that lies further ahead than og_budget_fail ever sets one.
 */
int64_t og_budget_take(struct og_budget *, int64_t now_ms,
    unsigned int per_minute, unsigned int reserve, enum og_reason *why);

/* After an answer: no failures, no back-off. */
void og_budget_succeed(struct og_budget *, int64_t now_ms);

/*
 * After a failure: not_before is the delay that the API named (0.5 s to 10
 * minutes; -1: it named none), or 0.5 s doubled with each consecutive failure
 * up to 60 s (a 429 that names none starts at 10 s: the bucket there refills
 * in some 60 s, CONTRACT fact 3), plus up to a quarter of jitter from
 * `random`. Failures during a back-off are of requests sent before it: they
 * may prolong it, but count as one with the failure that began it.
 */
void og_budget_fail(struct og_budget *, int64_t now_ms, enum og_reason why,
    int64_t retry_after_ms, uint32_t random);

#endif
