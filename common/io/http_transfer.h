/*
 * One request and what has come back of it so far: a handle of libcurl, the
 * buffers that its callbacks fill, and the reply in the end. Private to
 * http*.c.
 */
#ifndef OG_IO_HTTP_TRANSFER_H
#define OG_IO_HTTP_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "io/http_head.h"
#include "io/http_model.h"
#include "meaning/api.h"
#include "value/buffer.h"
#include "value/error.h"

#define OG_HTTP_DETAIL_MAX	256	/* CURL_ERROR_SIZE */

struct og_transfer {
	TAILQ_ENTRY(og_transfer) next;
	CURL *easy;		/* its private pointer leads here */
	void (*done)(void *arg, const struct og_reply *);
	void *arg;
	int64_t deadline_ms;	/* monotonic */
	bool answered;		/* done was called before libcurl was through */
	struct og_buffer body;
	struct og_http_head head;
	size_t head_len;
	long status;
	enum og_error error;	/* of a callback that refused, or of the end */
	char trouble[OG_HTTP_DETAIL_MAX];	/* in libcurl's words */
	char detail[OG_HTTP_DETAIL_MAX];	/* cleaned */
};
TAILQ_HEAD(og_transfers, og_transfer);

/* A GET of base_url + path that libcurl is to end after so many
 * milliseconds, more than 0. OG_ERR_NOMEM. */
enum og_error og_transfer_new(struct og_transfer **,
    const struct og_http_model *, const char *path, int timeout_ms);

/* Not while easy is in a multi handle. */
void og_transfer_free(struct og_transfer *);

/* It has ended: by libcurl's word (a CURLcode), or by ours. */
void og_transfer_end(struct og_transfer *, int curl_code);
void og_transfer_fail(struct og_transfer *, enum og_error, const char *detail);

/* Calls back. */
void og_transfer_reply(struct og_transfer *);

#endif
