/*
 * The index of an identity map's text, which identity.c builds for one
 * question and og_map_parse for many. Nobody else includes this.
 */
#ifndef OG_MEANING_IDENTITY_MAP_H
#define OG_MEANING_IDENTITY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "value/error.h"

/* The specials of RFC 5322 stand in no unquoted address; here they are what is
 * left of a pasted "<ann@example.com>," line. */
bool og_address_special(char c);

/* Offsets into the text; a map is smaller than 4 GiB. */
struct og_map_line {
	uint32_t name;
	uint32_t target;
	uint16_t name_len;
	uint16_t target_len;
};

struct og_map_index {
	const char *text;		/* borrowed */
	struct og_map_line *line;	/* owned */
	size_t count;
	uint32_t *slot;			/* owned: 0, or 1 + number of a line */
	size_t slot_mask;		/* slots - 1; their number is 2^n */
};

/* Checks every line. On error the index is empty and message is set. */
enum og_error og_map_index_build(struct og_map_index *, const char *path,
    const char *text, size_t len, struct og_message *);
void og_map_index_free(struct og_map_index *);	/* zeroed is fine */

/* NULL: no line for that name. */
const struct og_map_line *og_map_index_find(const struct og_map_index *,
    const char *name, size_t len);

#endif
