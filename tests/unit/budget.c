/* Pace and back-off, with a clock that the test sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "meaning/budget.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NOW INT64_C(1800000000000)	/* a boot long ago, in milliseconds */

static int64_t
take(struct og_budget *budget, int64_t now, unsigned int per_minute)
{
	enum og_reason why;

	return og_budget_take(budget, now, per_minute, 0, &why);
}

/* All at once, and then none for a minute and a second. */
static void
test_a_minute(void **state)
{
	struct og_budget budget;
	enum og_reason why;
	int i;

	(void)state;
	memset(&budget, 0, sizeof(budget));
	for (i = 0; i < 6; i++)
		assert_int_equal(take(&budget, NOW + 400, 6), 0);
	why = OG_NOT_A_MEMBER;
	assert_int_equal(og_budget_take(&budget, NOW + 400, 6, 0, &why),
	    61600);
	assert_int_equal(why, OG_RATE_LIMITED);
	assert_int_equal(og_budget_spent(&budget, NOW + 61999), 6);
	assert_int_equal(take(&budget, NOW + 61999, 6), 1);
	assert_int_equal(og_budget_spent(&budget, NOW + 62000), 0);
	for (i = 0; i < 6; i++)
		assert_int_equal(take(&budget, NOW + 62000, 6), 0);
	assert_int_equal(take(&budget, NOW + 62000, 6), 62000);
}

/* Each comes back by itself. */
static void
test_one_by_one(void **state)
{
	struct og_budget budget;
	int i;

	(void)state;
	memset(&budget, 0, sizeof(budget));
	for (i = 0; i < 6; i++)
		assert_int_equal(take(&budget, NOW + 5000 * i, 6), 0);
	assert_int_equal(take(&budget, NOW + 30000, 6), 32000);
	for (i = 0; i < 6; i++) {
		assert_int_equal(take(&budget, NOW + 62000 + 5000 * i, 6), 0);
		assert_int_equal(take(&budget, NOW + 62000 + 5000 * i, 6),
		    i < 5 ? 5000 : 37000);
	}
}

/*
 * However often one asks, no minute and a second holds more than it may, and
 * who never tires gets what he may. times[] is a ring of the last ones taken.
 */
static void
test_impatient_callers(void **state)
{
	static const unsigned int per_minute[] = { 1, 6, 7, 59, 600 };
	static const int64_t step[] = { 1, 3, 7, 59, 61, 997, 1000 };
	struct og_budget budget;
	int64_t now, taken, times[600];
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(per_minute); i++) {
		for (j = 0; j < COUNT(step); j++) {
			memset(&budget, 0, sizeof(budget));
			taken = 0;
			for (now = NOW; now < NOW + 6 * 62000;
			    now += step[j]) {
				while (take(&budget, now, per_minute[i]) ==
				    0) {
					if (taken >= per_minute[i])
						assert_true(now - times[taken %
						    per_minute[i]] > 61000);
					times[taken++ % per_minute[i]] = now;
				}
			}
			assert_in_range(taken, per_minute[i] * 5,
			    per_minute[i] * 6);
		}
	}
}

/* Whoever waits as long as he was told gets his request. */
static void
test_wait_is_enough(void **state)
{
	struct og_budget budget;
	unsigned int per_minute;
	int64_t now, wait;
	int i;

	(void)state;
	for (per_minute = 1; per_minute <= 6000; per_minute += 13) {
		memset(&budget, 0, sizeof(budget));
		now = NOW;
		for (i = 0; i < 6010; i++) {
			now += i % 3;
			wait = take(&budget, now, per_minute);
			if (wait == 0)
				continue;
			assert_true(wait > 0 && wait <= 62000);
			now += wait;
			assert_int_equal(take(&budget, now, per_minute), 0);
			break;
		}
		assert_true(i < 6010);
	}
}

