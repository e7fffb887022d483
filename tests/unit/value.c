/* The value layer: reasons, text, log lines, queries, buffers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <cmocka.h>

#include "value/buffer.h"
#include "value/clock.h"
#include "value/error.h"
#include "value/fact.h"
#include "value/log.h"
#include "value/reason.h"
#include "value/text.h"

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
	for (i = OG_OK; i <= OG_ERR_NETWORK; i++) {
		for (j = OG_OK; j < i; j++)
			assert_string_not_equal(og_strerror((enum og_error)i),
			    og_strerror((enum og_error)j));
		assert_string_not_equal(og_strerror((enum og_error)i),
		    "unknown error");
	}
	assert_string_equal(og_strerror((enum og_error)-7), "unknown error");
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

/* RFC 3629, and what decoders got wrong over the years. */
static const struct {
	const char *text;
	size_t len;
	size_t whole;		/* og_utf8_length */
	size_t shown;		/* og_print_length */
	const char *what;
} characters[] = {
	{ "", 0, 0, 0, "nothing" },
	{ "a", 1, 1, 1, "ASCII" },
	{ "\0", 1, 1, 0, "NUL" },
	{ "\t", 1, 1, 0, "tab" },
	{ "\x1f", 1, 1, 0, "the last C0 control" },
	{ " ", 1, 1, 1, "blank" },
	{ "~", 1, 1, 1, "the last of ASCII" },
	{ "\x7f", 1, 1, 0, "DEL" },
	{ "\x80", 1, 0, 0, "a lone continuation byte" },
	{ "\xbf", 1, 0, 0, "another" },
	{ "\xc0\xaf", 2, 0, 0, "an overlong slash" },
	{ "\xc1\xbf", 2, 0, 0, "overlong DEL" },
	{ "\xc2\x80", 2, 2, 0, "the first C1 control" },
	{ "\xc2\x9f", 2, 2, 0, "the last C1 control" },
	{ "\xc2\xa0", 2, 2, 2, "the first after C1" },
	{ "\xc3\xa4", 2, 2, 2, "a letter" },
	{ "\xc4\x80", 2, 2, 2, "not C1, though the second byte looks so" },
	{ "\xc3", 1, 0, 0, "two bytes, cut" },
	{ "\xc3" "A", 2, 0, 0, "no continuation byte" },
	{ "\xdf\xbf", 2, 2, 2, "U+07FF" },
	{ "\xe0\x9f\xbf", 3, 0, 0, "overlong in three" },
	{ "\xe0\xa0\x80", 3, 3, 3, "U+0800" },
	{ "\xe2\x82\xac", 3, 3, 3, "the euro sign" },
	{ "\xe2\x82", 2, 0, 0, "three bytes, cut" },
	{ "\xe2\x28\xa1", 3, 0, 0, "second of three is wrong" },
	{ "\xe2\x82\x28", 3, 0, 0, "third of three is wrong" },
	{ "\xed\x9f\xbf", 3, 3, 3, "before the surrogates" },
	{ "\xed\xa0\x80", 3, 0, 0, "a surrogate" },
	{ "\xed\xbf\xbf", 3, 0, 0, "the last surrogate" },
	{ "\xee\x80\x80", 3, 3, 3, "after the surrogates" },
	{ "\xf0\x8f\xbf\xbf", 4, 0, 0, "overlong in four" },
	{ "\xf0\x9f\x98\x80", 4, 4, 4, "a face" },
	{ "\xf0\x9f\x98", 3, 0, 0, "four bytes, cut" },
	{ "\xf4\x8f\xbf\xbf", 4, 4, 4, "U+10FFFF" },
	{ "\xf4\x90\x80\x80", 4, 0, 0, "above U+10FFFF" },
	{ "\xf5\x80\x80\x80", 4, 0, 0, "a byte that UTF-8 lacks" },
	{ "\xff", 1, 0, 0, "another" },
};

static void
test_characters(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(characters); i++) {
		if (og_utf8_length(characters[i].text, characters[i].len) !=
		    characters[i].whole)
			fail_msg("og_utf8_length: %s", characters[i].what);
		if (og_print_length(characters[i].text, characters[i].len) !=
		    characters[i].shown)
			fail_msg("og_print_length: %s", characters[i].what);
	}
}

