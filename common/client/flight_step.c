#include "client/flight.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "client/lookup.h"
#include "io/lock.h"
#include "io/pace.h"
#include "value/clock.h"

/* How often a waiter looks whether the answer or the lock is there: short
 * against a person's patience, long against an HTTPS round trip. */
#define LOCK_POLL_MS	25

/* How soon those who wait for the end of a back-off look again: somebody's
 * request may have ended it. */
#define RETRY_POLL_MS	200

/* More than an answer of the API takes. */
#define NEED_MAX_MS	500

/* What the store has learned since: true when the waiter needs no flight. */
static bool
answered_by_store(struct og_flight *flight, struct og_waiter *waiter,
    int64_t now)
{
	const struct og_config *conf;
	struct og_fact fact;
	enum og_age age;

	conf = flight->fetch->conf;
	age = og_lookup(flight->fetch->store, conf, &waiter->query, now, &fact);
	if (age != OG_AGE_FRESH)
		return false;
	/* A refresh wants better than fresh: see og_fetch_refresh. */
	if (waiter->background && now - fact.fetched_at > conf->ttl / 2)
		return false;
	waiter->answer = fact;
	return true;
}

static bool
is_list(const struct og_flight *flight)
{
	return flight->kind == OG_FLIGHT_LIST || flight->kind == OG_FLIGHT_WALK;
}

/* Lands whoever the store can answer by now. */
static void
settle_from_store(struct og_flight *flight)
{
	struct og_waiter *waiter, *next;
	struct og_list_info list;
	struct og_fetch *fetch;
	int64_t now;

	fetch = flight->fetch;
	if (fetch->store == NULL)
		return;
	now = og_clock_wall();
	og_store_look_again(fetch->store);
	memset(&list, 0, sizeof(list));
	if (is_list(flight)) {
		list = og_store_list(fetch->store, &flight->query, now);
		if (list.state == OG_LIST_NONE ||
		    list.fetched_at == flight->seen_at)
			return;
		flight->seen_at = list.fetched_at;
	}
	for (waiter = TAILQ_FIRST(&flight->waiters); waiter != NULL;
	    waiter = next) {
		next = TAILQ_NEXT(waiter, next);
		if (answered_by_store(flight, waiter, now)) {
			og_tally_shared(fetch->tally);
			og_flight_land(waiter, OG_LANDED);
		} else if (flight->kind == OG_FLIGHT_LIST &&
		    og_list_is_large(fetch->conf, &list, flight->query.kind,
		    now)) {
			og_tally_shared(fetch->tally);
			og_flight_land(waiter, OG_LANDED_PARTIAL);
		}
	}
}

static void
step_lock(struct og_flight *flight, int64_t now_ms)
{
	struct og_store *store;

	store = flight->fetch->store;
	settle_from_store(flight);
	if (TAILQ_EMPTY(&flight->waiters)) {
		og_flight_end(flight, OG_LANDED);
		return;
	}
	switch (store == NULL ? OG_LOCK_NONE :
	    og_lock_try(store, &flight->query, &flight->lock)) {
	case OG_LOCK_BUSY:
		flight->waited = true;
		if (now_ms < flight->alone_at) {
			flight->wake = now_ms + LOCK_POLL_MS;
			return;
		}
		break;
	case OG_LOCK_HELD:
		/* Its last holder may have written just before he let go. */
		flight->seen_at = 0;
		settle_from_store(flight);
		if (TAILQ_EMPTY(&flight->waiters)) {
			og_flight_end(flight, OG_LANDED);
			return;
		}
		break;
	case OG_LOCK_NONE:
		break;
	}
	flight->phase = OG_PHASE_PACE;
}

static bool
only_background(const struct og_flight *flight)
{
	const struct og_waiter *waiter;

	TAILQ_FOREACH(waiter, &flight->waiters, next) {
		if (!waiter->background)
			return false;
	}
	return true;
}

static void
add_email(struct og_flight *flight, const char *email)
{
	size_t i;

	for (i = 0; i < flight->email_count; i++) {
		if (strcmp(flight->email[i], email) == 0)
			return;
	}
	if (flight->email_count < flight->email_max)
		memcpy(flight->email[flight->email_count++], email,
		    strlen(email) + 1);
}

/* True: one that is set apart, and so alone. */
static bool
gather_own(struct og_flight *flight)
{
	struct og_waiter *waiter;
	struct og_store *store;
	bool apart;

	store = flight->fetch->store;
	TAILQ_FOREACH(waiter, &flight->waiters, next) {
		apart = store != NULL &&
		    og_wants_is_apart(store, waiter->query.subject);
		if (apart && flight->email_count > 0)
			continue;
		add_email(flight, waiter->query.subject);
		if (apart)
			return true;
	}
	return false;
}

/* Who waits, also in other processes, for one address each. */
static void
gather_emails(struct og_flight *flight)
{
	char (*wanted)[OG_EMAIL_MAX + 1];
	struct og_store *store;
	size_t i, n;

	flight->email_count = 0;
	store = flight->fetch->store;
	if (gather_own(flight) || store == NULL || flight->lock == -1)
		return;
	wanted = calloc(OG_API_EMAILS_MAX, sizeof(*wanted));
	if (wanted == NULL)
		return;
	n = og_wants_list(store, wanted, OG_API_EMAILS_MAX);
	for (i = 0; i < n; i++)
		add_email(flight, wanted[i]);
	free(wanted);
}

