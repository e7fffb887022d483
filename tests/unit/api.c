/* What an answer of the API means: status, message, delay. */
#include "api_body.h"

/* Statuses, each with a body that would be believed under 200. */
struct status_row {
	const char *query;
	long status;
	enum og_fact_state state;
	enum og_reason failure;
};

static const struct status_row statuses[] = {
	{ "users", 0, OG_FACT_FAILED, OG_PROTOCOL },
	{ "users", 201, OG_FACT_FAILED, OG_PROTOCOL },
	{ "users", 204, OG_FACT_FAILED, OG_PROTOCOL },
	{ "users", 206, OG_FACT_FAILED, OG_PROTOCOL },
	{ "users", 301, OG_FACT_FAILED, OG_PROTOCOL },
	{ "users", 302, OG_FACT_FAILED, OG_PROTOCOL },
	{ "users", 304, OG_FACT_FAILED, OG_PROTOCOL },
	{ "users", 400, OG_FACT_FAILED, OG_PROTOCOL },
	{ "users", 401, OG_FACT_FAILED, OG_CREDENTIAL },
	{ "users", 403, OG_FACT_FAILED, OG_CREDENTIAL },
	{ "users", 404, OG_FACT_FAILED, OG_PROTOCOL },
	{ "users?email=a@b", 404, OG_FACT_FAILED, OG_PROTOCOL },
	{ "users", 408, OG_FACT_FAILED, OG_SERVER_ERROR },
	{ "users", 409, OG_FACT_FAILED, OG_SERVER_ERROR },
	{ "users", 418, OG_FACT_FAILED, OG_PROTOCOL },
	{ "users", 429, OG_FACT_FAILED, OG_RATE_LIMITED },
	{ "users", 500, OG_FACT_FAILED, OG_SERVER_ERROR },
	{ "users", 502, OG_FACT_FAILED, OG_SERVER_ERROR },
	{ "users", 503, OG_FACT_FAILED, OG_SERVER_ERROR },
	{ "users", 599, OG_FACT_FAILED, OG_SERVER_ERROR },
	{ "users", 600, OG_FACT_FAILED, OG_PROTOCOL },
	{ "users/user-1", 404, OG_FACT_ABSENT, OG_PROTOCOL },
	{ "users/user-1", 400, OG_FACT_FAILED, OG_PROTOCOL },
	{ "projects/proj_a/users", 404, OG_FACT_ABSENT, OG_PROTOCOL },
	{ "projects/proj_a/users", 400, OG_FACT_ABSENT, OG_PROTOCOL },
	{ "projects/proj_a/users", 403, OG_FACT_FAILED, OG_CREDENTIAL },
	{ "projects/proj_a/users/user-1", 404, OG_FACT_ABSENT, OG_PROTOCOL },
	{ "projects/proj_a/users/user-1", 400, OG_FACT_ABSENT, OG_PROTOCOL },
	{ "groups/group_1/users", 404, OG_FACT_ABSENT, OG_PROTOCOL },
	{ "groups/group_1/users", 400, OG_FACT_FAILED, OG_PROTOCOL },
	{ "groups/group_1/users/user-1", 404, OG_FACT_ABSENT, OG_PROTOCOL },
	{ "invites", 404, OG_FACT_FAILED, OG_PROTOCOL },
	{ "invites", 500, OG_FACT_FAILED, OG_SERVER_ERROR },
};

static void
test_statuses(void **state)
{
	struct og_answer answer;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(statuses); i++) {
		read_text(&answer, statuses[i].query, statuses[i].status,
		    LIST(U1));
		if (answer.state != statuses[i].state ||
		    (answer.state == OG_FACT_FAILED &&
		    answer.failure != statuses[i].failure))
			fail_msg("%s %ld: state %d, %s", statuses[i].query,
			    statuses[i].status, (int)answer.state,
			    og_reason_word(answer.failure));
		assert_int_equal(answer.refused, statuses[i].status / 100 ==
		    4 && statuses[i].state == OG_FACT_FAILED &&
		    statuses[i].failure == OG_PROTOCOL);
		assert_int_equal(answer.not_found, answer.refused &&
		    statuses[i].status == 404);
		assert_null(answer.page.row);
		assert_int_equal(answer.page.count, 0);
		og_page_free(&answer.page);
	}
}

