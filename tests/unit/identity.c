/* Local name to person: the map file, the template, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meaning/identity.h"
#include "value/buffer.h"
#include "value/reason.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char map[] =
    "# people whose address is not name@example.com\n"
    "alice\talice.smith@example.com\n"
    "  bob   user-AbC123   ; by id\n"
    "Alice  Other.Alice@Example.COM\n"
    "\n"
    "j\xc3\xbcrgen juergen@example.com # the umlaut is in the name\n"
    "carol@corp carol@example.com\n"
    "a#b ab@example.com\n"
    "plus plus+tag@example.com\n"
    "last user-9";

#define NAME320 \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAME308 (&NAME320[12])

/* The map counts only where `mapped` says so. */
static const struct {
	const char *name;
	const char *template;
	bool mapped;
	enum og_reason reason;
	enum og_subject_kind kind;
	const char *subject;
} cases[] = {
	/* the template */
	{ "ann", "%u@example.com", false, OG_GO_ON, OG_SUBJECT_EMAIL,
	    "ann@example.com" },
	{ "Ann.B+c", "%u@Example.COM", false, OG_GO_ON, OG_SUBJECT_EMAIL,
	    "ann.b+c@example.com" },
	{ "ann", "x+%u.%%@example.com", false, OG_GO_ON, OG_SUBJECT_EMAIL,
	    "x+ann.%@example.com" },
	{ "ann", "%u@%u.example", false, OG_GO_ON, OG_SUBJECT_EMAIL,
	    "ann@ann.example" },
	{ "J\xc3\x9cRGEN", "%u@x", false, OG_GO_ON, OG_SUBJECT_EMAIL,
	    "j\xc3\x9crgen@x" },
	{ "a..b", "%u@x", false, OG_GO_ON, OG_SUBJECT_EMAIL, "a..b@x" },
	{ "..", "%u@x", false, OG_GO_ON, OG_SUBJECT_EMAIL, "..@x" },
	{ "ann", NULL, false, OG_NO_IDENTITY, 0, "" },
	{ "ann@x", "%u@example.com", false, OG_BAD_NAME, 0, "" },
	{ "@", "%u@example.com", false, OG_BAD_NAME, 0, "" },
	{ NAME308, "%u@example.com", false, OG_GO_ON, OG_SUBJECT_EMAIL, NULL },
	{ &NAME320[11], "%u@example.com", false, OG_BAD_NAME, 0, "" },
	{ NAME320, "%u@example.com", false, OG_BAD_NAME, 0, "" },
	/* the name as the address */
	{ "Ann@Example.com", "%u", false, OG_GO_ON, OG_SUBJECT_EMAIL,
	    "ann@example.com" },
	{ "a+b@x", "%u", false, OG_GO_ON, OG_SUBJECT_EMAIL, "a+b@x" },
	{ "ann", "%u", false, OG_NO_IDENTITY, 0, "" },
	{ "@x", "%u", false, OG_BAD_NAME, 0, "" },
	{ "ann@", "%u", false, OG_BAD_NAME, 0, "" },
	{ "@", "%u", false, OG_BAD_NAME, 0, "" },
	{ "a@b@c", "%u", false, OG_BAD_NAME, 0, "" },
	{ "ann@x", NULL, false, OG_NO_IDENTITY, 0, "" },
	/* a template that the configuration would not have let through */
	{ "ann", "root@example.com", false, OG_CONFIG, 0, "" },
	{ "ann", "%x@example.com", false, OG_CONFIG, 0, "" },
	{ "ann", "", false, OG_CONFIG, 0, "" },
	/* the map */
	{ "alice", NULL, true, OG_GO_ON, OG_SUBJECT_EMAIL,
	    "alice.smith@example.com" },
	{ "alice", "%u@example.com", true, OG_GO_ON, OG_SUBJECT_EMAIL,
	    "alice.smith@example.com" },
	{ "Alice", NULL, true, OG_GO_ON, OG_SUBJECT_EMAIL,
	    "other.alice@example.com" },
	{ "ALICE", NULL, true, OG_NO_IDENTITY, 0, "" },
	{ "alic", NULL, true, OG_NO_IDENTITY, 0, "" },
	{ "alicee", NULL, true, OG_NO_IDENTITY, 0, "" },
	{ "bob", "%u@example.com", true, OG_GO_ON, OG_SUBJECT_ID,
	    "user-AbC123" },
	{ "j\xc3\xbcrgen", NULL, true, OG_GO_ON, OG_SUBJECT_EMAIL,
	    "juergen@example.com" },
	{ "carol@corp", "%u@example.com", true, OG_GO_ON, OG_SUBJECT_EMAIL,
	    "carol@example.com" },
	{ "dave@corp", "%u@example.com", true, OG_BAD_NAME, 0, "" },
	{ "a#b", NULL, true, OG_GO_ON, OG_SUBJECT_EMAIL, "ab@example.com" },
	{ "plus", NULL, true, OG_GO_ON, OG_SUBJECT_EMAIL,
	    "plus+tag@example.com" },
	{ "last", NULL, true, OG_GO_ON, OG_SUBJECT_ID, "user-9" },
	{ "dave", "%u@example.com", true, OG_GO_ON, OG_SUBJECT_EMAIL,
	    "dave@example.com" },
	{ "#", NULL, true, OG_NO_IDENTITY, 0, "" },
	{ "user-AbC123", NULL, true, OG_NO_IDENTITY, 0, "" },
	/* refused before any use */
	{ "", "%u@x", true, OG_BAD_NAME, 0, "" },
	{ "-rf", "%u@x", true, OG_BAD_NAME, 0, "" },
	{ "a/b", "%u@x", true, OG_BAD_NAME, 0, "" },
	{ "../x", "%u@x", true, OG_BAD_NAME, 0, "" },
	{ "a%b", "%u@x", true, OG_BAD_NAME, 0, "" },
	{ "a b", "%u@x", true, OG_BAD_NAME, 0, "" },
	{ " a", "%u@x", true, OG_BAD_NAME, 0, "" },
	{ "a\t", "%u@x", true, OG_BAD_NAME, 0, "" },
	{ "a\n", "%u@x", true, OG_BAD_NAME, 0, "" },
	{ "a\nroot", "%u@x", true, OG_BAD_NAME, 0, "" },
	{ "a\x7f", "%u@x", true, OG_BAD_NAME, 0, "" },
	{ "a\xc2\x80", "%u@x", true, OG_BAD_NAME, 0, "" },
	{ "a\xff", "%u@x", true, OG_BAD_NAME, 0, "" },
	{ "a\xc3", "%u@x", true, OG_BAD_NAME, 0, "" },
	{ NAME320 "a", "%u@x", true, OG_BAD_NAME, 0, "" },
};

