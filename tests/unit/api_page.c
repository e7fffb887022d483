/* Bodies of status 200: which are believed, and what they say. */
#include "api_body.h"

#include "value/buffer.h"

/* Bodies of status 200 that are believed. */
struct good_row {
	const char *query;
	const char *body;
	size_t count;
	const char *cursor;	/* NULL: no more pages */
};

static const struct good_row good[] = {
	{ "users", LIST(""), 0, NULL },
	{ "users", LIST(U1), 1, NULL },
	{ "users", LIST(U1 "," U1), 2, NULL },
	{ "users", MORE(U1, "last_id", "\"user-1\""), 1, "user-1" },
	{ "users", MORE(U1, "last_id", "\"" X512 "\""), 1, X512 },
	{ "users", "{\"object\":\"list\",\"data\":[" U1 "],\"first_id\":null,"
	    "\"last_id\":null,\"has_more\":false}", 1, NULL },
	{ "users?email=ann@example.com", LIST(U1), 1, NULL },
	{ "users/user-1", U1, 1, NULL },
	{ "projects/proj_a/users", LIST(P1), 1, NULL },
	/* The schema leaves the word open here (CONTRACT section 2). */
	{ "projects/proj_a/users", "{\"object\":\"page\",\"data\":[" P1 "],"
	    "\"has_more\":false}", 1, NULL },
	{ "projects/proj_a/users/user-1", P1, 1, NULL },
	{ "groups/group_1/users", LIST(G1), 1, NULL },
	{ "groups/group_1/users", MORE(G1, "next", "\"c\""), 1, "c" },
	{ "groups/group_1/users", "{\"object\":\"list\",\"data\":[],"
	    "\"has_more\":false,\"next\":null}", 0, NULL },
	{ "groups/group_1/users/user-1", G1, 1, NULL },
	{ "invites", LIST(""), 0, NULL },
};

static void
test_good(void **state)
{
	struct og_answer answer;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++) {
		read_text(&answer, good[i].query, 200, good[i].body);
		if (answer.state != OG_FACT_FOUND)
			fail_msg("%s: %s", good[i].query, answer.message.text);
		assert_int_equal(answer.page.count, good[i].count);
		assert_int_equal(answer.page.has_more, good[i].cursor != NULL);
		assert_string_equal(answer.page.cursor,
		    good[i].cursor != NULL ? good[i].cursor : "");
		assert_string_equal(answer.message.text, "");
		assert_int_equal(answer.retry_after_ms, -1);
		og_page_free(&answer.page);
	}
}

/* Bodies of status 200 that say nothing about anybody. */
struct bad_row {
	const char *query;
	const char *body;
};

