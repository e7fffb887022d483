/*
 * Keeping a store: what a look at it shows, and what goes when it is too large.
 */
#include "store_kit.h"

#include <time.h>

#include "value/clock.h"
#include "value/text.h"

struct seen {
	size_t lists, singles, troubles;
	int64_t rows;
	struct og_fact fact;		/* the last sound one */
	char trouble[200];		/* the last one */
};

static void
look(void *arg, const struct og_store_entry *entry)
{
	struct seen *seen;

	seen = arg;
	assert_non_null(strchr(entry->path, '/'));
	if (entry->trouble != NULL) {
		assert_null(entry->fact);
		seen->troubles++;
		snprintf(seen->trouble, sizeof(seen->trouble), "%s",
		    entry->trouble);
		return;
	}
	assert_non_null(entry->fact);
	seen->fact = *entry->fact;
	assert_int_equal(seen->fact.source, OG_SOURCE_STORE);
	if (entry->list == OG_LIST_NONE) {
		seen->singles++;
		assert_int_equal(entry->rows, -1);
		assert_in_range(entry->size, 40, 1200);
	} else {
		seen->lists++;
		seen->rows = entry->rows;
		assert_true(entry->size > 2300);
	}
}

static struct seen
visit(struct og_store *store)
{
	struct seen seen;

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(og_store_visit(store, look, &seen), OG_OK);
	return seen;
}

static void
visits_show_all(void **state)
{
	struct og_config other;
	struct og_record record;
	struct og_query project;
	struct og_store *store, *foreign;
	struct seen seen;
	unsigned char *data;
	char path[PATH_MAX];
	size_t len;

	(void)state;
	store = kit_store(NULL);
	seen = visit(store);
	assert_int_equal(seen.lists + seen.singles + seen.troubles, 0);
	project = of_project("proj_a");
	assert_int_equal(put_list(store, &project, 0, 123, NOW,
	    OG_LIST_PARTIAL), OG_OK);
	seen = visit(store);
	assert_int_equal(seen.lists, 1);
	assert_int_equal(seen.rows, 123);
	assert_int_equal(seen.fact.fetched_at, NOW);
	assert_true(og_query_equal(&seen.fact.query, &project));
	only_file(path, "lists");
	data = get_file(path, &len);
	data[len - 1] ^= 1;
	assert_true(put_file(path, data, len, 0600));
	free(data);
	record = person(1);
	assert_int_equal(put_single(store, by_email(&users, 1), OG_FACT_FOUND,
	    &record, NOW - 3), OG_OK);
	seen = visit(store);
	assert_int_equal(seen.lists, 0);
	assert_int_equal(seen.troubles, 1);
	assert_string_equal(seen.trouble, "damaged; not used");
	assert_int_equal(seen.singles, 1);
	assert_int_equal(seen.fact.state, OG_FACT_FOUND);
	assert_int_equal(seen.fact.fetched_at, NOW - 3);
	assert_true(is_person(&seen.fact.record, 1));
	assert_true(put_file(in_scratch("store/lists/.tmp-1-2"), "", 0, 0600));
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(visit(store).troubles, 2);
	assert_int_equal(said.lines, 0);
	other = kit_conf();
	other.base_url[8] = 'b';
	foreign = kit_store(&other);
	other.base_url[8] = 'a';
	seen = visit(foreign);
	assert_int_equal(seen.troubles, 3);
	assert_int_equal(seen.singles, 0);
	og_store_free(foreign);
	og_store_free(store);
}

static void
set_age(const char *path, int64_t age)
{
	struct timespec times[2];

	memset(times, 0, sizeof(times));
	times[0].tv_sec = times[1].tv_sec = og_clock_wall() - age;
	assert_int_equal(utimensat(AT_FDCWD, path, times,
	    AT_SYMLINK_NOFOLLOW), 0);
}

static void
singles_of_age(struct og_store *store, unsigned int first, unsigned int count,
    int64_t age)
{
	char name[PATH_MAX];
	struct dirent *entry;
	unsigned int i;
	struct stat st;
	DIR *dir;

	for (i = first; i < first + count; i++)
		assert_int_equal(put_single(store, by_id(&users, i),
		    OG_FACT_ABSENT, NULL, NOW), OG_OK);
	/* All that are new. */
	dir = opendir(in_scratch("store/singles"));
	while ((entry = readdir(dir)) != NULL) {
		snprintf(name, sizeof(name), "%s/store/singles/%s", scratch,
		    entry->d_name);
		if (stat(name, &st) == 0 && S_ISREG(st.st_mode) &&
		    st.st_mtim.tv_sec > og_clock_wall() - 20)
			set_age(name, age);
	}
	closedir(dir);
}

static size_t
left(struct og_store *store, unsigned int first, unsigned int count)
{
	unsigned int i;
	size_t n;

	n = 0;
	for (i = first; i < first + count; i++)
		n += single(store, by_id(&users, i), NOW).state ==
		    OG_FACT_ABSENT;
	return n;
}

