#include "meaning/budget.h"

#include <string.h>

#define SECOND_MS	INT64_C(1000)
#define NAMED_MAX_MS	INT64_C(600000)	/* the longest delay the API may name */
#define BACKOFF_MIN_MS	INT64_C(500)
#define BACKOFF_429_MS	INT64_C(10000)
#define BACKOFF_MAX_MS	INT64_C(60000)
#define PROBE_MS	INT64_C(2000)
#define NOT_BEFORE_MAX_MS (NAMED_MAX_MS + NAMED_MAX_MS / 4)

/* Any clock shows something between; what follows can add to it. */
#define NOW_MAX_MS	(INT64_MAX / 2)

static int64_t
bounded(int64_t now_ms)
{
	if (now_ms < 0)
		return 0;
	return now_ms < NOW_MAX_MS ? now_ms : NOW_MAX_MS;
}

/* Forgets what lies in the future: it is of another clock, or the bytes are
 * not what we wrote. */
static void
sanitize(struct og_budget *budget, int64_t now_ms)
{
	if (budget->updated_ms < 0)
		budget->updated_ms = 0;
	if (budget->updated_ms > now_ms) {
		budget->updated_ms = now_ms;
		memset(budget->spent, 0, sizeof(budget->spent));
		budget->not_before_ms = 0;
		budget->probe_ms = 0;
	}
	if (budget->not_before_ms > now_ms &&
	    budget->not_before_ms - now_ms > NOT_BEFORE_MAX_MS)
		budget->not_before_ms = 0;
	if (budget->probe_ms > now_ms && budget->probe_ms - now_ms > PROBE_MS)
		budget->probe_ms = 0;
}

/* Moves `spent` on to the second of now_ms; sanitized. */
static void
advance(struct og_budget *budget, int64_t now_ms)
{
	int64_t seconds;
	size_t gone;

	seconds = now_ms / SECOND_MS - budget->updated_ms / SECOND_MS;
	gone = seconds < OG_BUDGET_SECONDS ? (size_t)seconds :
	    OG_BUDGET_SECONDS;
	memmove(budget->spent + gone, budget->spent,
	    (OG_BUDGET_SECONDS - gone) * sizeof(budget->spent[0]));
	memset(budget->spent, 0, gone * sizeof(budget->spent[0]));
	budget->updated_ms = now_ms;
}

static unsigned int
sum(const struct og_budget *budget)
{
	unsigned int n;
	size_t i;

	for (i = n = 0; i < OG_BUDGET_SECONDS; i++)
		n += budget->spent[i];
	return n;
}

/* Until enough of what was spent no longer counts. */
static int64_t
until_below(const struct og_budget *budget, unsigned int limit)
{
	unsigned int left;
	size_t i;

	left = sum(budget);
	for (i = OG_BUDGET_SECONDS; i > 0 && left >= limit; i--)
		left -= budget->spent[i - 1];
	/* spent[i] was the last to go: in OG_BUDGET_SECONDS - i seconds. */
	return (int64_t)(OG_BUDGET_SECONDS - i) * SECOND_MS -
	    budget->updated_ms % SECOND_MS;
}

/* The record may come from a file: its reason must be one to wait for. */
static enum og_reason
failure_reason(const struct og_budget *budget)
{
	enum og_verdict verdict;

	verdict = og_reason_verdict(budget->last_failure);
	if (budget->failures > 0 &&
	    (verdict == OG_UNAVAILABLE || verdict == OG_MISCONFIGURED))
		return budget->last_failure;
	return OG_RATE_LIMITED;
}

int64_t
og_budget_take(struct og_budget *budget, int64_t now_ms,
    unsigned int per_minute, unsigned int reserve, enum og_reason *why)
{
	unsigned int limit;

	now_ms = bounded(now_ms);
	if (per_minute == 0)
		per_minute = 1;
	/* A reserve of all would keep the background out for good. */
	limit = reserve < per_minute ? per_minute - reserve : 1;
	sanitize(budget, now_ms);
	advance(budget, now_ms);
	*why = failure_reason(budget);
	if (budget->not_before_ms > now_ms)
		return budget->not_before_ms - now_ms;
	if (budget->failures > 0 && budget->probe_ms > now_ms)
		return budget->probe_ms - now_ms;
	if (sum(budget) >= limit) {
		*why = OG_RATE_LIMITED;
		return until_below(budget, limit);
	}
	budget->spent[0]++;
	budget->probe_ms = budget->failures > 0 ? now_ms + PROBE_MS : 0;
	return 0;
}

unsigned int
og_budget_spent(const struct og_budget *budget, int64_t now_ms)
{
	struct og_budget then;

	then = *budget;
	now_ms = bounded(now_ms);
	sanitize(&then, now_ms);
	advance(&then, now_ms);
	return sum(&then);
}

void
og_budget_succeed(struct og_budget *budget, int64_t now_ms)
{
	sanitize(budget, bounded(now_ms));
	budget->failures = 0;
	budget->last_failure = 0;
	budget->not_before_ms = 0;
	budget->probe_ms = 0;
}

static int64_t
backoff(enum og_reason why, uint32_t failures)
{
	int64_t delay;

	delay = why == OG_RATE_LIMITED ? BACKOFF_429_MS : BACKOFF_MIN_MS;
	for (; failures > 1 && delay < BACKOFF_MAX_MS; failures--)
		delay *= 2;
	return delay < BACKOFF_MAX_MS ? delay : BACKOFF_MAX_MS;
}

void
og_budget_fail(struct og_budget *budget, int64_t now_ms, enum og_reason why,
    int64_t retry_after_ms, uint32_t random)
{
	int64_t delay, until;

	now_ms = bounded(now_ms);
	sanitize(budget, now_ms);
	/*
	 * Several requests under way fail together when the API goes away:
	 * that is one failure, not a row of them.
	 */
	if (budget->failures == 0 || (budget->not_before_ms <= now_ms &&
	    budget->failures < UINT32_MAX))
		budget->failures++;
	budget->last_failure = why;
	budget->probe_ms = 0;
	if (retry_after_ms < 0)
		delay = backoff(why, budget->failures);
	else if (retry_after_ms < BACKOFF_MIN_MS)
		delay = BACKOFF_MIN_MS;
	else if (retry_after_ms > NAMED_MAX_MS)
		delay = NAMED_MAX_MS;
	else
		delay = retry_after_ms;
	delay += (int64_t)(((uint64_t)(delay / 4) * random) >> 32);
	until = now_ms + delay;
	if (until > budget->not_before_ms)
		budget->not_before_ms = until;
	/* So that a budget of another clock is known from here on. */
	if (budget->updated_ms == 0)
		budget->updated_ms = now_ms;
}

/* 0 stays: it says "none". */
static void
shift(int64_t *time_ms, int64_t ahead_ms)
{
	if (*time_ms <= 0)
		return;
	if (__builtin_add_overflow(*time_ms, ahead_ms, time_ms) ||
	    *time_ms < 1)
		*time_ms = 1;
}

void
og_budget_shift(struct og_budget *budget, int64_t ahead_ms)
{
	shift(&budget->updated_ms, ahead_ms);
	shift(&budget->not_before_ms, ahead_ms);
	shift(&budget->probe_ms, ahead_ms);
}