static const struct bad_row bad[] = {
	{ "users", "" },
	{ "users", "null" },
	{ "users", "[]" },
	{ "users", "<!DOCTYPE html><p>Sign in</p>" },
	{ "users", LIST(U1) "x" },
	{ "users", "{\"object\":\"list\",\"data\":[" U1 "],\"has_more\":f" },
	{ "users", "{\"data\":[],\"has_more\":false}" },
	{ "users", "{\"object\":\"lists\",\"data\":[],\"has_more\":false}" },
	{ "users", "{\"object\":1,\"data\":[],\"has_more\":false}" },
	{ "users", "{\"object\":\"list\",\"has_more\":false}" },
	{ "users", "{\"object\":\"list\",\"data\":null,\"has_more\":false}" },
	{ "users", "{\"object\":\"list\",\"data\":{},\"has_more\":false}" },
	{ "users", "{\"object\":\"list\",\"data\":[]}" },
	{ "users", "{\"object\":\"list\",\"data\":[],\"has_more\":null}" },
	{ "users", "{\"object\":\"list\",\"data\":[],\"has_more\":\"false\"}" },
	{ "users", "{\"object\":\"list\",\"data\":[],\"has_more\":0}" },
	{ "users", "{\"object\":\"list\",\"data\":[" U1 "],\"has_more\":1,"
	    "\"last_id\":\"c\"}" },
	/* Cut short. */
	{ "users", "{\"object\":\"list\",\"data\":[" U1 "],\"has_more\":true}" },
	{ "users", MORE(U1, "last_id", "null") },
	{ "users", MORE(U1, "last_id", "\"\"") },
	{ "users", MORE(U1, "last_id", "7") },
	{ "users", MORE(U1, "last_id", "\"" X512 "x\"") },
	{ "users", MORE(U1, "last_id", "\"a\\nb\"") },
	{ "users", MORE(U1, "next", "\"c\"") },
	{ "users", MORE("", "last_id", "\"user-1\"") },
	{ "groups/group_1/users", MORE(G1, "last_id", "\"user-1\"") },
	{ "groups/group_1/users", MORE("", "next", "\"c\"") },
	/* Contradictions. */
	{ "groups/group_1/users", "{\"object\":\"list\",\"data\":[" G1 "],"
	    "\"has_more\":false,\"next\":\"c\"}" },
	{ "users", "{\"object\":\"list\",\"data\":[" U1 "],\"data\":[],"
	    "\"has_more\":false}" },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":\"user-1\","
	    "\"role\":\"reader\",\"role\":\"owner\"}") },
	/* Rows. */
	{ "users", LIST("7") },
	{ "users", LIST("null") },
	{ "users", LIST("\"user-1\"") },
	{ "users", LIST(U1 ",[]") },
	{ "users", LIST("{\"object\":\"organization.user\"}") },
	{ "users", LIST("{\"id\":\"user-1\"}") },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":null}") },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":\"\"}") },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":7}") },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":\"..\"}") },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":\"a/b\"}") },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":\"a\\u0000\"}") },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":\""
	    X64 X64 "x\"}") },
	{ "users", LIST(P1) },
	{ "projects/proj_a/users", LIST(U1) },
	{ "invites", LIST(U1) },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":\"u\","
	    "\"email\":7}") },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":\"u\","
	    "\"email\":\"\xff@example.com\"}") },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":\"u\","
	    "\"role\":[\"owner\"]}") },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":\"u\","
	    "\"is_service_account\":\"no\"}") },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":\"u\","
	    "\"user\":\"u\"}") },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":\"u\","
	    "\"user\":{\"enabled\":1}}") },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":\"u\","
	    "\"user\":{\"banned\":\"true\"}}") },
	{ "users", LIST("{\"object\":\"organization.user\",\"id\":\"u\","
	    "\"user\":{\"banned_at\":\"yesterday\"}}") },
	{ "groups/group_1/users", LIST("{\"id\":\"u\","
	    "\"is_service_account\":0}") },
	{ "invites", LIST("{\"object\":\"organization.invite\","
	    "\"id\":\"invite-1\",\"email\":\"ann@example.com\"}") },
	{ "invites", LIST("{\"object\":\"organization.invite\","
	    "\"id\":\"invite-1\",\"status\":1}") },
	/* A single must be the one asked for. */
	{ "users/user-2", U1 },
	{ "users/USER-1", U1 },
	{ "users/user-1", LIST(U1) },
	{ "users/user-1", "[" U1 "]" },
	{ "users/user-1", P1 },
	{ "projects/proj_a/users/user-2", P1 },
	{ "groups/group_1/users/user-2", G1 },
};

static void
test_bad(void **state)
{
	struct og_answer answer;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		read_text(&answer, bad[i].query, 200, bad[i].body);
		expect_failed(&answer, OG_PROTOCOL, bad[i].query, bad[i].body);
	}
}

/* What becomes of a row's fields. */
struct field_row {
	const char *query;
	const char *fields;	/* of a row with object and id */
	const char *email;
	const char *role;
	bool disabled;
	bool service_account;
};

static const struct field_row fields[] = {
	{ "users", "", "", "", false, false },
	{ "users", ",\"email\":null,\"role\":null,\"user\":null,"
	    "\"is_service_account\":null", "", "", false, false },
	{ "users", ",\"email\":\"Ann@Example.COM\",\"role\":\"owner\"",
	    "Ann@Example.COM", "owner", false, false },
	{ "users", ",\"role\":\"" X64 "\"", "", X64, false, false },
	{ "users", ",\"role\":\"" X64 "x\"", "", "", false, false },
	{ "users", ",\"email\":\"" X64 X64 X64 X64 X64 "\"",
	    X64 X64 X64 X64 X64, "", false, false },
	{ "users", ",\"email\":\"" X64 X64 X64 X64 X64 "x\"", "", "", false,
	    false },
	{ "users", ",\"email\":\"a\\n@example.com\",\"role\":\"own\\u007fer\"",
	    "", "", false, false },
	{ "users", ",\"is_service_account\":true", "", "", false, true },
	{ "users", ",\"is_service_account\":false", "", "", false, false },
	{ "users", ",\"user\":{}", "", "", false, false },
	{ "users", ",\"user\":{\"enabled\":true,\"banned\":false,"
	    "\"banned_at\":null}", "", "", false, false },
	{ "users", ",\"user\":{\"enabled\":null,\"banned\":null}", "", "",
	    false, false },
	{ "users", ",\"user\":{\"enabled\":false}", "", "", true, false },
	{ "users", ",\"user\":{\"banned\":true}", "", "", true, false },
	{ "users", ",\"user\":{\"enabled\":true,\"banned\":true}", "", "",
	    true, false },
	{ "users", ",\"user\":{\"banned_at\":1711471600}", "", "", true,
	    false },
	{ "users", ",\"user\":{\"banned\":null,\"banned_at\":0}", "", "",
	    true, false },
	{ "users", ",\"user\":{\"banned\":false,\"banned_at\":1711471600}",
	    "", "", false, false },
	/* Whatever else the schema grows is not ours to judge. */
	{ "users", ",\"name\":7,\"projects\":[],\"added_at\":\"x\"", "", "",
	    false, false },
	{ "projects/proj_a/users", ",\"role\":\"member\"", "", "member",
	    false, false },
	{ "projects/proj_a/users", ",\"user\":\"user-1\"", "", "", false,
	    false },
	/* An organization's role in a group's row is not the group's. */
	{ "groups/group_1/users", ",\"role\":\"owner\"", "", "", false,
	    false },
	{ "groups/group_1/users", ",\"is_service_account\":true", "", "",
	    false, true },
	{ "invites", ",\"status\":\"pending\",\"email\":\"i@example.com\","
	    "\"role\":\"reader\"", "i@example.com", "reader", false, false },
};

