/* An answer that a gateway has kept is judged by its age, like one of our own
 * store; one that comes straight from the API is news, whatever the ttl. */
#include "client/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NOW	INT64_C(1795514400)
#define TTL	600
#define NEG	60
#define STALE	3600
#define SLACK	6	/* timeout, and the second that is being counted */

static int warnings;

static void
emit(void *arg, int level, const char *line)
{
	(void)arg;
	(void)level;
	if (strstr(line, "serving stale") != NULL)
		warnings++;
}

static struct og_config *
parse(void)
{
	static const char text[] =
	    "[identity]\nemail = %u@example.com\n"
	    "[cache]\nttl = 10m\nnegative_ttl = 1m\nstale_ttl = 1h\n"
	    "[policy p]\nrole = owner\n";
	struct og_message message;
	struct og_config *conf;

	assert_int_equal(og_config_parse(&conf, "gate.conf", text,
	    sizeof(text) - 1, &message), OG_OK);
	return conf;
}

/* The decision when the only fact is answered so. */
static struct og_decision
decide(const struct og_config *conf, enum og_fact_state state, int64_t age,
    enum og_cache *cache)
{
	struct og_decision decision;
	struct og_message message;
	struct og_subject subject;
	struct og_check *check;
	struct og_fact answer;
	struct og_log log;

	memset(&log, 0, sizeof(log));
	log.emit = emit;
	log.max_level = 7;
	memset(&subject, 0, sizeof(subject));
	assert_int_equal(og_identity_find(&subject, "ann", 3, conf->email,
	    NULL, NULL, 0, &message), OG_GO_ON);
	assert_int_equal(og_check_new(&check, conf, &conf->policies[0],
	    &subject, NULL, &log), OG_OK);
	assert_int_equal(og_check_step(check, NOW), OG_STEP_WANT);
	memset(&answer, 0, sizeof(answer));
	answer.query = og_check_facts(check)->item[0].query;
	answer.state = state;
	answer.source = OG_SOURCE_API;
	answer.fetched_at = NOW - age;
	if (state == OG_FACT_FOUND) {
		memcpy(answer.record.id, "user-1", 7);
		memcpy(answer.record.email, "ann@example.com", 16);
		memcpy(answer.record.role, "owner", 6);
	}
	og_check_answer(check, &answer, 1);
	/* An invitation may be looked for next: nobody knows of one. */
	while (og_check_step(check, NOW) == OG_STEP_WANT)
		og_check_fail(check, OG_SERVER_ERROR);
	decision = *og_check_decision(check);
	*cache = og_check_cache(check);
	og_check_free(check);
	return decision;
}

static const struct {
	enum og_fact_state state;
	int64_t age;
	enum og_reason reason;
	enum og_cache cache;
} table[] = {
	/* straight from the API, be it a little later */
	{ OG_FACT_FOUND, -2, OG_PASS, OG_CACHE_MISS },
	{ OG_FACT_FOUND, 0, OG_PASS, OG_CACHE_MISS },
	{ OG_FACT_ABSENT, 0, OG_NOT_A_MEMBER, OG_CACHE_MISS },
	/* kept by a gateway */
	{ OG_FACT_FOUND, TTL + SLACK - 1, OG_PASS, OG_CACHE_MISS },
	{ OG_FACT_FOUND, TTL + SLACK, OG_PASS, OG_CACHE_STALE },
	{ OG_FACT_FOUND, TTL + STALE + SLACK - 1, OG_PASS,
	    OG_CACHE_STALE },
	{ OG_FACT_FOUND, TTL + STALE + SLACK, OG_SERVER_ERROR,
	    OG_CACHE_MISS },
	{ OG_FACT_ABSENT, NEG + SLACK - 1, OG_NOT_A_MEMBER, OG_CACHE_MISS },
	{ OG_FACT_ABSENT, NEG + SLACK, OG_SERVER_ERROR, OG_CACHE_MISS },
	{ OG_FACT_ABSENT, TTL + SLACK, OG_SERVER_ERROR, OG_CACHE_MISS },
};

static void
test_kept_answers(void **state)
{
	struct og_decision decision;
	struct og_config *conf;
	enum og_cache cache;
	size_t i;

	(void)state;
	conf = parse();
	for (i = 0; i < COUNT(table); i++) {
		warnings = 0;
		decision = decide(conf, table[i].state, table[i].age, &cache);
		if (decision.reason != table[i].reason ||
		    cache != table[i].cache)
			fail_msg("row %zu: %s, %s", i,
			    og_reason_word(decision.reason),
			    og_cache_word(cache));
		/* A stale one is never used in silence. */
		assert_int_equal(warnings, cache == OG_CACHE_STALE);
	}
	og_config_free(conf);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_answers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
