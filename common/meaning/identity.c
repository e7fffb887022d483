#include "meaning/identity.h"

#include <stdlib.h>
#include <string.h>

#include "meaning/config.h"
#include "meaning/identity_map.h"
#include "value/text.h"

struct og_map {
	struct og_map_index index;
	char text[];			/* the map file's, not terminated */
};

bool
og_name_valid(const char *name, size_t len)
{
	size_t i, n;

	if (len == 0 || len > OG_NAME_MAX || name[0] == '-')
		return false;
	for (i = 0; i < len; i += n) {
		n = name[i] >= 'a' && name[i] <= 'z' ? 1 :
		    og_plain_length(name + i, len - i);
		if (n == 0 || name[i] == ' ' || name[i] == '/' ||
		    name[i] == '%')
			return false;
	}
	return true;
}

const char *
og_template_refuse(const char *template)
{
	const char *at, *p;
	bool has_name;

	at = NULL;
	has_name = false;
	for (p = template; *p != '\0'; p++) {
		if (*p == ' ' || *p == '\t')
			return "no blank may stand in an address";
		if (og_address_special(*p))
			return "quotes, brackets, commas, colons, semicolons "
			    "and backslashes cannot stand in an address";
		if (*p == '@' && at != NULL)
			return "more than one @";
		if (*p == '@')
			at = p;
		if (*p != '%')
			continue;
		p++;
		if (*p == 'u')
			has_name = true;
		else if (*p != '%')
			return "after % may stand u (the local name) or "
			    "another %";
	}
	if (!has_name)
		return "no %u in it, so that everybody would be one person";
	if (strcmp(template, "%u") == 0)
		return NULL;
	if (at == NULL)
		return "no @ in it; write %u@ and your domain, or %u alone "
		    "where local names are addresses";
	if (at == template || at[1] == '\0')
		return "nothing before or after the @";
	return NULL;
}

static enum og_reason
set_text(struct og_subject *subject, enum og_subject_kind kind,
    const char *text, size_t len)
{
	if (!og_copy(subject->text, sizeof(subject->text), text, len))
		return OG_BAD_NAME;
	subject->kind = kind;
	if (kind == OG_SUBJECT_EMAIL)
		og_fold(subject->text);
	return OG_GO_ON;
}

/* The name is the address. */
static enum og_reason
name_as_address(struct og_subject *subject, const char *name, size_t len)
{
	const char *at;

	at = memchr(name, '@', len);
	if (at == NULL)
		return OG_NO_IDENTITY;
	if (at == name || at == name + len - 1 ||
	    memrchr(name, '@', len) != at)
		return OG_BAD_NAME;
	return set_text(subject, OG_SUBJECT_EMAIL, name, len);
}

/* name is valid, template is not refused by og_template_refuse. */
static enum og_reason
expand(struct og_subject *subject, const char *name, size_t len,
    const char *template)
{
	char address[OG_EMAIL_MAX];
	const char *piece;
	size_t piece_len, used;

	if (strcmp(template, "%u") == 0)
		return name_as_address(subject, name, len);
	if (memchr(name, '@', len) != NULL)
		return OG_BAD_NAME;
	used = 0;
	while (*template != '\0') {
		piece = template;
		piece_len = 1;
		if (*template == '%') {
			template++;
			piece = template;
			if (*template == 'u') {
				piece = name;
				piece_len = len;
			}
		}
		if (piece_len > sizeof(address) - used)
			return OG_BAD_NAME;
		memcpy(address + used, piece, piece_len);
		used += piece_len;
		template++;
	}
	return set_text(subject, OG_SUBJECT_EMAIL, address, used);
}

/* name is valid. */
static enum og_reason
find(struct og_subject *subject, const char *name, size_t name_len,
    const char *template, const struct og_map_index *map)
{
	const struct og_map_line *line;
	const char *target;

	line = map != NULL ? og_map_index_find(map, name, name_len) : NULL;
	if (line != NULL) {
		target = map->text + line->target;
		return set_text(subject,
		    memchr(target, '@', line->target_len) != NULL ?
		    OG_SUBJECT_EMAIL : OG_SUBJECT_ID, target,
		    line->target_len);
	}
	if (template == NULL)
		return OG_NO_IDENTITY;
	if (og_template_refuse(template) != NULL)
		return OG_CONFIG;
	return expand(subject, name, name_len, template);
}

enum og_reason
og_identity_find(struct og_subject *subject, const char *name, size_t name_len,
    const char *template, const char *map_path, const char *map,
    size_t map_len, struct og_message *message)
{
	struct og_map_index index;
	enum og_reason reason;
	enum og_error error;

	memset(subject, 0, sizeof(*subject));
	message->text[0] = '\0';
	if (!og_name_valid(name, name_len))
		return OG_BAD_NAME;
	memset(&index, 0, sizeof(index));
	if (map != NULL) {
		error = og_map_index_build(&index, map_path, map, map_len,
		    message);
		if (error == OG_ERR_NOMEM)
			return OG_NO_MEMORY;
		if (error != OG_OK)
			return OG_CONFIG;
	}
	reason = find(subject, name, name_len, template, &index);
	if (reason == OG_CONFIG)
		og_message_set(message, "e-mail template: %s",
		    og_template_refuse(template));
	og_map_index_free(&index);
	return reason;
}

enum og_error
og_map_parse(struct og_map **mapp, const char *path, const char *text,
    size_t len, struct og_message *message)
{
	struct og_map *map;
	enum og_error error;

	*mapp = NULL;
	message->text[0] = '\0';
	map = malloc(sizeof(*map) + len);
	if (map == NULL) {
		og_message_set(message, "%s: %s", path,
		    og_strerror(OG_ERR_NOMEM));
		return OG_ERR_NOMEM;
	}
	if (len > 0)
		memcpy(map->text, text, len);
	error = og_map_index_build(&map->index, path, map->text, len, message);
	if (error != OG_OK) {
		free(map);
		return error;
	}
	*mapp = map;
	return OG_OK;
}

void
og_map_free(struct og_map *map)
{
	if (map == NULL)
		return;
	og_map_index_free(&map->index);
	free(map);
}

size_t
og_map_count(const struct og_map *map)
{
	return map->index.count;
}

enum og_reason
og_identity_from_map(struct og_subject *subject, const char *name,
    size_t name_len, const char *template, const struct og_map *map)
{
	memset(subject, 0, sizeof(*subject));
	if (!og_name_valid(name, name_len))
		return OG_BAD_NAME;
	return find(subject, name, name_len, template,
	    map != NULL ? &map->index : NULL);
}
