/*
 * The rows of a store's lists: those that share an address or a hash, that
 * come twice, and that are as long as they may be.
 */
#include "store_kit.h"

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
	    OG_LIST_COMPLETE, 0), OG_OK);
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
	    OG_LIST_COMPLETE, 0),
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
	    OG_LIST_COMPLETE, 0), OG_OK);
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
	    OG_LIST_COMPLETE, 0), OG_OK);
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
	    OG_LIST_COMPLETE, 0), OG_OK);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_may_clash, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(many_clashes, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(colliding_keys, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(longest_values, before,
		    kit_clear),
	};
	int failed;

	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("store_rows", tests, NULL, NULL);
	scratch_clear(scratch);
	return failed;
}