static void
assert_subject(size_t i, const char *how, enum og_reason reason,
    const struct og_subject *subject)
{
	struct og_subject zero;

	memset(&zero, 0, sizeof(zero));
	if (reason != cases[i].reason)
		fail_msg("%s: '%s' by %s gave %s", how, cases[i].name,
		    cases[i].template != NULL ? cases[i].template : "none",
		    og_reason_word(reason));
	if (reason != OG_GO_ON) {
		assert_memory_equal(subject, &zero, sizeof(zero));
		return;
	}
	assert_int_equal(subject->kind, cases[i].kind);
	if (cases[i].subject != NULL)
		assert_string_equal(subject->text, cases[i].subject);
	else
		assert_int_equal(strlen(subject->text), OG_EMAIL_MAX);
}

static void
test_cases(void **state)
{
	struct og_message message;
	struct og_subject subject;
	struct og_map *parsed;
	enum og_reason reason;
	size_t i, len;

	(void)state;
	assert_int_equal(og_map_parse(&parsed, "users.map", map, strlen(map),
	    &message), OG_OK);
	assert_int_equal(og_map_count(parsed), 8);
	for (i = 0; i < COUNT(cases); i++) {
		len = strlen(cases[i].name);
		memset(&subject, 'x', sizeof(subject));
		reason = og_identity_find(&subject, cases[i].name, len,
		    cases[i].template, "users.map",
		    cases[i].mapped ? map : NULL,
		    cases[i].mapped ? strlen(map) : 0, &message);
		assert_subject(i, "once", reason, &subject);
		assert_int_equal(message.text[0] != '\0', reason == OG_CONFIG);
		memset(&subject, 'x', sizeof(subject));
		reason = og_identity_from_map(&subject, cases[i].name, len,
		    cases[i].template, cases[i].mapped ? parsed : NULL);
		assert_subject(i, "parsed", reason, &subject);
	}
	og_map_free(parsed);
	og_map_free(NULL);
}

