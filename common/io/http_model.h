/*
 * The options that every request has in common, as one handle of libcurl of
 * which each transfer's is a copy. Private to http*.c, and the one place where
 * libcurl comes in.
 */
#ifndef OG_IO_HTTP_MODEL_H
#define OG_IO_HTTP_MODEL_H

#include <curl/curl.h>
#include <stdbool.h>

#include "io/load.h"
#include "meaning/config.h"
#include "value/error.h"
#include "value/log.h"

/* Must not move while it or a copy of easy is in use. */
struct og_http_model {
	CURL *easy;			/* lacks what a copy is given */
	struct curl_slist *headers;	/* shared by all copies; holds the key */
	const struct og_credentials *credentials;	/* borrowed */
	bool cleartext;			/* http, to a loopback address */
	const struct og_config *conf;
	const struct og_log *log;
};

/* Errors as og_http_new's; logged. Freeing is needed on error too. */
enum og_error og_http_model_init(struct og_http_model *,
    const struct og_config *, const struct og_credentials *,
    const struct og_log *);

/* The caller's, with all options; NULL: out of memory. */
CURL *og_http_model_copy(const struct og_http_model *);

/* After every copy of easy. Wipes its copy of the key; zeroed is fine. */
void og_http_model_free(struct og_http_model *);

#endif
