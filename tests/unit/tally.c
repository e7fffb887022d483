/*
 * What is counted: by several processes at once, without a lock; slots of
 * policies; the text for Prometheus.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/metrics.h"
#include "value/tally.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct og_tally *
new_tally(void)
{
	struct og_tally *tally;

	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(tally, MAP_FAILED);
	og_tally_init(tally);
	return tally;
}

static void
free_tally(struct og_tally *tally)
{
	assert_int_equal(munmap(tally, sizeof(*tally)), 0);
}

static void
keep(struct og_tally *tally, const char *name)
{
	og_tally_keep(tally, &name, 1);
}

/* Nothing is lost, whoever adds at the same time. */
static void
several_processes(void **state)
{
	struct og_tally *tally;
	size_t slot;
	pid_t pid[8];
	int i, status;
	unsigned int n;

	(void)state;
	tally = new_tally();
	keep(tally, "ssh");
	slot = og_tally_slot(tally, "ssh");
	for (i = 0; i < 8; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] != 0)
			continue;
		for (n = 0; n < 100000; n++) {
			og_tally_decided(tally, slot, OG_DOOR_PAM, OG_PASS,
			    n % 4);
			og_tally_fetched(tally, 3, OG_OUTCOME_429);
			og_tally_waited(tally, 3, 2);
			og_tally_shared(tally);
		}
		_exit(0);
	}
	for (i = 0; i < 8; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(tally->policy[slot][OG_DOOR_PAM].reason[OG_PASS],
	    800000);
	for (n = 0; n < 4; n++)
		assert_int_equal(tally->policy[slot][OG_DOOR_PAM].cache[n],
		    200000);
	assert_int_equal(tally->fetched[3][OG_OUTCOME_429], 800000);
	assert_int_equal(tally->waited_ms[3], 1600000);
	assert_int_equal(tally->shared, 800000);
	free_tally(tally);
}

static void
slots(void **state)
{
	const char *name[OG_TALLY_POLICIES];
	char text[OG_TALLY_POLICIES][16], longest[OG_TALLY_NAME_MAX + 2];
	struct og_tally *tally;
	size_t i, slot;

	(void)state;
	tally = new_tally();
	assert_int_equal(og_tally_slot(tally, NULL), OG_TALLY_NO_POLICY);
	assert_int_equal(og_tally_slot(tally, "ssh"), OG_TALLY_NO_POLICY);
	assert_int_equal(og_tally_slot(tally, ""), OG_TALLY_NO_POLICY);
	for (i = 0; i < OG_TALLY_POLICIES; i++) {
		snprintf(text[i], sizeof(text[i]), "policy-%zu", i);
		name[i] = text[i];
	}
	assert_false(og_tally_has(tally, name, OG_TALLY_POLICIES));
	og_tally_keep(tally, name, OG_TALLY_POLICIES);
	assert_true(og_tally_has(tally, name, OG_TALLY_POLICIES));
	for (i = 0; i < OG_TALLY_POLICIES; i++) {
		slot = og_tally_slot(tally, name[i]);
		assert_int_equal(slot, i);
		og_tally_decided(tally, slot, OG_DOOR_CLI, OG_ROLE,
		    OG_TALLY_NO_CACHE);
	}
	/* All are taken: one that is not wanted any more makes room. */
	name[5] = "new";
	og_tally_keep(tally, name, OG_TALLY_POLICIES);
	assert_int_equal(og_tally_slot(tally, "new"), 5);
	assert_int_equal(og_tally_slot(tally, "policy-5"), OG_TALLY_NO_POLICY);
	assert_int_equal(tally->policy[5][OG_DOOR_CLI].reason[OG_ROLE], 0);
	assert_int_equal(tally->policy[6][OG_DOOR_CLI].reason[OG_ROLE], 1);
	/* A free one is taken before one that others may still want. */
	free_tally(tally);
	tally = new_tally();
	keep(tally, "one");
	keep(tally, "two");
	assert_int_equal(og_tally_slot(tally, "one"), 0);
	assert_int_equal(og_tally_slot(tally, "two"), 1);
	memset(longest, 'x', sizeof(longest));
	longest[OG_TALLY_NAME_MAX] = '\0';
	keep(tally, longest);
	assert_int_equal(og_tally_slot(tally, longest), 2);
	memset(longest, 'x', OG_TALLY_NAME_MAX + 1);
	longest[OG_TALLY_NAME_MAX + 1] = '\0';
	keep(tally, longest);
	assert_int_equal(og_tally_slot(tally, longest), OG_TALLY_NO_POLICY);
	free_tally(tally);
}

