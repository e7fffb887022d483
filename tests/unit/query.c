/* Queries as text, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "value/error.h"
#include "value/fact.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	enum og_query_kind kind;
	enum og_subject_kind subject_kind;
	const char *container;
	const char *subject;
	const char *text;
} queries[] = {
	{ OG_QUERY_USER, OG_SUBJECT_LIST, "", "", "users" },
	{ OG_QUERY_USER, OG_SUBJECT_EMAIL, "", "ann@example.com",
	    "users?email=ann@example.com" },
	{ OG_QUERY_USER, OG_SUBJECT_ID, "", "user-1", "users/user-1" },
	{ OG_QUERY_PROJECT_USER, OG_SUBJECT_LIST, "proj_a", "",
	    "projects/proj_a/users" },
	{ OG_QUERY_PROJECT_USER, OG_SUBJECT_EMAIL, "proj_a", "a@b",
	    "projects/proj_a/users?email=a@b" },
	{ OG_QUERY_PROJECT_USER, OG_SUBJECT_ID, "users", "users",
	    "projects/users/users/users" },
	{ OG_QUERY_GROUP_USER, OG_SUBJECT_LIST, "group_1", "",
	    "groups/group_1/users" },
	{ OG_QUERY_GROUP_USER, OG_SUBJECT_EMAIL, "group_1",
	    "x+y/z?email=%@b", "groups/group_1/users?email=x+y/z?email=%@b" },
	{ OG_QUERY_GROUP_USER, OG_SUBJECT_ID, "group_1", "user-1",
	    "groups/group_1/users/user-1" },
	{ OG_QUERY_INVITE, OG_SUBJECT_LIST, "", "", "invites" },
	{ OG_QUERY_INVITE, OG_SUBJECT_EMAIL, "", "a@b", "invites?email=a@b" },
};

static struct og_query
query_of(size_t i)
{
	struct og_query query;

	memset(&query, 0, sizeof(query));
	query.kind = queries[i].kind;
	query.subject_kind = queries[i].subject_kind;
	snprintf(query.container, sizeof(query.container), "%s",
	    queries[i].container);
	snprintf(query.subject, sizeof(query.subject), "%s",
	    queries[i].subject);
	return query;
}

static void
test_query_text(void **state)
{
	struct og_query back, other, query;
	char text[OG_QUERY_TEXT_MAX];
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(queries); i++) {
		query = query_of(i);
		og_query_text(&query, text);
		assert_string_equal(text, queries[i].text);
		assert_int_equal(og_query_parse(&back, text), OG_OK);
		assert_true(og_query_equal(&back, &query));
		for (j = 0; j < COUNT(queries); j++) {
			other = query_of(j);
			assert_int_equal(og_query_equal(&query, &other),
			    i == j);
		}
	}
}

static void
test_longest_query(void **state)
{
	struct og_query back, query;
	char text[OG_QUERY_TEXT_MAX];

	(void)state;
	memset(&query, 0, sizeof(query));
	query.kind = OG_QUERY_PROJECT_USER;
	query.subject_kind = OG_SUBJECT_EMAIL;
	memset(query.container, 'p', OG_ID_MAX);
	memset(query.subject, 'e', OG_EMAIL_MAX);
	og_query_text(&query, text);
	assert_int_equal(og_query_parse(&back, text), OG_OK);
	assert_true(og_query_equal(&back, &query));
}

static void
test_query_refused(void **state)
{
	static const char *const bad[] = {
		"", "user", "usersx", "users/", "users?email=", "users?id=1",
		"Users", " users", "invitesx", "invites?email=", "projects/",
		"projects//users", "projects/a", "projects/a/b/users",
		"projects/a/usersx", "projects/a/users/", "groups/users",
		"groups//users/x", "groups/a/user", "project/a/users",
	};
	struct og_query query, zero;
	char text[OG_ID_MAX + OG_EMAIL_MAX + 100];
	size_t i;

	(void)state;
	memset(&zero, 0, sizeof(zero));
	for (i = 0; i < COUNT(bad); i++) {
		memset(&query, 'x', sizeof(query));
		if (og_query_parse(&query, bad[i]) != OG_ERR_SYNTAX)
			fail_msg("accepted '%s'", bad[i]);
		assert_memory_equal(&query, &zero, sizeof(query));
	}
	/* One byte more than fits. */
	snprintf(text, sizeof(text), "users/%0*d", OG_EMAIL_MAX + 1, 0);
	assert_int_equal(og_query_parse(&query, text), OG_ERR_SYNTAX);
	assert_memory_equal(&query, &zero, sizeof(query));
	snprintf(text, sizeof(text), "groups/%0*d/users", OG_ID_MAX + 1, 0);
	assert_int_equal(og_query_parse(&query, text), OG_ERR_SYNTAX);
}

static void
test_query_list(void **state)
{
	struct og_query list, query;
	char text[OG_QUERY_TEXT_MAX];

	(void)state;
	assert_int_equal(og_query_parse(&query, "groups/g/users/user-1"),
	    OG_OK);
	list = og_query_list(&query);
	og_query_text(&list, text);
	assert_string_equal(text, "groups/g/users");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query_text),
		cmocka_unit_test(test_longest_query),
		cmocka_unit_test(test_query_refused),
		cmocka_unit_test(test_query_list),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