/* Each file counts as a block of 4096 bytes. */
static void
keeps_its_size(void **state)
{
	struct og_query project;
	struct og_config conf;
	struct og_store *store;
	char list[PATH_MAX];

	(void)state;
	conf = kit_conf();		/* ttl + stale_ttl = 4200 */
	conf.size = (uint64_t)4096 * 30;
	store = kit_store(&conf);
	og_store_no_sync(store);
	project = of_project("p");
	assert_int_equal(put_list(store, &project, 0, 1, NOW,
	    OG_LIST_COMPLETE), OG_OK);
	only_file(list, "lists");
	set_age(list, 30000);
	singles_of_age(store, 0, 10, 20000);
	singles_of_age(store, 100, 10, 5000);
	singles_of_age(store, 200, 9, 100);
	/* Just within. */
	og_store_sweep(store, og_clock_wall());
	assert_int_equal(count_files("singles") + count_files("lists"), 30);
	/* Expired singles first, then the oldest; at most once a minute. */
	singles_of_age(store, 300, 5, 30);
	og_store_sweep(store, og_clock_wall() + 50);
	assert_int_equal(count_files("singles") + count_files("lists"), 35);
	og_store_sweep(store, og_clock_wall() + 70);
	assert_int_equal(count_files("singles"), 29);
	assert_int_equal(count_files("lists"), 1);
	assert_int_equal(left(store, 0, 10), 5);
	assert_int_equal(left(store, 100, 10), 10);
	singles_of_age(store, 400, 15, 20);
	og_store_sweep(store, og_clock_wall() + 140);
	assert_int_equal(left(store, 0, 10), 0);
	assert_int_equal(left(store, 100, 10), 0);
	assert_int_equal(count_files("singles"), 29);
	assert_int_equal(count_files("lists"), 1);
	/* Now the list is the oldest, and expired itself. */
	singles_of_age(store, 500, 2, 10);
	memset(&said, 0, sizeof(said));
	og_store_sweep(store, og_clock_wall() + 210);
	assert_int_equal(count_files("lists"), 0);
	assert_int_equal(count_files("singles"), 30);
	assert_int_equal(left(store, 200, 9), 8);
	og_store_free(store);
}

/* Written while the clock was ten years ahead. */
static void
forgets_the_future_first(void **state)
{
	static const char *const names[] = { "lists/.tmp-1-2", "wants/x" };
	struct og_config conf;
	struct og_store *store;
	size_t i;

	(void)state;
	conf = kit_conf();
	conf.size = (uint64_t)4096 * 10;
	store = kit_store(&conf);
	og_store_no_sync(store);
	singles_of_age(store, 0, 20, -INT64_C(10) * 365 * 86400);
	assert_int_equal(put_list(store, &users, 100, 1, NOW,
	    OG_LIST_COMPLETE), OG_OK);
	for (i = 0; i < COUNT(names); i++) {
		assert_true(put_file(in_scratch("store/%s", names[i]), "x", 1,
		    0600));
		set_age(in_scratch("store/%s", names[i]), -100000);
	}
	og_store_sweep(store, og_clock_wall());
	assert_int_equal(count_files("lists"), 1);
	assert_int_equal(count_files("singles"), 9);
	assert_int_equal(count_files("wants"), 0);
	assert_int_not_equal(said.level, LOG_WARNING);
	og_store_free(store);
}

/* Too small for what is in use: the administrator is told. */
static void
says_when_it_is_too_small(void **state)
{
	struct og_config conf;
	struct og_store *store;

	(void)state;
	conf = kit_conf();
	conf.size = 4096;
	store = kit_store(&conf);
	assert_int_equal(put_list(store, &users, 0, 100, NOW,
	    OG_LIST_COMPLETE), OG_OK);
	og_store_sweep(store, og_clock_wall());
	assert_int_equal(count_files("lists"), 0);
	assert_int_equal(said.lines, 1);
	assert_int_equal(said.level, LOG_WARNING);
	assert_said("a list still in use, removed to keep the store within "
	    "[cache] size; raise it");
	og_store_free(store);
}

/* Nobody's files go after an hour; directories and the store's own stay. */
static void
sweeps_the_unknown(void **state)
{
	static const char *const unknown[] = { "lists/.tmp-1-2", "lists/core",
	    "singles/.tmp-9-9", "singles/README", "singles/0123", "wants/x" };
	static const char *const foreign[] = { "notes", "pace", "swept" };
	struct og_store *store;
	const char *path;
	size_t i;

	(void)state;
	store = kit_store(NULL);
	for (i = 0; i < COUNT(unknown); i++)
		assert_true(put_file(in_scratch("store/%s", unknown[i]), "x",
		    1, 0600));
	assert_int_equal(symlink("/etc/passwd", in_scratch("store/lists/l")),
	    0);
	assert_int_equal(mkdir(in_scratch("store/lists/dir"), 0700), 0);
	for (i = 0; i < COUNT(foreign); i++) {
		path = in_scratch("store/%s", foreign[i]);
		assert_true(put_file(path, "x", 1, 0600));
		set_age(path, 100000);
	}
	og_store_sweep(store, og_clock_wall());
	for (i = 0; i < COUNT(unknown); i++)
		assert_int_equal(access(in_scratch("store/%s", unknown[i]),
		    F_OK), 0);
	for (i = 0; i < COUNT(unknown); i++)
		set_age(in_scratch("store/%s", unknown[i]), 4000);
	set_age(in_scratch("store/lists/l"), 4000);
	og_store_sweep(store, og_clock_wall() + 61);
	for (i = 0; i < COUNT(unknown); i++)
		assert_int_not_equal(access(in_scratch("store/%s",
		    unknown[i]), F_OK), 0);
	assert_int_equal(count_files("lists"), 1);
	for (i = 0; i < COUNT(foreign); i++)
		assert_int_equal(access(in_scratch("store/%s", foreign[i]),
		    F_OK), 0);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
	og_store_free(store);
}