/* The web hands over bytes. */
static void
test_name_with_nul(void **state)
{
	struct og_message message;
	struct og_subject subject;

	(void)state;
	assert_false(og_name_valid("ann\0root", 8));
	assert_false(og_name_valid("\0", 1));
	assert_true(og_name_valid("ann\0root", 3));
	assert_int_equal(og_identity_find(&subject, "ann\0@x", 6, "%u",
	    "users.map", NULL, 0, &message), OG_BAD_NAME);
	/* Only so many bytes are the name. */
	assert_int_equal(og_identity_find(&subject, "annabel", 3, "%u@x",
	    "users.map", NULL, 0, &message), OG_GO_ON);
	assert_string_equal(subject.text, "ann@x");
}

/* An empty file maps nobody; the template still counts. */
static void
test_empty_map(void **state)
{
	struct og_message message;
	struct og_subject subject;
	struct og_map *parsed;

	(void)state;
	assert_int_equal(og_map_parse(&parsed, "users.map", "", 0, &message),
	    OG_OK);
	assert_int_equal(og_map_count(parsed), 0);
	assert_int_equal(og_identity_from_map(&subject, "ann", 3, "%u@x",
	    parsed), OG_GO_ON);
	og_map_free(parsed);
	assert_int_equal(og_identity_find(&subject, "ann", 3, "%u@x",
	    "users.map", "", 0, &message), OG_GO_ON);
	assert_int_equal(og_identity_find(&subject, "ann", 3, NULL,
	    "users.map", "# nobody", 8, &message), OG_NO_IDENTITY);
}

static const struct {
	const char *map;
	const char *message;	/* how it begins */
	const char *mend;	/* what else it says */
} errors[] = {
	{ "ann ann@x\nbob b@x\nann ann@x\n", "users.map:3: 'ann' is mapped in "
	    "line 1", "remove one" },
	{ "\n\nann user-1\n# ann\n\nann user-2\n", "users.map:6: ", "line 3" },
	{ "ann a@x\nbob b@x\nbob c@x\n", "users.map:3: 'bob'", "line 2" },
	{ "ann\n", "users.map:1: 'ann' stands alone", "user id" },
	{ "x user-1\nann # ann@x\n", "users.map:2: 'ann' stands alone",
	    "user id" },
	{ "ann a@x b@x\n", "users.map:1: 'b@x'", "one word too many" },
	{ "ann = a@x\n", "users.map:1: 'a@x'", "one word too many" },
	{ "ann <a@x>\n", "users.map:1: '<a@x>' is not an e-mail", "plainly" },
	{ "ann a@x,\n", "users.map:1: 'a@x,'", "not an e-mail" },
	{ "ann \"a\"@x\n", "users.map:1: ", "not an e-mail" },
	{ "ann mailto:a@x\n", "users.map:1: ", "not an e-mail" },
	{ "ann @x\n", "users.map:1: ", "not an e-mail" },
	{ "ann a@\n", "users.map:1: ", "not an e-mail" },
	{ "ann @\n", "users.map:1: ", "not an e-mail" },
	{ "ann a@x@y\n", "users.map:1: ", "not an e-mail" },
	{ "ann ../x\n", "users.map:1: '../x' is neither", "user id" },
	{ "ann ..\n", "users.map:1: '..' is neither", "user id" },
	{ "ann user/1\n", "users.map:1: ", "neither" },
	{ "ann caf\xc3\xa9\n", "users.map:1: ", "neither" },
	{ "-ann a@x\n", "users.map:1: the name '-ann'", "refused" },
	{ "a/b a@x\n", "users.map:1: the name 'a/b'", "refused" },
	{ "a%b a@x\n", "users.map:1: the name 'a%b'", "refused" },
	{ "ann a@x\r\n", "users.map:1: ", "CR LF" },
	{ "\xef\xbb\xbf" "ann a@x\n", "users.map:1: ", "byte order mark" },
	{ "ann a@x\r", "users.map:1: ", "CR LF" },
	{ "ann\ra@x\n", "users.map:1: ", "0x0d" },
	{ "ann a@x\n# \x1b\n", "users.map:2: ", "0x1b" },
	{ "ann a@x\nb\xff b@x\n", "users.map:2: ", "UTF-8" },
};

