/*
 * What is kept of an answer's header: when to come back, the id under which
 * the API's own log knows the request (CONTRACT section 3), and its clock. Pure.
 */
#ifndef OG_IO_HTTP_HEAD_H
#define OG_IO_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct og_http_head {
	int64_t retry_after_ms;		/* -1: not said; else at most OG_API_RETRY_MAX_MS */
	bool in_ms;			/* said by retry-after-ms, which wins */
	int64_t date;			/* when it was written, Unix seconds; 0: not said */
	char request_id[128];		/* cleaned; may be empty */
};

void og_http_head_init(struct og_http_head *);

/*
 * Takes one line, status line included, with or without its CRLF; it need not
 * be terminated. A status line starts anew: what an interim (1xx) answer said
 * is no longer true. `now` is wall time in seconds, for an HTTP-date. False: a
 * status line without a status, which libcurl takes for a 200.
 */
bool og_http_head_line(struct og_http_head *, const char *line, size_t len,
    int64_t now);

#endif
