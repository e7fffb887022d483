/* Reasons, verdicts and errors: their words; what is unknown denies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "value/error.h"
#include "value/reason.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Every reason there is, with the word and verdict that users rely on. */
static const struct {
	enum og_reason reason;
	const char *word;
	enum og_verdict verdict;
} reasons[] = {
	{ OG_NOT_A_MEMBER, "not-a-member", OG_DENY },
	{ OG_ROLE, "role", OG_DENY },
	{ OG_PROJECT, "project", OG_DENY },
	{ OG_PROJECT_ROLE, "project-role", OG_DENY },
	{ OG_GROUP, "group", OG_DENY },
	{ OG_ACCOUNT_DISABLED, "account-disabled", OG_DENY },
	{ OG_SERVICE_ACCOUNT, "service-account", OG_DENY },
	{ OG_INVITE_PENDING, "invite-pending", OG_DENY },
	{ OG_NO_IDENTITY, "no-identity", OG_DENY },
	{ OG_BAD_NAME, "bad-name", OG_DENY },
	{ OG_TIMEOUT, "timeout", OG_UNAVAILABLE },
	{ OG_NETWORK, "network", OG_UNAVAILABLE },
	{ OG_RATE_LIMITED, "rate-limited", OG_UNAVAILABLE },
	{ OG_SERVER_ERROR, "server-error", OG_UNAVAILABLE },
	{ OG_PROTOCOL, "protocol", OG_UNAVAILABLE },
	{ OG_STORE, "store", OG_UNAVAILABLE },
	{ OG_CONFIG, "config", OG_MISCONFIGURED },
	{ OG_NO_POLICY, "no-policy", OG_MISCONFIGURED },
	{ OG_UNSAFE_FILE, "unsafe-file", OG_MISCONFIGURED },
	{ OG_CREDENTIAL, "credential", OG_MISCONFIGURED },
	{ OG_EXEMPT_USER, "exempt-user", OG_EXEMPT },
	{ OG_EXEMPT_GROUP, "exempt-group", OG_EXEMPT },
	{ OG_MIN_UID, "min-uid", OG_EXEMPT },
	{ OG_SERVICE_IGNORED, "service-ignored", OG_EXEMPT },
	{ OG_NO_MEMORY, "out-of-memory", OG_OUT_OF_MEMORY },
	{ OG_PASS, "ok", OG_ALLOW },
};

static void
test_reasons(void **state)
{
	bool seen[OG_REASON_COUNT];
	size_t i;

	(void)state;
	memset(seen, 0, sizeof(seen));
	assert_int_equal(COUNT(reasons), OG_REASON_COUNT);
	for (i = 0; i < COUNT(reasons); i++) {
		assert_false(seen[reasons[i].reason]);
		seen[reasons[i].reason] = true;
		assert_string_equal(og_reason_word(reasons[i].reason),
		    reasons[i].word);
		assert_int_equal(og_reason_verdict(reasons[i].reason),
		    reasons[i].verdict);
		assert_true(strlen(og_reason_sentence(reasons[i].reason)) > 0);
	}
}

static void
test_unknown_reason_denies(void **state)
{
	(void)state;
	assert_int_equal(og_reason_verdict((enum og_reason)OG_REASON_COUNT),
	    OG_DENY);
	assert_int_equal(og_reason_verdict((enum og_reason)-1), OG_DENY);
	assert_int_equal(og_reason_verdict(OG_GO_ON), OG_DENY);
	assert_string_equal(og_reason_word((enum og_reason)999),
	    "not-a-member");
	assert_non_null(og_reason_sentence((enum og_reason)999));
	assert_string_equal(og_verdict_word((enum og_verdict)999), "deny");
}

static void
test_zeroed_memory_denies(void **state)
{
	enum og_reason reason;
	enum og_verdict verdict;

	(void)state;
	memset(&reason, 0, sizeof(reason));
	memset(&verdict, 0, sizeof(verdict));
	assert_int_equal(og_reason_verdict(reason), OG_DENY);
	assert_int_equal(verdict, OG_DENY);
}

static void
test_verdict_words(void **state)
{
	(void)state;
	assert_string_equal(og_verdict_word(OG_DENY), "deny");
	assert_string_equal(og_verdict_word(OG_ALLOW), "allow");
	assert_string_equal(og_verdict_word(OG_UNAVAILABLE), "unavailable");
	assert_string_equal(og_verdict_word(OG_MISCONFIGURED),
	    "misconfigured");
	assert_string_equal(og_verdict_word(OG_EXEMPT), "exempt");
	assert_string_equal(og_verdict_word(OG_OUT_OF_MEMORY),
	    "out-of-memory");
}

static void
test_errors_have_words(void **state)
{
	int i, j;

	(void)state;
	for (i = OG_OK; i <= OG_ERR_BUSY; i++) {
		for (j = OG_OK; j < i; j++)
			assert_string_not_equal(og_strerror((enum og_error)i),
			    og_strerror((enum og_error)j));
		assert_string_not_equal(og_strerror((enum og_error)i),
		    "unknown error");
	}
	assert_string_equal(og_strerror((enum og_error)-7), "unknown error");
}

/* Whatever the caller says of all else: three errors speak for themselves. */
static void
test_errors_at_the_door(void **state)
{
	enum og_reason otherwise;
	int i, j;

	(void)state;
	for (i = OG_NOT_A_MEMBER; i <= OG_GO_ON; i++) {
		otherwise = (enum og_reason)i;
		assert_int_equal(og_reason_of(OG_OK, otherwise), OG_GO_ON);
		assert_int_equal(og_reason_of(OG_ERR_NOMEM, otherwise),
		    OG_NO_MEMORY);
		assert_int_equal(og_reason_of(OG_ERR_UNSAFE, otherwise),
		    OG_UNSAFE_FILE);
		for (j = OG_OK; j <= OG_ERR_BUSY; j++) {
			if (j == OG_OK || j == OG_ERR_NOMEM ||
			    j == OG_ERR_UNSAFE)
				continue;
			assert_int_equal(og_reason_of((enum og_error)j,
			    otherwise), otherwise);
		}
	}
	/* OG_ERR_BUSY is the last: all have been looked at. */
	assert_string_equal(og_strerror((enum og_error)(OG_ERR_BUSY + 1)),
	    "unknown error");
}

static void
test_message_is_cut(void **state)
{
	struct og_message message;
	char text[2 * OG_MESSAGE_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	og_message_set(&message, "%s", text);
	assert_int_equal(strlen(message.text), OG_MESSAGE_MAX - 1);
	og_message_set(&message, "%s:%d", "conf", 7);
	assert_string_equal(message.text, "conf:7");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_unknown_reason_denies),
		cmocka_unit_test(test_zeroed_memory_denies),
		cmocka_unit_test(test_verdict_words),
		cmocka_unit_test(test_errors_have_words),
		cmocka_unit_test(test_errors_at_the_door),
		cmocka_unit_test(test_message_is_cut),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("reason", tests, NULL, NULL);
}