/* Characters and whether they leave the line as it is. */
static const struct {
	const char *text;
	bool plain;
	const char *what;
} directions[] = {
	{ "a", true, "ASCII" },
	{ "\x1b", false, "a control character" },
	{ "\xc2\x85", false, "next line" },
	{ "\xc3\xa4", true, "a letter" },
	{ "\xd7\x90", true, "a Hebrew letter" },
	{ "\xd8\x9b", true, "before the Arabic letter mark" },
	{ "\xd8\x9c", false, "Arabic letter mark" },
	{ "\xe2\x80\x8d", true, "a joiner" },
	{ "\xe2\x80\x8e", false, "left-to-right mark" },
	{ "\xe2\x80\x8f", false, "right-to-left mark" },
	{ "\xe2\x80\x90", true, "a hyphen" },
	{ "\xe2\x80\xa7", true, "before the line separator" },
	{ "\xe2\x80\xa8", false, "line separator" },
	{ "\xe2\x80\xae", false, "right-to-left override" },
	{ "\xe2\x80\xaf", true, "a narrow blank" },
	{ "\xe2\x81\xa5", true, "before the isolates" },
	{ "\xe2\x81\xa6", false, "left-to-right isolate" },
	{ "\xe2\x81\xa9", false, "the end of an isolate" },
	{ "\xe2\x81\xaa", true, "after the isolates" },
	{ "\xe3\x80\xae", true, "another, whose last bytes look so" },
};

static void
test_directions(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT(directions); i++) {
		len = strlen(directions[i].text);
		if (og_plain_length(directions[i].text, len) !=
		    (directions[i].plain ? len : 0))
			fail_msg("og_plain_length: %s", directions[i].what);
	}
}

static void
test_folding(void **state)
{
	/* Capital A with diaeresis stays: nothing but ASCII is folded. */
	char text[] = "AZaz@[`{09_\xc3\x84";

	(void)state;
	og_fold(text);
	assert_string_equal(text, "azaz@[`{09_\xc3\x84");
	assert_true(og_equal_folded("Ann@Example.COM", "ann@example.com"));
	assert_true(og_equal_folded("", ""));
	assert_false(og_equal_folded("ann", "anna"));
	assert_false(og_equal_folded("anna", "ann"));
	assert_false(og_equal_folded("a", ""));
	assert_false(og_equal_folded("@", "`"));
	assert_false(og_equal_folded("\xc3\x84", "\xc3\xa4"));
}

static void
test_copy(void **state)
{
	char text[4];

	(void)state;
	assert_true(og_copy(text, sizeof(text), "abcdef", 3));
	assert_string_equal(text, "abc");
	assert_false(og_copy(text, sizeof(text), "abcdef", 4));
	assert_string_equal(text, "");
	assert_false(og_copy(text, sizeof(text), "a\0b", 3));
	assert_string_equal(text, "");
	assert_true(og_copy(text, 1, "a", 0));
	assert_string_equal(text, "");
	assert_false(og_copy(text, 1, "a", 1));
}

static void
test_fnv(void **state)
{
	(void)state;
	/* The published test vectors. */
	assert_true(og_fnv1a(OG_FNV_START, "", 0) ==
	    UINT64_C(0xcbf29ce484222325));
	assert_true(og_fnv1a(OG_FNV_START, "a", 1) ==
	    UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(og_fnv1a(OG_FNV_START, "foobar", 6) ==
	    UINT64_C(0x85944171f73967e8));
	assert_true(og_fnv1a(og_fnv1a(OG_FNV_START, "foo", 3), "bar", 3) ==
	    UINT64_C(0x85944171f73967e8));
}

static const struct {
	size_t size;
	const char *text;
	const char *clean;
} lines[] = {
	{ 64, "", "" },
	{ 64, "plain text", "plain text" },
	{ 64, "ann\nroot logged in", "ann\\x0aroot logged in" },
	{ 64, "\x1b[2J", "\\x1b[2J" },
	{ 64, "tab\there", "tab\\x09here" },
	{ 64, "\x7f", "\\x7f" },
	{ 64, "J\xc3\xbcrgen", "J\xc3\xbcrgen" },
	{ 64, "J\xfcrgen", "J\\xfcrgen" },
	{ 64, "c1\xc2\x9b" "2J", "c1\\xc2\\x9b2J" },
	{ 64, "\xc0\xaf", "\\xc0\\xaf" },
	{ 5, "abcdef", "abcd" },
	{ 5, "abc\xc3\xa4", "abc" },	/* no half a character */
	{ 6, "abc\xc3\xa4", "abc\xc3\xa4" },
	{ 4, "\n", "" },		/* nor half an escape */
	{ 5, "\n", "\\x0a" },
	{ 1, "a", "" },
};

static void
test_log_clean(void **state)
{
	char text[64], none[1] = { 'x' };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(lines); i++) {
		memset(text, 'X', sizeof(text));
		og_log_clean(text, lines[i].size, lines[i].text);
		assert_string_equal(text, lines[i].clean);
	}
	og_log_clean(none, 0, "abc");
	assert_int_equal(none[0], 'x');
}

