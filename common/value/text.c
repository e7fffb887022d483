#include "value/text.h"

#include <string.h>

size_t
og_utf8_length(const char *text, size_t len)
{
	const unsigned char *p;
	size_t i, n;
	unsigned char low, high;

	if (len == 0)
		return 0;
	p = (const unsigned char *)text;
	if (p[0] < 0x80)
		return 1;
	/* RFC 3629 section 4: the second byte alone depends on the first. */
	low = 0x80;
	high = 0xbf;
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		n = 2;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		n = 3;
		if (p[0] == 0xe0)
			low = 0xa0;
		if (p[0] == 0xed)
			high = 0x9f;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		n = 4;
		if (p[0] == 0xf0)
			low = 0x90;
		if (p[0] == 0xf4)
			high = 0x8f;
	} else {
		return 0;
	}
	if (len < n || p[1] < low || p[1] > high)
		return 0;
	for (i = 2; i < n; i++) {
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	}
	return n;
}

size_t
og_print_length(const char *text, size_t len)
{
	unsigned char c;
	size_t n;

	n = og_utf8_length(text, len);
	if (n == 0)
		return 0;
	c = (unsigned char)text[n - 1];
	if (n == 1 && (c < 0x20 || c == 0x7f))
		return 0;
	/* C1 controls, U+0080 to U+009F: terminals obey them too. */
	if (n == 2 && (unsigned char)text[0] == 0xc2 && c < 0xa0)
		return 0;
	return n;
}

/*
 * What turns or breaks a line where it is shown, so that it says another thing
 * than its bytes: U+061C, U+200E and F, U+2028 to E, U+2066 to 9.
 */
static bool
turns_line(const unsigned char *p, size_t n)
{
	if (n == 2)
		return p[0] == 0xd8 && p[1] == 0x9c;
	if (n != 3 || p[0] != 0xe2)
		return false;
	if (p[1] == 0x80)
		return p[2] == 0x8e || p[2] == 0x8f ||
		    (p[2] >= 0xa8 && p[2] <= 0xae);
	return p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

size_t
og_plain_length(const char *text, size_t len)
{
	size_t n;

	n = og_print_length(text, len);
	return turns_line((const unsigned char *)text, n) ? 0 : n;
}

static char
fold_char(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c;
}

void
og_fold(char *text)
{
	for (; *text != '\0'; text++)
		*text = fold_char(*text);
}

bool
og_equal_folded(const char *a, const char *b)
{
	for (; *a != '\0' && fold_char(*a) == fold_char(*b); a++, b++)
		continue;
	return fold_char(*a) == fold_char(*b);
}

bool
og_copy(char *dst, size_t size, const char *src, size_t len)
{
	dst[0] = '\0';
	if (len >= size || memchr(src, '\0', len) != NULL)
		return false;
	memcpy(dst, src, len);
	dst[len] = '\0';
	return true;
}

void
og_hide_keys(char *text)
{
	static const char word[] = "-_*."
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	static const char *const alnum = word + 4;	/* "risk-" is no key */
	char *at;
	size_t len;

	for (at = text; (at = strstr(at, "sk-")) != NULL; at += 3) {
		len = strspn(at, word);
		if ((at > text && strchr(alnum, at[-1]) != NULL) || len == 3)
			continue;
		at[3] = '*';
		memmove(at + 4, at + len, strlen(at + len) + 1);
	}
}

uint64_t
og_fnv1a(uint64_t seed, const void *data, size_t len)
{
	const unsigned char *p;
	size_t i;

	p = data;
	for (i = 0; i < len; i++)
		seed = (seed ^ p[i]) * UINT64_C(0x100000001b3);
	return seed;
}