static void
assert_refused(const char *text, size_t len, const char *start,
    const char *mend)
{
	struct og_message again, message;
	struct og_subject subject;
	struct og_map *parsed;

	/* Whoever asks: nobody here is called root. */
	assert_int_equal(og_identity_find(&subject, "root", 4, "%u@x",
	    "users.map", text, len, &message), OG_CONFIG);
	if (strncmp(message.text, start, strlen(start)) != 0 ||
	    strstr(message.text, mend) == NULL)
		fail_msg("'%s' said '%s'", text, message.text);
	parsed = (struct og_map *)&message;
	assert_int_not_equal(og_map_parse(&parsed, "users.map", text, len,
	    &again), OG_OK);
	assert_null(parsed);
	assert_string_equal(again.text, message.text);
}

static void
test_errors(void **state)
{
	struct og_buffer buffer;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(errors); i++)
		assert_refused(errors[i].map, strlen(errors[i].map),
		    errors[i].message, errors[i].mend);
	assert_refused("ann a@x\nbob\0 b@x\n", 17, "users.map:2: ", "NUL");

	og_buffer_init(&buffer, 1 << 20);
	og_buffer_addf(&buffer, "ann a@x\n%0*d a@x\n", OG_NAME_MAX + 1, 0);
	assert_refused(buffer.data, buffer.len, "users.map:2: the name '000",
	    "refused");
	og_buffer_reset(&buffer);
	og_buffer_addf(&buffer, "ann a@%0*d\n", OG_EMAIL_MAX - 1, 0);
	assert_refused(buffer.data, buffer.len, "users.map:1: 'a@0",
	    "not an e-mail");
	og_buffer_reset(&buffer);
	og_buffer_addf(&buffer, "ann %0*d\n", OG_ID_MAX + 1, 0);
	assert_refused(buffer.data, buffer.len, "users.map:1: '000",
	    "neither");
	og_buffer_reset(&buffer);
	og_buffer_addf(&buffer, "#%0*d\n", OG_MAP_LINE_MAX, 0);
	assert_refused(buffer.data, buffer.len, "users.map:1: ", "too long");
	og_buffer_free(&buffer);
}

/* The longest of everything, and one line more than a power of two. */
static void
test_large_map(void **state)
{
	struct og_message message;
	struct og_subject subject;
	struct og_buffer buffer;
	struct og_map *parsed;
	char expected[64], name[16];
	int i, len;

	(void)state;
	og_buffer_init(&buffer, OG_MAP_FILE_MAX + 1);
	for (i = 0; i < 16385; i++)
		assert_int_equal(og_buffer_addf(&buffer, "user%d "
		    "person%d@example.com\n", i, i), OG_OK);
	assert_int_equal(og_map_parse(&parsed, "users.map", buffer.data,
	    buffer.len, &message), OG_OK);
	assert_int_equal(og_map_count(parsed), 16385);
	for (i = 0; i < 16385; i++) {
		len = snprintf(name, sizeof(name), "user%d", i);
		snprintf(expected, sizeof(expected), "person%d@example.com",
		    i);
		assert_int_equal(og_identity_from_map(&subject, name,
		    (size_t)len, NULL, parsed), OG_GO_ON);
		assert_string_equal(subject.text, expected);
	}
	assert_int_equal(og_identity_from_map(&subject, "user16385", 9, NULL,
	    parsed), OG_NO_IDENTITY);
	og_map_free(parsed);
	assert_int_equal(og_buffer_addf(&buffer, "user77 user-1\n"), OG_OK);
	assert_refused(buffer.data, buffer.len, "users.map:16386: 'user77'",
	    "line 78");

	og_buffer_reset(&buffer);
	while (buffer.len < OG_MAP_FILE_MAX)
		assert_int_equal(og_buffer_add(&buffer, "#\n", 2), OG_OK);
	assert_int_equal(og_map_parse(&parsed, "users.map", buffer.data,
	    buffer.len, &message), OG_OK);
	og_map_free(parsed);
	assert_int_equal(og_buffer_add(&buffer, "\n", 1), OG_OK);
	assert_refused(buffer.data, buffer.len, "users.map: larger", "4194304");
	og_buffer_free(&buffer);
}

