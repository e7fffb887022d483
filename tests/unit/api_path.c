/* Paths to the Administration API. */
#include "api_body.h"

#include "value/buffer.h"

struct path_row {
	const char *query;
	const char *after;
	const char *path;	/* NULL: refused */
	enum og_endpoint endpoint;
};

static const struct path_row paths[] = {
	{ "users", NULL, "/organization/users?limit=100",
	    OG_ENDPOINT_USERS },
	{ "users", "user-9", "/organization/users?limit=100&after=user-9",
	    OG_ENDPOINT_USERS },
	{ "users", "a b&c=d", "/organization/users?limit=100&after=a%20b%26c%3Dd",
	    OG_ENDPOINT_USERS },
	{ "users", "", NULL, OG_ENDPOINT_USERS },
	{ "users/user-1", NULL, "/organization/users/user-1",
	    OG_ENDPOINT_USER },
	{ "users/user-1", "user-9", NULL, OG_ENDPOINT_USER },
	{ "users/A.z_~9", NULL, "/organization/users/A.z_~9",
	    OG_ENDPOINT_USER },
	{ "users/a/b?c#d%e", NULL, "/organization/users/a%2Fb%3Fc%23d%25e",
	    OG_ENDPOINT_USER },
	{ "users/\xc3\xa9+", NULL, "/organization/users/%C3%A9%2B",
	    OG_ENDPOINT_USER },
	{ "users/.", NULL, NULL, OG_ENDPOINT_USER },
	{ "users/..", NULL, NULL, OG_ENDPOINT_USER },
	{ "users/...", NULL, "/organization/users/...", OG_ENDPOINT_USER },
	{ "users?email=ann@example.com", NULL, NULL, OG_ENDPOINT_USERS },
	{ "projects/proj_a/users", NULL,
	    "/organization/projects/proj_a/users?limit=100",
	    OG_ENDPOINT_PROJECT_USERS },
	{ "projects/proj_a/users", "u",
	    "/organization/projects/proj_a/users?limit=100&after=u",
	    OG_ENDPOINT_PROJECT_USERS },
	{ "projects/../users", NULL, NULL, OG_ENDPOINT_PROJECT_USERS },
	{ "projects/proj_a/users/user-1", NULL,
	    "/organization/projects/proj_a/users/user-1",
	    OG_ENDPOINT_PROJECT_USER },
	{ "projects/proj_a/users?email=a@b", NULL, NULL,
	    OG_ENDPOINT_PROJECT_USERS },
	{ "groups/group_1/users", NULL,
	    "/organization/groups/group_1/users?limit=1000",
	    OG_ENDPOINT_GROUP_USERS },
	{ "groups/./users", NULL, NULL, OG_ENDPOINT_GROUP_USERS },
	{ "groups/group_1/users/user-1", NULL,
	    "/organization/groups/group_1/users/user-1",
	    OG_ENDPOINT_GROUP_USER },
	{ "invites", NULL, "/organization/invites?limit=100",
	    OG_ENDPOINT_INVITES },
	{ "invites?email=ann@example.com", NULL, NULL, OG_ENDPOINT_INVITES },
	{ "invites/user-1", NULL, NULL, OG_ENDPOINT_INVITES },
};

static void
test_paths(void **state)
{
	struct og_buffer path;
	struct og_query query;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(paths); i++) {
		og_buffer_init(&path, OG_API_PATH_MAX);
		assert_int_equal(og_buffer_add(&path, "/v1", 3), OG_OK);
		query = query_of(paths[i].query);
		if (paths[i].path == NULL) {
			assert_int_equal(og_api_path(&path, &query,
			    paths[i].after), OG_ERR_SYNTAX);
			assert_string_equal(path.data, "/v1");
		} else {
			assert_int_equal(og_api_path(&path, &query,
			    paths[i].after), OG_OK);
			assert_string_equal(path.data + 3, paths[i].path);
		}
		assert_int_equal(og_api_endpoint(&query), paths[i].endpoint);
		og_buffer_free(&path);
	}
}

