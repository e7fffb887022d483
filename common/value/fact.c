#include "value/fact.h"

#include <stdio.h>
#include <string.h>

#include "value/text.h"

struct og_query
og_query_list(const struct og_query *query)
{
	struct og_query list;

	memset(&list, 0, sizeof(list));
	list.kind = query->kind;
	memcpy(list.container, query->container, sizeof(list.container));
	return list;
}

void
og_query_text(const struct og_query *query, char text[OG_QUERY_TEXT_MAX])
{
	char list[OG_ID_MAX + 20];

	list[0] = '\0';
	text[0] = '\0';
	switch (query->kind) {
	case OG_QUERY_USER:
		snprintf(list, sizeof(list), "users");
		break;
	case OG_QUERY_PROJECT_USER:
		snprintf(list, sizeof(list), "projects/%s/users",
		    query->container);
		break;
	case OG_QUERY_GROUP_USER:
		snprintf(list, sizeof(list), "groups/%s/users",
		    query->container);
		break;
	case OG_QUERY_INVITE:
		snprintf(list, sizeof(list), "invites");
		break;
	}
	switch (query->subject_kind) {
	case OG_SUBJECT_LIST:
		snprintf(text, OG_QUERY_TEXT_MAX, "%s", list);
		break;
	case OG_SUBJECT_EMAIL:
		snprintf(text, OG_QUERY_TEXT_MAX, "%s?email=%s", list,
		    query->subject);
		break;
	case OG_SUBJECT_ID:
		snprintf(text, OG_QUERY_TEXT_MAX, "%s/%s", list,
		    query->subject);
		break;
	}
}

/*
 * "projects/ID/users…" or "groups/ID/users…": takes the container and
 * returns what follows "users"; NULL when the text is of another form. Ids
 * hold no slash (see og_id_valid in meaning/config.c), so the first one ends
 * the id.
 */
static const char *
parse_container(struct og_query *query, const char *text)
{
	const char *end;

	end = strstr(text, "/users");
	if (end == NULL || end == text ||
	    memchr(text, '/', (size_t)(end - text)) != NULL ||
	    !og_copy(query->container, sizeof(query->container), text,
	    (size_t)(end - text)))
		return NULL;
	return end + strlen("/users");
}

static const char *
parse_list(struct og_query *query, const char *text)
{
	if (strncmp(text, "users", 5) == 0) {
		query->kind = OG_QUERY_USER;
		return text + 5;
	}
	if (strncmp(text, "invites", 7) == 0) {
		query->kind = OG_QUERY_INVITE;
		return text + 7;
	}
	if (strncmp(text, "projects/", 9) == 0) {
		query->kind = OG_QUERY_PROJECT_USER;
		return parse_container(query, text + 9);
	}
	if (strncmp(text, "groups/", 7) == 0) {
		query->kind = OG_QUERY_GROUP_USER;
		return parse_container(query, text + 7);
	}
	return NULL;
}

enum og_error
og_query_parse(struct og_query *query, const char *text)
{
	const char *rest;

	memset(query, 0, sizeof(*query));
	rest = parse_list(query, text);
	if (rest == NULL)
		goto bad;
	if (*rest == '\0')
		return OG_OK;
	if (strncmp(rest, "?email=", 7) == 0) {
		query->subject_kind = OG_SUBJECT_EMAIL;
		rest += 7;
	} else if (*rest == '/') {
		query->subject_kind = OG_SUBJECT_ID;
		rest += 1;
	} else {
		goto bad;
	}
	if (*rest == '\0' || !og_copy(query->subject, sizeof(query->subject),
	    rest, strlen(rest)))
		goto bad;
	return OG_OK;
bad:
	memset(query, 0, sizeof(*query));
	return OG_ERR_SYNTAX;
}

bool
og_query_equal(const struct og_query *a, const struct og_query *b)
{
	return a->kind == b->kind && a->subject_kind == b->subject_kind &&
	    strcmp(a->container, b->container) == 0 &&
	    strcmp(a->subject, b->subject) == 0;
}