static void
out_of_range(void **state)
{
	struct og_tally *tally, *fresh;

	(void)state;
	tally = new_tally();
	fresh = new_tally();
	og_tally_decided(tally, OG_TALLY_NO_POLICY + 1, OG_DOOR_PAM, OG_PASS,
	    0);
	og_tally_decided(tally, 0, OG_DOOR_PAM, OG_GO_ON, 0);
	og_tally_fetched(tally, OG_TALLY_ENDPOINTS, OG_OUTCOME_200);
	og_tally_waited(tally, OG_TALLY_ENDPOINTS, 1);
	og_tally_waited(tally, 0, -1);
	assert_memory_equal(tally, fresh, sizeof(*tally));
	og_tally_decided(NULL, 0, OG_DOOR_PAM, OG_PASS, 0);
	og_tally_fetched(NULL, 0, OG_OUTCOME_200);
	og_tally_shared(NULL);
	og_tally_waited(NULL, 0, 1);
	og_tally_synced(NULL, 1, 1);
	og_tally_key_expires(NULL, 1);
	tally->size++;
	assert_false(og_tally_valid(tally));
	free_tally(tally);
	free_tally(fresh);
}

/* By name: the same policy may have another slot there. */
static void
merging(void **state)
{
	struct og_tally *sum, *more;

	(void)state;
	sum = new_tally();
	more = new_tally();
	keep(sum, "other");
	keep(sum, "ssh");
	keep(more, "ssh");
	keep(more, "unknown");
	og_tally_decided(sum, 1, OG_DOOR_PAM, OG_PASS, 0);
	og_tally_decided(more, 0, OG_DOOR_PAM, OG_PASS, 0);
	og_tally_decided(more, 1, OG_DOOR_PAM, OG_ROLE, 1);
	og_tally_decided(more, OG_TALLY_NO_POLICY, OG_DOOR_CLI, OG_CONFIG,
	    OG_TALLY_NO_CACHE);
	og_tally_fetched(more, 2, OG_OUTCOME_TIMEOUT);
	og_tally_waited(more, 2, 1500);
	og_tally_shared(more);
	og_tally_synced(sum, 1000, 10);
	og_tally_key_expires(more, -1);
	og_tally_merge(sum, more);
	og_tally_merge(sum, more);
	assert_int_equal(sum->policy[1][OG_DOOR_PAM].reason[OG_PASS], 3);
	assert_int_equal(sum->policy[1][OG_DOOR_PAM].cache[0], 3);
	assert_int_equal(sum->policy[0][OG_DOOR_PAM].reason[OG_PASS], 0);
	assert_int_equal(sum->policy[OG_TALLY_NO_POLICY][OG_DOOR_PAM]
	    .reason[OG_ROLE], 2);
	assert_int_equal(sum->policy[OG_TALLY_NO_POLICY][OG_DOOR_CLI]
	    .reason[OG_CONFIG], 2);
	assert_int_equal(sum->fetched[2][OG_OUTCOME_TIMEOUT], 2);
	assert_int_equal(sum->waited_ms[2], 3000);
	assert_int_equal(sum->shared, 2);
	/* What `more` does not know stays known. */
	assert_int_equal(sum->synced_at, 1000);
	assert_int_equal(sum->key_expires_at, -1);
	free_tally(sum);
	free_tally(more);
}

static const enum og_door doors[] = { OG_DOOR_PAM, OG_DOOR_CLI };

static void
expect_line(const struct og_buffer *text, const char *wanted)
{
	char framed[600];

	snprintf(framed, sizeof(framed), "\n%s\n", wanted);
	if (strstr(text->data, framed) == NULL)
		fail_msg("no line %s in:\n%s", wanted, text->data);
}

static void
expect_none(const struct og_buffer *text, const char *unwanted)
{
	if (strstr(text->data, unwanted) != NULL)
		fail_msg("%s in:\n%s", unwanted, text->data);
}

static void
print(struct og_buffer *text, struct og_metrics *metrics)
{
	og_buffer_init(text, OG_METRICS_MAX);
	assert_int_equal(og_metrics_print(text, metrics), OG_OK);
}