static void
test_reserve(void **state)
{
	struct og_budget budget;
	enum og_reason why;
	int i;

	(void)state;
	memset(&budget, 0, sizeof(budget));
	for (i = 0; i < 3; i++)
		assert_int_equal(og_budget_take(&budget, NOW, 6, 3, &why), 0);
	assert_int_equal(og_budget_take(&budget, NOW, 6, 3, &why), 62000);
	assert_int_equal(why, OG_RATE_LIMITED);
	for (i = 0; i < 3; i++)
		assert_int_equal(og_budget_take(&budget, NOW, 6, 0, &why), 0);
	assert_int_equal(og_budget_take(&budget, NOW, 6, 0, &why), 62000);

	/* A reserve of everything still leaves one of an unspent minute. */
	memset(&budget, 0, sizeof(budget));
	assert_int_equal(og_budget_take(&budget, NOW, 6, UINT32_MAX, &why), 0);
	assert_int_equal(og_budget_take(&budget, NOW, 6, UINT32_MAX, &why),
	    62000);
	memset(&budget, 0, sizeof(budget));
	assert_int_equal(og_budget_take(&budget, NOW, 0, 0, &why), 0);
	assert_int_equal(og_budget_take(&budget, NOW, 0, 0, &why), 62000);
}

static const struct {
	const char *what;
	enum og_reason why;
	uint32_t failures;	/* in a row, each after the last back-off */
	int64_t retry_after;
	int64_t low, high;	/* of the last delay: no jitter, all of it */
} delays[] = {
	{ "the first", OG_TIMEOUT, 1, -1, 500, 625 },
	{ "the second", OG_TIMEOUT, 2, -1, 1000, 1250 },
	{ "the third", OG_NETWORK, 3, -1, 2000, 2500 },
	{ "the seventh", OG_SERVER_ERROR, 7, -1, 32000, 40000 },
	{ "the eighth", OG_SERVER_ERROR, 8, -1, 60000, 75000 },
	{ "the hundredth", OG_SERVER_ERROR, 100, -1, 60000, 75000 },
	{ "a refused key", OG_CREDENTIAL, 1, -1, 500, 625 },
	{ "a 429", OG_RATE_LIMITED, 1, -1, 10000, 12500 },
	{ "two of them", OG_RATE_LIMITED, 2, -1, 20000, 25000 },
	{ "four of them", OG_RATE_LIMITED, 4, -1, 60000, 75000 },
	{ "a 429 that names 7 s", OG_RATE_LIMITED, 1, 7000, 7000, 8750 },
	{ "again", OG_RATE_LIMITED, 3, 7000, 7000, 8750 },
	{ "a 503 that names 90 s", OG_SERVER_ERROR, 1, 90000, 90000, 112500 },
	{ "an hour is too long", OG_RATE_LIMITED, 1, 3600000, 600000, 750000 },
	{ "so is for ever", OG_RATE_LIMITED, 1, INT64_MAX, 600000, 750000 },
	{ "at once is too soon", OG_RATE_LIMITED, 1, 0, 500, 625 },
};

static void
test_delays(void **state)
{
	static const uint32_t random[] = { 0, UINT32_MAX, 0x80000000 };
	struct og_budget budget;
	enum og_reason why;
	int64_t now, wait;
	size_t i, j;
	uint32_t k;

	(void)state;
	for (i = 0; i < COUNT(delays); i++) {
		for (j = 0; j < COUNT(random); j++) {
			memset(&budget, 0, sizeof(budget));
			now = NOW;
			for (k = 0; k < delays[i].failures; k++) {
				if (budget.not_before_ms > now)
					now = budget.not_before_ms;
				og_budget_fail(&budget, now, delays[i].why,
				    delays[i].retry_after, random[j]);
			}
			wait = og_budget_take(&budget, now, 6, 0, &why);
			if (wait < delays[i].low || wait > delays[i].high ||
			    (random[j] == 0 && wait != delays[i].low) ||
			    (random[j] == UINT32_MAX &&
			    wait < delays[i].high - 1))
				fail_msg("%s: %lld ms", delays[i].what,
				    (long long)wait);
			assert_int_equal(why, delays[i].why);
			assert_int_equal(budget.failures, delays[i].failures);
			now += wait;
			assert_int_equal(take(&budget, now, 6), 0);
		}
	}
}

