/*
 * The store as its users see it: what was written is answered, by every kind
 * of reader, and nothing else.
 */
#include "store_kit.h"

static char organization[] = "org-1";

/* Every reader, over lists that fit one read and lists that do not. */
static void
lists_answer(void **state)
{
	static const unsigned int sizes[] = { 0, 1, 2, 3, 100, 2000 };
	struct og_list_info info;
	struct og_store *store;
	struct og_fact fact;
	unsigned int i, n;
	size_t s;
	int mode;

	(void)state;
	for (s = 0; s < COUNT(sizes) * 2; s++) {
		n = sizes[s / 2];
		mode = s % 2 == 0 ? ONE_SHOT : HOLDING;
		store = kit_store(NULL);
		if (mode == HOLDING)
			og_store_hold(store);
		assert_int_equal(put_list(store, &users, 0, n, NOW - 5,
		    OG_LIST_COMPLETE), OG_OK);
		for (i = 0; i < n; i++) {
			fact = listed(store, by_id(&users, i), NOW);
			assert_int_equal(fact.state, OG_FACT_FOUND);
			assert_true(is_person(&fact.record, i));
			assert_int_equal(fact.source, OG_SOURCE_STORE);
			assert_int_equal(fact.fetched_at, NOW - 5);
			fact = listed(store, by_email(&users, i), NOW);
			assert_int_equal(fact.state, OG_FACT_FOUND);
			assert_true(is_person(&fact.record, i));
		}
		for (; i < n + 20; i++) {
			fact = listed(store, by_id(&users, i), NOW);
			assert_int_equal(fact.state, OG_FACT_ABSENT);
			assert_int_equal(fact.fetched_at, NOW - 5);
			fact = listed(store, by_email(&users, i), NOW);
			assert_int_equal(fact.state, OG_FACT_ABSENT);
		}
		info = og_store_list(store, &users, NOW);
		assert_int_equal(info.state, OG_LIST_COMPLETE);
		assert_int_equal(info.rows, n);
		assert_int_equal(info.fetched_at, NOW - 5);
		assert_int_equal(said.lines, 0);
		og_store_free(store);
	}
}

static void
partial_lists_never_deny(void **state)
{
	struct og_query project;
	struct og_store *store;
	int mode;

	(void)state;
	project = of_project("proj_a");
	for (mode = ONE_SHOT; mode <= HOLDING; mode++) {
		store = kit_store(NULL);
		if (mode == HOLDING)
			og_store_hold(store);
		assert_int_equal(put_list(store, &project, 0, 100, NOW,
		    OG_LIST_PARTIAL), OG_OK);
		assert_int_equal(listed(store, by_id(&project, 99),
		    NOW).state, OG_FACT_FOUND);
		assert_int_equal(listed(store, by_id(&project, 100),
		    NOW).state, OG_FACT_WANTED);
		assert_int_equal(listed(store, by_email(&project, 100),
		    NOW).state, OG_FACT_WANTED);
		assert_int_equal(og_store_list(store, &project, NOW).state,
		    OG_LIST_PARTIAL);
		/* Another list is not this one. */
		assert_int_equal(listed(store, by_id(&users, 1), NOW).state,
		    OG_FACT_WANTED);
		assert_int_equal(og_store_list(store, &users, NOW).state,
		    OG_LIST_NONE);
		/* Everybody is no subject. */
		assert_int_equal(listed(store, project, NOW).state,
		    OG_FACT_WANTED);
		assert_int_equal(said.lines, 0);
		og_store_free(store);
	}
}

