#include "meaning/api_page.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "meaning/api_json.h"
#include "value/log.h"
#include "value/text.h"

/* Ten times the largest page ever asked for: a server may ignore `limit`, but
 * not cost any memory it likes. */
#define ROWS_MAX 10000

/*
 * What an account's own object says against it (CONTRACT section 1.1). A time
 * of banning without the flag counts; with "banned": false it is history.
 */
static enum og_error
read_disabled(struct og_record *record, const json_t *row,
    struct og_message *why)
{
	const json_t *user;
	enum og_error error;
	bool banned, enabled;

	user = json_object_get(row, "user");
	if (user == NULL || json_is_null(user))
		return OG_OK;
	if (!json_is_object(user)) {
		og_message_set(why, "\"user\" is not an object");
		return OG_ERR_PROTOCOL;
	}
	enabled = true;
	error = og_json_has_time(&banned, user, "banned_at", why);
	if (error == OG_OK)
		error = og_json_flag(&banned, user, "banned", why);
	if (error == OG_OK)
		error = og_json_flag(&enabled, user, "enabled", why);
	record->disabled = banned || !enabled;
	return error;
}

/* What `object` says in a row; NULL: group members carry none. */
static const char *
row_word(enum og_query_kind kind)
{
	switch (kind) {
	case OG_QUERY_USER:
		return "organization.user";
	case OG_QUERY_PROJECT_USER:
		return "organization.project.user";
	case OG_QUERY_INVITE:
		return "organization.invite";
	case OG_QUERY_GROUP_USER:
		break;
	}
	return NULL;
}

static enum og_error
read_row(struct og_record *record, enum og_query_kind kind,
    const json_t *row, struct og_message *why)
{
	enum og_error error;

	if (!json_is_object(row)) {
		og_message_set(why, "not an object");
		return OG_ERR_PROTOCOL;
	}
	error = OG_OK;
	if (row_word(kind) != NULL)
		error = og_json_need_object(row, row_word(kind), why);
	if (error == OG_OK)
		error = og_json_need_id(record->id, sizeof(record->id), row,
		    why);
	if (error == OG_OK)
		error = og_json_text(record->email, sizeof(record->email), row,
		    "email", why);
	/* A role in a group's row, as an older API had it, would be the
	 * organization's. */
	if (error == OG_OK && kind != OG_QUERY_GROUP_USER)
		error = og_json_text(record->role, sizeof(record->role), row,
		    "role", why);
	if (error == OG_OK)
		error = og_json_flag(&record->service_account, row,
		    "is_service_account", why);
	if (error == OG_OK && kind == OG_QUERY_USER)
		error = read_disabled(record, row, why);
	return error;
}

/* An invitation that was accepted or has expired is none. */
static enum og_error
is_wanted(bool *wanted, enum og_query_kind kind, const json_t *row,
    struct og_message *why)
{
	enum og_error error;
	char status[16];

	*wanted = true;
	if (kind != OG_QUERY_INVITE)
		return OG_OK;
	error = og_json_need_text(status, sizeof(status), row, "status", why);
	*wanted = strcmp(status, "pending") == 0;
	return error;
}

static enum og_error
read_rows(struct og_page *page, enum og_query_kind kind, const json_t *data,
    struct og_message *why)
{
	struct og_message fault;
	enum og_error error;
	size_t count, i;
	bool wanted;

	count = json_array_size(data);
	if (count > ROWS_MAX) {
		og_message_set(why, "more than %d rows in a page", ROWS_MAX);
		return OG_ERR_PROTOCOL;
	}
	page->row = calloc(count > 0 ? count : 1, sizeof(*page->row));
	if (page->row == NULL)
		return OG_ERR_NOMEM;
	for (i = 0; i < count; i++) {
		error = read_row(&page->row[page->count], kind,
		    json_array_get(data, i), &fault);
		if (error == OG_OK)
			error = is_wanted(&wanted, kind,
			    json_array_get(data, i), &fault);
		if (error != OG_OK) {
			og_message_set(why, "row %zu: %s", i, fault.text);
			return error;
		}
		if (wanted)
			page->count++;
		else
			memset(&page->row[page->count], 0,
			    sizeof(*page->row));
	}
	return OG_OK;
}

/*
 * Both dialects of CONTRACT section 2. Whatever could hide rows is an error:
 * a list cut short must never read as "not a member".
 */
static enum og_error
read_cursor(struct og_page *page, enum og_query_kind kind, const json_t *root,
    size_t rows, struct og_message *why)
{
	const json_t *has_more, *next;
	enum og_error error;

	has_more = json_object_get(root, "has_more");
	if (!json_is_boolean(has_more)) {
		og_message_set(why, "\"has_more\" is missing or no boolean");
		return OG_ERR_PROTOCOL;
	}
	if (json_is_false(has_more)) {
		next = json_object_get(root, "next");
		if (kind != OG_QUERY_GROUP_USER || next == NULL ||
		    json_is_null(next))
			return OG_OK;
		og_message_set(why, "\"next\" is set on the last page");
		return OG_ERR_PROTOCOL;
	}
	if (rows == 0) {
		og_message_set(why, "an empty page with more to come");
		return OG_ERR_PROTOCOL;
	}
	error = og_json_need_text(page->cursor, sizeof(page->cursor), root,
	    kind == OG_QUERY_GROUP_USER ? "next" : "last_id", why);
	page->has_more = error == OG_OK;
	return error;
}

