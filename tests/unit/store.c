/*
 * The store as its users see it: what was written is answered, by every kind
 * of reader, and nothing else.
 */
#include "store_kit.h"

static char organization[] = "org-1";

enum mode {
	ONE_SHOT,
	HOLDING
};

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
add(struct og_list_writer *writer, const char *id, const char *email,
    enum og_error error)
{
	struct og_record record;

	memset(&record, 0, sizeof(record));
	snprintf(record.id, sizeof(record.id), "%s", id);
	snprintf(record.email, sizeof(record.email), "%s", email);
	assert_int_equal(og_list_add(writer, &record), error);
}

static struct og_query
ask(enum og_subject_kind kind, const char *subject)
{
	struct og_query query;

	query = users;
	query.subject_kind = kind;
	snprintf(query.subject, sizeof(query.subject), "%s", subject);
	return query;
}

static void
rows_may_clash(void **state)
{
	struct og_list_writer *writer;
	struct og_store *store;
	struct og_fact fact;

	(void)state;
	store = kit_store(NULL);
	assert_int_equal(og_list_begin(&writer, store, &users), OG_OK);
	add(writer, "a", "same@example.com", OG_OK);
	add(writer, "b", "", OG_OK);
	add(writer, "c", "Same@Example.com", OG_OK);
	add(writer, "d", "other@example.com", OG_OK);
	add(writer, "e", "SAME@example.com", OG_OK);
	add(writer, "f", "", OG_OK);
	assert_int_equal(og_list_commit(writer, NOW, 0,
	    OG_LIST_COMPLETE), OG_OK);
	fact = listed(store, ask(OG_SUBJECT_EMAIL, "same@example.com"), NOW);
	assert_int_equal(fact.state, OG_FACT_FOUND);
	assert_true(fact.record.ambiguous);
	fact = listed(store, ask(OG_SUBJECT_EMAIL, "other@example.com"), NOW);
	assert_int_equal(fact.state, OG_FACT_FOUND);
	assert_false(fact.record.ambiguous);
	for (const char *id = "abcdef"; *id != '\0'; id++) {
		char one[2] = { *id, '\0' };

		fact = listed(store, ask(OG_SUBJECT_ID, one), NOW);
		assert_int_equal(fact.state, OG_FACT_FOUND);
		assert_string_equal(fact.record.id, one);
		assert_false(fact.record.ambiguous);
	}
	/* Ids keep their case; no address is no key. */
	assert_int_equal(listed(store, ask(OG_SUBJECT_ID, "A"), NOW).state,
	    OG_FACT_ABSENT);
	assert_int_equal(listed(store, ask(OG_SUBJECT_EMAIL, ""), NOW).state,
	    OG_FACT_ABSENT);
	assert_int_equal(og_store_list(store, &users, NOW).rows, 6);

	/* An id that comes twice spoils the list, and the old one stays. */
	assert_int_equal(og_list_begin(&writer, store, &users), OG_OK);
	add(writer, "z", "", OG_OK);
	add(writer, "z", "z@example.com", OG_ERR_PROTOCOL);
	add(writer, "y", "", OG_ERR_PROTOCOL);
	assert_int_equal(og_list_commit(writer, NOW, 0,
	    OG_LIST_COMPLETE),
	    OG_ERR_PROTOCOL);
	assert_int_equal(listed(store, ask(OG_SUBJECT_ID, "a"), NOW).state,
	    OG_FACT_FOUND);
	assert_int_equal(og_list_begin(&writer, store, &users), OG_OK);
	add(writer, "", "no-id@example.com", OG_ERR_PROTOCOL);
	og_list_abort(writer);
	assert_int_equal(count_files("lists"), 1);
	og_store_free(store);
}

/* The same address again and again, in a list that is no longer small. */
static void
many_clashes(void **state)
{
	struct og_list_writer *writer;
	struct og_store *store;
	struct og_fact fact;
	char id[20], email[40];
	int i;

	(void)state;
	store = kit_store(NULL);
	assert_int_equal(og_list_begin(&writer, store, &users), OG_OK);
	for (i = 0; i < 3000; i++) {
		snprintf(id, sizeof(id), "id-%d", i);
		snprintf(email, sizeof(email), "mail-%d@example.com", i % 700);
		add(writer, id, email, OG_OK);
	}
	add(writer, "id-3000", "alone@example.com", OG_OK);
	assert_int_equal(og_list_commit(writer, NOW, 0,
	    OG_LIST_COMPLETE), OG_OK);
	for (i = 0; i < 700; i++) {
		snprintf(email, sizeof(email), "mail-%d@example.com", i);
		fact = listed(store, ask(OG_SUBJECT_EMAIL, email), NOW);
		assert_int_equal(fact.state, OG_FACT_FOUND);
		assert_true(fact.record.ambiguous);
	}
	fact = listed(store, ask(OG_SUBJECT_EMAIL, "alone@example.com"), NOW);
	assert_false(fact.record.ambiguous);
	assert_int_equal(listed(store, ask(OG_SUBJECT_EMAIL, "x"), NOW).state,
	    OG_FACT_ABSENT);
	og_store_free(store);
}