/* Eight requests under way when the API goes away are one failure. */
static void
test_failures_together(void **state)
{
	struct og_budget budget;
	int i;

	(void)state;
	memset(&budget, 0, sizeof(budget));
	for (i = 0; i < 8; i++)
		og_budget_fail(&budget, NOW + i, OG_NETWORK, -1, 0);
	assert_int_equal(budget.failures, 1);
	assert_int_equal(take(&budget, NOW + 7, 6), 500);
	/* One that names a longer delay prolongs it, a shorter one does not
	 * cut it. */
	og_budget_fail(&budget, NOW + 8, OG_RATE_LIMITED, 20000, 0);
	og_budget_fail(&budget, NOW + 9, OG_RATE_LIMITED, 1000, 0);
	assert_int_equal(budget.failures, 1);
	assert_int_equal(take(&budget, NOW + 8, 6), 20000);
}

static void
test_success_ends_it(void **state)
{
	struct og_budget budget;

	(void)state;
	memset(&budget, 0, sizeof(budget));
	og_budget_fail(&budget, NOW, OG_NETWORK, -1, 0);
	og_budget_fail(&budget, NOW + 500, OG_NETWORK, -1, 0);
	assert_int_equal(budget.failures, 2);
	og_budget_succeed(&budget, NOW + 1500);
	assert_int_equal(budget.failures, 0);
	assert_int_equal(take(&budget, NOW + 1500, 6), 0);
	og_budget_fail(&budget, NOW + 1500, OG_NETWORK, -1, 0);
	assert_int_equal(take(&budget, NOW + 1500, 6), 500);
}

/* A success gives no request back. */
static void
test_success_is_no_refill(void **state)
{
	struct og_budget budget;
	int i;

	(void)state;
	memset(&budget, 0, sizeof(budget));
	for (i = 0; i < 6; i++) {
		assert_int_equal(take(&budget, NOW, 6), 0);
		og_budget_succeed(&budget, NOW);
	}
	assert_int_equal(take(&budget, NOW, 6), 62000);
}

/* When the API may be back, one finds out, and the others wait for him; who
 * dies meanwhile holds them up for two seconds. */
static void
test_half_open(void **state)
{
	struct og_budget budget;
	enum og_reason why;
	int64_t now;
	int i;

	(void)state;
	memset(&budget, 0, sizeof(budget));
	og_budget_fail(&budget, NOW, OG_TIMEOUT, -1, 0);
	now = NOW + 500;
	for (i = 0; i < 3; i++) {
		assert_int_equal(take(&budget, now, 600), 0);
		assert_int_equal(og_budget_take(&budget, now, 600, 0, &why),
		    2000);
		assert_int_equal(why, OG_TIMEOUT);
		assert_int_equal(take(&budget, now + 1999, 600), 1);
		now += 2000;
	}
	/* It is back. */
	og_budget_succeed(&budget, now);
	for (i = 0; i < 10; i++)
		assert_int_equal(take(&budget, now, 600), 0);
	/* It is not: one more failure in a row, and a new back-off. */
	og_budget_fail(&budget, now, OG_TIMEOUT, -1, 0);
	assert_int_equal(take(&budget, now + 500, 600), 0);
	og_budget_fail(&budget, now + 700, OG_TIMEOUT, -1, 0);
	assert_int_equal(budget.failures, 2);
	assert_int_equal(take(&budget, now + 700, 600), 1000);
}

static void
test_long_idle(void **state)
{
	struct og_budget budget;
	int i, year;

	(void)state;
	memset(&budget, 0, sizeof(budget));
	for (year = 0; year < 3; year++) {
		for (i = 0; i < 6; i++)
			assert_int_equal(take(&budget, NOW + year *
			    INT64_C(31536000000), 6), 0);
		/* A year saves up no more than a minute. */
		assert_int_equal(take(&budget, NOW + year *
		    INT64_C(31536000000), 6), 62000);
	}
}

