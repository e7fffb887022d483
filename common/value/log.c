#include "value/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "value/text.h"

void
og_log_clean(char *dst, size_t size, const char *src)
{
	size_t left, n, used;

	used = 0;
	left = strlen(src);
	while (left > 0) {
		n = og_plain_length(src, left);
		if (used + (n > 0 ? n : 4) + 1 > size)
			break;
		if (n > 0) {
			memcpy(dst + used, src, n);
			used += n;
		} else {
			snprintf(dst + used, 5, "\\x%02x",
			    (unsigned int)(unsigned char)*src);
			used += 4;
			n = 1;
		}
		src += n;
		left -= n;
	}
	if (size > 0)
		dst[used] = '\0';
}

/*
 * The character at the start of src, as it may be shown: the bytes of hidden
 * by their number, as those that may not, and those of quoted behind a
 * backslash. Returns how many bytes of src it took.
 */
static size_t
show(char shown[8], const char *src, const char *hidden, const char *quoted)
{
	size_t n;

	n = og_plain_length(src, strnlen(src, 4));
	if (n == 0 || strchr(hidden, *src) != NULL) {
		snprintf(shown, 8, "\\x%02x",
		    (unsigned int)(unsigned char)*src);
		return 1;
	}
	snprintf(shown, 8, "%s%.*s", strchr(quoted, *src) != NULL ? "\\" : "",
	    (int)n, src);
	return n;
}

static void
escape(char *dst, size_t size, const char *src, const char *hidden,
    const char *quoted)
{
	char shown[8];
	size_t cut, used;

	cut = used = 0;
	while (*src != '\0') {
		src += show(shown, src, hidden, quoted);
		if (used + strlen(shown) + 1 > size) {
			memcpy(dst + cut, "...", 4);
			return;
		}
		memcpy(dst + used, shown, strlen(shown));
		used += strlen(shown);
		if (used + 4 <= size)
			cut = used;
	}
	dst[used] = '\0';
}

void
og_log_word(char *dst, size_t size, const char *src)
{
	escape(dst, size, *src != '\0' ? src : "-", " =\"\\", "");
}

void
og_log_quoted(char *dst, size_t size, const char *src)
{
	escape(dst, size, src, "", "\"\\");
}

void
og_log(const struct og_log *log, int level, const char *fmt, ...)
{
	char raw[OG_LOG_MAX], line[OG_LOG_MAX];
	int saved;
	va_list ap;

	if (log == NULL || log->emit == NULL || level > log->max_level)
		return;
	saved = errno;
	raw[0] = '\0';	/* vsnprintf may fail and leave it alone */
	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	og_log_clean(line, sizeof(line), raw);
	log->emit(log->arg, level, line);
	errno = saved;
}
