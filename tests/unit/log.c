/* Log lines: what is escaped, where they are cut, who gets them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <cmocka.h>

#include "value/log.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_clean),
		cmocka_unit_test(test_log_value),
		cmocka_unit_test(test_log),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
