/*
 * How old the store's facts are: never younger than they are, whatever the
 * clocks do, and none from the future.
 */
#include "store_kit.h"

/*
 * What the clock since the boot says of the age, whatever the wall clock
 * shows: `boot` is its time at the fetch, against now, in seconds.
 */
static const struct {
	const char *what;
	int64_t boot;		/* not before it: the machine may be young */
	int64_t wall;		/* of the fetch, against NOW */
	int64_t date;		/* what it has to be, against NOW */
} dates[] = {
	{ "ten seconds ago by both", -10, -10, -10 },
	{ "the wall clock was set back by ten seconds", -20, -10, -20 },
	{ "... to just before the fetch", -20, 1, -20 },
	{ "the wall clock was set forward", -10, -20, -20 },
	{ "of an earlier boot that was up for longer", 5000, -10, -10 },
	{ "of no known boot", 0, -10, -10 },
};

static void
never_younger_than_they_are(void **state)
{
	struct og_store *store;
	struct og_record record;
	struct og_list_writer *writer;
	struct og_fact fact;
	int64_t boot_ms;
	size_t i;

	(void)state;
	store = kit_store(NULL);
	record = person(1);
	memset(&fact, 0, sizeof(fact));
	fact.query = by_email(&users, 1);
	fact.state = OG_FACT_FOUND;
	fact.record = record;
	for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		print_message("# %s\n", dates[i].what);
		boot_ms = dates[i].boot == 0 ? 0 :
		    og_clock_boot() + dates[i].boot * 1000;
		fact.fetched_at = NOW + dates[i].wall;
		assert_int_equal(og_store_put_single(store, &fact, boot_ms,
		    0),
		    OG_OK);
		assert_int_equal(og_list_begin(&writer, store, &users), OG_OK);
		assert_int_equal(og_list_add(writer, &record), OG_OK);
		assert_int_equal(og_list_commit(writer, NOW + dates[i].wall,
		    boot_ms, OG_LIST_COMPLETE, 0), OG_OK);
		assert_in_range(NOW + dates[i].date - single(store,
		    by_email(&users, 1), NOW).fetched_at, 0, 2);
		assert_in_range(NOW + dates[i].date - listed(store,
		    by_email(&users, 1), NOW).fetched_at, 0, 2);
		assert_in_range(NOW + dates[i].date - listed(store,
		    by_email(&users, 2), NOW).fetched_at, 0, 2);
		assert_in_range(NOW + dates[i].date - og_store_list(store,
		    &users, NOW).fetched_at, 0, 2);
	}
	og_store_free(store);
}

static void
future_facts_are_misses(void **state)
{
	static const struct {
		int64_t fetched_at;
		enum og_fact_state state;
	} cases[] = {
		{ 1, OG_FACT_FOUND }, { NOW, OG_FACT_FOUND },
		{ NOW + 2, OG_FACT_FOUND }, { NOW + 3, OG_FACT_WANTED },
		{ NOW + 100000, OG_FACT_WANTED }, { INT64_MAX, OG_FACT_WANTED },
	};
	struct og_record record;
	struct og_store *store;
	size_t i;

	(void)state;
	record = person(1);
	for (i = 0; i < COUNT(cases) * 2; i++) {
		store = kit_store(NULL);
		if (i % 2 == HOLDING)
			og_store_hold(store);
		assert_int_equal(put_list(store, &users, 0, 3,
		    cases[i / 2].fetched_at, OG_LIST_COMPLETE), OG_OK);
		assert_int_equal(put_single(store, by_id(&users, 1),
		    OG_FACT_FOUND, &record, cases[i / 2].fetched_at), OG_OK);
		assert_int_equal(listed(store, by_id(&users, 1), NOW).state,
		    cases[i / 2].state);
		if (cases[i / 2].state == OG_FACT_WANTED)
			assert_said("from the future");
		assert_int_equal(single(store, by_id(&users, 1), NOW).state,
		    cases[i / 2].state);
		if (cases[i / 2].state == OG_FACT_WANTED)
			assert_said("from the future");
		/* No harm once that time has come. */
		if (cases[i / 2].fetched_at < INT64_MAX)
			assert_int_equal(listed(store, by_id(&users, 1),
			    cases[i / 2].fetched_at).state, OG_FACT_FOUND);
		og_store_free(store);
	}
	store = kit_store(NULL);
	assert_int_equal(put_list(store, &users, 0, 3, 0, OG_LIST_COMPLETE),
	    OG_ERR_SYNTAX);
	assert_int_equal(put_list(store, &users, 0, 3, -1, OG_LIST_COMPLETE),
	    OG_ERR_SYNTAX);
	assert_int_equal(put_list(store, &users, 0, 3, NOW, OG_LIST_NONE),
	    OG_ERR_SYNTAX);
	assert_int_equal(put_single(store, by_id(&users, 1), OG_FACT_FOUND,
	    &record, -5), OG_OK);
	assert_int_equal(single(store, by_id(&users, 1), NOW).state,
	    OG_FACT_WANTED);
	assert_said("no possible time");
	og_store_free(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(never_younger_than_they_are,
		    before, kit_clear),
		cmocka_unit_test_setup_teardown(future_facts_are_misses, before,
		    kit_clear),
	};
	int failed;

	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("store_age", tests, NULL, NULL);
	scratch_clear(scratch);
	return failed;
}
