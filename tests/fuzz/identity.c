/*
 * A name, a template and a map as the input spells them, and who the name
 * is: told by the product, and by an evaluation of gate.conf(5)'s words that
 * shares nothing with it. Both know the same person or none.
 *
 * Input: name, LF, template, LF, map.
 */
#include <stdbool.h>
#include <string.h>

#include "kit/input.h"
#include "meaning/identity.h"
#include "value/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct text {
	const char *at;
	size_t len;
};

struct person {
	bool known;
	bool by_id;
	char text[2 * OG_EMAIL_MAX];
	size_t len;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct text
cut_line(struct text *rest)
{
	struct text line = *rest;
	const char *end;

	end = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;
	if (end == NULL) {
		rest->at += rest->len;
		rest->len = 0;
		return line;
	}
	line.len = (size_t)(end - rest->at);
	rest->at += line.len + 1;
	rest->len -= line.len + 1;
	return line;
}

/* Words of a line up to its comment: how many, and the first two. */
static size_t
words_of(struct text line, struct text word[2])
{
	size_t i, n;
	bool inside;

	n = 0;
	inside = false;
	for (i = 0; i < line.len; i++) {
		if ((line.at[i] == '#' || line.at[i] == ';') && !inside)
			break;
		if (is_blank(line.at[i])) {
			inside = false;
			continue;
		}
		if (!inside && ++n <= 2)
			word[n - 1] = (struct text){ line.at + i, 0 };
		if (n <= 2)
			word[n - 1].len++;
		inside = true;
	}
	return n;
}

/* Of the character of n bytes, which are UTF-8. */
static uint32_t
code_point(const char *at, size_t n)
{
	uint32_t code;
	size_t i;

	code = (unsigned char)*at & (n == 1 ? 0x7fU : 0xffU >> (n + 1));
	for (i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)at[i] & 0x3fU);
	return code;
}

/* What gate.conf(5) calls a character that turns the writing's direction, or
 * that ends a line. */
static bool
turns(uint32_t code)
{
	return code == 0x61c || code == 0x200e || code == 0x200f ||
	    (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069);
}

static bool
is_refused(struct text name)
{
	size_t i, n;

	if (name.len == 0 || name.len > 320 || name.at[0] == '-')
		return true;
	for (i = 0; i < name.len; i += n) {
		/* UTF-8 and C1 are tested elsewhere. */
		n = og_print_length(name.at + i, name.len - i);
		if (n == 0)
			return true;
		if (turns(code_point(name.at + i, n)))
			return true;
		if ((unsigned char)name.at[i] <= ' ' || name.at[i] == 0x7f ||
		    name.at[i] == '/' || name.at[i] == '%')
			return true;
	}
	return false;
}

static void
append(struct person *person, const char *text, size_t len)
{
	if (len > sizeof(person->text) - person->len)
		len = sizeof(person->text) - person->len;
	memcpy(person->text + person->len, text, len);
	person->len += len;
}

static void
fold(struct person *person)
{
	size_t i;

	for (i = 0; i < person->len; i++) {
		if (person->text[i] >= 'A' && person->text[i] <= 'Z')
			person->text[i] |= 0x20;
	}
}

/* Of the map's line for the name; a map without mistakes has no more than
 * one. */
static void
by_map(struct person *person, struct text name, struct text map)
{
	struct text line, word[2];

	while (map.len > 0) {
		line = cut_line(&map);
		if (words_of(line, word) != 2 || word[0].len != name.len ||
		    memcmp(word[0].at, name.at, name.len) != 0)
			continue;
		person->known = true;
		append(person, word[1].at, word[1].len);
		person->by_id = memchr(word[1].at, '@', word[1].len) == NULL;
	}
}

static void
by_template(struct person *person, struct text name, struct text template)
{
	bool address;
	size_t i;

	address = memchr(name.at, '@', name.len) != NULL;
	if (template.len == 0 || (template.len == 2 &&
	    memcmp(template.at, "%u", 2) == 0) != address)
		return;
	person->known = true;
	for (i = 0; i < template.len; i++) {
		if (template.at[i] == '%' && template.at[i + 1] == 'u') {
			append(person, name.at, name.len);
			i++;
		} else {
			if (template.at[i] == '%')
				i++;
			append(person, template.at + i, 1);
		}
	}
}

static size_t
count(const char *text, size_t len, char c)
{
	size_t i, n;

	for (i = n = 0; i < len; i++)
		n += text[i] == c;
	return n;
}

static void
compare(enum og_reason reason, const struct og_subject *subject,
    const struct person *person)
{
	if (reason != OG_GO_ON) {
		REQUIRE(subject->text[0] == '\0');
		/* Known, and yet nobody: only by the template, and only when
		 * what it makes is no address. */
		REQUIRE(!person->known || reason == OG_CONFIG ||
		    (reason == OG_BAD_NAME && !person->by_id &&
		    (person->len > OG_EMAIL_MAX || person->text[0] == '@' ||
		    person->text[person->len - 1] == '@' ||
		    count(person->text, person->len, '@') != 1)));
		return;
	}
	REQUIRE(person->known);
	REQUIRE((subject->kind == OG_SUBJECT_ID) == person->by_id);
	REQUIRE(strlen(subject->text) == person->len);
	REQUIRE(memcmp(subject->text, person->text, person->len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text rest = { (const char *)data, size };
	struct text map, name, template;
	struct og_message message;
	struct og_subject subject;
	struct person person;
	enum og_reason reason;
	char *copy;

	name = cut_line(&rest);
	template = cut_line(&rest);
	map = rest;
	copy = malloc(template.len + 1);
	REQUIRE(copy != NULL);
	memcpy(copy, template.at, template.len);
	copy[template.len] = '\0';
	template.len = strlen(copy);
	template.at = copy;

	reason = og_identity_find(&subject, name.at, name.len,
	    template.len > 0 ? copy : NULL, "m", map.at, map.len, &message);
	REQUIRE((reason == OG_CONFIG) == (message.text[0] != '\0'));
	memset(&person, 0, sizeof(person));
	if (!is_refused(name)) {
		by_map(&person, name, map);
		if (!person.known)
			by_template(&person, name, template);
	} else {
		REQUIRE(reason == OG_BAD_NAME);
	}
	if (person.known && !person.by_id)
		fold(&person);
	compare(reason, &subject, &person);
	free(copy);
	return 0;
}
