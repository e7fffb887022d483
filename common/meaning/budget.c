#include "meaning/budget.h"

#define MINUTE_MS	INT64_C(60000)
#define NAMED_MAX_MS	INT64_C(600000)	/* the longest delay the API may name */
#define BACKOFF_MIN_MS	INT64_C(500)
#define BACKOFF_429_MS	INT64_C(10000)
#define BACKOFF_MAX_MS	INT64_C(60000)
#define NOT_BEFORE_MAX_MS (NAMED_MAX_MS + NAMED_MAX_MS / 4)

static int64_t
at_least_0(int64_t now_ms)
{
	return now_ms > 0 ? now_ms : 0;
}

/* In the unit of `spent`, chosen so that per_minute of them come back every
 * millisecond: the arithmetic is exact, and no caller rounds any away. */
static int64_t
requests(unsigned int count)
{
	return (int64_t)count * MINUTE_MS;
}

/* Forgets what lies in the future: the clock was set back, or the bytes are
 * not what we wrote. */
static void
sanitize(struct og_budget *budget, int64_t now_ms)
{
	if (budget->updated_ms < 0)
		budget->updated_ms = 0;
	if (budget->updated_ms > now_ms) {
		budget->updated_ms = now_ms;
		budget->spent = 0;
		budget->not_before_ms = 0;
	}
	if (budget->not_before_ms > now_ms &&
	    budget->not_before_ms - now_ms > NOT_BEFORE_MAX_MS)
		budget->not_before_ms = 0;
	if (budget->spent < 0)
		budget->spent = 0;
}

static void
refill(struct og_budget *budget, int64_t now_ms, unsigned int per_minute)
{
	int64_t back, elapsed;

	if (budget->spent > requests(per_minute))
		budget->spent = requests(per_minute);
	elapsed = now_ms - budget->updated_ms;
	/* A minute fills any bucket; bounded, the product cannot overflow. */
	if (elapsed > MINUTE_MS)
		elapsed = MINUTE_MS;
	back = elapsed * per_minute;
	budget->spent = back < budget->spent ? budget->spent - back : 0;
	budget->updated_ms = now_ms;
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
	int64_t have, need;

	now_ms = at_least_0(now_ms);
	if (per_minute == 0)
		per_minute = 1;
	/* A reserve of the whole bucket would keep the background out for
	 * good. */
	if (reserve >= per_minute)
		reserve = per_minute - 1;
	sanitize(budget, now_ms);
	refill(budget, now_ms, per_minute);
	if (budget->not_before_ms > now_ms) {
		*why = failure_reason(budget);
		return budget->not_before_ms - now_ms;
	}
	have = requests(per_minute) - budget->spent;
	need = requests(reserve + 1);
	if (have < need) {
		*why = OG_RATE_LIMITED;
		return (need - have + per_minute - 1) / per_minute;
	}
	budget->spent += requests(1);
	return 0;
}

void
og_budget_succeed(struct og_budget *budget, int64_t now_ms)
{
	sanitize(budget, at_least_0(now_ms));
	budget->failures = 0;
	budget->last_failure = 0;
	budget->not_before_ms = 0;
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

	now_ms = at_least_0(now_ms);
	sanitize(budget, now_ms);
	/*
	 * Several requests under way fail together when the API goes away:
	 * that is one failure, not a row of them.
	 */
	if (budget->failures == 0 || (budget->not_before_ms <= now_ms &&
	    budget->failures < UINT32_MAX))
		budget->failures++;
	budget->last_failure = why;
	if (retry_after_ms < 0)
		delay = backoff(why, budget->failures);
	else if (retry_after_ms < BACKOFF_MIN_MS)
		delay = BACKOFF_MIN_MS;
	else if (retry_after_ms > NAMED_MAX_MS)
		delay = NAMED_MAX_MS;
	else
		delay = retry_after_ms;
	delay += (int64_t)(((uint64_t)(delay / 4) * random) >> 32);
	until = now_ms > INT64_MAX - delay ? INT64_MAX : now_ms + delay;
	if (until > budget->not_before_ms)
		budget->not_before_ms = until;
	/* So that a clock set back from here on is seen. */
	if (budget->updated_ms == 0)
		budget->updated_ms = now_ms;
}
