/*
 * The body of a 200 answer, read into rows or into a project or group.
 * Private to api*.c. *why as in api_json.h.
 */
#ifndef OG_MEANING_API_PAGE_H
#define OG_MEANING_API_PAGE_H

#include "meaning/api.h"

/* `page` is zeroed; on error it stays so. */
enum og_error og_page_read(struct og_page *page, const struct og_query *,
    const char *body, size_t len, struct og_message *why);

enum og_error og_container_read(struct og_container *, const char *id,
    const char *body, size_t len, struct og_message *why);

/* As og_api_read_keys. */
enum og_error og_keys_read(int64_t *expires_at, const char *key,
    const char *body, size_t len, struct og_message *why);

#endif