static void
printing(void **state)
{
	struct og_policy policies[] = { { .name = "a\"b" },
	    { .name = "try", .dry_run = true } };
	struct og_config conf = { .policies = policies, .policy_count = 2,
	    .ttl = 600, .stale_ttl = 3600 };
	struct og_metrics metrics;
	struct og_tally *tally;
	struct og_buffer text;

	(void)state;
	tally = new_tally();
	memset(&metrics, 0, sizeof(metrics));
	metrics.tally = tally;
	metrics.door = doors;
	metrics.doors = COUNT(doors);
	metrics.now = 2000;
	print(&text, &metrics);
	/* What is not known has no sample, but can be looked up. */
	expect_none(&text, "\nopenai_gate_last_sync_timestamp_seconds ");
	expect_none(&text, "\nopenai_gate_key_expiry_timestamp_seconds ");
	expect_none(&text, "\nopenai_gate_oldest_fact_age_seconds ");
	expect_line(&text,
	    "# TYPE openai_gate_key_expiry_timestamp_seconds gauge");
	expect_none(&text, "\nopenai_gate_fact_limit_seconds ");
	expect_none(&text, "\nopenai_gate_policy_enforced");
	og_buffer_free(&text);

	keep(tally, "a\"b\\c\nd");
	og_tally_decided(tally, 0, OG_DOOR_PAM, OG_PASS, 1);
	og_tally_decided(tally, OG_TALLY_NO_POLICY, OG_DOOR_CLI,
	    OG_EXEMPT_USER, OG_TALLY_NO_CACHE);
	og_tally_fetched(tally, OG_ENDPOINT_PROJECT_USERS, OG_OUTCOME_5XX);
	og_tally_waited(tally, OG_ENDPOINT_USERS, 1005);
	og_tally_synced(tally, 1900, 61001);
	og_tally_key_expires(tally, 99999);
	metrics.conf = &conf;
	metrics.oldest = 1400;
	metrics.boot_ms = 5000;
	metrics.budget[OG_ENDPOINT_USERS].updated_ms = 4000;
	metrics.budget[OG_ENDPOINT_USERS].failures = 3;
	metrics.budget[OG_ENDPOINT_USERS].not_before_ms = 12050;
	metrics.budget[OG_ENDPOINT_USER].updated_ms = 4000;
	metrics.budget[OG_ENDPOINT_USER].not_before_ms = 4000;
	print(&text, &metrics);
	expect_line(&text, "openai_gate_decisions_total{door=\"pam\","
	    "policy=\"a\\\"b\\\\c\\nd\",verdict=\"allow\",reason=\"ok\"} 1");
	expect_line(&text, "openai_gate_decisions_total{door=\"pam\","
	    "policy=\"a\\\"b\\\\c\\nd\",verdict=\"deny\",reason=\"role\"} 0");
	expect_line(&text, "openai_gate_decisions_total{door=\"cli\","
	    "policy=\"\",verdict=\"exempt\",reason=\"exempt-user\"} 1");
	expect_none(&text, "door=\"cli\",policy=\"a");
	expect_none(&text, "door=\"nginx\"");
	expect_line(&text, "openai_gate_cache_total{door=\"pam\","
	    "policy=\"a\\\"b\\\\c\\nd\",cache=\"stale\"} 1");
	expect_line(&text, "openai_gate_api_requests_total"
	    "{endpoint=\"project-users\",status=\"5xx\"} 1");
	expect_line(&text, "openai_gate_api_wait_seconds_total"
	    "{endpoint=\"users\"} 1.005");
	expect_line(&text, "openai_gate_api_failures{endpoint=\"users\"} 3");
	expect_line(&text,
	    "openai_gate_api_backoff_seconds{endpoint=\"users\"} 7.050");
	expect_line(&text,
	    "openai_gate_api_backoff_seconds{endpoint=\"user\"} 0.000");
	expect_line(&text, "openai_gate_last_sync_timestamp_seconds 1900");
	expect_line(&text, "openai_gate_last_sync_duration_seconds 61.001");
	expect_line(&text, "openai_gate_key_expiry_timestamp_seconds 99999");
	expect_line(&text, "openai_gate_oldest_fact_age_seconds 600");
	expect_line(&text, "openai_gate_fact_limit_seconds 4200");
	expect_line(&text,
	    "openai_gate_policy_enforced{policy=\"a\\\"b\"} 1");
	expect_line(&text, "openai_gate_policy_enforced{policy=\"try\"} 0");
	og_buffer_free(&text);
	free_tally(tally);
}

/* All slots full, all numbers at their largest: it fits. */
static void
largest(void **state)
{
	struct og_metrics metrics;
	struct og_tally *tally;
	struct og_buffer text;
	size_t i;

	(void)state;
	tally = new_tally();
	memset(tally->policy, 0xff, sizeof(tally->policy));
	memset(tally->fetched, 0xff, sizeof(tally->fetched));
	memset(tally->waited_ms, 0xff, sizeof(tally->waited_ms));
	for (i = 0; i < OG_TALLY_POLICIES; i++) {
		memset(tally->name[i].text, '"', OG_TALLY_NAME_MAX);
		tally->name[i].used = 1;
	}
	memset(&metrics, 0, sizeof(metrics));
	metrics.tally = tally;
	metrics.door = doors;
	metrics.doors = COUNT(doors);
	metrics.now = INT64_MAX;
	print(&text, &metrics);
	og_buffer_free(&text);
	/* A limit in the way is said, not hidden in half a text. */
	og_buffer_init(&text, 1000);
	assert_int_equal(og_metrics_print(&text, &metrics), OG_ERR_LIMIT);
	og_buffer_free(&text);
	free_tally(tally);
}

static void
words(void **state)
{
	unsigned int i, j;

	(void)state;
	for (i = 0; i < OG_OUTCOME_COUNT; i++) {
		for (j = 0; j < i; j++)
			assert_string_not_equal(
			    og_outcome_word((enum og_outcome)i),
			    og_outcome_word((enum og_outcome)j));
	}
	assert_string_equal(og_door_word(OG_DOOR_PAM), "pam");
	assert_string_equal(og_door_word(OG_DOOR_CLI), "cli");
	assert_string_equal(og_door_word(OG_DOOR_NGINX), "nginx");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_processes),
		cmocka_unit_test(slots),
		cmocka_unit_test(out_of_range),
		cmocka_unit_test(merging),
		cmocka_unit_test(printing),
		cmocka_unit_test(largest),
		cmocka_unit_test(words),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
