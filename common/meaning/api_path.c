#include <string.h>

#include "meaning/api.h"
#include "value/buffer.h"

/* What the API documents as the largest page (CONTRACT section 1). */
#define PAGE_ROWS	100
#define PAGE_ROWS_GROUP	1000

enum og_endpoint
og_api_endpoint(const struct og_query *query)
{
	bool single;

	single = query->subject_kind == OG_SUBJECT_ID;
	switch (query->kind) {
	case OG_QUERY_USER:
		return single ? OG_ENDPOINT_USER : OG_ENDPOINT_USERS;
	case OG_QUERY_PROJECT_USER:
		return single ? OG_ENDPOINT_PROJECT_USER :
		    OG_ENDPOINT_PROJECT_USERS;
	case OG_QUERY_GROUP_USER:
		return single ? OG_ENDPOINT_GROUP_USER :
		    OG_ENDPOINT_GROUP_USERS;
	case OG_QUERY_INVITE:
		break;
	}
	return OG_ENDPOINT_INVITES;
}

const char *
og_endpoint_word(enum og_endpoint endpoint)
{
	switch (endpoint) {
	case OG_ENDPOINT_USERS:
		return "users";
	case OG_ENDPOINT_USER:
		return "user";
	case OG_ENDPOINT_PROJECT_USERS:
		return "project-users";
	case OG_ENDPOINT_PROJECT_USER:
		return "project-user";
	case OG_ENDPOINT_GROUP_USERS:
		return "group-users";
	case OG_ENDPOINT_GROUP_USER:
		return "group-user";
	case OG_ENDPOINT_INVITES:
		return "invites";
	case OG_ENDPOINT_PROJECT:
		return "project";
	case OG_ENDPOINT_GROUP:
		return "group";
	case OG_ENDPOINT_ADMIN_KEYS:
		return "admin-keys";
	}
	return "unknown";
}

static bool
is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || strchr("-._~", c) != NULL;
}

/* RFC 3986 section 2.1; only section 2.3's unreserved characters stay. */
static enum og_error
add_encoded(struct og_buffer *path, const char *text)
{
	enum og_error error;

	for (error = OG_OK; *text != '\0' && error == OG_OK; text++) {
		if (is_unreserved(*text))
			error = og_buffer_add(path, text, 1);
		else
			error = og_buffer_addf(path, "%%%02X",
			    (unsigned int)(unsigned char)*text);
	}
	return error;
}

static enum og_error
add_text(struct og_buffer *path, const char *text)
{
	return og_buffer_add(path, text, strlen(text));
}

/*
 * An id as a segment between two texts. A dot segment names another resource
 * however it is encoded (RFC 3986 section 6.2.2), an empty one the list
 * instead of a row.
 */
static enum og_error
add_segment(struct og_buffer *path, const char *before, const char *id,
    const char *after)
{
	enum og_error error;

	if (id[0] == '\0' || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return OG_ERR_SYNTAX;
	error = add_text(path, before);
	if (error == OG_OK)
		error = add_encoded(path, id);
	if (error == OG_OK)
		error = add_text(path, after);
	return error;
}

static enum og_error
add_collection(struct og_buffer *path, const struct og_query *query)
{
	switch (query->kind) {
	case OG_QUERY_USER:
		return add_text(path, "/organization/users");
	case OG_QUERY_PROJECT_USER:
		return add_segment(path, "/organization/projects/",
		    query->container, "/users");
	case OG_QUERY_GROUP_USER:
		return add_segment(path, "/organization/groups/",
		    query->container, "/users");
	case OG_QUERY_INVITE:
		return add_text(path, "/organization/invites");
	}
	return OG_ERR_SYNTAX;
}

static enum og_error
add_page(struct og_buffer *path, const struct og_query *query,
    const char *after)
{
	enum og_error error;

	error = og_buffer_addf(path, "?limit=%d",
	    query->kind == OG_QUERY_GROUP_USER ? PAGE_ROWS_GROUP : PAGE_ROWS);
	if (error != OG_OK || after == NULL)
		return error;
	if (after[0] == '\0')
		return OG_ERR_SYNTAX;
	error = add_text(path, "&after=");
	if (error == OG_OK)
		error = add_encoded(path, after);
	return error;
}

static enum og_error
build(struct og_buffer *path, const struct og_query *query, const char *after)
{
	enum og_error error;

	error = add_collection(path, query);
	if (error != OG_OK)
		return error;
	switch (query->subject_kind) {
	case OG_SUBJECT_LIST:
		return add_page(path, query, after);
	case OG_SUBJECT_ID:
		/* An invitation has an id of its own, its person has none. */
		if (query->kind == OG_QUERY_INVITE || after != NULL)
			return OG_ERR_SYNTAX;
		return add_segment(path, "/", query->subject, "");
	case OG_SUBJECT_EMAIL:
		break;
	}
	return OG_ERR_SYNTAX;
}

/* Built apart, so that an error leaves the caller's buffer as it was. */
static enum og_error
finish(struct og_buffer *path, struct og_buffer *built, enum og_error error)
{
	if (error == OG_OK)
		error = og_buffer_add(path, built->data, built->len);
	og_buffer_free(built);
	return error;
}

enum og_error
og_api_path(struct og_buffer *path, const struct og_query *query,
    const char *after)
{
	struct og_buffer built;

	og_buffer_init(&built, OG_API_PATH_MAX);
	return finish(path, &built, build(&built, query, after));
}

enum og_error
og_api_emails_path(struct og_buffer *path, const char *const *email,
    size_t count)
{
	struct og_buffer built;
	enum og_error error;
	size_t i;

	if (count == 0 || count > OG_API_EMAILS_MAX)
		return OG_ERR_SYNTAX;
	og_buffer_init(&built, OG_API_PATH_MAX);
	error = og_buffer_addf(&built, "/organization/users?limit=%d",
	    PAGE_ROWS);
	for (i = 0; i < count && error == OG_OK; i++) {
		if (email[i][0] == '\0' || strlen(email[i]) > OG_EMAIL_MAX) {
			error = OG_ERR_SYNTAX;
			break;
		}
		/* With brackets, as every official client does: CONTRACT
		 * fact 1. */
		error = add_text(&built, "&emails%5B%5D=");
		if (error == OG_OK)
			error = add_encoded(&built, email[i]);
	}
	return finish(path, &built, error);
}

enum og_error
og_api_keys_path(struct og_buffer *path)
{
	return og_buffer_addf(path, "/organization/admin_api_keys?limit=%d",
	    PAGE_ROWS);
}

enum og_error
og_api_container_path(struct og_buffer *path, enum og_query_kind kind,
    const char *id)
{
	struct og_buffer built;
	enum og_error error;

	og_buffer_init(&built, OG_API_PATH_MAX);
	switch (kind) {
	case OG_QUERY_PROJECT_USER:
		error = add_segment(&built, "/organization/projects/", id, "");
		break;
	case OG_QUERY_GROUP_USER:
		error = add_segment(&built, "/organization/groups/", id, "");
		break;
	case OG_QUERY_USER:
	case OG_QUERY_INVITE:
	default:
		error = OG_ERR_SYNTAX;
		break;
	}
	return finish(path, &built, error);
}