/* Ids whose hashes in cdb are one and the same, in lists of both sizes. */
static void
colliding_keys(void **state)
{
	static const char *const ids[] = { "user-ablf", "user-acr9",
	    "user-ae49" };
	struct og_list_writer *writer;
	struct og_store *store;
	struct og_record record;
	unsigned int i, n;
	size_t k;

	(void)state;
	for (n = 0; n <= 1000; n += 1000) {
		store = kit_store(NULL);
		assert_int_equal(og_list_begin(&writer, store, &users), OG_OK);
		add(writer, ids[0], "", OG_OK);
		for (i = 0; i < n; i++) {
			record = person(i);
			assert_int_equal(og_list_add(writer, &record), OG_OK);
		}
		add(writer, ids[1], "", OG_OK);
		assert_int_equal(og_list_commit(writer, NOW, 0,
	    OG_LIST_COMPLETE), OG_OK);
		for (k = 0; k < COUNT(ids); k++)
			assert_int_equal(listed(store, ask(OG_SUBJECT_ID,
			    ids[k]), NOW).state,
			    k < 2 ? OG_FACT_FOUND : OG_FACT_ABSENT);
		assert_int_equal(said.lines, 0);
		og_store_free(store);
	}
}

static void
longest_values(void **state)
{
	struct og_list_writer *writer;
	struct og_record record;
	struct og_query query;
	struct og_store *store;
	struct og_fact fact;

	(void)state;
	store = kit_store(NULL);
	query = of_project("p");
	memset(query.container, 'p', OG_ID_MAX);
	memset(&record, 0, sizeof(record));
	memset(record.id, 'i', OG_ID_MAX);
	memset(record.email, 'E', OG_EMAIL_MAX);
	memset(record.role, 'r', OG_ROLE_MAX);
	assert_int_equal(og_list_begin(&writer, store, &query), OG_OK);
	assert_int_equal(og_list_add(writer, &record), OG_OK);
	assert_int_equal(og_list_commit(writer, NOW, 0,
	    OG_LIST_COMPLETE), OG_OK);
	query.subject_kind = OG_SUBJECT_EMAIL;
	memset(query.subject, 'e', OG_EMAIL_MAX);
	fact = listed(store, query, NOW);
	assert_int_equal(fact.state, OG_FACT_FOUND);
	assert_memory_equal(&fact.record, &record, sizeof(record));
	assert_int_equal(put_single(store, query, OG_FACT_FOUND, &record, NOW),
	    OG_OK);
	fact = single(store, query, NOW);
	assert_int_equal(fact.state, OG_FACT_FOUND);
	assert_memory_equal(&fact.record, &record, sizeof(record));
	og_store_free(store);
}

/*
 * What the clock since the boot says of the age, whatever the wall clock
 * shows: `boot` is its time at the fetch, against now, in seconds.
 */
static const struct {
	const char *what;
	int64_t boot;
	int64_t wall;		/* of the fetch, against NOW */
	int64_t date;		/* what it has to be, against NOW */
} dates[] = {
	{ "a minute ago by both", -60, -60, -60 },
	{ "the wall clock was set back by nine minutes", -600, -60, -600 },
	{ "... to just before the fetch", -600, 1, -600 },
	{ "the wall clock was set forward", -60, -600, -600 },
	{ "of an earlier boot that was up for longer", 5000, -60, -60 },
	{ "of no known boot", 0, -60, -60 },
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
		assert_int_equal(og_store_put_single(store, &fact, boot_ms),
		    OG_OK);
		assert_int_equal(og_list_begin(&writer, store, &users), OG_OK);
		assert_int_equal(og_list_add(writer, &record), OG_OK);
		assert_int_equal(og_list_commit(writer, NOW + dates[i].wall,
		    boot_ms, OG_LIST_COMPLETE), OG_OK);
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
		cmocka_unit_test_setup_teardown(lists_answer, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(partial_lists_never_deny,
		    before, kit_clear),
		cmocka_unit_test_setup_teardown(rows_may_clash, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(many_clashes, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(colliding_keys, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(longest_values, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(never_younger_than_they_are,
		    before, kit_clear),
		cmocka_unit_test_setup_teardown(singles_answer, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(foreign_facts_are_misses,
		    before, kit_clear),
		cmocka_unit_test_setup_teardown(future_facts_are_misses,
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