static void
test_fields(void **state)
{
	static const char *const word[] = { "organization.user",
	    "organization.project.user", "group.user", "organization.invite" };
	struct og_answer answer;
	const struct og_record *row;
	struct og_query query;
	char body[2048];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(fields); i++) {
		query = query_of(fields[i].query);
		snprintf(body, sizeof(body), LIST("{\"object\":\"%s\","
		    "\"id\":\"user-1\"%s}"), word[query.kind],
		    fields[i].fields);
		read_text(&answer, fields[i].query, 200, body);
		if (answer.state != OG_FACT_FOUND)
			fail_msg("%s: %s", fields[i].fields,
			    answer.message.text);
		assert_int_equal(answer.page.count, 1);
		row = &answer.page.row[0];
		assert_string_equal(row->id, "user-1");
		assert_string_equal(row->email, fields[i].email);
		assert_string_equal(row->role, fields[i].role);
		if (row->disabled != fields[i].disabled ||
		    row->service_account != fields[i].service_account)
			fail_msg("%s: disabled %d, service account %d",
			    fields[i].fields, row->disabled,
			    row->service_account);
		assert_false(row->ambiguous);
		og_page_free(&answer.page);
	}
}

#define INVITE(id, status)	"{\"object\":\"organization.invite\"," \
				"\"id\":\"" id "\",\"email\":\"" id "@example.com\"," \
				"\"role\":\"reader\",\"status\":\"" status "\"}"

static void
test_invites(void **state)
{
	struct og_answer answer;

	(void)state;
	read_text(&answer, "invites", 200, LIST(
	    INVITE("a", "accepted") "," INVITE("b", "pending") ","
	    INVITE("c", "expired") "," INVITE("d", "pending") ","
	    INVITE("e", "revoked")));
	assert_int_equal(answer.state, OG_FACT_FOUND);
	assert_int_equal(answer.page.count, 2);
	assert_string_equal(answer.page.row[0].email, "b@example.com");
	assert_string_equal(answer.page.row[1].email, "d@example.com");
	og_page_free(&answer.page);

	/* A page may hold no pending one, and yet not be the last. */
	read_text(&answer, "invites", 200,
	    MORE(INVITE("a", "accepted"), "last_id", "\"a\""));
	assert_int_equal(answer.state, OG_FACT_FOUND);
	assert_int_equal(answer.page.count, 0);
	assert_true(answer.page.has_more);
	og_page_free(&answer.page);
}

/* A body made to cost more memory than it is long. */
static void
test_hostile_size(void **state)
{
	static const char head[] = "{\"object\":\"list\",\"has_more\":false,"
	    "\"data\":[";
	struct og_answer answer;
	struct og_query query;
	struct og_reply reply;
	struct og_buffer body;
	size_t i;

	(void)state;
	query = query_of("users");
	memset(&reply, 0, sizeof(reply));
	reply.status = 200;
	og_buffer_init(&body, OG_API_BODY_MAX);
	assert_int_equal(og_buffer_add(&body, head, strlen(head)), OG_OK);
	for (i = 0; i < 1024 * 1024; i++)
		assert_int_equal(og_buffer_add(&body, "{},", 3), OG_OK);
	assert_int_equal(og_buffer_add(&body, "{}]}", 4), OG_OK);
	reply.body = body.data;
	reply.len = body.len;
	og_api_read(&answer, &query, &reply);
	expect_failed(&answer, OG_PROTOCOL, "users", "many values");
	assert_non_null(strstr(answer.message.text, "JSON values"));

	og_buffer_reset(&body);
	for (i = 0; i < 100000; i++)
		assert_int_equal(og_buffer_add(&body, "[", 1), OG_OK);
	reply.body = body.data;
	reply.len = body.len;
	og_api_read(&answer, &query, &reply);
	expect_failed(&answer, OG_PROTOCOL, "users", "deep");

	og_buffer_reset(&body);
	assert_int_equal(og_buffer_add(&body, head, strlen(head)), OG_OK);
	for (i = 0; i < 10000; i++)
		assert_int_equal(og_buffer_add(&body, U1 ",", strlen(U1 ",")),
		    OG_OK);
	assert_int_equal(og_buffer_add(&body, U1 "]}", strlen(U1 "]}")),
	    OG_OK);
	reply.body = body.data;
	reply.len = body.len;
	og_api_read(&answer, &query, &reply);
	expect_failed(&answer, OG_PROTOCOL, "users", "many rows");
	og_buffer_free(&body);
}

