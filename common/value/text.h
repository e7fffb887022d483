/*
 * Small questions about text that every layer asks the same way.
 */
#ifndef OG_VALUE_TEXT_H
#define OG_VALUE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes of the well-formed UTF-8 character (RFC 3629: no overlong form, no
 * surrogate, nothing above U+10FFFF) at the start of text, 0 when there is
 * none. A NUL byte counts as a character of 1.
 */
size_t og_utf8_length(const char *text, size_t len);

/* The same for a character that may be shown: 0 for a control character
 * too (C0, DEL, C1), the tab and NUL among them. */
size_t og_print_length(const char *text, size_t len);

/* The same for a character that leaves the rest of its line as it is: 0 for
 * those that set the direction of writing, and for line separators, too. */
size_t og_plain_length(const char *text, size_t len);

/* ASCII letters only, whatever the locale; in place. */
void og_fold(char *text);

/* ASCII case folding, nothing else folded. */
bool og_equal_folded(const char *, const char *);

/*
 * Copies src[0..len) and terminates it. False, and dst empty, when it does
 * not fit or holds a NUL byte. size is at least 1.
 */
bool og_copy(char *dst, size_t size, const char *src, size_t len);

/*
 * What looks like a key of OpenAI's becomes "sk-*", in place: people paste it
 * into the wrong line, servers quote it back at us, and its first characters
 * are no text for a log either.
 */
void og_hide_keys(char *text);

/* FNV-1a, 64 bits (RFC 9923), continued from seed: a check against damage,
 * not against an attacker. */
#define OG_FNV_START UINT64_C(0xcbf29ce484222325)
uint64_t og_fnv1a(uint64_t seed, const void *data, size_t len);

#endif
