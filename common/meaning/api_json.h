/*
 * Reading the API's JSON strictly: what stands where it must, of the type it
 * must have. Private to api*.c, which are all that know jansson.
 *
 * Every function that can find a fault says it in *why, raw: it may quote
 * the API, and whoever shows it cleans it first. OG_ERR_PROTOCOL means that
 * *why is set; OG_ERR_NOMEM speaks for itself.
 *
 * null counts as absent everywhere: the schema allows it for most optional
 * fields, and it says no more than a missing one (CONTRACT section 1).
 */
#ifndef OG_MEANING_API_JSON_H
#define OG_MEANING_API_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "value/error.h"

struct json_t;

/* Values that one answer may hold. A page of 1000 rows has some 10,000; the
 * bound keeps a body of "[[[[…" from costing a hundred times its size. */
#define OG_JSON_VALUES_MAX	(512 * 1024)

/*
 * An object or array, nothing behind it, UTF-8, no NUL, no key twice in one
 * object (which of the two to believe would be a guess). *root is for
 * json_decref, NULL on error.
 */
enum og_error og_json_load(struct json_t **root, const char *body, size_t len,
    struct og_message *why);

/*
 * Copies an optional string. Absent, longer than dst, or with control
 * characters: empty, since such text equals nothing that a policy or an
 * identity map can name.
 */
enum og_error og_json_text(char *dst, size_t size, const struct json_t *object,
    const char *key, struct og_message *why);

/* The same where it must be there, fit and be clean. */
enum og_error og_json_need_text(char *dst, size_t size,
    const struct json_t *object, const char *key, struct og_message *why);

/* An id, also within og_id_valid. */
enum og_error og_json_need_id(char *dst, size_t size,
    const struct json_t *object, struct og_message *why);

/* `object` must be there and say `word`. */
enum og_error og_json_need_object(const struct json_t *object,
    const char *word, struct og_message *why);

/* An optional boolean; *value stays as it is when absent. */
enum og_error og_json_flag(bool *value, const struct json_t *object,
    const char *key, struct og_message *why);

/* An optional Unix time; *set says whether there is one. */
enum og_error og_json_has_time(bool *set, const struct json_t *object,
    const char *key, struct og_message *why);

#endif
