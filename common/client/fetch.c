#include "client/fetch.h"

#include <limits.h>
#include <poll.h>
#include <stdlib.h>

#include "client/ask.h"
#include "client/flight.h"
#include "value/clock.h"

enum og_error
og_fetch_new(struct og_fetch **fetchp, const struct og_config *conf,
    struct og_store *store, const struct og_credentials *credentials,
    struct og_tally *tally, const struct og_log *log)
{
	struct og_fetch *fetch;
	enum og_error error;

	*fetchp = NULL;
	fetch = calloc(1, sizeof(*fetch));
	if (fetch == NULL)
		return OG_ERR_NOMEM;
	fetch->conf = conf;
	fetch->store = store;
	fetch->tally = tally;
	fetch->log = log;
	TAILQ_INIT(&fetch->flights);
	TAILQ_INIT(&fetch->asks);
	error = OG_OK;
	if (conf->base_url == NULL)
		fetch->grounded = OG_STORE;
	else
		error = og_http_new(&fetch->http, conf, credentials, log);
	if (error != OG_OK) {
		free(fetch);
		return error;
	}
	*fetchp = fetch;
	return OG_OK;
}

void
og_fetch_free(struct og_fetch *fetch)
{
	if (fetch == NULL)
		return;
	/* First of all: no callback may find a freed flight. */
	og_http_free(fetch->http);
	og_asks_free(fetch);
	og_flights_free(fetch);
	free(fetch);
}

int
og_fetch_fd(const struct og_fetch *fetch)
{
	return fetch->http != NULL ? og_http_fd(fetch->http) : -1;
}

bool
og_fetch_idle(const struct og_fetch *fetch)
{
	return TAILQ_EMPTY(&fetch->asks) && TAILQ_EMPTY(&fetch->flights);
}

void
og_fetch_run(struct og_fetch *fetch)
{
	if (fetch->http != NULL)
		og_http_run(fetch->http);
	og_flights_run(fetch, og_clock_mono());
	og_asks_finish(fetch);
}

int
og_fetch_timeout(const struct og_fetch *fetch)
{
	int64_t wake, other, wait;
	int http;

	wake = og_flights_wake(fetch);
	other = og_asks_wake(fetch);
	if (other < wake)
		wake = other;
	http = fetch->http != NULL ? og_http_timeout(fetch->http) : -1;
	if (wake == OG_NEVER)
		return http;
	wait = wake - og_clock_mono();
	if (wait < 0)
		wait = 0;
	if (wait > INT_MAX)
		wait = INT_MAX;
	return http >= 0 && http < wait ? http : (int)wait;
}

void
og_fetch_wait(struct og_fetch *fetch, const bool *finished)
{
	struct pollfd pfd;

	while (!*finished) {
		pfd.fd = og_fetch_fd(fetch);
		pfd.events = POLLIN;
		pfd.revents = 0;
		(void)poll(&pfd, 1, og_fetch_timeout(fetch));
		og_fetch_run(fetch);
	}
}
