#include <jansson.h>
#include <string.h>

#include "meaning/api_json.h"
#include "meaning/api_page.h"

#define REDACTED_MAX	256

/* Between a key's two ends, as the API shows it (CONTRACT section 1.11). */
#define GAP		"..."

/* Fewer characters than that at its end are no mark of a key. */
#define MARK_MIN	3

static bool
is_redacted(const char *shown, const char *key)
{
	const char *gap, *end;
	size_t before, after, len;

	gap = strstr(shown, GAP);
	if (gap == NULL)
		return false;
	end = gap + strlen(GAP);
	before = (size_t)(gap - shown);
	after = strlen(end);
	len = strlen(key);
	return after >= MARK_MIN && before + after <= len &&
	    strncmp(shown, key, before) == 0 &&
	    strcmp(end, key + len - after) == 0;
}

static enum og_error
read_row(const json_t *row, const char *key, bool *ours, int64_t *expires_at,
    struct og_message *why)
{
	char shown[REDACTED_MAX];
	enum og_error error;
	bool expires;

	if (!json_is_object(row)) {
		og_message_set(why, "a row is not an object");
		return OG_ERR_PROTOCOL;
	}
	error = og_json_text(shown, sizeof(shown), row, "redacted_value", why);
	if (error == OG_OK)
		error = og_json_has_time(&expires, row, "expires_at", why);
	if (error != OG_OK)
		return error;
	*ours = is_redacted(shown, key);
	*expires_at = expires ? (int64_t)json_integer_value(
	    json_object_get(row, "expires_at")) : -1;
	return OG_OK;
}

static enum og_error
read_keys(int64_t *expires_at, const char *key, const json_t *root,
    struct og_message *why)
{
	const json_t *data;
	enum og_error error;
	int64_t one;
	size_t i, matches;
	bool ours;

	error = og_json_need_object(root, "list", why);
	if (error != OG_OK)
		return error;
	data = json_object_get(root, "data");
	if (!json_is_array(data)) {
		og_message_set(why, "\"data\" is missing or no array");
		return OG_ERR_PROTOCOL;
	}
	matches = 0;
	for (i = 0; i < json_array_size(data); i++) {
		error = read_row(json_array_get(data, i), key, &ours, &one,
		    why);
		if (error != OG_OK)
			return error;
		if (ours && matches++ == 0)
			*expires_at = one;
	}
	/* A key on a page that was not read may look the same. */
	if (matches != 1 || json_is_true(json_object_get(root, "has_more")))
		*expires_at = 0;
	return OG_OK;
}

enum og_error
og_keys_read(int64_t *expires_at, const char *key, const char *body,
    size_t len, struct og_message *why)
{
	enum og_error error;
	json_t *root;

	*expires_at = 0;
	error = og_json_load(&root, body, len, why);
	if (error != OG_OK)
		return error;
	error = read_keys(expires_at, key, root, why);
	if (error != OG_OK)
		*expires_at = 0;
	json_decref(root);
	return error;
}
