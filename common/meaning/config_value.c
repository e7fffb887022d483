#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meaning/config_parse.h"
#include "value/text.h"
#include "meaning/identity.h"
#include "value/log.h"

const struct og_unit og_duration_units[OG_DURATION_UNITS] = {
	{ "d", 24 * 60 * 60 * 1000 },
	{ "h", 60 * 60 * 1000 },
	{ "m", 60 * 1000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

const struct og_unit og_size_units[OG_SIZE_UNITS] = {
	{ "g", 1024 * 1024 * 1024 },
	{ "m", 1024 * 1024 },
	{ "k", 1024 },
};

struct og_quote
og_quote(const char *value)
{
	struct og_quote quote;
	size_t len;

	/* The clean copy stops at a whole character; three bytes are kept. */
	og_log_clean(quote.text, sizeof(quote.text) - 3, value);
	len = strlen(quote.text);
	if (len < strlen(value))
		memcpy(quote.text + len, "...", 4);
	og_hide_keys(quote.text);
	return quote;
}

static enum og_error
replace(char **out, const char *value)
{
	char *copy;

	copy = NULL;
	if (*value != '\0') {
		copy = strdup(value);
		if (copy == NULL)
			return OG_ERR_NOMEM;
	}
	free(*out);
	*out = copy;
	return OG_OK;
}

enum og_error
og_value_text(struct og_parse *parse, char **out, const char *value)
{
	const char *p;

	for (p = value; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			return og_parse_fail(parse, OG_ERR_SYNTAX,
			    "only printable ASCII without blanks may stand here");
	}
	if (strlen(value) > OG_CONF_TEXT_MAX)
		return og_parse_fail(parse, OG_ERR_LIMIT,
		    "longer than %d bytes", OG_CONF_TEXT_MAX);
	return replace(out, value);
}

enum og_error
og_value_path(struct og_parse *parse, char **out, const char *value)
{
	if (*value != '\0' && *value != '/')
		return og_parse_fail(parse, OG_ERR_SYNTAX,
		    "'%s' is not an absolute path; begin it with /",
		    og_quote(value).text);
	if (strpbrk(value, " \t") != NULL)
		return og_parse_fail(parse, OG_ERR_SYNTAX,
		    "'%s' holds a blank; one path without blanks may stand "
		    "here", og_quote(value).text);
	return replace(out, value);
}

enum og_error
og_value_template(struct og_parse *parse, char **out, const char *value)
{
	const char *complaint;

	complaint = *value != '\0' ? og_template_refuse(value) : NULL;
	if (complaint != NULL)
		return og_parse_fail(parse, OG_ERR_SYNTAX, "'%s': %s",
		    og_quote(value).text, complaint);
	return replace(out, value);
}

void
og_words_free(struct og_words *words)
{
	size_t i;

	for (i = 0; i < words->count; i++)
		free(words->item[i]);
	free(words->item);
	words->item = NULL;
	words->count = 0;
}

static size_t
count_words(const char *text, size_t len)
{
	const char *word;
	size_t count, word_len;

	for (count = 0; og_word_next(&text, &len, &word, &word_len); count++)
		continue;
	return count;
}

enum og_error
og_value_words(struct og_parse *parse, struct og_words *out, const char *value,
    const char *(*refuse)(const char *word))
{
	const char *complaint, *word;
	struct og_words words;
	enum og_error error;
	size_t count, left, len;
	char *item;

	words.item = NULL;
	words.count = 0;
	left = strlen(value);
	count = count_words(value, left);
	if (count > OG_CONF_WORDS_MAX) {
		error = og_parse_fail(parse, OG_ERR_LIMIT,
		    "%zu values; at most %d may stand here", count,
		    OG_CONF_WORDS_MAX);
		goto out;
	}
	error = OG_ERR_NOMEM;
	if (count > 0 && (words.item = calloc(count, sizeof(char *))) == NULL)
		goto out;
	while (og_word_next(&value, &left, &word, &len)) {
		item = malloc(len + 1);
		if (item == NULL)
			goto out;
		memcpy(item, word, len);
		item[len] = '\0';
		words.item[words.count++] = item;
		complaint = refuse(item);
		if (complaint != NULL) {
			error = og_parse_fail(parse, OG_ERR_SYNTAX, "'%s' %s",
			    og_quote(item).text, complaint);
			goto out;
		}
	}
	og_words_free(out);
	*out = words;
	words.item = NULL;
	words.count = 0;
	error = OG_OK;
out:
	og_words_free(&words);
	return error;
}

enum og_error
og_value_yes_no(struct og_parse *parse, bool *out, const char *value)
{
	if (strcmp(value, "yes") == 0)
		*out = true;
	else if (strcmp(value, "no") == 0)
		*out = false;
	else
		return og_parse_fail(parse, OG_ERR_SYNTAX,
		    "'%s' is neither yes nor no", og_quote(value).text);
	return OG_OK;
}

/* Reads digits, and sets *rest to what follows them; more than fit are read as
 * INT64_MAX, which is in no range. False when there are none. */
static bool
digits(const char *value, int64_t *number, const char **rest)
{
	const char *p;

	*number = 0;
	for (p = value; *p >= '0' && *p <= '9'; p++) {
		if (*number <= (INT64_MAX - 9) / 10)
			*number = *number * 10 + (*p - '0');
		else
			*number = INT64_MAX;
	}
	*rest = p;
	return p > value;
}

enum og_error
og_value_number(struct og_parse *parse, int64_t *out, const char *value,
    int64_t low, int64_t high)
{
	const char *rest;
	int64_t number;

	if (!digits(value, &number, &rest) || *rest != '\0' || number < low ||
	    number > high)
		return og_parse_fail(parse, OG_ERR_SYNTAX,
		    "'%s' is not a number from %lld to %lld",
		    og_quote(value).text, (long long)low, (long long)high);
	*out = number;
	return OG_OK;
}

/* An amount as messages say it, in the largest unit that fits. */
struct spelling {
	char text[32];
};

static struct spelling
spell(const struct og_unit *units, size_t count, int64_t amount)
{
	struct spelling spelling;
	size_t i;

	for (i = 0; i + 1 < count && amount % units[i].factor != 0; i++)
		continue;
	if (amount == 0)
		snprintf(spelling.text, sizeof(spelling.text), "0");
	else
		snprintf(spelling.text, sizeof(spelling.text), "%lld%s",
		    (long long)(amount / units[i].factor), units[i].name);
	return spelling;
}

static const struct og_unit *
find_unit(const struct og_unit *units, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	}
	return NULL;
}

/* A number with one of these units; `choice` lists them for people. */
static enum og_error
amount(struct og_parse *parse, int64_t *out, const char *value,
    const struct og_unit *units, size_t count, const char *choice,
    int64_t low, int64_t high)
{
	const struct og_unit *unit;
	const char *rest;
	int64_t number;

	if (!digits(value, &number, &rest))
		return og_parse_fail(parse, OG_ERR_SYNTAX,
		    "'%s' is not a number with a unit (%s)",
		    og_quote(value).text, choice);
	if (*rest == '\0' && number == 0 && low == 0) {
		*out = 0;
		return OG_OK;
	}
	if (*rest == '\0')
		return og_parse_fail(parse, OG_ERR_SYNTAX,
		    "'%s' has no unit; add one of %s", og_quote(value).text,
		    choice);
	unit = find_unit(units, count, rest);
	if (unit == NULL)
		return og_parse_fail(parse, OG_ERR_SYNTAX,
		    "'%s' has an unknown unit; the units are %s",
		    og_quote(value).text, choice);
	if (number > high / unit->factor || number * unit->factor < low)
		return og_parse_fail(parse, OG_ERR_LIMIT,
		    "'%s' is out of range; %s to %s may stand here",
		    og_quote(value).text, spell(units, count, low).text,
		    spell(units, count, high).text);
	*out = number * unit->factor;
	return OG_OK;
}

enum og_error
og_value_duration(struct og_parse *parse, int64_t *out, const char *value,
    int64_t low, int64_t high)
{
	return amount(parse, out, value, og_duration_units, OG_DURATION_UNITS,
	    "ms s m h d", low, high);
}

enum og_error
og_value_size(struct og_parse *parse, uint64_t *out, const char *value,
    uint64_t low, uint64_t high)
{
	enum og_error error;
	int64_t bytes;

	error = amount(parse, &bytes, value, og_size_units, OG_SIZE_UNITS,
	    "k m g", (int64_t)low, (int64_t)high);
	if (error == OG_OK)
		*out = (uint64_t)bytes;
	return error;
}
