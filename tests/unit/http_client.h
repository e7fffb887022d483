/* What the tests of the HTTP client share: a client, and waiting for it. */
#ifndef OG_TESTS_UNIT_HTTP_CLIENT_H
#define OG_TESTS_UNIT_HTTP_CLIENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>

#include "io/http.h"
#include "value/clock.h"
#include "value/error.h"

/* Longer than anything here takes when it works. */
#define PATIENCE_MS	10000

/* The latest line logged, and the reply to one request. */
struct client {
	struct og_http *http;
	struct og_config conf;
	struct og_credentials credentials;
	struct og_log log;
	char base_url[128];
	char line[OG_LOG_MAX];
};

struct outcome {
	int calls;
	enum og_error error;
	long status;
	size_t len;
	char body[8192];
	int64_t retry_after_ms;
	int64_t date;
	int64_t age;
	char detail[512];
	char request_id[128];
};

static inline void
client_emit(void *arg, int level, const char *line)
{
	struct client *client;

	(void)level;
	client = arg;
	snprintf(client->line, sizeof(client->line), "%s", line);
}

static inline void
client_key(struct client *client, const char *key)
{
	og_buffer_reset(&client->credentials.key);
	assert_int_equal(og_buffer_add(&client->credentials.key, key,
	    strlen(key)), OG_OK);
}

static inline void
client_init(struct client *client, const char *scheme, int port)
{
	memset(client, 0, sizeof(*client));
	snprintf(client->base_url, sizeof(client->base_url),
	    "%s://127.0.0.1:%d", scheme, port);
	client->conf.base_url = client->base_url;
	og_credentials_init(&client->credentials);
	client_key(client, "sk-test");
	client->log.emit = client_emit;
	client->log.arg = client;
	client->log.max_level = 7;
}

static inline void
client_open(struct client *client)
{
	assert_int_equal(og_http_new(&client->http, &client->conf,
	    &client->credentials, &client->log), OG_OK);
}

static inline void
client_close(struct client *client)
{
	og_http_free(client->http);
	og_credentials_free(&client->credentials);
}

static inline void
take_outcome(void *arg, const struct og_reply *reply)
{
	struct outcome *outcome;

	outcome = arg;
	outcome->calls++;
	outcome->error = reply->error;
	outcome->status = reply->status;
	outcome->len = reply->len;
	if (reply->len < sizeof(outcome->body))
		memcpy(outcome->body, reply->body, reply->len);
	outcome->retry_after_ms = reply->retry_after_ms;
	outcome->date = reply->date;
	outcome->age = reply->age;
	snprintf(outcome->detail, sizeof(outcome->detail), "%s",
	    reply->detail);
	snprintf(outcome->request_id, sizeof(outcome->request_id), "%s",
	    reply->request_id);
}

static inline void
client_get(struct client *client, const char *path, int ms,
    struct outcome *outcome)
{
	memset(outcome, 0, sizeof(*outcome));
	assert_int_equal(og_http_get(client->http, path,
	    og_clock_mono() + ms, take_outcome, outcome), OG_OK);
	assert_int_equal(outcome->calls, 0);
}

/* As a host does it: one descriptor, one timer. */
static inline void
client_step(struct client *client, int at_most_ms)
{
	struct pollfd poller;
	int timeout;

	poller.fd = og_http_fd(client->http);
	poller.events = POLLIN;
	timeout = og_http_timeout(client->http);
	if (timeout < 0 || timeout > at_most_ms)
		timeout = at_most_ms;
	poll(&poller, 1, timeout);
	og_http_run(client->http);
}

static inline void
client_wait(struct client *client, const struct outcome *outcome)
{
	int64_t end;

	end = og_clock_mono() + PATIENCE_MS;
	while (outcome->calls == 0 && og_clock_mono() < end)
		client_step(client, PATIENCE_MS);
	assert_int_equal(outcome->calls, 1);
}

/* One request from start to end. */
static inline void
client_ask(struct client *client, const char *path, int ms,
    struct outcome *outcome)
{
	client_get(client, path, ms, outcome);
	client_wait(client, outcome);
}

#endif
