/*
 * The library logs through its caller's callback; it never opens a log of
 * its own. Levels are syslog(3)'s (LOG_ALERT … LOG_DEBUG). A line is cut at
 * OG_LOG_MAX bytes, and every control character and every byte that is not
 * UTF-8 arrives as \xNN, so that no outside text can forge a line.
 */
#ifndef OG_VALUE_LOG_H
#define OG_VALUE_LOG_H

#include <stddef.h>

#define OG_LOG_MAX 1024

struct og_log {
	void (*emit)(void *arg, int level, const char *line);	/* NULL: silent */
	void *arg;
	int max_level;		/* lines above it (LOG_DEBUG is the highest) are dropped */
};

/* A NULL log is silent. errno survives. */
void og_log(const struct og_log *, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Copies src as it may be shown; always terminates dst. */
void og_log_clean(char *dst, size_t size, const char *src);

/*
 * The values of a decision's line (pam_openai(8), The log), so that outside
 * text cannot pass for a pair of ours. og_log_word is for key=value: blank, =
 * " and \ arrive as \xNN too, and nothing at all as "-". og_log_quoted is for
 * key="value": " and \ arrive behind a \. What does not fit is cut and ends
 * in "...". size is at least 4.
 */
#define OG_LOG_NAME_MAX 68	/* for a name: 64 bytes of it, "..." and NUL */
void og_log_word(char *dst, size_t size, const char *src);
void og_log_quoted(char *dst, size_t size, const char *src);

#endif