static enum og_error
read_list(struct og_page *page, enum og_query_kind kind, const json_t *root,
    struct og_message *why)
{
	const json_t *data;
	enum og_error error;

	data = json_object_get(root, "data");
	if (!json_is_array(data)) {
		og_message_set(why, "\"data\" is missing or no array");
		return OG_ERR_PROTOCOL;
	}
	/* The schema leaves the word of a project's list open. */
	if (kind != OG_QUERY_PROJECT_USER) {
		error = og_json_need_object(root, "list", why);
		if (error != OG_OK)
			return error;
	}
	error = read_cursor(page, kind, root, json_array_size(data), why);
	if (error != OG_OK)
		return error;
	return read_rows(page, kind, data, why);
}

static enum og_error
read_single(struct og_page *page, const struct og_query *query,
    const json_t *root, struct og_message *why)
{
	enum og_error error;

	page->row = calloc(1, sizeof(*page->row));
	if (page->row == NULL)
		return OG_ERR_NOMEM;
	error = read_row(page->row, query->kind, root, why);
	if (error == OG_OK && strcmp(page->row->id, query->subject) != 0) {
		og_message_set(why, "the row is about \"%s\"", page->row->id);
		error = OG_ERR_PROTOCOL;
	}
	page->count = error == OG_OK;
	return error;
}

enum og_error
og_page_read(struct og_page *page, const struct og_query *query,
    const char *body, size_t len, struct og_message *why)
{
	enum og_error error;
	json_t *root;

	error = og_json_load(&root, body, len, why);
	if (error != OG_OK)
		return error;
	if (query->subject_kind == OG_SUBJECT_ID)
		error = read_single(page, query, root, why);
	else
		error = read_list(page, query->kind, root, why);
	if (error != OG_OK)
		og_page_free(page);
	json_decref(root);
	return error;
}

bool
og_circle_closes(struct og_circle *circle, const char *cursor)
{
	if (strcmp(circle->cursor, cursor) == 0)
		return true;
	if (++circle->pages >= circle->patience) {
		og_copy(circle->cursor, sizeof(circle->cursor), cursor,
		    strlen(cursor));
		circle->patience += circle->patience > 0 ?
		    circle->patience : 1;
		circle->pages = 0;
	}
	return false;
}

void
og_page_free(struct og_page *page)
{
	free(page->row);
	memset(page, 0, sizeof(*page));
}

static enum og_error
read_container(struct og_container *container, const char *id,
    const json_t *root, struct og_message *why)
{
	const json_t *name;
	enum og_error error;
	char status[16];

	error = og_json_need_id(container->id, sizeof(container->id), root,
	    why);
	if (error == OG_OK && strcmp(container->id, id) != 0) {
		og_message_set(why, "the answer is about \"%s\"",
		    container->id);
		error = OG_ERR_PROTOCOL;
	}
	if (error == OG_OK)
		error = og_json_has_time(&container->archived, root,
		    "archived_at", why);
	if (error == OG_OK)
		error = og_json_text(status, sizeof(status), root, "status",
		    why);
	if (error != OG_OK)
		return error;
	name = json_object_get(root, "name");
	if (json_is_string(name))
		og_log_clean(container->name, sizeof(container->name),
		    json_string_value(name));
	if (strcmp(status, "archived") == 0)
		container->archived = true;
	return OG_OK;
}

enum og_error
og_container_read(struct og_container *container, const char *id,
    const char *body, size_t len, struct og_message *why)
{
	enum og_error error;
	json_t *root;

	memset(container, 0, sizeof(*container));
	error = og_json_load(&root, body, len, why);
	if (error != OG_OK)
		return error;
	error = read_container(container, id, root, why);
	if (error != OG_OK)
		memset(container, 0, sizeof(*container));
	json_decref(root);
	return error;
}

static bool
is_asked(const char *email, const char *const *asked, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (og_equal_folded(email, asked[i]))
			return true;
	}
	return false;
}

enum og_pick
og_page_pick(const struct og_page *page, const char *const *asked,
    size_t asked_count, const char *email, const struct og_record **row)
{
	const struct og_record *found;
	enum og_pick pick;
	size_t i;

	*row = NULL;
	found = NULL;
	pick = OG_PICK_ABSENT;
	if (page->has_more)
		return OG_PICK_IGNORED;
	for (i = 0; i < page->count; i++) {
		if (!is_asked(page->row[i].email, asked, asked_count))
			return OG_PICK_IGNORED;
		if (!og_equal_folded(page->row[i].email, email))
			continue;
		pick = found == NULL && !page->row[i].ambiguous ?
		    OG_PICK_FOUND : OG_PICK_AMBIGUOUS;
		found = &page->row[i];
	}
	if (pick == OG_PICK_FOUND)
		*row = found;
	return pick;
}
