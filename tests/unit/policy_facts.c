/*
 * The facts that the policy engine is given: every combination of them, those
 * that cannot be, the room for them, and whose row it hands on.
 */
#include "policy_kit.h"

/* The row is handed on for the variables of the web door; nobody else's is. */
static void
test_user_row(void **state)
{
	static const struct {
		const char *facts;
		const char *id;
	} users[] = {
		{ "u=+owner", ID },
		{ "u=+x", ID },
		{ "u=+owner,disabled", ID },
		{ "u=+owner,other", "" },
		{ "u=+owner,ambiguous", "" },
		{ "u=- i=+owner", "" },
		{ "u=!timeout", "" },
		{ "", "" },
	};
	struct og_decision decision;
	struct og_subject subject;
	struct og_config *conf;
	struct table table;
	size_t i;

	(void)state;
	conf = make_policy(ROLE);
	subject = make_subject(OG_SUBJECT_EMAIL);
	for (i = 0; i < COUNT(users); i++) {
		read_facts(&table, users[i].facts, &subject);
		og_policy_step(og_config_policy(conf, "p"), &subject,
		    &table.facts, &decision);
		assert_string_equal(decision.user.id, users[i].id);
	}
	og_config_free(conf);
}

/* What the configuration would never let through denies all the same. */
static void
test_impossible_input(void **state)
{
	struct og_decision decision;
	struct og_subject nobody, subject;
	struct og_policy empty, hollow;
	struct og_config *conf;
	struct og_words none;
	struct table table;

	(void)state;
	subject = make_subject(OG_SUBJECT_EMAIL);
	memset(&empty, 0, sizeof(empty));
	read_facts(&table, "u=+owner", &subject);
	assert_int_equal(og_policy_step(&empty, &subject, &table.facts,
	    &decision), OG_STEP_DONE);
	assert_int_equal(decision.reason, OG_CONFIG);

	/* "Any of none" is nobody. */
	memset(&none, 0, sizeof(none));
	hollow = empty;
	hollow.project = &none;
	hollow.project_count = 1;
	assert_int_equal(og_policy_step(&hollow, &subject, &table.facts,
	    &decision), OG_STEP_DONE);
	assert_int_equal(decision.reason, OG_PROJECT);
	hollow = empty;
	hollow.group = &none;
	hollow.group_count = 1;
	assert_int_equal(og_policy_step(&hollow, &subject, &table.facts,
	    &decision), OG_STEP_DONE);
	assert_int_equal(decision.reason, OG_GROUP);

	/* A subject that was never found. */
	conf = make_policy(ROLE);
	memset(&nobody, 0, sizeof(nobody));
	read_facts(&table, "", &subject);
	assert_int_equal(og_policy_step(og_config_policy(conf, "p"), &nobody,
	    &table.facts, &decision), OG_STEP_DONE);
	assert_int_equal(decision.reason, OG_NO_IDENTITY);
	assert_int_equal(table.facts.count, 0);
	nobody.kind = OG_SUBJECT_EMAIL;
	assert_int_equal(og_policy_step(og_config_policy(conf, "p"), &nobody,
	    &table.facts, &decision), OG_STEP_DONE);
	assert_int_equal(decision.reason, OG_NO_IDENTITY);
	og_config_free(conf);
}

/* A table that cannot hold all the facts is want of memory, at each of them. */
static void
test_no_room(void **state)
{
	struct og_decision decision;
	struct og_subject subject;
	struct og_config *conf;
	struct table table;
	enum og_step step;
	size_t size, all;

	(void)state;
	conf = make_policy(ROLE "project = a b\ngroup = c\ngroup = d e\n");
	subject = make_subject(OG_SUBJECT_EMAIL);
	all = 6;
	for (size = 0; size <= all; size++) {
		read_facts(&table, "", &subject);
		table.facts.size = size;
		step = og_policy_step(og_config_policy(conf, "p"), &subject,
		    &table.facts, &decision);
		if (size == all) {
			assert_int_equal(step, OG_STEP_WANT);
			break;
		}
		assert_int_equal(step, OG_STEP_DONE);
		assert_int_equal(decision.reason, OG_NO_MEMORY);
	}
	assert_int_equal(table.facts.count, all);
	og_config_free(conf);
}