static void
singles_answer(void **state)
{
	struct og_record record;
	struct og_query project;
	struct og_store *store;
	struct og_fact fact;

	(void)state;
	store = kit_store(NULL);
	project = of_project("proj_a");
	record = person(1);
	assert_int_equal(single(store, by_id(&users, 1), NOW).state,
	    OG_FACT_WANTED);
	assert_int_equal(put_single(store, by_id(&users, 1), OG_FACT_FOUND,
	    &record, NOW - 7), OG_OK);
	assert_int_equal(put_single(store, by_email(&users, 1), OG_FACT_FOUND,
	    &record, NOW), OG_OK);
	assert_int_equal(put_single(store, by_id(&project, 1), OG_FACT_ABSENT,
	    NULL, NOW), OG_OK);
	fact = single(store, by_id(&users, 1), NOW);
	assert_int_equal(fact.state, OG_FACT_FOUND);
	assert_int_equal(fact.fetched_at, NOW - 7);
	assert_int_equal(fact.source, OG_SOURCE_STORE);
	assert_true(is_person(&fact.record, 1));
	fact = single(store, by_email(&users, 1), NOW);
	assert_true(is_person(&fact.record, 1));
	assert_int_equal(single(store, by_id(&project, 1), NOW).state,
	    OG_FACT_ABSENT);
	assert_int_equal(single(store, by_id(&users, 2), NOW).state,
	    OG_FACT_WANTED);
	/* The newer answer counts. */
	assert_int_equal(put_single(store, by_id(&users, 1), OG_FACT_ABSENT,
	    NULL, NOW), OG_OK);
	assert_int_equal(single(store, by_id(&users, 1), NOW).state,
	    OG_FACT_ABSENT);
	assert_int_equal(count_files("singles"), 3);
	assert_int_equal(said.lines, 0);

	/* What is no answer to its query is not written. */
	assert_int_equal(put_single(store, by_id(&users, 3), OG_FACT_FAILED,
	    NULL, NOW), OG_ERR_SYNTAX);
	assert_int_equal(put_single(store, by_id(&users, 3), OG_FACT_WANTED,
	    NULL, NOW), OG_ERR_SYNTAX);
	assert_int_equal(put_single(store, users, OG_FACT_ABSENT, NULL, NOW),
	    OG_ERR_SYNTAX);
	assert_int_equal(put_single(store, by_id(&users, 3), OG_FACT_FOUND,
	    &record, NOW), OG_ERR_PROTOCOL);
	assert_int_equal(put_single(store, by_email(&users, 3), OG_FACT_FOUND,
	    &record, NOW), OG_ERR_PROTOCOL);
	assert_int_equal(count_files("singles"), 3);
	og_store_free(store);
}

/* Another organization's or endpoint's facts are nobody's here. */
static void
foreign_facts_are_misses(void **state)
{
	static const struct {
		const char *base_url, *organization;
		const char *said;	/* NULL: ours */
	} cases[] = {
		{ base_url, NULL, NULL },
		{ base_url, "org-1", "of another organization" },
		{ "https://gate.example.com/v1", NULL, "of another endpoint" },
		/* Whoever never asks takes what sync has fetched. */
		{ NULL, NULL, NULL },
		{ NULL, "org-1", "of another organization" },
	};
	char url[40];
	struct og_record record;
	struct og_config conf;
	struct og_store *store;
	size_t i;

	(void)state;
	store = kit_store(NULL);
	record = person(1);
	assert_int_equal(put_list(store, &users, 0, 3, NOW, OG_LIST_COMPLETE),
	    OG_OK);
	assert_int_equal(put_single(store, by_id(&users, 1), OG_FACT_FOUND,
	    &record, NOW), OG_OK);
	og_store_free(store);
	for (i = 0; i < COUNT(cases) * 2; i++) {
		conf = kit_conf();
		conf.base_url = NULL;
		if (cases[i / 2].base_url != NULL) {
			snprintf(url, sizeof(url), "%s",
			    cases[i / 2].base_url);
			conf.base_url = url;
		}
		if (cases[i / 2].organization != NULL)
			conf.organization = organization;
		store = kit_store(&conf);
		if (i % 2 == HOLDING)
			og_store_hold(store);
		if (cases[i / 2].said == NULL) {
			assert_int_equal(listed(store, by_id(&users, 1),
			    NOW).state, OG_FACT_FOUND);
			assert_int_equal(single(store, by_id(&users, 1),
			    NOW).state, OG_FACT_FOUND);
			assert_int_equal(said.lines, 0);
		} else {
			assert_int_equal(listed(store, by_id(&users, 1),
			    NOW).state, OG_FACT_WANTED);
			assert_int_equal(said.lines, 1);
			assert_said(cases[i / 2].said);
			assert_int_equal(listed(store, by_id(&users, 9),
			    NOW).state, OG_FACT_WANTED);
			assert_int_equal(og_store_list(store, &users,
			    NOW).state, OG_LIST_NONE);
			memset(&said, 0, sizeof(said));
			assert_int_equal(single(store, by_id(&users, 1),
			    NOW).state, OG_FACT_WANTED);
			assert_int_equal(said.lines, 1);
			assert_said(cases[i / 2].said);
		}
		og_store_free(store);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lists_answer, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(partial_lists_never_deny,
		    before, kit_clear),
		cmocka_unit_test_setup_teardown(singles_answer, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(foreign_facts_are_misses,
		    before, kit_clear),
	};
	int failed;

	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("store", tests, NULL, NULL);
	scratch_clear(scratch);
	return failed;
}