/* A query that no text spells: an empty id would turn a row into a list. */
static void
test_empty_segments(void **state)
{
	struct og_buffer path;
	struct og_query query;

	(void)state;
	og_buffer_init(&path, OG_API_PATH_MAX);
	memset(&query, 0, sizeof(query));
	query.subject_kind = OG_SUBJECT_ID;
	assert_int_equal(og_api_path(&path, &query, NULL), OG_ERR_SYNTAX);
	query.kind = OG_QUERY_PROJECT_USER;
	query.subject_kind = OG_SUBJECT_LIST;
	assert_int_equal(og_api_path(&path, &query, NULL), OG_ERR_SYNTAX);
	query.kind = OG_QUERY_GROUP_USER;
	assert_int_equal(og_api_path(&path, &query, NULL), OG_ERR_SYNTAX);
	assert_int_equal(path.len, 0);
	og_buffer_free(&path);
}

static void
test_emails_path(void **state)
{
	static const char *const two[] = { "ann+ci@example.com",
	    "B\xc3\xb6@b.example" };
	const char *many[OG_API_EMAILS_MAX + 1];
	char longest[OG_EMAIL_MAX + 2];
	struct og_buffer path;
	size_t i;

	(void)state;
	og_buffer_init(&path, OG_API_PATH_MAX);
	assert_int_equal(og_api_emails_path(&path, two, 1), OG_OK);
	assert_string_equal(path.data, "/organization/users?limit=100"
	    "&emails%5B%5D=ann%2Bci%40example.com");
	og_buffer_reset(&path);
	assert_int_equal(og_api_emails_path(&path, two, 2), OG_OK);
	assert_string_equal(path.data, "/organization/users?limit=100"
	    "&emails%5B%5D=ann%2Bci%40example.com"
	    "&emails%5B%5D=B%C3%B6%40b.example");
	og_buffer_reset(&path);

	memset(longest, '+', sizeof(longest));
	longest[OG_EMAIL_MAX] = '\0';
	for (i = 0; i < COUNT(many); i++)
		many[i] = longest;
	assert_int_equal(og_api_emails_path(&path, many, OG_API_EMAILS_MAX),
	    OG_OK);
	og_buffer_reset(&path);
	assert_int_equal(og_api_emails_path(&path, many, 0), OG_ERR_SYNTAX);
	assert_int_equal(og_api_emails_path(&path, many, COUNT(many)),
	    OG_ERR_SYNTAX);
	longest[OG_EMAIL_MAX] = '+';
	longest[OG_EMAIL_MAX + 1] = '\0';
	assert_int_equal(og_api_emails_path(&path, many, 1), OG_ERR_SYNTAX);
	many[1] = "";
	longest[OG_EMAIL_MAX] = '\0';
	assert_int_equal(og_api_emails_path(&path, many, 2), OG_ERR_SYNTAX);
	assert_int_equal(path.len, 0);
	og_buffer_free(&path);
}

static void
test_container_path(void **state)
{
	struct og_buffer path;

	(void)state;
	og_buffer_init(&path, OG_API_PATH_MAX);
	assert_int_equal(og_api_container_path(&path, OG_QUERY_PROJECT_USER,
	    "proj_a"), OG_OK);
	assert_string_equal(path.data, "/organization/projects/proj_a");
	og_buffer_reset(&path);
	assert_int_equal(og_api_container_path(&path, OG_QUERY_GROUP_USER,
	    "a/b"), OG_OK);
	assert_string_equal(path.data, "/organization/groups/a%2Fb");
	og_buffer_reset(&path);
	assert_int_equal(og_api_container_path(&path, OG_QUERY_USER, "x"),
	    OG_ERR_SYNTAX);
	assert_int_equal(og_api_container_path(&path, OG_QUERY_GROUP_USER,
	    ".."), OG_ERR_SYNTAX);
	assert_int_equal(path.len, 0);
	og_buffer_free(&path);
}

static void
test_endpoint_words(void **state)
{
	int i, j;

	(void)state;
	for (i = 0; i < OG_ENDPOINT_COUNT; i++) {
		for (j = 0; j < i; j++)
			assert_string_not_equal(
			    og_endpoint_word((enum og_endpoint)i),
			    og_endpoint_word((enum og_endpoint)j));
	}
	assert_string_equal(og_endpoint_word(OG_ENDPOINT_PROJECT_USERS),
	    "project-users");
	assert_string_equal(og_endpoint_word((enum og_endpoint)99), "unknown");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_empty_segments),
		cmocka_unit_test(test_emails_path),
		cmocka_unit_test(test_container_path),
		cmocka_unit_test(test_endpoint_words),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("api_path", tests, NULL, NULL);
}
