/*
 * Pace and back-off as arithmetic, sans I/O: at most so many requests in any
 * minute, and one rule for every failure. Times are milliseconds of a clock
 * that nobody sets (CLOCK_BOOTTIME); io/pace.h keeps a budget in the store and
 * carries it over from one boot to the next.
 *
 * The API counts in a window of a minute (CONTRACT fact 3), and a bucket that
 * refills as it is emptied lets twice as many into its first one. So what
 * counts here is every request of the last minute, second by second, and a
 * second more for those that were slow on their way.
 */
#ifndef OG_MEANING_BUDGET_H
#define OG_MEANING_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "value/reason.h"

/* The second under way, and those that it follows. */
#define OG_BUDGET_SECONDS	62

/* Zeroed: nothing spent, never failed. */
struct og_budget {
	int64_t updated_ms;	/* when `spent` was last reckoned */
	uint16_t spent[OG_BUDGET_SECONDS];	/* requests; [0]: in that second */
	int64_t not_before_ms;	/* ask nobody before; 0: now */
	int64_t probe_ms;	/* one request finds out until then; 0: none */
	uint32_t failures;	/* consecutive */
	enum og_reason last_failure;	/* meaningful while failures > 0 */
};

/*
 * Takes one request, unless a back-off runs or no more than `reserve` of the
 * minute's `per_minute` are left (0 for interactive checks; background work
 * leaves some, but of an unspent minute one is always for it). Returns 0 when
 * taken, else the milliseconds to wait, with *why: the last failure, or
 * OG_RATE_LIMITED for our own pace.
 *
 * After failures one request at a time finds out whether the API is back:
 * the others wait for its answer, for 2 s at most, since whoever sent it may
 * have died.
 *
 * A budget reckoned in the future is not one of this clock: nothing spent, no
 * back-off. So is a back-off forgotten that lies further ahead than
 * og_budget_fail ever sets one.
 */
int64_t og_budget_take(struct og_budget *, int64_t now_ms,
    unsigned int per_minute, unsigned int reserve, enum og_reason *why);

/* Requests that count at this moment. */
unsigned int og_budget_spent(const struct og_budget *, int64_t now_ms);

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

/* Another clock shows `now_ms` when this one shows `now_ms` - `ahead_ms`. */
void og_budget_shift(struct og_budget *, int64_t ahead_ms);

#endif