/* Each name begins the one before: length counts, wherever they meet in
 * the index. */
static void
test_names_within_names(void **state)
{
	struct og_message message;
	struct og_subject subject;
	struct og_buffer buffer;
	struct og_map *parsed;
	char expected[32], name[OG_NAME_MAX + 1];
	unsigned int n;
	size_t len;

	(void)state;
	/* Letters without order: the hashes of "a", "aa", … never meet. */
	for (len = 0, n = 1; len < sizeof(name); len++) {
		n = n * 1103515245 + 12345;
		name[len] = (char)('a' + (n >> 16) % 26);
	}
	og_buffer_init(&buffer, 1 << 20);
	for (len = 300; len > 0; len--)
		assert_int_equal(og_buffer_addf(&buffer, "%.*s user-%zu\n",
		    (int)len, name, len), OG_OK);
	assert_int_equal(og_map_parse(&parsed, "users.map", buffer.data,
	    buffer.len, &message), OG_OK);
	for (len = 1; len <= 300; len++) {
		snprintf(expected, sizeof(expected), "user-%zu", len);
		assert_int_equal(og_identity_from_map(&subject, name, len,
		    NULL, parsed), OG_GO_ON);
		assert_string_equal(subject.text, expected);
	}
	for (; len <= OG_NAME_MAX; len++)
		assert_int_equal(og_identity_from_map(&subject, name, len,
		    NULL, parsed), OG_NO_IDENTITY);
	og_map_free(parsed);
	og_buffer_free(&buffer);
}

/* As many names as a small index has slots, the last line without its end:
 * looking for another one ends. */
static void
test_full_index(void **state)
{
	struct og_message message;
	struct og_subject subject;
	const char *text;

	(void)state;
	text = "a 1\nb 1\nc 1\nd 1\ne 1\nf 1\ng 1\nh 1\n"
	    "i 1\nj 1\nk 1\nl 1\nm 1\nn 1\no 1\np 1";
	assert_int_equal(og_identity_find(&subject, "p", 1, NULL, "users.map",
	    text, strlen(text), &message), OG_GO_ON);
	assert_int_equal(og_identity_find(&subject, "q", 1, NULL, "users.map",
	    text, strlen(text), &message), OG_NO_IDENTITY);
}

/* The example that is shipped, found from the source of this test. */
static void
test_shipped(void **state)
{
	struct og_message message;
	struct og_map *parsed;
	char path[1000], text[4096];
	const char *end;
	FILE *file;
	size_t len;

	(void)state;
	end = strstr(__FILE__, "tests/unit/");
	assert_non_null(end);
	snprintf(path, sizeof(path), "%.*sconf/users.map.example",
	    (int)(end - __FILE__), __FILE__);
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("%s: cannot be opened", path);
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	assert_true(len > 0 && len < sizeof(text));
	if (og_map_parse(&parsed, path, text, len, &message) != OG_OK)
		fail_msg("%s", message.text);
	assert_int_equal(og_map_count(parsed), 3);
	og_map_free(parsed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_name_with_nul),
		cmocka_unit_test(test_empty_map),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_large_map),
		cmocka_unit_test(test_names_within_names),
		cmocka_unit_test(test_full_index),
		cmocka_unit_test(test_shipped),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
