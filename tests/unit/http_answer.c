/* What the HTTP client takes for an answer, and what it refuses. */
#include "http_kit.h"

/* Answers, each over a client that lives on. */
struct answer_row {
	const char *path;
	enum og_error error;
	long status;
	const char *body;	/* NULL: not compared */
	size_t len;
};

static const struct answer_row answers[] = {
	{ "/empty", OG_OK, 200, "", 0 },
	{ "/slow", OG_OK, 429, "{}", 2 },
	{ "/interim", OG_OK, 200, "{}", 2 },
	{ "/nul", OG_OK, 200, "a\0b", 3 },
	/* Not asked for, and so not unpacked: no bomb. */
	{ "/gzip", OG_OK, 200, "nope", 4 },
	{ "/redirect", OG_OK, 302, "", 0 },
	{ "/partial", OG_ERR_PROTOCOL, 0, "", 0 },
	{ "/cut", OG_ERR_PROTOCOL, 0, "", 0 },
	{ "/chunk", OG_ERR_PROTOCOL, 0, "", 0 },
	{ "/zero-nine", OG_ERR_PROTOCOL, 0, "", 0 },
	{ "/garbage", OG_ERR_PROTOCOL, 0, "", 0 },
	{ "/nothing", OG_ERR_NETWORK, 0, "", 0 },
	{ "/reset", OG_ERR_NETWORK, 0, "", 0 },
	{ "/flood", OG_ERR_LIMIT, 0, "", 0 },
	{ "/full", OG_OK, 200, NULL, OG_API_BODY_MAX },
	{ "/over", OG_ERR_LIMIT, 0, "", 0 },
	{ "/announced", OG_ERR_LIMIT, 0, "", 0 },
	{ "/headers", OG_ERR_LIMIT, 0, "", 0 },
	{ "/interims", OG_ERR_LIMIT, 0, "", 0 },
};

static void
test_answers(void **state)
{
	struct outcome outcome;
	struct client client;
	size_t i;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	for (i = 0; i < COUNT(answers); i++) {
		client_ask(&client, answers[i].path, PATIENCE_MS, &outcome);
		if (outcome.error != answers[i].error ||
		    outcome.status != answers[i].status)
			fail_msg("%s: %s, %ld, %s", answers[i].path,
			    og_strerror(outcome.error), outcome.status,
			    outcome.detail);
		assert_int_equal(outcome.len, answers[i].len);
		if (answers[i].body != NULL)
			assert_memory_equal(outcome.body, answers[i].body,
			    outcome.len);
		if (outcome.error == OG_OK)
			assert_string_equal(outcome.detail, "");
		else
			assert_string_not_equal(outcome.detail, "");
		assert_int_equal(og_http_pending(client.http), 0);
	}
	client_close(&client);
}

static void
test_head(void **state)
{
	struct outcome outcome;
	struct client client;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	client_ask(&client, "/slow", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.retry_after_ms, 7000);
	assert_string_equal(outcome.request_id, "req_7");
	assert_int_equal(outcome.date, 7);
	client_ask(&client, "/interim", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.retry_after_ms, -1);
	assert_string_equal(outcome.request_id, "");
	client_close(&client);
}

static void
test_redirect_is_not_followed(void **state)
{
	struct outcome outcome;
	struct client client;
	int before_it;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	before_it = atomic_load(&server.seen->requests);
	client_ask(&client, "/redirect", PATIENCE_MS, &outcome);
	assert_int_equal(atomic_load(&server.seen->requests), before_it + 1);
	client_close(&client);
}

/* A cache on the way says how old its answer is, or is not believed. */
static void
test_age(void **state)
{
	struct outcome outcome;
	struct client client;

	(void)state;
	client_init(&client, "http", server.port);
	client_open(&client);
	client_ask(&client, "/empty", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.error, OG_OK);
	assert_int_equal(outcome.age, 0);
	client_ask(&client, "/kept", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.error, OG_OK);
	assert_int_equal(outcome.age, 12);
	client_ask(&client, "/undated", PATIENCE_MS, &outcome);
	assert_int_equal(outcome.error, OG_ERR_PROTOCOL);
	assert_int_equal(outcome.status, 0);
	assert_non_null(strstr(outcome.detail, "how old"));
	client_close(&client);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_head),
		TEST(test_redirect_is_not_followed),
		TEST(test_age),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("http_answer", tests, start, stop);
}