/* What reaches the log of an error body: the text, cleaned, and no key. */
struct message_row {
	const char *query;
	long status;
	const char *body;
	const char *message;
};

static const struct message_row messages[] = {
	{ "users", 401, "{\"error\":{\"message\":\"Incorrect API key provided: "
	    "sk-admin-aBc*******XyZ. Look here.\",\"type\":\"t\","
	    "\"param\":null,\"code\":\"invalid_api_key\"}}",
	    "users: HTTP 401 invalid_api_key: Incorrect API key provided: "
	    "sk-* Look here." },
	{ "users", 403, "{\"error\":{\"message\":\"no risk-taking\","
	    "\"code\":null}}", "users: HTTP 403: no risk-taking" },
	{ "users", 403, "{\"error\":\"Missing scopes: api.management.read\"}",
	    "users: HTTP 403: Missing scopes: api.management.read" },
	{ "users", 500, "{\"code\":404,\"message\":\"The project p was not "
	    "found\"}", "users: HTTP 500: The project p was not found" },
	{ "users", 502, "<html>\r\n<h1>Bad Gateway</h1>\x1b[31m\xff",
	    "users: HTTP 502: <html>\\x0d\\x0a<h1>Bad Gateway</h1>"
	    "\\x1b[31m\\xff" },
	{ "users", 503, "", "users: HTTP 503: (empty body)" },
	{ "users", 500, "[]", "users: HTTP 500: []" },
	{ "users", 500, "{\"error\":{\"message\":7}}",
	    "users: HTTP 500: {\"error\":{\"message\":7}}" },
	{ "users", 500, "{\"error\":null,\"message\":\"m\"}",
	    "users: HTTP 500: m" },
	{ "users", 502, X64 X64, "users: HTTP 502: " X64
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	{ "projects/p/users", 400, "{\"error\":{\"message\":\"archived\"}}",
	    "projects/p/users: HTTP 400: archived" },
	{ "projects/p/users", 404, "nothing",
	    "projects/p/users: HTTP 404: nothing" },
	/* Nobody wants a line for each person who is not in a project. */
	{ "projects/p/users/u", 404, "nothing", "" },
	{ "users/u", 404, "nothing", "" },
	{ "users", 200, LIST(U1 ",{\"object\":\"organization.user\"}"),
	    "users: row 1: \"id\" is missing, empty or too long" },
};

static void
test_messages(void **state)
{
	struct og_answer answer;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(messages); i++) {
		read_text(&answer, messages[i].query, messages[i].status,
		    messages[i].body);
		assert_string_equal(answer.message.text, messages[i].message);
		og_page_free(&answer.page);
	}
}

/* The id that OpenAI's support asks for, and a message that is too long. */
static void
test_request_id(void **state)
{
	struct og_answer answer;
	struct og_query query;
	struct og_reply reply;
	char body[4096];

	(void)state;
	memset(&reply, 0, sizeof(reply));
	snprintf(body, sizeof(body), "{\"error\":\"%s%s%s\"}", X512, X512,
	    X512);
	reply.status = 500;
	reply.body = body;
	reply.len = strlen(body);
	reply.request_id = "req_1";
	query = query_of("users");
	og_api_read(&answer, &query, &reply);
	assert_non_null(strstr(answer.message.text,
	    "HTTP 500 (request req_1): x"));
	assert_true(strlen(answer.message.text) < OG_MESSAGE_MAX);
}

/* NUL and a body without a terminator: its length alone counts. */
static void
test_unterminated(void **state)
{
	static const char nul[] = "bad\0gateway";
	struct og_answer answer;
	struct og_query query;
	struct og_reply reply;
	char *body;

	(void)state;
	query = query_of("users");
	memset(&reply, 0, sizeof(reply));
	reply.status = 502;
	reply.body = nul;
	reply.len = sizeof(nul) - 1;
	og_api_read(&answer, &query, &reply);
	assert_string_equal(answer.message.text, "users: HTTP 502: bad");

	/* On the heap, so that valgrind and ASan see one byte too many. */
	reply.len = strlen(LIST(U1));
	body = malloc(reply.len);
	assert_non_null(body);
	memcpy(body, LIST(U1), reply.len);
	reply.body = body;
	reply.status = 200;
	og_api_read(&answer, &query, &reply);
	assert_int_equal(answer.state, OG_FACT_FOUND);
	og_page_free(&answer.page);
	reply.status = 500;
	og_api_read(&answer, &query, &reply);
	assert_int_equal(answer.state, OG_FACT_FAILED);
	free(body);
}

