#include "meaning/api_json.h"

#include <jansson.h>
#include <string.h>

#include "meaning/config.h"
#include "value/text.h"

/*
 * Each value but the first follows one of these three characters. Those in
 * strings count too: the result is an upper bound.
 */
static bool
has_too_many_values(const char *body, size_t len)
{
	size_t count, i;

	count = 1;
	for (i = 0; i < len; i++) {
		if (body[i] == '{' || body[i] == '[' || body[i] == ',')
			count++;
	}
	return count > OG_JSON_VALUES_MAX;
}

enum og_error
og_json_load(json_t **root, const char *body, size_t len,
    struct og_message *why)
{
	json_error_t error;

	*root = NULL;
	if (has_too_many_values(body, len)) {
		og_message_set(why, "more than %d JSON values",
		    OG_JSON_VALUES_MAX);
		return OG_ERR_PROTOCOL;
	}
	/* Without memory for its first step, jansson leaves it unset. */
	memset(&error, 0, sizeof(error));
	*root = json_loadb(body, len, JSON_REJECT_DUPLICATES, &error);
	if (*root != NULL)
		return OG_OK;
	if (error.text[0] == '\0' ||
	    json_error_code(&error) == json_error_out_of_memory)
		return OG_ERR_NOMEM;
	og_message_set(why, "not the JSON expected: %s (line %d)", error.text,
	    error.line);
	return OG_ERR_PROTOCOL;
}

static const json_t *
member(const json_t *object, const char *key)
{
	const json_t *value;

	value = json_object_get(object, key);
	return json_is_null(value) ? NULL : value;
}

static enum og_error
wrong(struct og_message *why, const char *key, const char *what)
{
	og_message_set(why, "\"%s\" %s", key, what);
	return OG_ERR_PROTOCOL;
}

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	}
	return false;
}

enum og_error
og_json_text(char *dst, size_t size, const json_t *object, const char *key,
    struct og_message *why)
{
	const json_t *value;
	const char *text;

	dst[0] = '\0';
	value = member(object, key);
	if (value == NULL)
		return OG_OK;
	if (!json_is_string(value))
		return wrong(why, key, "is not a string");
	text = json_string_value(value);
	if (!has_control(text))
		og_copy(dst, size, text, json_string_length(value));
	return OG_OK;
}

enum og_error
og_json_need_text(char *dst, size_t size, const json_t *object,
    const char *key, struct og_message *why)
{
	enum og_error error;

	error = og_json_text(dst, size, object, key, why);
	if (error == OG_OK && dst[0] == '\0')
		error = wrong(why, key, "is missing, empty or too long");
	return error;
}

enum og_error
og_json_need_id(char *dst, size_t size, const json_t *object,
    struct og_message *why)
{
	enum og_error error;

	error = og_json_need_text(dst, size, object, "id", why);
	if (error == OG_OK && !og_id_valid(dst)) {
		dst[0] = '\0';
		error = wrong(why, "id", "holds a character that no id has");
	}
	return error;
}

enum og_error
og_json_need_object(const json_t *object, const char *word,
    struct og_message *why)
{
	const char *text;

	text = json_string_value(json_object_get(object, "object"));
	if (text != NULL && strcmp(text, word) == 0)
		return OG_OK;
	og_message_set(why, "\"object\" is not \"%s\"", word);
	return OG_ERR_PROTOCOL;
}

enum og_error
og_json_flag(bool *value, const json_t *object, const char *key,
    struct og_message *why)
{
	const json_t *flag;

	flag = member(object, key);
	if (flag == NULL)
		return OG_OK;
	if (!json_is_boolean(flag))
		return wrong(why, key, "is not a boolean");
	*value = json_is_true(flag);
	return OG_OK;
}

enum og_error
og_json_has_time(bool *set, const json_t *object, const char *key,
    struct og_message *why)
{
	const json_t *value;

	value = member(object, key);
	*set = value != NULL;
	if (value != NULL && !json_is_integer(value))
		return wrong(why, key, "is not a Unix time");
	return OG_OK;
}