static const struct {
	size_t size;
	const char *text;
	const char *word;
	const char *quoted;
} values[] = {
	{ 64, "", "-", "" },
	{ 64, "ann", "ann", "ann" },
	{ 64, "J\xc3\xbcrgen", "J\xc3\xbcrgen", "J\xc3\xbcrgen" },
	{ 64, "a b=c", "a\\x20b\\x3dc", "a b=c" },
	{ 64, "\"\\", "\\x22\\x5c", "\\\"\\\\" },
	{ 8, "abcdef\"", "abcd...", "abcd..." },
	{ 64, "a\n\x1b\xff", "a\\x0a\\x1b\\xff", "a\\x0a\\x1b\\xff" },
	{ 4, "abc", "abc", "abc" },
	{ 4, "abcd", "...", "..." },
	{ 8, "abcdefg", "abcdefg", "abcdefg" },
	{ 8, "abcdefgh", "abcd...", "abcd..." },
	{ 8, "abc\xc3\xa4" "fgh", "abc...", "abc..." },
	{ 8, "abcde\n", "abcd...", "abcd..." },
	{ 8, "=\n", "\\x3d...", "=\\x0a" },
};

static void
test_log_value(void **state)
{
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(values); i++) {
		memset(text, 'X', sizeof(text));
		og_log_word(text, values[i].size, values[i].text);
		assert_string_equal(text, values[i].word);
		memset(text, 'X', sizeof(text));
		og_log_quoted(text, values[i].size, values[i].text);
		assert_string_equal(text, values[i].quoted);
	}
}

struct caught {
	int count;
	int level;
	char line[2 * OG_LOG_MAX];
};

static void
catch(void *arg, int level, const char *line)
{
	struct caught *caught;

	caught = arg;
	caught->count++;
	caught->level = level;
	snprintf(caught->line, sizeof(caught->line), "%s", line);
	errno = EBADF;
}

static void
test_log(void **state)
{
	struct caught caught;
	struct og_log log;
	char text[4 * OG_LOG_MAX];

	(void)state;
	memset(&caught, 0, sizeof(caught));
	log.emit = catch;
	log.arg = &caught;
	log.max_level = LOG_INFO;
	errno = ENOENT;
	og_log(&log, LOG_WARNING, "user %s", "ann\nroot");
	assert_int_equal(errno, ENOENT);
	assert_int_equal(caught.count, 1);
	assert_int_equal(caught.level, LOG_WARNING);
	assert_string_equal(caught.line, "user ann\\x0aroot");
	og_log(&log, LOG_DEBUG, "dropped");
	assert_int_equal(caught.count, 1);
	og_log(&log, LOG_INFO, "kept");
	assert_int_equal(caught.count, 2);

	/* Escaping makes it longer; the limit holds for what is emitted. */
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	og_log(&log, LOG_INFO, "%s", text);
	assert_true(strlen(caught.line) < OG_LOG_MAX);
	assert_true(strlen(caught.line) > OG_LOG_MAX - 8);

	log.emit = NULL;
	og_log(&log, LOG_INFO, "silent");
	og_log(NULL, LOG_INFO, "silent");
	assert_int_equal(caught.count, 3);
}

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