#define SLOW(text)	"{\"error\":{\"message\":\"You've exceeded the rate " \
			"limit, please slow down and " text "\"}}"

struct delay_row {
	long status;
	int64_t header;
	const char *body;
	int64_t delay;
};

static const struct delay_row delays[] = {
	{ 429, -1, "", -1 },
	{ 429, 0, "", 0 },
	{ 429, 1500, "", 1500 },
	{ 429, 900000, "", 600000 },
	{ 429, INT64_MAX, "", 600000 },
	{ 429, 2000, SLOW("try again after 7 seconds."), 2000 },
	{ 429, -1, SLOW("try again after 6.937 seconds."), 6937 },
	{ 429, -1, SLOW("try again after 7 seconds."), 7000 },
	{ 429, -1, SLOW("try again after 1 second."), 1000 },
	{ 429, -1, SLOW("try again after 65.5 seconds."), 65500 },
	{ 429, -1, SLOW("try again after 0.0004 seconds."), 0 },
	{ 429, -1, SLOW("try again after 1.23456789 seconds."), 1234 },
	{ 429, -1, SLOW("try again after 99999999999999999999 seconds."),
	    600000 },
	{ 429, -1, SLOW("try again after 600.9 seconds."), 600000 },
	{ 429, -1, SLOW("try again after -5 seconds."), -1 },
	{ 429, -1, SLOW("try again after . seconds."), -1 },
	{ 429, -1, SLOW("try again after nan seconds."), -1 },
	{ 429, -1, SLOW("try again after 1e9 seconds."), -1 },
	{ 429, -1, SLOW("try again after 5 minutes."), -1 },
	{ 429, -1, SLOW("try again later."), -1 },
	{ 429, -1, SLOW("try again after 5"), -1 },
	{ 429, -1, "{\"error\":\"try again after 3 seconds\"}", 3000 },
	{ 429, -1, "try again after 4 seconds", 4000 },
	{ 503, 3000, "", 3000 },
	{ 503, -1, SLOW("try again after 7 seconds."), -1 },
	{ 401, 3000, "", -1 },
	{ 200, 3000, LIST(U1), -1 },
};

static void
test_delays(void **state)
{
	struct og_answer answer;
	struct og_query query;
	struct og_reply reply;
	size_t i;

	(void)state;
	query = query_of("users");
	for (i = 0; i < COUNT(delays); i++) {
		memset(&reply, 0, sizeof(reply));
		reply.status = delays[i].status;
		reply.retry_after_ms = delays[i].header;
		reply.body = delays[i].body;
		reply.len = strlen(delays[i].body);
		og_api_read(&answer, &query, &reply);
		if (answer.retry_after_ms != delays[i].delay)
			fail_msg("%ld, %s: %lld ms", delays[i].status,
			    delays[i].body, (long long)answer.retry_after_ms);
		og_page_free(&answer.page);
	}
}

static void
test_transport(void **state)
{
	static const struct {
		enum og_error error;
		enum og_reason failure;
	} table[] = {
		{ OG_ERR_TIMEOUT, OG_TIMEOUT },
		{ OG_ERR_NETWORK, OG_NETWORK },
		{ OG_ERR_SYSTEM, OG_NETWORK },
		{ OG_ERR_LIMIT, OG_PROTOCOL },
		{ OG_ERR_PROTOCOL, OG_PROTOCOL },
		{ OG_ERR_NOMEM, OG_NO_MEMORY },
	};
	struct og_container container;
	struct og_answer answer;
	struct og_query query;
	struct og_reply reply;
	size_t i;

	(void)state;
	query = query_of("users/user-1");
	for (i = 0; i < COUNT(table); i++) {
		/* A status and body beside an error are not looked at. */
		memset(&reply, 0, sizeof(reply));
		reply.error = table[i].error;
		reply.status = 200;
		reply.body = U1;
		reply.len = strlen(U1);
		og_api_read(&answer, &query, &reply);
		expect_failed(&answer, table[i].failure, "users/user-1",
		    "transport");
		reply.status = 404;
		reply.detail = "Could not resolve\nhost";
		og_api_read(&answer, &query, &reply);
		expect_failed(&answer, table[i].failure, "users/user-1",
		    "transport");
		assert_non_null(strstr(answer.message.text,
		    ": Could not resolve\\x0ahost"));
		og_api_read_container(&answer, &container, "proj_a", &reply);
		expect_failed(&answer, table[i].failure, "proj_a",
		    "transport");
	}
}

