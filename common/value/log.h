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

#endif