static enum og_error
flight_path(struct og_flight *flight, struct og_buffer *path)
{
	const char *email[OG_API_EMAILS_MAX];
	size_t i;

	switch (flight->kind) {
	case OG_FLIGHT_LIST:
	case OG_FLIGHT_WALK:
		return og_api_path(path, &flight->query,
		    flight->cursor[0] != '\0' ? flight->cursor : NULL);
	case OG_FLIGHT_EMAILS:
		/* Else a part of those that it asked for before. */
		if (flight->refused == 0)
			gather_emails(flight);
		for (i = 0; i < flight->email_count; i++)
			email[i] = flight->email[i];
		return og_api_emails_path(path, email, flight->email_count);
	case OG_FLIGHT_ROW:
		return og_api_path(path, &flight->path, NULL);
	}
	return OG_ERR_SYNTAX;
}

static void
arrived(void *arg, const struct og_reply *reply)
{
	struct og_flight *flight;
	struct og_answer answer;

	flight = arg;
	og_flight_grow_old(flight, reply->age);
	og_api_read(&answer, flight->kind == OG_FLIGHT_ROW ? &flight->path :
	    &flight->query, reply);
	og_tally_fetched(flight->fetch->tally, og_flight_endpoint(flight),
	    og_api_outcome(reply, &answer));
	og_flight_take(flight, &answer);
	og_page_free(&answer.page);
}

/* A little before the waiters give up, so that a silent API is still recorded
 * as a failure, and shared, by a helper that ends with its only waiter. */
static int64_t
request_deadline(const struct og_flight *flight)
{
	int64_t left;

	left = flight->deadline - og_clock_mono();
	return flight->deadline - left / 16;
}

static enum og_error
send_request(struct og_flight *flight)
{
	struct og_fetch *fetch;
	struct og_buffer path;
	enum og_error error;

	fetch = flight->fetch;
	if (flight->pages == 0 && fetch->store != NULL)
		flight->flushes = og_store_flushes(fetch->store);
	og_buffer_init(&path, OG_API_PATH_MAX);
	error = flight_path(flight, &path);
	if (error == OG_OK)
		error = og_http_get(fetch->http, path.data,
		    request_deadline(flight), arrived, flight);
	og_buffer_free(&path);
	if (error != OG_OK)
		return error;
	flight->phase = OG_PHASE_SENT;
	flight->wake = OG_NEVER;
	if (flight->pages == 0) {
		flight->sent_at = og_clock_wall();
		flight->sent_boot_ms = og_clock_boot();
		flight->age = 0;
	}
	return OG_OK;
}

/*
 * When the last request may be sent: cut off too early it would count as a
 * failure of the API, and hold up everybody.
 */
static int64_t
last_call(const struct og_flight *flight)
{
	int64_t need;

	need = flight->fetch->conf->timeout_ms / 8;
	return flight->deadline - (need < NEED_MAX_MS ? need : NEED_MAX_MS);
}

/*
 * No request may be sent for `wait` ms. Who has waited for another's fetch
 * shares its failure, or 200 waiters try one after the other.
 */
static void
hold_back(struct og_flight *flight, int64_t now_ms, int64_t wait,
    enum og_reason why)
{
	bool shares;

	shares = flight->waited && flight->pages == 0 &&
	    why != OG_RATE_LIMITED;
	if (shares || only_background(flight) ||
	    now_ms + wait > last_call(flight)) {
		og_flight_give_up(flight, why);
		return;
	}
	if (why != OG_RATE_LIMITED && wait > RETRY_POLL_MS)
		wait = RETRY_POLL_MS;
	flight->wake = now_ms + wait;
	og_tally_waited(flight->fetch->tally, og_flight_endpoint(flight),
	    wait);
}

static void
step_pace(struct og_flight *flight, int64_t now_ms)
{
	struct og_fetch *fetch;
	enum og_reason why;
	enum og_error error;
	unsigned int rpm;
	int64_t wait;

	/* While we waited, alone or for a back-off, others may have asked. */
	if (flight->pages == 0)
		settle_from_store(flight);
	if (TAILQ_EMPTY(&flight->waiters)) {
		og_flight_end(flight, OG_LANDED);
		return;
	}
	if (now_ms > last_call(flight)) {
		/* What went wrong before says more than that time is up. */
		og_flight_give_up(flight, flight->failure != OG_NOT_A_MEMBER ?
		    flight->failure : OG_TIMEOUT);
		return;
	}
	fetch = flight->fetch;
	rpm = fetch->conf->requests_per_minute;
	wait = 0;
	why = OG_RATE_LIMITED;
	if (fetch->store != NULL)
		wait = og_pace_take(fetch->store, og_flight_endpoint(flight),
		    rpm, only_background(flight) ? og_pace_reserve(rpm) : 0,
		    &why);
	if (wait > 0) {
		hold_back(flight, now_ms, wait, why);
		return;
	}
	error = send_request(flight);
	if (error == OG_OK)
		return;
	og_log(fetch->log, LOG_ERR, "cannot send a request: %s",
	    og_strerror(error));
	og_flight_end_failed(flight, og_reason_of(error, OG_NETWORK));
}

void
og_flight_step(struct og_flight *flight, int64_t now_ms)
{
	if (flight->phase == OG_PHASE_LOCK)
		step_lock(flight, now_ms);
	else
		step_pace(flight, now_ms);
}