/* Projects and groups themselves. */

struct container_row {
	long status;
	const char *body;
	enum og_fact_state state;
	enum og_reason failure;
	const char *name;
	bool archived;
};

static const struct container_row containers[] = {
	{ 200, "{\"object\":\"organization.project\",\"id\":\"proj_a\","
	    "\"name\":\"Web\",\"status\":\"active\",\"archived_at\":null}",
	    OG_FACT_FOUND, OG_PROTOCOL, "Web", false },
	{ 200, "{\"id\":\"proj_a\"}", OG_FACT_FOUND, OG_PROTOCOL, "", false },
	{ 200, "{\"id\":\"proj_a\",\"name\":null,\"status\":null}",
	    OG_FACT_FOUND, OG_PROTOCOL, "", false },
	{ 200, "{\"id\":\"proj_a\",\"status\":\"archived\"}", OG_FACT_FOUND,
	    OG_PROTOCOL, "", true },
	{ 200, "{\"id\":\"proj_a\",\"archived_at\":1711471533}",
	    OG_FACT_FOUND, OG_PROTOCOL, "", true },
	{ 200, "{\"id\":\"proj_a\",\"name\":\"a\\nb\"}", OG_FACT_FOUND,
	    OG_PROTOCOL, "a\\x0ab", false },
	{ 200, "{\"id\":\"proj_b\"}", OG_FACT_FAILED, OG_PROTOCOL, "", false },
	{ 200, "{\"name\":\"Web\"}", OG_FACT_FAILED, OG_PROTOCOL, "", false },
	{ 200, "{\"id\":\"proj_a\",\"status\":7}", OG_FACT_FAILED,
	    OG_PROTOCOL, "", false },
	{ 200, "{\"id\":\"proj_a\",\"archived_at\":true}", OG_FACT_FAILED,
	    OG_PROTOCOL, "", false },
	{ 200, "[]", OG_FACT_FAILED, OG_PROTOCOL, "", false },
	{ 200, "", OG_FACT_FAILED, OG_PROTOCOL, "", false },
	{ 404, "", OG_FACT_ABSENT, OG_PROTOCOL, "", false },
	{ 400, "", OG_FACT_FAILED, OG_PROTOCOL, "", false },
	{ 401, "", OG_FACT_FAILED, OG_CREDENTIAL, "", false },
	{ 429, "", OG_FACT_FAILED, OG_RATE_LIMITED, "", false },
	{ 503, "", OG_FACT_FAILED, OG_SERVER_ERROR, "", false },
};

static void
test_containers(void **state)
{
	struct og_container container;
	struct og_answer answer;
	struct og_reply reply;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(containers); i++) {
		memset(&reply, 0, sizeof(reply));
		reply.status = containers[i].status;
		reply.retry_after_ms = -1;
		reply.body = containers[i].body;
		reply.len = strlen(containers[i].body);
		og_api_read_container(&answer, &container, "proj_a", &reply);
		if (answer.state != containers[i].state)
			fail_msg("%s: %s", containers[i].body,
			    answer.message.text);
		if (answer.state == OG_FACT_FAILED)
			assert_int_equal(answer.failure,
			    containers[i].failure);
		assert_string_equal(container.id,
		    answer.state == OG_FACT_FOUND ? "proj_a" : "");
		assert_string_equal(container.name, containers[i].name);
		assert_int_equal(container.archived, containers[i].archived);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_request_id),
		cmocka_unit_test(test_unterminated),
		cmocka_unit_test(test_delays),
		cmocka_unit_test(test_transport),
		cmocka_unit_test(test_containers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
