/* What a store forgets on request: of everybody, of a person, and what is under
 * way. */
#include "store_kit.h"

#include <dirent.h>
#include <errno.h>

/* What is still known of a person, in any of the ways that he was asked for. */
static size_t
known(struct og_store *store, unsigned int i)
{
	struct og_query project;
	size_t n;

	project = of_project("proj_a");
	n = 0;
	n += single(store, by_id(&users, i), NOW).state != OG_FACT_WANTED;
	n += single(store, by_email(&users, i), NOW).state != OG_FACT_WANTED;
	n += single(store, by_id(&project, i), NOW).state != OG_FACT_WANTED;
	return n;
}

static void
put_all(struct og_store *store)
{
	struct og_query project;
	struct og_record record;
	unsigned int i;

	project = of_project("proj_a");
	assert_int_equal(put_list(store, &users, 0, 3, NOW, OG_LIST_COMPLETE),
	    OG_OK);
	assert_int_equal(put_list(store, &project, 0, 3, NOW,
	    OG_LIST_COMPLETE), OG_OK);
	for (i = 1; i <= 3; i++) {
		record = person(i);
		put_single(store, by_id(&users, i), OG_FACT_FOUND, &record,
		    NOW);
		put_single(store, by_email(&users, i), OG_FACT_FOUND, &record,
		    NOW);
		put_single(store, by_id(&project, i), OG_FACT_ABSENT, NULL,
		    NOW);
		assert_int_equal(known(store, i), 3);
	}
}

static void
forgets_a_person(void **state)
{
	struct og_query query;
	struct og_store *store;
	size_t removed;
	int i;

	(void)state;
	store = kit_store(NULL);
	og_store_hold(store);
	for (i = 0; i < 3; i++) {
		put_all(store);
		og_store_look_again(store);
		assert_int_equal(listed(store, by_id(&users, 1), NOW).state,
		    OG_FACT_FOUND);
		/* By id; by address; by address with capitals. */
		query = i == 0 ? by_id(&users, 1) : by_email(&users, 1);
		if (i == 2)
			query.subject[0] = 'P';
		assert_int_equal(og_store_flush(store, &query, &removed),
		    OG_OK);
		assert_int_equal(removed, 5);
		assert_int_equal(known(store, 1), 0);
		assert_int_equal(known(store, 2), 3);
		assert_int_equal(known(store, 3), 3);
		assert_int_equal(listed(store, by_id(&users, 1), NOW).state,
		    OG_FACT_WANTED);
		assert_int_equal(count_files("lists"), 0);
	}
	put_all(store);
	assert_int_equal(og_store_flush(store, NULL, &removed), OG_OK);
	assert_int_equal(removed, 11);
	assert_int_equal(count_files("lists") + count_files("singles"), 0);
	assert_int_equal(og_store_flush(store, NULL, &removed), OG_OK);
	assert_int_equal(removed, 0);
	og_store_free(store);
}

/* What was asked for before the flush and comes after it. */
static void
forgets_what_is_under_way(void **state)
{
	struct og_list_writer *writer;
	struct og_record ann;
	struct og_store *store;
	struct og_fact fact;
	uint64_t before, after;
	size_t removed;

	(void)state;
	store = kit_store(NULL);
	ann = person(1);
	memset(&fact, 0, sizeof(fact));
	fact.query = by_email(&users, 1);
	fact.state = OG_FACT_FOUND;
	fact.fetched_at = NOW;
	fact.record = ann;
	before = og_store_flushes(store);
	assert_int_equal(before, 0);
	assert_int_equal(og_store_put_single(store, &fact, 0, before), OG_OK);
	assert_int_equal(og_list_begin(&writer, store, &users), OG_OK);
	assert_int_equal(og_list_add(writer, &ann), OG_OK);
	assert_int_equal(og_store_flush(store, &fact.query, &removed), OG_OK);
	assert_int_equal(removed, 1);
	after = og_store_flushes(store);
	assert_int_not_equal(after, before);
	assert_int_equal(og_store_put_single(store, &fact, 0, before),
	    OG_ERR_MISSING);
	assert_int_equal(og_list_commit(writer, NOW, 0, OG_LIST_COMPLETE,
	    before), OG_ERR_MISSING);
	assert_int_equal(count_files("lists") + count_files("singles"), 0);
	assert_int_equal(og_store_put_single(store, &fact, 0, after), OG_OK);
	assert_int_equal(known(store, 1), 1);
	assert_int_equal(said.lines, 0);
	og_store_free(store);
}

int __real_renameat(int from_dir, const char *from, int to_dir,
    const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir,
    const char *to);

static bool flush_now;

/* A flush has looked through the directory before the name is there, and is
 * over before its writer looks again. */
int
__wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	if (flush_now)
		assert_true(put_file(in_scratch("store/flushed"), "", 0, 0600));
	return __real_renameat(from_dir, from, to_dir, to);
}

static void
forgets_what_comes_in_between(void **state)
{
	struct og_record ann;
	struct og_store *store;

	(void)state;
	store = kit_store(NULL);
	ann = person(1);
	flush_now = true;
	assert_int_equal(put_single(store, by_email(&users, 1), OG_FACT_FOUND,
	    &ann, NOW), OG_ERR_MISSING);
	/* Two flushes within a tick of the clock may look like one. */
	assert_int_equal(unlink(in_scratch("store/flushed")), 0);
	assert_int_equal(put_list(store, &users, 0, 3, NOW, OG_LIST_COMPLETE),
	    OG_ERR_MISSING);
	flush_now = false;
	assert_int_equal(count_files("lists") + count_files("singles"), 0);
	assert_int_equal(put_list(store, &users, 0, 3, NOW, OG_LIST_COMPLETE),
	    OG_OK);
	assert_int_equal(said.lines, 0);
	og_store_free(store);
}