/* A sweep may take long: what others write meanwhile is not of another clock. */
static void
spares_what_came_since_it_began(void **state)
{
	static const char *const names[] = { "lists/.tmp-1-2",
	    "singles/.tmp-9-9", "wants/x" };
	struct og_store *store;
	size_t i;

	(void)state;
	store = kit_store(NULL);
	for (i = 0; i < COUNT(names); i++)
		assert_true(put_file(in_scratch("store/%s", names[i]), "x", 1,
		    0600));
	og_store_sweep(store, og_clock_wall() - 30);
	for (i = 0; i < COUNT(names); i++)
		assert_int_equal(access(in_scratch("store/%s", names[i]),
		    F_OK), 0);
	assert_int_equal(said.lines, 0);
	for (i = 0; i < COUNT(names); i++)
		assert_int_equal(unlink(in_scratch("store/%s", names[i])), 0);
	og_store_free(store);
}

/* A new file is seen within the second; until then, no file is looked at. */
static void
holds_for_a_second(void **state)
{
	struct og_store *store, *writer;
	struct og_query project;
	char path[PATH_MAX];

	(void)state;
	store = kit_store(NULL);
	writer = kit_store(NULL);
	og_store_hold(store);
	project = of_project("proj_a");
	assert_int_equal(listed(store, by_id(&users, 1), NOW).state,
	    OG_FACT_WANTED);
	assert_int_equal(put_list(writer, &users, 0, 3, NOW, OG_LIST_COMPLETE),
	    OG_OK);
	assert_int_equal(listed(store, by_id(&users, 1), NOW).state,
	    OG_FACT_WANTED);
	assert_int_equal(listed(store, by_id(&users, 1), NOW + 1).state,
	    OG_FACT_FOUND);
	assert_int_equal(put_list(writer, &users, 1, 1, NOW + 1,
	    OG_LIST_COMPLETE), OG_OK);
	assert_int_equal(listed(store, by_id(&users, 2), NOW + 1).state,
	    OG_FACT_FOUND);
	assert_int_equal(listed(store, by_id(&users, 2), NOW + 2).state,
	    OG_FACT_ABSENT);
	assert_int_equal(put_list(writer, &users, 1, 5, NOW + 2,
	    OG_LIST_COMPLETE), OG_OK);
	og_store_look_again(store);
	assert_int_equal(listed(store, by_id(&users, 2), NOW + 2).state,
	    OG_FACT_FOUND);
	assert_int_equal(og_store_list(store, &users, NOW + 2).rows, 5);
	/* What it has written itself, it sees. */
	assert_int_equal(put_list(store, &users, 7, 6, NOW + 2,
	    OG_LIST_COMPLETE), OG_OK);
	assert_int_equal(listed(store, by_id(&users, 12), NOW + 2).state,
	    OG_FACT_FOUND);
	assert_int_equal(put_list(writer, &users, 1, 5, NOW + 2,
	    OG_LIST_COMPLETE), OG_OK);
	og_store_look_again(store);
	assert_int_equal(listed(store, by_id(&users, 2), NOW + 2).state,
	    OG_FACT_FOUND);
	/* A clock set back is a reason to look, too. */
	only_file(path, "lists");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(listed(store, by_id(&users, 2), NOW + 2).state,
	    OG_FACT_FOUND);
	assert_int_equal(listed(store, by_id(&users, 2), NOW + 1).state,
	    OG_FACT_WANTED);
	assert_int_equal(og_store_list(store, &project, NOW).state,
	    OG_LIST_NONE);
	assert_int_equal(said.lines, 0);
	og_store_free(store);
	og_store_free(writer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(visits_show_all, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(keeps_its_size, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(forgets_the_future_first,
		    before, kit_clear),
		cmocka_unit_test_setup_teardown(says_when_it_is_too_small,
		    before, kit_clear),
		cmocka_unit_test_setup_teardown(sweeps_the_unknown, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(
		    spares_what_came_since_it_began, before, after),
		cmocka_unit_test_setup_teardown(holds_for_a_second, before,
		    kit_clear),
	};
	int failed;

	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("store_keep", tests, NULL, NULL);
	scratch_clear(scratch);
	return failed;
}
