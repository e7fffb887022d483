/*
 * Any bytes as an identity map, behind a first line that is the name to ask
 * for. Read once for one name and read for many, it gives the same answer;
 * whoever is found is somebody that can be asked for.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "meaning/config.h"
#include "meaning/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
require(int condition)
{
	if (!condition)
		abort();
}

static void
check(enum og_reason reason, const struct og_subject *subject)
{
	const char *at, *p;

	if (reason != OG_GO_ON) {
		require(subject->text[0] == '\0');
		return;
	}
	require(memchr(subject->text, '\0', sizeof(subject->text)) != NULL);
	if (subject->kind == OG_SUBJECT_ID) {
		require(og_id_valid(subject->text));
		return;
	}
	require(subject->kind == OG_SUBJECT_EMAIL);
	at = strchr(subject->text, '@');
	require(at != NULL && at > subject->text && at[1] != '\0' &&
	    strchr(at + 1, '@') == NULL);
	for (p = subject->text; *p != '\0'; p++)
		require((unsigned char)*p > ' ' && *p != 0x7f &&
		    !(*p >= 'A' && *p <= 'Z'));
}

static void
ask(const char *name, size_t name_len, const char *template,
    const struct og_map *parsed, const char *map, size_t map_len)
{
	struct og_message message;
	struct og_subject many, once;
	enum og_reason reason;

	reason = og_identity_find(&once, name, name_len, template, "f", map,
	    map_len, &message);
	check(reason, &once);
	if (parsed == NULL) {
		require(reason == OG_CONFIG || reason == OG_BAD_NAME);
		return;
	}
	require(og_identity_from_map(&many, name, name_len, template,
	    parsed) == reason);
	require(strcmp(many.text, once.text) == 0 && many.kind == once.kind);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct og_message message;
	struct og_map *parsed;
	const char *end, *map, *name;
	enum og_error error;
	size_t map_len, name_len;

	if (size == 0)
		return 0;
	name = (const char *)data;
	end = memchr(name, '\n', size);
	name_len = end != NULL ? (size_t)(end - name) : size;
	map = end != NULL ? end + 1 : name + size;
	map_len = size - (size_t)(map - name);
	error = og_map_parse(&parsed, "f", map, map_len, &message);
	require((error == OG_OK) == (parsed != NULL));
	if (error != OG_OK)
		require(strncmp(message.text, "f:", 2) == 0 &&
		    strchr(message.text, '\n') == NULL);
	ask(name, name_len, NULL, parsed, map, map_len);
	ask(name, name_len, "%u", parsed, map, map_len);
	ask(name, name_len, "x+%u@e.example", parsed, map, map_len);
	og_map_free(parsed);
	return 0;
}
