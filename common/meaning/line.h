/*
 * Lines of a text file, as gate.conf and the identity map share them: UTF-8
 * without control characters but the tab, lines ended by LF (the last one
 * may lack it), blanks around a line, comments from '#' or ';' at the start
 * of a line or after a blank. Nothing is copied: text and words point into
 * what was given.
 */
#ifndef OG_MEANING_LINE_H
#define OG_MEANING_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "value/error.h"

struct og_lines {
	const char *path;	/* for messages; borrowed */
	const char *next;	/* what is still to be read; borrowed */
	size_t left;
	size_t max;		/* bytes that a line may have, comment included */
	int number;		/* of the line below, from 1 */
	const char *text;	/* without blanks at its ends, without comment */
	size_t len;		/* at least 1 while there is a line */
};

void og_lines_init(struct og_lines *, const char *path, const char *text,
    size_t len, size_t max);

/*
 * Goes on to the next line that says something; text is NULL when there is
 * none left. OG_ERR_SYNTAX or OG_ERR_LIMIT: message says "path:line: …".
 */
enum og_error og_lines_next(struct og_lines *, struct og_message *);

/*
 * Takes the next word, what stands between blanks, off *text. False when
 * there is none left.
 */
bool og_word_next(const char **text, size_t *len, const char **word,
    size_t *word_len);

#endif
