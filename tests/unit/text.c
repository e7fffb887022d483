/* Text: which bytes are characters, which may be shown, folding, copies, and
 * the hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "value/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_directions),
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_fnv),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
