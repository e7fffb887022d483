/*
 * What the files of the configuration parser share (config*.c); nobody else
 * includes this.
 *
 *	config.c	the value itself: defaults, look-ups, the destructor
 *	config_parse.c	lines, sections, what must hold between keys
 *	config_table.c	the keywords, one setter for each
 *	config_value.c	the grammar of values: durations, sizes, words, …
 *	config_url.c	the grammar of base_url and proxy
 *	config_print.c	the way back
 */
#ifndef OG_MEANING_CONFIG_PARSE_H
#define OG_MEANING_CONFIG_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meaning/config.h"
#include "meaning/line.h"
#include "value/error.h"

enum og_section {
	OG_SECTION_NONE,
	OG_SECTION_API,
	OG_SECTION_IDENTITY,
	OG_SECTION_CACHE,
	OG_SECTION_PAM,
	OG_SECTION_POLICY
};

#define OG_KEYS_MAX 32			/* rows of the keyword table */

struct og_parse {
	struct og_config *conf;
	struct og_policy *policy;	/* of the section, in conf */
	struct og_lines lines;
	enum og_section section;
	unsigned int sections_seen;	/* bit 1 << enum og_section */
	int first_line[OG_KEYS_MAX];	/* of each key in this section; 0: none */
	const char *key;		/* of the line, for messages */
	struct og_message *message;
};

/* One row of the keyword table. The value that set gets has no blanks at its
 * ends; it is empty only with OG_KEY_MAY_BE_EMPTY. */
struct og_keyword {
	enum og_section section;
	const char *name;
	enum og_error (*set)(struct og_parse *, const char *value);
	unsigned int flags;
};

#define OG_KEY_MAY_BE_EMPTY	1U
#define OG_KEY_MAY_REPEAT	2U

extern const struct og_keyword og_keywords[];
extern const size_t og_keyword_count;		/* at most OG_KEYS_MAX */

/* Gives the fields their defaults. */
enum og_error og_config_defaults(struct og_config *);

/* Writes "path:line: key: …" to the message and returns the error. */
enum og_error og_parse_fail(struct og_parse *, enum og_error, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* A value as it may be quoted in a message: cleaned and cut. */
#define OG_QUOTE_MAX 80
struct og_quote {
	char text[OG_QUOTE_MAX];
};
struct og_quote og_quote(const char *value);

/* Each sets *out, which it frees before, or fails by og_parse_fail. An empty
 * value makes it NULL, or without words. */
enum og_error og_value_text(struct og_parse *, char **out, const char *value);
enum og_error og_value_path(struct og_parse *, char **out, const char *value);
enum og_error og_value_template(struct og_parse *, char **out,
    const char *value);
enum og_error og_value_base_url(struct og_parse *, char **out,
    const char *value);
enum og_error og_value_proxy(struct og_parse *, char **out, const char *value);

/* `refuse` says what is wrong with a word, or NULL. */
enum og_error og_value_words(struct og_parse *, struct og_words *out,
    const char *value, const char *(*refuse)(const char *word));
void og_words_free(struct og_words *);

enum og_error og_value_yes_no(struct og_parse *, bool *out, const char *value);
enum og_error og_value_number(struct og_parse *, int64_t *out,
    const char *value, int64_t low, int64_t high);
enum og_error og_value_size(struct og_parse *, uint64_t *out,
    const char *value, uint64_t low, uint64_t high);

/* Milliseconds; a low of 0 lets "0" stand without a unit. */
enum og_error og_value_duration(struct og_parse *, int64_t *out,
    const char *value, int64_t low, int64_t high);

/* The units that og_value_duration reads and the printer writes, largest
 * first. */
struct og_unit {
	const char *name;
	int64_t factor;
};
#define OG_DURATION_UNITS 5
#define OG_SIZE_UNITS 3
extern const struct og_unit og_duration_units[OG_DURATION_UNITS];
extern const struct og_unit og_size_units[OG_SIZE_UNITS];

#endif
