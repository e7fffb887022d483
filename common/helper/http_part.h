/*
 * The helper's HTTP client is a shared object of its own, openai-gate-http.so
 * beside the helper, and loaded when the first request is to be sent. Of 200
 * people who log in at once, 199 helpers only wait for one's answer, and
 * libcurl with the thirty libraries behind it takes longer to load than all
 * else they do.
 *
 * What stands in it is io/http*.c and one table: as much of io/http.h as the
 * helper calls.
 */
#ifndef OG_HELPER_HTTP_PART_H
#define OG_HELPER_HTTP_PART_H

#include "io/http.h"

/* Functions as io/http.h has them, by the same names. */
struct og_http_part {
	const char *headers;	/* which ours it was built with: OG_HEADERS */
	enum og_error (*make)(struct og_http **, const struct og_config *,
	    const struct og_credentials *, const struct og_log *);
	void (*free)(struct og_http *);
	int (*fd)(const struct og_http *);
	int (*timeout)(const struct og_http *);
	void (*run)(struct og_http *);
	enum og_error (*get)(struct og_http *, const char *path,
	    int64_t deadline_ms,
	    void (*done)(void *arg, const struct og_reply *), void *arg);
};

/* The one symbol of openai-gate-http.so. */
extern const struct og_http_part og_http_part;
#define OG_HTTP_PART	"og_http_part"

#endif