/* Picking one address out of an emails[] answer. */

struct pick_row {
	const char *email[3];	/* of the rows; NULL ends */
	bool has_more;
	enum og_pick pick;	/* for ann@example.com, asked with bob@… */
	int row;
};

static const struct pick_row picks[] = {
	{ { NULL }, false, OG_PICK_ABSENT, -1 },
	{ { "ann@example.com" }, false, OG_PICK_FOUND, 0 },
	{ { "ANN@Example.com" }, false, OG_PICK_FOUND, 0 },
	{ { "bob@example.com" }, false, OG_PICK_ABSENT, -1 },
	{ { "bob@example.com", "ann@example.com" }, false, OG_PICK_FOUND, 1 },
	{ { "ann@example.com", "ann@example.com" }, false, OG_PICK_AMBIGUOUS,
	    -1 },
	{ { "ann@example.com", "bob@example.com", "Ann@example.com" }, false,
	    OG_PICK_AMBIGUOUS, -1 },
	{ { "eve@example.com" }, false, OG_PICK_IGNORED, -1 },
	{ { "ann@example.com", "eve@example.com" }, false, OG_PICK_IGNORED,
	    -1 },
	{ { "eve@example.com", "ann@example.com" }, false, OG_PICK_IGNORED,
	    -1 },
	{ { "ann@example.com", "" }, false, OG_PICK_IGNORED, -1 },
	{ { "joann@example.com" }, false, OG_PICK_IGNORED, -1 },
	{ { "ann@example.co" }, false, OG_PICK_IGNORED, -1 },
	/* Not ASCII: Unicode folding could make strangers equal. */
	{ { "\xc3\x84nn@example.com" }, false, OG_PICK_IGNORED, -1 },
	{ { "ann@example.com" }, true, OG_PICK_IGNORED, -1 },
	{ { NULL }, true, OG_PICK_IGNORED, -1 },
};

static void
test_pick(void **state)
{
	static const char *const asked[] = { "bob@example.com",
	    "ann@example.com" };
	const struct og_record *found;
	struct og_record row[3];
	struct og_page page;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(picks); i++) {
		memset(&page, 0, sizeof(page));
		memset(row, 0, sizeof(row));
		page.row = row;
		page.has_more = picks[i].has_more;
		while (page.count < COUNT(row) &&
		    picks[i].email[page.count] != NULL) {
			snprintf(row[page.count].email, sizeof(row[0].email),
			    "%s", picks[i].email[page.count]);
			page.count++;
		}
		found = row;
		if (og_page_pick(&page, asked, COUNT(asked),
		    "ann@example.com", &found) != picks[i].pick)
			fail_msg("row %zu of the table", i);
		assert_ptr_equal(found, picks[i].row < 0 ? NULL :
		    &row[picks[i].row]);
	}
}

static void
test_free_zeroed(void **state)
{
	struct og_page page;

	(void)state;
	memset(&page, 0, sizeof(page));
	og_page_free(&page);
	og_page_free(&page);
	assert_null(page.row);
}

/* Pages 0 … `tail` + `round` - 1, of which the last is followed by `tail`. */
static unsigned int
walk(unsigned int tail, unsigned int round)
{
	struct og_circle circle;
	unsigned int page, count;
	char cursor[40];

	memset(&circle, 0, sizeof(circle));
	for (page = count = 0; count < 100000; count++) {
		snprintf(cursor, sizeof(cursor), "cursor-%u", page);
		if (og_circle_closes(&circle, cursor))
			return count;
		if (++page == tail + round)
			page = tail;
	}
	return count;
}

static void
test_circles(void **state)
{
	unsigned int tail, round, count;

	(void)state;
	for (tail = 0; tail < 70; tail++) {
		for (round = 1; round < 70; round++) {
			count = walk(tail, round);
			if (count < tail + round || count > 3 * (tail + round))
				fail_msg("%u and %u: %u pages", tail, round,
				    count);
		}
	}
	/* However many there are, if all differ. */
	assert_int_equal(walk(0, 100000), 100000);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_invites),
		cmocka_unit_test(test_hostile_size),
		cmocka_unit_test(test_pick),
		cmocka_unit_test(test_free_zeroed),
		cmocka_unit_test(test_circles),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("api_page", tests, NULL, NULL);
}
