/*
 * HTTPS GET with libcurl's multi interface over an epoll descriptor of its
 * own. A host watches one descriptor and one timer:
 *
 *	poll og_http_fd for reading, at most og_http_timeout milliseconds,
 *	then call og_http_run
 *
 * A transfer's callback is called exactly once, from og_http_run, never from
 * og_http_get, and by the deadline, give or take 50 ms; it may start another
 * transfer. og_http_free drops transfers without calling back. A running
 * transfer is never removed: who loses interest ignores the callback (libcurl
 * 7.88.0 to 8.1.2 close a connecting descriptor too early on removal).
 *
 * Only https (TLS 1.2 or later), or http to a loopback address and then
 * through no proxy; over HTTP/1 one question a connection, so that no answer
 * is taken for another's; no redirect is followed; no environment variable,
 * proxy or netrc is used but what the options name. Two things libcurl and
 * OpenSSL take from the environment all the same, SSLKEYLOGFILE and
 * OPENSSL_CONF: a program whose environment may be another's clears it first.
 */
#ifndef OG_IO_HTTP_H
#define OG_IO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/load.h"
#include "meaning/api.h"
#include "meaning/config.h"
#include "value/error.h"
#include "value/log.h"

struct og_http;

/*
 * base_url, organization and proxy are read from conf. conf, credentials
 * (io/load.h) and log are borrowed until og_http_free, but for the key: it is
 * copied, and may be freed. libcurl wipes the memory that it frees, from the
 * first og_http_new of a process on.
 *
 * Errors, logged: OG_ERR_SYNTAX (a key or organization that cannot stand in a
 * header); OG_ERR_SYSTEM; OG_ERR_NOMEM. What the credentials' certificates
 * are good for is judged by the first handshake.
 */
enum og_error og_http_new(struct og_http **, const struct og_config *conf,
    const struct og_credentials *, const struct og_log *log);
void og_http_free(struct og_http *);	/* NULL is fine; not from a callback */

int og_http_fd(const struct og_http *);

/* Milliseconds until og_http_run must be called; -1: only when fd is ready. */
int og_http_timeout(const struct og_http *);

void og_http_run(struct og_http *);

/*
 * Starts a GET of base_url + path, which must end by the monotonic deadline
 * (milliseconds). The reply is borrowed for the time of the callback. An
 * error return means that the callback will not come: OG_ERR_TIMEOUT (the
 * deadline has passed), OG_ERR_NOMEM, OG_ERR_SYSTEM.
 *
 * The reply's error is OG_OK whatever the status; OG_ERR_TIMEOUT;
 * OG_ERR_NETWORK (DNS, TCP, TLS, a proxy's refusal); OG_ERR_LIMIT (a body over
 * OG_API_BODY_MAX or a header over 64 KiB); OG_ERR_PROTOCOL (a body cut short,
 * no HTTP, an age that cannot be told: io/http_head.h); OG_ERR_NOMEM. detail
 * then says more.
 */
enum og_error og_http_get(struct og_http *, const char *path,
    int64_t deadline_ms, void (*done)(void *arg, const struct og_reply *),
    void *arg);

/* og_http_run until the callback that `finished` speaks of has come. */
void og_http_wait(struct og_http *, const bool *finished);

/* Transfers whose callback is still to come. */
size_t og_http_pending(const struct og_http *);

#endif
