/* When our own key expires, and how an answer is counted. */
#include "api_body.h"

#define KEY	"sk-admin-abcdefghijklmnopqrstuvwxyz-def"
#define ROW(shown, expires) \
	"{\"object\":\"organization.admin_api_key\",\"id\":\"key_1\"," \
	"\"redacted_value\":" shown ",\"expires_at\":" expires "}"
#define OURS	ROW("\"sk-admin...def\"", "1714063533")
#define OTHER	ROW("\"sk-admin...xyz\"", "5")

static const struct {
	const char *body;
	int64_t expires_at;
} told[] = {
	{ LIST(OURS), 1714063533 },
	{ LIST(OTHER "," OURS), 1714063533 },
	{ LIST(ROW("\"sk-admin...def\"", "null")), -1 },
	{ LIST("{\"redacted_value\":\"sk-admin...def\"}"), -1 },
	{ LIST(ROW("\"...-def\"", "7")), 7 },
	/* Nobody's, somebody else's, two that look the same. */
	{ LIST(""), 0 },
	{ LIST(OTHER), 0 },
	{ LIST(OURS "," OURS), 0 },
	{ LIST(ROW("\"sk-adminx...def\"", "7")), 0 },
	{ LIST(ROW("\"sk-admin...ef\"", "7")), 0 },
	{ LIST(ROW("\"sk-admin\"", "7")), 0 },
	{ LIST(ROW("\"sk-admin...\"", "7")), 0 },
	{ LIST(ROW("\"" KEY "...def\"", "7")), 0 },
	{ LIST(ROW("\"\"", "7")), 0 },
	{ LIST(ROW("null", "7")), 0 },
	/* There may be another on the next page. */
	{ MORE(OURS, "last_id", "\"key_1\""), 0 },
};

static void
read_keys(struct og_answer *answer, int64_t *expires_at, long status,
    enum og_error error, const char *body)
{
	struct og_reply reply;

	memset(&reply, 0, sizeof(reply));
	reply.status = status;
	reply.error = error;
	reply.body = body;
	reply.len = strlen(body);
	reply.retry_after_ms = -1;
	*expires_at = 42;
	og_api_read_keys(answer, expires_at, KEY, &reply);
}

static void
test_told(void **state)
{
	struct og_answer answer;
	int64_t expires_at;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(told); i++) {
		read_keys(&answer, &expires_at, 200, OG_OK, told[i].body);
		if (answer.state != OG_FACT_FOUND ||
		    expires_at != told[i].expires_at)
			fail_msg("%s: %lld", told[i].body,
			    (long long)expires_at);
	}
}

static const char *const broken[] = {
	"", "[]", "{}", "{\"object\":\"list\"}",
	"{\"object\":\"list\",\"data\":{}}",
	"{\"object\":\"other\",\"data\":[]}", LIST("1"),
	LIST(ROW("1", "7")), LIST(ROW("\"sk-admin...def\"", "\"soon\"")),
	LIST(OURS "," ROW("\"sk-admin...def\"", "1.5")),
};

static void
test_broken(void **state)
{
	struct og_answer answer;
	int64_t expires_at;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(broken); i++) {
		read_keys(&answer, &expires_at, 200, OG_OK, broken[i]);
		expect_failed(&answer, OG_PROTOCOL, "admin keys", broken[i]);
		assert_int_equal(expires_at, 0);
	}
	read_keys(&answer, &expires_at, 404, OG_OK, "");
	assert_int_equal(answer.state, OG_FACT_ABSENT);
	assert_int_equal(expires_at, 0);
	read_keys(&answer, &expires_at, 403, OG_OK, "Not with " KEY);
	expect_failed(&answer, OG_CREDENTIAL, "admin keys", "403");
	assert_null(strstr(answer.message.text, "abcdef"));
	read_keys(&answer, &expires_at, 0, OG_ERR_TIMEOUT, "");
	expect_failed(&answer, OG_TIMEOUT, "admin keys", "timeout");
	assert_int_equal(expires_at, 0);
}

static void
test_path(void **state)
{
	struct og_buffer path;

	(void)state;
	og_buffer_init(&path, OG_API_PATH_MAX);
	assert_int_equal(og_api_keys_path(&path), OG_OK);
	assert_string_equal(path.data,
	    "/organization/admin_api_keys?limit=100");
	og_buffer_free(&path);
}

static const struct {
	long status;
	enum og_error error;
	const char *body;
	enum og_outcome outcome;
} ended[] = {
	{ 200, OG_OK, LIST(U1), OG_OUTCOME_200 },
	{ 200, OG_OK, "<p>Sign in</p>", OG_OUTCOME_PROTOCOL },
	{ 400, OG_OK, "{}", OG_OUTCOME_400 },
	{ 401, OG_OK, "{}", OG_OUTCOME_401 },
	{ 403, OG_OK, "{}", OG_OUTCOME_403 },
	{ 404, OG_OK, "{}", OG_OUTCOME_404 },
	{ 429, OG_OK, "{}", OG_OUTCOME_429 },
	{ 500, OG_OK, "{}", OG_OUTCOME_5XX },
	{ 599, OG_OK, "{}", OG_OUTCOME_5XX },
	{ 600, OG_OK, "{}", OG_OUTCOME_OTHER },
	{ 302, OG_OK, "", OG_OUTCOME_OTHER },
	{ 0, OG_ERR_TIMEOUT, "", OG_OUTCOME_TIMEOUT },
	{ 0, OG_ERR_NETWORK, "", OG_OUTCOME_NETWORK },
	{ 200, OG_ERR_LIMIT, "", OG_OUTCOME_PROTOCOL },
	{ 0, OG_ERR_PROTOCOL, "", OG_OUTCOME_PROTOCOL },
	{ 0, OG_ERR_NOMEM, "", OG_OUTCOME_OTHER },
};

static void
test_outcomes(void **state)
{
	struct og_answer answer;
	struct og_query query;
	struct og_reply reply;
	size_t i;

	(void)state;
	query = query_of("users");
	for (i = 0; i < COUNT(ended); i++) {
		memset(&reply, 0, sizeof(reply));
		reply.status = ended[i].status;
		reply.error = ended[i].error;
		reply.body = ended[i].body;
		reply.len = strlen(ended[i].body);
		og_api_read(&answer, &query, &reply);
		if (og_api_outcome(&reply, &answer) != ended[i].outcome)
			fail_msg("%ld %d is counted as %s", ended[i].status,
			    (int)ended[i].error, og_outcome_word(
			    og_api_outcome(&reply, &answer)));
		og_page_free(&answer.page);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_outcomes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("api_key", tests, NULL, NULL);
}
