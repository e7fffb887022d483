#include "meaning/identity_map.h"

#include <stdlib.h>
#include <string.h>

#include "meaning/config.h"
#include "meaning/identity.h"
#include "meaning/line.h"
#include "value/log.h"
#include "value/text.h"

/* A word as it may be quoted in a message. */
struct quote {
	char text[OG_NAME_MAX + 1];
};

static struct quote
quote(const char *text, size_t len)
{
	struct quote quote;
	char copy[OG_NAME_MAX + 1];

	if (len > OG_NAME_MAX)
		len = OG_NAME_MAX;
	og_copy(copy, sizeof(copy), text, len);
	og_log_clean(quote.text, 80, copy);
	og_hide_keys(quote.text);
	return quote;
}

/* No strchr: it is asked of every byte of a map. */
bool
og_address_special(char c)
{
	switch (c) {
	case '"': case '(': case ')': case ',': case ':': case ';':
	case '<': case '>': case '[': case '\\': case ']':
		return true;
	default:
		return false;
	}
}

static bool
address_valid(const char *text, size_t len)
{
	const char *at;
	size_t i;

	at = memchr(text, '@', len);
	if (at == NULL || at == text || at == text + len - 1 ||
	    len > OG_EMAIL_MAX || memrchr(text, '@', len) != at)
		return false;
	for (i = 0; i < len; i++) {
		if (og_address_special(text[i]))
			return false;
	}
	return true;
}

static enum og_error
fail(const struct og_lines *lines, const char *before, const char *word,
    size_t len, const char *after, struct og_message *message)
{
	og_message_set(message, "%s:%d: %s'%s' %s", lines->path, lines->number,
	    before, quote(word, len).text, after);
	return OG_ERR_SYNTAX;
}

/* Splits and checks the line that `lines` stands at. */
static enum og_error
read_line(const struct og_lines *lines, const char *start,
    struct og_map_line *line, struct og_message *message)
{
	const char *text, *name, *target, *more;
	size_t left, name_len, target_len, more_len;

	text = lines->text;
	left = lines->len;
	og_word_next(&text, &left, &name, &name_len);
	if (!og_word_next(&text, &left, &target, &target_len))
		return fail(lines, "", name, name_len, "stands alone; write: "
		    "name, blanks, e-mail address or user id", message);
	if (og_word_next(&text, &left, &more, &more_len))
		return fail(lines, "", more, more_len, "is one word too many; "
		    "write: name, blanks, e-mail address or user id", message);
	if (!og_name_valid(name, name_len))
		return fail(lines, "the name ", name, name_len, "would be "
		    "refused from anybody; names are up to 320 bytes without "
		    "/ and %, and do not begin with -", message);
	if (memchr(target, '@', target_len) != NULL) {
		if (!address_valid(target, target_len))
			return fail(lines, "", target, target_len,
			    "is not an e-mail address; write it plainly, "
			    "as in ann@example.com", message);
	} else if (!og_id_valid_bytes(target, target_len)) {
		return fail(lines, "", target, target_len, "is neither an "
		    "e-mail address nor a user id", message);
	}
	line->name = (uint32_t)(name - start);
	line->name_len = (uint16_t)name_len;
	line->target = (uint32_t)(target - start);
	line->target_len = (uint16_t)target_len;
	return OG_OK;
}

/* Where that name is, or where it would be. */
static uint32_t *
find_slot(const struct og_map_index *map, const char *name, size_t len)
{
	const struct og_map_line *line;
	size_t i;

	i = (size_t)og_fnv1a(OG_FNV_START, name, len) & map->slot_mask;
	for (; map->slot[i] != 0; i = (i + 1) & map->slot_mask) {
		line = &map->line[map->slot[i] - 1];
		if (line->name_len == len &&
		    memcmp(map->text + line->name, name, len) == 0)
			break;
	}
	return &map->slot[i];
}

static int
line_number(const char *text, size_t offset)
{
	const char *p;
	int number;

	number = 1;
	for (p = text; (p = memchr(p, '\n',
	    offset - (size_t)(p - text))) != NULL; p++)
		number++;
	return number;
}

static enum og_error
add_line(struct og_map_index *map, const struct og_lines *lines,
    struct og_message *message)
{
	const struct og_map_line *line, *first;
	enum og_error error;
	uint32_t *slot;

	line = &map->line[map->count];
	error = read_line(lines, map->text, &map->line[map->count], message);
	if (error != OG_OK)
		return error;
	slot = find_slot(map, map->text + line->name, line->name_len);
	if (*slot != 0) {
		first = &map->line[*slot - 1];
		og_message_set(message, "%s:%d: '%s' is mapped in line %d "
		    "already; remove one of the two", lines->path,
		    lines->number, quote(map->text + line->name,
		    line->name_len).text, line_number(map->text, first->name));
		return OG_ERR_SYNTAX;
	}
	*slot = (uint32_t)++map->count;
	return OG_OK;
}

/* Room for as many entries as the text has lines, half of the slots free. */
static enum og_error
make_room(struct og_map_index *map, size_t len)
{
	size_t lines, slots;

	lines = (size_t)line_number(map->text, len);
	for (slots = 16; slots < 2 * lines; slots *= 2)
		continue;
	map->slot_mask = slots - 1;
	map->line = malloc(lines * sizeof(*map->line));
	map->slot = calloc(slots, sizeof(*map->slot));
	return map->line != NULL && map->slot != NULL ? OG_OK : OG_ERR_NOMEM;
}

enum og_error
og_map_index_build(struct og_map_index *map, const char *path,
    const char *text, size_t len, struct og_message *message)
{
	struct og_lines lines;
	enum og_error error;

	memset(map, 0, sizeof(*map));
	message->text[0] = '\0';
	if (len > OG_MAP_FILE_MAX) {
		og_message_set(message, "%s: larger than %d bytes", path,
		    OG_MAP_FILE_MAX);
		return OG_ERR_LIMIT;
	}
	map->text = text;
	og_lines_init(&lines, path, text, len, OG_MAP_LINE_MAX);
	error = make_room(map, len);
	while (error == OG_OK) {
		error = og_lines_next(&lines, message);
		if (error != OG_OK || lines.text == NULL)
			break;
		error = add_line(map, &lines, message);
	}
	if (error == OG_ERR_NOMEM)
		og_message_set(message, "%s: %s", path, og_strerror(error));
	if (error != OG_OK)
		og_map_index_free(map);
	return error;
}

void
og_map_index_free(struct og_map_index *map)
{
	free(map->line);
	free(map->slot);
	memset(map, 0, sizeof(*map));
}

const struct og_map_line *
og_map_index_find(const struct og_map_index *map, const char *name, size_t len)
{
	uint32_t slot;

	if (map->slot == NULL)
		return NULL;
	slot = *find_slot(map, name, len);
	return slot != 0 ? &map->line[slot - 1] : NULL;
}