static void
test_facts_table(void **state)
{
	struct og_subject subject;
	struct og_query query;
	struct og_fact *fact;
	struct table table;

	(void)state;
	subject = make_subject(OG_SUBJECT_EMAIL);
	read_facts(&table, "u=+owner p:a=-", &subject);
	query = read_query("p:a", &subject);
	assert_ptr_equal(og_facts_get(&table.facts, &query), &table.item[1]);
	assert_int_equal(table.facts.count, 2);
	table.facts.size = 3;
	query = read_query("g:a", &subject);
	memset(&table.item[2], 0xff, sizeof(table.item[2]));
	fact = og_facts_get(&table.facts, &query);
	assert_ptr_equal(fact, &table.item[2]);
	assert_int_equal(fact->state, OG_FACT_WANTED);
	assert_int_equal(fact->source, OG_SOURCE_NONE);
	assert_true(fact->fetched_at == 0);
	assert_true(og_query_equal(&fact->query, &query));
	query = read_query("g:b", &subject);
	assert_null(og_facts_get(&table.facts, &query));
	query = read_query("u", &subject);
	assert_ptr_equal(og_facts_get(&table.facts, &query), &table.item[0]);
}

/* Every combination of answers: the loop ends in its rounds, in its table,
 * and lets in who meets everything and nobody else. */
static void
test_all_answers(void **state)
{
	static const char *const answers[] = {
		"+owner", "+reader", "+owner,disabled", "-", "!timeout",
		"+owner,other", "+owner,ambiguous",
	};
	/* u, p:a, p:b, g:g; invitations always fail. */
	size_t digit[4], round, n, i, j;
	const struct og_policy *policy;
	struct og_decision decision;
	struct og_subject subject;
	struct og_config *conf;
	struct og_query query;
	struct og_fact *fact;
	struct table table, known;
	char text[200];
	bool allowed, should;

	(void)state;
	conf = make_policy("role = owner\nproject = a b\ngroup = g\n");
	policy = og_config_policy(conf, "p");
	subject = make_subject(OG_SUBJECT_EMAIL);
	for (n = 0; n < 7 * 7 * 7 * 7; n++) {
		for (i = 0, j = n; i < 4; i++, j /= 7)
			digit[i] = j % 7;
		snprintf(text, sizeof(text), "u=%s p:a=%s p:b=%s g:g=%s "
		    "i=!timeout", answers[digit[0]], answers[digit[1]],
		    answers[digit[2]], answers[digit[3]]);
		read_facts(&known, text, &subject);
		read_facts(&table, "", &subject);
		table.facts.size = og_policy_facts_max(policy);
		assert_int_equal(table.facts.size, 5);
		for (round = 0; og_policy_step(policy, &subject, &table.facts,
		    &decision) == OG_STEP_WANT; round++) {
			assert_true(round < 2);
			for (i = 0; i < table.facts.count; i++) {
				query = table.item[i].query;
				fact = og_facts_get(&known.facts, &query);
				assert_non_null(fact);
				table.item[i] = *fact;
			}
		}
		/* Flags of membership rows say nothing about the account. */
		allowed = decision.reason == OG_PASS;
		should = digit[0] == 0 && (digit[1] < 3 || digit[2] < 3) &&
		    digit[3] < 3;
		if (allowed != should)
			fail_msg("%s: %s", text,
			    og_reason_word(decision.reason));
	}
	og_config_free(conf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_user_row),
		cmocka_unit_test(test_impossible_input),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_facts_table),
		cmocka_unit_test(test_all_answers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("policy_facts", tests, NULL, NULL);
}
