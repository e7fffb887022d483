/*
 * Identity map: local name (Unix user, $remote_user) to e-mail address or
 * OpenAI user id (gate.conf(5)). No I/O: the map comes as text.
 */
#ifndef OG_MEANING_IDENTITY_H
#define OG_MEANING_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "value/error.h"
#include "value/fact.h"

#define OG_NAME_MAX	320			/* bytes of a local name */
#define OG_MAP_FILE_MAX	(4 * 1024 * 1024)	/* bytes */
#define OG_MAP_LINE_MAX	1024			/* bytes */

/* Who a local name is in the directory. */
struct og_subject {
	enum og_subject_kind kind;		/* EMAIL or ID */
	char text[OG_EMAIL_MAX + 1];		/* an address is folded */
};

/*
 * False for what must be refused before any use: empty, over OG_NAME_MAX
 * bytes, not UTF-8, a control character (C0, DEL, C1), blank (any Unicode
 * space is not tested; ASCII blank is), '/', '%', or a leading '-'. len is
 * given since a name from the web may hold NUL. Everything else may be in a
 * name; case counts.
 */
bool og_name_valid(const char *name, size_t len);

/*
 * What is wrong with a template ("%u@example.com": %u the local name, %% a
 * percent sign), or NULL. It holds %u, or everybody would be one person, and
 * is either exactly "%u", for names that are addresses, or adds one '@' with
 * something on both sides.
 */
const char *og_template_refuse(const char *template);

/*
 * Fills *subject for a name: the map's line wins over the template; a NULL
 * map or template is absent. The reason is
 *
 *	OG_GO_ON	mapped, or made by the template
 *	OG_BAD_NAME	refused by og_name_valid (before the map is looked at);
 *			the template would make of it something that is no
 *			address: '@' in a name whose template adds one, two of
 *			them or one at an end where the template is "%u", or
 *			over OG_EMAIL_MAX bytes
 *	OG_NO_IDENTITY	neither map nor template knows the name; a name
 *			without '@' where the template is "%u"
 *	OG_CONFIG	the map is malformed, in whatever line and whoever
 *			asks (two lines for one name are), or the template is
 *	OG_NO_MEMORY
 *
 * With OG_CONFIG the message says what and where, else it is empty. On
 * anything but OG_GO_ON *subject is zeroed.
 */
enum og_reason og_identity_find(struct og_subject *subject, const char *name,
    size_t name_len, const char *template, const char *map_path,
    const char *map, size_t map_len, struct og_message *message);

/*
 * The same map read once, for a host that asks many times (nginx). Owned by
 * the caller; it keeps a copy of the text. og_map_parse checks every line:
 *
 *	name  address-or-user-id	# comment
 *
 * OG_ERR_SYNTAX, OG_ERR_LIMIT: message says "path:line: …". OG_ERR_NOMEM.
 */
struct og_map;
enum og_error og_map_parse(struct og_map **, const char *path,
    const char *text, size_t len, struct og_message *);
void og_map_free(struct og_map *);		/* NULL is fine */
size_t og_map_count(const struct og_map *);

/* og_identity_find on a parsed map; NULL map: none. */
enum og_reason og_identity_from_map(struct og_subject *, const char *name,
    size_t name_len, const char *template, const struct og_map *);

#endif
