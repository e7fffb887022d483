#include "meaning/line.h"

#include <string.h>

#include "value/text.h"

void
og_lines_init(struct og_lines *lines, const char *path, const char *text,
    size_t len, size_t max)
{
	memset(lines, 0, sizeof(*lines));
	lines->path = path;
	lines->next = text;
	lines->left = len;
	lines->max = max;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static enum og_error
fail(const struct og_lines *lines, enum og_error error, const char *what,
    struct og_message *message)
{
	og_message_set(message, "%s:%d: %s", lines->path, lines->number, what);
	return error;
}

/* Why the bytes at text[0..len) cannot stand in a text file. */
static enum og_error
refuse(const struct og_lines *lines, const char *text, size_t len,
    struct og_message *message)
{
	if (*text == '\0')
		return fail(lines, OG_ERR_SYNTAX,
		    "a NUL byte; is this a text file?", message);
	if (*text == '\r' && len == 1)
		return fail(lines, OG_ERR_SYNTAX, "the line ends in CR LF; "
		    "save the file with Unix line ends (LF alone)", message);
	if (og_utf8_length(text, len) == 0)
		return fail(lines, OG_ERR_SYNTAX, "not UTF-8; save the file as "
		    "UTF-8", message);
	og_message_set(message, "%s:%d: control character 0x%02x; remove it",
	    lines->path, lines->number,
	    (unsigned int)(unsigned char)text[og_utf8_length(text, len) - 1]);
	return OG_ERR_SYNTAX;
}

static bool
is_plain(char c)
{
	return c > ' ' && c <= '~';
}

/*
 * Checks every byte, those of the comment too, and sets *used to what stands
 * before the comment. A map of 10,000 lines goes through here at each login:
 * plain characters take the short way.
 */
static enum og_error
check(const struct og_lines *lines, const char *text, size_t len, size_t *used,
    struct og_message *message)
{
	size_t i, n;

	*used = len;
	for (i = 0; i < len; i += n) {
		n = 1;
		if (is_blank(text[i]))
			continue;
		/* One within a word has been passed with the word. */
		if (i < *used && (text[i] == '#' || text[i] == ';'))
			*used = i;
		if (!is_plain(text[i]))
			n = og_print_length(text + i, len - i);
		if (n == 0)
			return refuse(lines, text + i, len - i, message);
		while (i + n < len && is_plain(text[i + n]))
			n++;
	}
	return OG_OK;
}

enum og_error
og_lines_next(struct og_lines *lines, struct og_message *message)
{
	/* Unseen, it would be a part of the first word. */
	static const char mark[] = { '\xef', '\xbb', '\xbf' };
	enum og_error error;
	const char *text, *end;
	size_t len, used;

	lines->text = NULL;
	lines->len = 0;
	while (lines->left > 0) {
		text = lines->next;
		end = memchr(text, '\n', lines->left);
		len = end != NULL ? (size_t)(end - text) : lines->left;
		lines->number++;
		lines->next += len + (end != NULL);
		lines->left -= len + (end != NULL);
		if (len > lines->max)
			return fail(lines, OG_ERR_LIMIT, "the line is too long",
			    message);
		if (lines->number == 1 && len >= sizeof(mark) &&
		    memcmp(text, mark, sizeof(mark)) == 0)
			return fail(lines, OG_ERR_SYNTAX, "begins with a byte "
			    "order mark; save the file as UTF-8 without one",
			    message);
		error = check(lines, text, len, &used, message);
		if (error != OG_OK)
			return error;
		for (; used > 0 && is_blank(*text); text++)
			used--;
		while (used > 0 && is_blank(text[used - 1]))
			used--;
		if (used > 0) {
			lines->text = text;
			lines->len = used;
			return OG_OK;
		}
	}
	return OG_OK;
}

bool
og_word_next(const char **text, size_t *len, const char **word,
    size_t *word_len)
{
	const char *p, *end, *start;

	p = *text;
	end = p + *len;
	while (p < end && is_blank(*p))
		p++;
	start = p;
	while (p < end && !is_blank(*p))
		p++;
	*word = start;
	*word_len = (size_t)(p - start);
	*text = p;
	*len = (size_t)(end - p);
	return p > start;
}