/* A person of whom no list and no name is known goes by what was asked. */
static void
forgets_what_was_not_found(void **state)
{
	struct og_store *store;
	struct og_query query;
	size_t removed;
	char path[PATH_MAX];

	(void)state;
	store = kit_store(NULL);
	query = by_email(&users, 7);
	put_single(store, query, OG_FACT_ABSENT, NULL, NOW);
	put_single(store, by_email(&users, 8), OG_FACT_ABSENT, NULL, NOW);
	assert_int_equal(og_store_flush(store, &query, &removed), OG_OK);
	assert_int_equal(removed, 1);
	/* A single that nobody can read may speak of him. */
	only_file(path, "singles");
	assert_true(put_file(path, "x", 1, 0600));
	assert_int_equal(og_store_flush(store, &query, &removed), OG_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(said.lines, 0);
	og_store_free(store);
}

/* What must not be trusted is said and left alone; all else goes. */
static void
forgets_beside_what_is_unsafe(void **state)
{
	struct og_store *store;
	size_t removed;

	(void)state;
	store = kit_store(NULL);
	put_all(store);
	og_store_free(store);
	assert_int_equal(chmod(in_scratch("store/lists"), 0777), 0);
	store = kit_store(NULL);
	assert_int_equal(og_store_visit(store, NULL, NULL), OG_ERR_UNSAFE);
	assert_said("store/lists: mode 0777 lets others write; not used until "
	    "chmod go-w");
	assert_int_equal(og_store_flush(store, NULL, &removed), OG_ERR_UNSAFE);
	assert_said("store/lists: mode 0777 lets others write; not used until "
	    "chmod go-w");
	assert_int_equal(removed, 9);
	assert_int_equal(count_files("singles"), 0);
	assert_int_equal(count_files("lists"), 2);
	assert_int_equal(chmod(in_scratch("store/lists"), 0700), 0);
	assert_int_equal(og_store_flush(store, NULL, &removed), OG_OK);
	assert_int_equal(removed, 2);
	assert_int_equal(said.lines, 0);
	og_store_free(store);
}

/* errno is that of the error, whatever comes after it. */
static void
says_what_failed(void **state)
{
	struct og_store *store;
	size_t removed;

	(void)state;
	store = kit_store(NULL);
	put_single(store, by_email(&users, 8), OG_FACT_ABSENT, NULL, NOW);
	assert_int_equal(mkdir(in_scratch("store/flushed"), 0700), 0);
	assert_int_equal(rmdir(in_scratch("store/lists")), 0);
	assert_int_equal(og_store_flush(store, NULL, &removed), OG_ERR_SYSTEM);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(count_files("singles"), 0);
	og_store_free(store);
}

struct dirent *__real_readdir(DIR *stream);
struct dirent *__wrap_readdir(DIR *stream);

static int names_left = -1;	/* until the disk fails; -1: it does not */

struct dirent *
__wrap_readdir(DIR *stream)
{
	if (names_left == 0) {
		errno = EIO;
		return NULL;
	}
	if (names_left > 0)
		names_left--;
	return __real_readdir(stream);
}

/* How many it has removed all the same. */
static size_t
flush_from_a_bad_disk(struct og_store *store)
{
	size_t removed;

	assert_int_equal(og_store_flush(store, NULL, &removed), OG_ERR_SYSTEM);
	assert_int_equal(errno, EIO);
	return removed;
}

/* A directory that cannot be read to its end is not at its end. */
static void
says_what_may_be_left(void **state)
{
	struct og_store *store;
	size_t removed;

	(void)state;
	store = kit_store(NULL);
	put_all(store);
	names_left = 3;
	(void)flush_from_a_bad_disk(store);
	names_left = -1;
	assert_int_equal(og_store_flush(store, NULL, &removed), OG_OK);
	assert_int_equal(count_files("lists") + count_files("singles"), 0);
	og_store_free(store);
}

int __real_fstatat(int dir, const char *name, struct stat *st, int flags);
int __wrap_fstatat(int dir, const char *name, struct stat *st, int flags);

static size_t looks_left;	/* until one name cannot be looked at; 0: all can */

int
__wrap_fstatat(int dir, const char *name, struct stat *st, int flags)
{
	if (strchr(name, '/') != NULL && looks_left > 0 && --looks_left == 0) {
		errno = EIO;
		return -1;
	}
	return __real_fstatat(dir, name, st, flags);
}

/* A name that cannot be looked at keeps nobody but itself. */
static void
forgets_beside_what_is_damaged(void **state)
{
	struct og_store *store;
	size_t removed;

	(void)state;
	store = kit_store(NULL);
	put_all(store);
	looks_left = 4;
	assert_int_equal(flush_from_a_bad_disk(store), 10);
	assert_int_equal(looks_left, 0);
	assert_int_equal(count_files("lists") + count_files("singles"), 1);
	assert_int_equal(og_store_flush(store, NULL, &removed), OG_OK);
	assert_int_equal(removed, 1);
	og_store_free(store);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(forgets_a_person, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(forgets_what_is_under_way,
		    before, kit_clear),
		cmocka_unit_test_setup_teardown(forgets_what_comes_in_between,
		    before, kit_clear),
		cmocka_unit_test_setup_teardown(forgets_what_was_not_found,
		    before, kit_clear),
		cmocka_unit_test_setup_teardown(forgets_beside_what_is_unsafe,
		    before, kit_clear),
		cmocka_unit_test_setup_teardown(says_what_failed, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(says_what_may_be_left, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(forgets_beside_what_is_damaged,
		    before, kit_clear),
	};
	int failed;

	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("store_flush", tests, NULL, NULL);
	scratch_clear(scratch);
	return failed;
}
