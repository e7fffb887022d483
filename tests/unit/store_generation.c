/*
 * The number that tells a host to forget what it has made of the facts. Times
 * of files are set by hand: the number must change whatever the clock.
 */
#include "store_kit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct og_store *store;

static int
make(void **state)
{
	if (before(state) != 0)
		return 1;
	store = kit_store(NULL);
	og_store_hold(store);
	return 0;
}

static int
drop(void **state)
{
	og_store_free(store);
	store = NULL;
	return kit_clear(state);
}

/* As if nothing had happened to the directory for long. */
static void
age(const char *directory)
{
	const struct timespec times[2] = {
		{ .tv_sec = NOW - 1000 }, { .tv_sec = NOW - 1000 }
	};
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", in_scratch("store"), directory);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* The number when the store is quiet, its lists asked about. */
static uint64_t
quiet(int64_t now)
{
	struct og_query query;
	struct og_fact fact;

	query = by_id(&users, 1);
	og_store_get_listed(store, &fact, &query, now);
	age("singles");
	(void)og_store_generation(store, now);
	return og_store_generation(store, now + 1);
}

static void
stands_still(void **state)
{
	uint64_t number;

	(void)state;
	assert_int_equal(put_list(store, &users, 0, 10, NOW - 5,
	    OG_LIST_COMPLETE), OG_OK);
	number = quiet(NOW);
	assert_int_equal(og_store_generation(store, NOW + 2), number);
	assert_int_equal(og_store_generation(store, NOW + 100), number);
	og_store_look_again(store);
	assert_int_equal(og_store_generation(store, NOW + 100), number);
}

static void
a_newer_list(void **state)
{
	uint64_t number;

	(void)state;
	assert_int_equal(put_list(store, &users, 0, 10, NOW - 5,
	    OG_LIST_COMPLETE), OG_OK);
	number = quiet(NOW);
	assert_int_equal(put_list(store, &users, 0, 9, NOW,
	    OG_LIST_COMPLETE), OG_OK);
	assert_int_not_equal(og_store_generation(store, NOW + 2), number);
}

static void
a_first_list(void **state)
{
	uint64_t number;

	(void)state;
	number = quiet(NOW);
	assert_int_equal(put_list(store, &users, 0, 10, NOW,
	    OG_LIST_COMPLETE), OG_OK);
	assert_int_not_equal(og_store_generation(store, NOW + 2), number);
}

static void
a_list_that_goes(void **state)
{
	uint64_t number;
	size_t removed;

	(void)state;
	assert_int_equal(put_list(store, &users, 0, 10, NOW - 5,
	    OG_LIST_COMPLETE), OG_OK);
	number = quiet(NOW);
	assert_int_equal(og_store_flush(store, NULL, &removed), OG_OK);
	age("singles");
	assert_int_not_equal(og_store_generation(store, NOW + 2), number);
}

static void
a_single(void **state)
{
	struct og_fact fact;
	uint64_t number;

	(void)state;
	number = quiet(NOW);
	memset(&fact, 0, sizeof(fact));
	fact.query = by_id(&users, 1);
	fact.state = OG_FACT_FOUND;
	fact.fetched_at = NOW;
	fact.record = person(1);
	assert_int_equal(og_store_put_single(store, &fact, 0, 0), OG_OK);
	assert_int_not_equal(og_store_generation(store, NOW + 2), number);
}

/* What changes twice in one step of the file system's clock shows once. */
static void
changed_of_late(void **state)
{
	const struct timespec times[2] = {
		{ .tv_sec = NOW + 2 }, { .tv_sec = NOW + 2 }
	};
	char path[256];
	uint64_t number;

	(void)state;
	number = quiet(NOW);
	snprintf(path, sizeof(path), "%s/singles", in_scratch("store"));
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_int_not_equal(og_store_generation(store, NOW + 2), number);
	number = og_store_generation(store, NOW + 2);
	assert_int_not_equal(og_store_generation(store, NOW + 3), number);
	number = og_store_generation(store, NOW + 4);
	assert_int_equal(og_store_generation(store, NOW + 5), number);
}

/* A decision that holds until a certain time would hold for longer. */
static void
clock_set_back(void **state)
{
	uint64_t number;

	(void)state;
	quiet(NOW);
	number = og_store_generation(store, NOW + 20);
	number = og_store_generation(store, NOW + 21);
	assert_int_equal(og_store_generation(store, NOW + 22), number);
	assert_int_not_equal(og_store_generation(store, NOW + 12), number);
	number = og_store_generation(store, NOW + 12);
	assert_int_equal(og_store_generation(store, NOW + 13), number);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stands_still, make, drop),
		cmocka_unit_test_setup_teardown(a_newer_list, make, drop),
		cmocka_unit_test_setup_teardown(a_first_list, make, drop),
		cmocka_unit_test_setup_teardown(a_list_that_goes, make, drop),
		cmocka_unit_test_setup_teardown(a_single, make, drop),
		cmocka_unit_test_setup_teardown(changed_of_late, make, drop),
		cmocka_unit_test_setup_teardown(clock_set_back, make, drop),
	};
	int failed;

	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("store_generation", tests, NULL,
	    NULL);
	scratch_clear(scratch);
	return failed;
}