static void
test_buffer_limit(void **state)
{
	struct og_buffer buffer;
	char big[1000];

	(void)state;
	memset(big, 'b', sizeof(big));
	og_buffer_init(&buffer, 600);
	assert_string_equal(buffer.data, "");
	assert_int_equal(og_buffer_add(&buffer, "abc", 3), OG_OK);
	assert_int_equal(og_buffer_add(&buffer, big, 598), OG_ERR_LIMIT);
	assert_int_equal(buffer.len, 3);
	assert_string_equal(buffer.data, "abc");
	assert_int_equal(og_buffer_add(&buffer, big, SIZE_MAX), OG_ERR_LIMIT);
	assert_int_equal(og_buffer_add(&buffer, big, 597), OG_OK);
	assert_int_equal(buffer.len, 600);
	assert_int_equal(buffer.data[600], '\0');
	assert_int_equal(og_buffer_add(&buffer, "x", 1), OG_ERR_LIMIT);
	assert_int_equal(og_buffer_addf(&buffer, "%d", 1), OG_ERR_LIMIT);
	assert_int_equal(og_buffer_addf(&buffer, "%s", ""), OG_OK);
	assert_int_equal(og_buffer_add(&buffer, NULL, 0), OG_OK);
	assert_int_equal(buffer.len, 600);
	assert_memory_equal(buffer.data, "abcbbb", 6);
	og_buffer_free(&buffer);
}

static void
test_buffer_grows(void **state)
{
	struct og_buffer buffer;
	char expected[16];
	int i;

	(void)state;
	og_buffer_init(&buffer, 1 << 20);
	for (i = 0; i < 10000; i++)
		assert_int_equal(og_buffer_addf(&buffer, "%05d,", i), OG_OK);
	assert_int_equal(buffer.len, 60000);
	assert_int_equal(strlen(buffer.data), 60000);
	for (i = 0; i < 10000; i += 777) {
		snprintf(expected, sizeof(expected), "%05d,", i);
		assert_memory_equal(buffer.data + 6 * i, expected, 6);
	}
	og_buffer_reset(&buffer);
	assert_int_equal(buffer.len, 0);
	assert_string_equal(buffer.data, "");
	assert_int_equal(og_buffer_add(&buffer, "a\0b", 3), OG_OK);
	assert_memory_equal(buffer.data, "a\0b", 4);
	og_buffer_free(&buffer);
	og_buffer_free(&buffer);
	assert_string_equal(buffer.data, "");
	assert_int_equal(og_buffer_add(&buffer, "again", 5), OG_OK);
	assert_string_equal(buffer.data, "again");
	og_buffer_free(&buffer);
}

/* Every size on the way, with its NUL inside what is allocated. */
static void
test_buffer_byte_by_byte(void **state)
{
	struct og_buffer buffer;
	size_t i;

	(void)state;
	og_buffer_init(&buffer, 3000);
	for (i = 1; i <= 3000; i++) {
		assert_int_equal(og_buffer_add(&buffer, "x", 1), OG_OK);
		assert_int_equal(buffer.len, i);
		assert_true(buffer.size > buffer.len);
		assert_int_equal(buffer.data[i], '\0');
	}
	og_buffer_free(&buffer);
}

static void
test_buffer_without_limit(void **state)
{
	struct og_buffer buffer;

	(void)state;
	og_buffer_init(&buffer, SIZE_MAX);
	assert_int_equal(og_buffer_add(&buffer, "a", 1), OG_OK);
	assert_int_equal(og_buffer_add(&buffer, "", SIZE_MAX - 1),
	    OG_ERR_NOMEM);
	assert_string_equal(buffer.data, "a");
	og_buffer_free(&buffer);
}

static void
test_clocks(void **state)
{
	int64_t before, after;

	(void)state;
	before = og_clock_mono();
	after = og_clock_mono();
	assert_true(before > 0 && after >= before);
	/* Seconds, not milliseconds: between 2020 and 2100. */
	assert_true(og_clock_wall() > INT64_C(1577836800));
	assert_true(og_clock_wall() < INT64_C(4102444800));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_unknown_reason_denies),
		cmocka_unit_test(test_zeroed_memory_denies),
		cmocka_unit_test(test_verdict_words),
		cmocka_unit_test(test_errors_have_words),
		cmocka_unit_test(test_message_is_cut),
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_directions),
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_fnv),
		cmocka_unit_test(test_log_clean),
		cmocka_unit_test(test_log_value),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_query_text),
		cmocka_unit_test(test_longest_query),
		cmocka_unit_test(test_query_refused),
		cmocka_unit_test(test_query_list),
		cmocka_unit_test(test_buffer_limit),
		cmocka_unit_test(test_buffer_grows),
		cmocka_unit_test(test_buffer_byte_by_byte),
		cmocka_unit_test(test_buffer_without_limit),
		cmocka_unit_test(test_clocks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