static void
test_another_clock(void **state)
{
	struct og_budget budget;
	int i;

	(void)state;
	memset(&budget, 0, sizeof(budget));
	for (i = 0; i < 6; i++)
		assert_int_equal(take(&budget, NOW, 6), 0);
	og_budget_fail(&budget, NOW, OG_RATE_LIMITED, -1, 0);
	assert_int_equal(take(&budget, NOW, 6), 10000);
	/* The failure still counts, so one finds out whether it is over. */
	assert_int_equal(take(&budget, NOW - 3600000, 6), 0);
	assert_int_equal(take(&budget, NOW - 3600000, 6), 2000);
	og_budget_succeed(&budget, NOW - 3600000);
	for (i = 0; i < 5; i++)
		assert_int_equal(take(&budget, NOW - 3600000, 6), 0);
	assert_int_equal(take(&budget, NOW - 3600000, 6), 62000);

	/* By a little, after a failure that no request of ours preceded. */
	memset(&budget, 0, sizeof(budget));
	og_budget_fail(&budget, NOW, OG_TIMEOUT, 300000, 0);
	assert_int_equal(take(&budget, NOW - 1000, 6), 0);
}

/* The same budget by a clock that began later. */
static void
test_shift(void **state)
{
	struct og_budget budget;
	int i;

	(void)state;
	memset(&budget, 0, sizeof(budget));
	for (i = 0; i < 6; i++)
		assert_int_equal(take(&budget, NOW, 6), 0);
	og_budget_fail(&budget, NOW, OG_RATE_LIMITED, 30000, 0);
	og_budget_shift(&budget, 100000 - NOW);
	assert_int_equal(take(&budget, 100000, 6), 30000);
	assert_int_equal(take(&budget, 130000, 6), 32000);
	/* From before that clock began: long over. */
	og_budget_shift(&budget, -200000);
	assert_int_equal(take(&budget, 61000, 6), 0);
	/* Nothing becomes something. */
	memset(&budget, 0, sizeof(budget));
	og_budget_shift(&budget, INT64_MAX);
	assert_int_equal(budget.not_before_ms, 0);
	assert_int_equal(budget.updated_ms, 0);
	assert_int_equal(take(&budget, 5, 6), 0);
	budget.not_before_ms = INT64_MAX;
	og_budget_shift(&budget, INT64_MAX);
	assert_int_equal(take(&budget, 5, 6), 0);
}

/* Bytes from a file that somebody damaged, and clocks at their ends. */
static void
test_nonsense(void **state)
{
	static const int64_t times[] = {
		INT64_MIN, -1, 0, 1, NOW, NOW + 1, INT64_MAX - 1, INT64_MAX,
	};
	struct og_budget budget;
	enum og_reason why;
	int64_t wait;
	size_t a, b, c, d;

	(void)state;
	for (a = 0; a < COUNT(times); a++) {
		for (b = 0; b < COUNT(times); b++) {
			for (c = 0; c < COUNT(times); c++) {
				for (d = 0; d < COUNT(times); d++) {
					memset(&budget, 0, sizeof(budget));
					budget.updated_ms = times[a];
					budget.probe_ms = times[b];
					memset(budget.spent, (int)(b * 37),
					    sizeof(budget.spent));
					budget.not_before_ms = times[c];
					budget.failures = UINT32_MAX;
					budget.last_failure = OG_PASS;
					wait = og_budget_take(&budget,
					    times[d], 6000, 0, &why);
					assert_true(wait >= 0 &&
					    wait <= 750000);
					if (wait > 0)
						assert_int_equal(why,
						    OG_RATE_LIMITED);
					og_budget_fail(&budget, times[d],
					    OG_TIMEOUT, times[a], UINT32_MAX);
					assert_true(budget.not_before_ms >= 0);
					assert_true(budget.failures > 0);
					og_budget_succeed(&budget, times[d]);
					assert_true(og_budget_take(&budget,
					    times[d], 6000, 0, &why) <= 62000);
				}
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_minute),
		cmocka_unit_test(test_one_by_one),
		cmocka_unit_test(test_impatient_callers),
		cmocka_unit_test(test_wait_is_enough),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_delays),
		cmocka_unit_test(test_failures_together),
		cmocka_unit_test(test_success_ends_it),
		cmocka_unit_test(test_success_is_no_refill),
		cmocka_unit_test(test_half_open),
		cmocka_unit_test(test_long_idle),
		cmocka_unit_test(test_another_clock),
		cmocka_unit_test(test_shift),
		cmocka_unit_test(test_nonsense),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
