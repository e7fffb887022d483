/*
 * HTTPS GET with libcurl's multi interface over an epoll descriptor of its
 * own. A host watches one descriptor and one timer:
 *
 *	poll og_http_fd for reading, at most og_http_timeout milliseconds,
 *	then call og_http_run
 *
 * A transfer's callback is called exactly once, from og_http_run, never from
 * og_http_get; it may start another transfer. og_http_free drops transfers
 * without calling back. A running transfer is never removed: who loses
 * interest ignores the callback (libcurl 7.88.0 to 8.1.2 close a connecting
 * descriptor too early on removal).
 *
 * Only https, or http to a loopback address; no redirect is followed; no
 * environment variable, proxy or netrc is used but what the options name.
 */
#ifndef OG_IO_HTTP_H
#define OG_IO_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "meaning/api.h"
#include "meaning/config.h"
#include "value/error.h"
#include "value/log.h"

struct og_http;

/*
 * base_url, organization, ca_file, client_cert, client_key and proxy are read
 * from conf, which is borrowed, as are key (a secret, wiped by its owner
 * after og_http_free) and log. OG_ERR_SYSTEM or OG_ERR_NOMEM.
 */
enum og_error og_http_new(struct og_http **, const struct og_config *conf,
    const char *key, const struct og_log *log);
void og_http_free(struct og_http *);		/* NULL is fine */

int og_http_fd(const struct og_http *);

/* Milliseconds until og_http_run must be called; -1: only when fd is ready. */
int og_http_timeout(const struct og_http *);

void og_http_run(struct og_http *);

/*
 * Starts a GET of base_url + path, which must end by the monotonic deadline
 * (milliseconds). The reply is borrowed for the time of the callback. An
 * error return means that the callback will not come.
 */
enum og_error og_http_get(struct og_http *, const char *path,
    int64_t deadline_ms, void (*done)(void *arg, const struct og_reply *),
    void *arg);

/* Transfers whose callback is still to come. */
size_t og_http_pending(const struct og_http *);

#endif
