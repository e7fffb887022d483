/*
 * What is kept of an answer's header: when to come back, the id under which
 * the API's own log knows the request (CONTRACT section 3), its clock, and how
 * long a cache on the way has kept the answer. Pure.
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
	int64_t age;			/* of Age, seconds, to OG_API_AGE_MAX; 0: not said */
	int64_t asked_at;		/* of Gate-Asked-At, Unix seconds; 0: not said; -1: garbled */
	char request_id[128];		/* cleaned; may be empty */
	char length[24];		/* of the body, as it was said; "": not */
};

void og_http_head_init(struct og_http_head *);

/*
 * Takes one line, status line included, with or without its CRLF; it need not
 * be terminated. A status line starts anew: what an interim (1xx) answer said
 * is no longer true. `now` is wall time in seconds, for an HTTP-date. False: a
 * status line without a status, which libcurl takes for a 200, or a second
 * Content-Length that differs, of which libcurl takes the last.
 */
bool og_http_head_line(struct og_http_head *, const char *line, size_t len,
    int64_t now);

/*
 * How old the answer is, in seconds, 0 to OG_API_AGE_MAX; -1: somebody says
 * that he has kept it, but not how long, so that it may be of any age.
 *
 * Two headers tell, and their times add up. Age is every cache's (RFC 9111
 * section 5.1), and one that is no number is ignored, as is written there: it
 * may come from anybody on the way. Gate-Asked-At is our gateway's
 * (conf/fleet-gateway.conf): when it asked the API, by its own clock, which
 * Date shows as well, so that no other clock is needed. Without Date, or later
 * than Date (that clock was set back), it says nothing, and a gateway whose
 * answers cannot be dated is not believed.
 */
int64_t og_http_head_age(const struct og_http_head *);

#endif
