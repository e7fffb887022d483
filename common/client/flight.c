#include "client/flight.h"

#include <stdlib.h>
#include <string.h>

#include "io/lock.h"
#include "io/pace.h"
#include "value/clock.h"

enum og_endpoint
og_flight_endpoint(const struct og_flight *flight)
{
	switch (flight->kind) {
	case OG_FLIGHT_LIST:
	case OG_FLIGHT_WALK:
		return og_api_endpoint(&flight->query);
	case OG_FLIGHT_EMAILS:
		return OG_ENDPOINT_USERS;
	case OG_FLIGHT_ROW:
		return og_api_endpoint(&flight->path);
	}
	return OG_ENDPOINT_USERS;
}

void
og_flight_land(struct og_waiter *waiter, enum og_landing landing)
{
	og_flight_leave(waiter);
	waiter->land(waiter, landing);
}

/* Nobody else needs to ask for this address on the waiter's behalf. */
static void
withdraw(const struct og_flight *flight, const struct og_waiter *waiter)
{
	if (flight->kind == OG_FLIGHT_EMAILS && flight->fetch->store != NULL)
		og_wants_remove(flight->fetch->store, waiter->query.subject);
}

void
og_flight_leave(struct og_waiter *waiter)
{
	struct og_flight *flight;

	flight = waiter->flight;
	if (flight == NULL)
		return;
	withdraw(flight, waiter);
	TAILQ_REMOVE(&flight->waiters, waiter, next);
	waiter->flight = NULL;
}

static void
flight_free(struct og_flight *flight)
{
	og_list_abort(flight->writer);
	og_lock_release(flight->lock);
	free(flight);
}

void
og_flight_end(struct og_flight *flight, enum og_landing landing)
{
	struct og_waiters landing_now;
	struct og_waiter *waiter;

	/* Off the list first: who lands may start the same flight again. */
	TAILQ_REMOVE(&flight->fetch->flights, flight, next);
	TAILQ_INIT(&landing_now);
	TAILQ_CONCAT(&landing_now, &flight->waiters, next);
	TAILQ_FOREACH(waiter, &landing_now, next) {
		withdraw(flight, waiter);
		waiter->flight = NULL;
	}
	flight_free(flight);
	while ((waiter = TAILQ_FIRST(&landing_now)) != NULL) {
		TAILQ_REMOVE(&landing_now, waiter, next);
		waiter->land(waiter, landing);
	}
}

void
og_flight_end_failed(struct og_flight *flight, enum og_reason reason)
{
	struct og_waiter *waiter;

	TAILQ_FOREACH(waiter, &flight->waiters, next) {
		waiter->answer.state = OG_FACT_FAILED;
		waiter->answer.failure = reason;
	}
	og_flight_end(flight, OG_LANDED);
}

void
og_flight_grow_old(struct og_flight *flight, int64_t age)
{
	int64_t more;

	more = age - flight->age;
	if (more <= 0)
		return;
	flight->age = age;
	flight->sent_at -= more;
	/* From before the boot: at least as old as this boot is. */
	flight->sent_boot_ms -= more * 1000;
	if (flight->sent_boot_ms < 1)
		flight->sent_boot_ms = 1;
}

static bool
worth_a_retry(enum og_reason reason)
{
	return reason == OG_NETWORK || reason == OG_SERVER_ERROR ||
	    reason == OG_RATE_LIMITED;
}

void
og_flight_fail(struct og_flight *flight, enum og_reason reason,
    int64_t retry_after_ms)
{
	struct og_fetch *fetch;
	struct og_waiter *waiter, *next;

	fetch = flight->fetch;
	flight->failure = reason;
	if (fetch->store != NULL)
		og_pace_fail(fetch->store, og_flight_endpoint(flight), reason,
		    retry_after_ms);
	/* What contradicts itself is all of no use. */
	if (flight->kind == OG_FLIGHT_LIST && flight->pages > 0 &&
	    reason != OG_PROTOCOL) {
		og_flight_give_up(flight, reason);
		return;
	}
	og_list_abort(flight->writer);
	flight->writer = NULL;
	flight->cursor[0] = '\0';
	memset(&flight->circle, 0, sizeof(flight->circle));
	flight->pages = 0;
	/* Without a store there is no back-off to wait for. */
	if (fetch->store == NULL || !worth_a_retry(reason)) {
		og_flight_end_failed(flight, reason);
		return;
	}
	/* Who has a stale answer need not wait for a better one. */
	for (waiter = TAILQ_FIRST(&flight->waiters); waiter != NULL;
	    waiter = next) {
		next = TAILQ_NEXT(waiter, next);
		waiter->matches = 0;
		if (!waiter->has_stale && !waiter->background)
			continue;
		waiter->answer.state = OG_FACT_FAILED;
		waiter->answer.failure = reason;
		og_flight_land(waiter, OG_LANDED);
	}
	flight->phase = OG_PHASE_PACE;
	flight->wake = og_clock_mono();
}

/* The first flight whose time has come; a step may free any of them. */
static struct og_flight *
next_due(struct og_fetch *fetch, int64_t now_ms)
{
	struct og_flight *flight;

	TAILQ_FOREACH(flight, &fetch->flights, next) {
		if (flight->phase != OG_PHASE_SENT && flight->wake <= now_ms)
			return flight;
	}
	return NULL;
}

void
og_flights_run(struct og_fetch *fetch, int64_t now_ms)
{
	struct og_flight *flight;

	while ((flight = next_due(fetch, now_ms)) != NULL)
		og_flight_step(flight, now_ms);
}

int64_t
og_flights_wake(const struct og_fetch *fetch)
{
	const struct og_flight *flight;
	int64_t wake;

	wake = OG_NEVER;
	TAILQ_FOREACH(flight, &fetch->flights, next) {
		if (flight->wake < wake)
			wake = flight->wake;
	}
	return wake;
}

static bool
can_join(const struct og_flight *flight, const struct og_waiter *waiter,
    enum og_flight_kind kind, const struct og_query *query)
{
	const struct og_waiter *other;
	size_t others;

	if (flight->kind != kind || !og_query_equal(&flight->query, query))
		return false;
	/* What was asked before a flush does not answer who comes after it. */
	if (flight->phase == OG_PHASE_SENT && flight->fetch->store != NULL &&
	    flight->flushes != og_store_flushes(flight->fetch->store))
		return false;
	if (kind != OG_FLIGHT_EMAILS)
		return flight->pages == 0;
	others = 0;
	TAILQ_FOREACH(other, &flight->waiters, next) {
		if (strcmp(other->query.subject, waiter->query.subject) == 0)
			return true;
		others++;
	}
	return flight->phase != OG_PHASE_SENT && others < OG_API_EMAILS_MAX;
}

/* What the lock is named after: a list, one row, or every emails[] request. */
static struct og_query
flight_query(const struct og_waiter *waiter, enum og_flight_kind kind)
{
	struct og_query query;

	if (kind == OG_FLIGHT_ROW)
		return waiter->query;
	query = og_query_list(&waiter->query);
	if (kind == OG_FLIGHT_EMAILS) {
		query.subject_kind = OG_SUBJECT_EMAIL;
		memcpy(query.subject, "*", 2);
	}
	return query;
}

enum og_error
og_flight_join(struct og_fetch *fetch, struct og_waiter *waiter,
    enum og_flight_kind kind, const struct og_query *path, int64_t deadline_ms)
{
	struct og_flight *flight;
	struct og_query query;
	int64_t now_ms;

	query = flight_query(waiter, kind);
	TAILQ_FOREACH(flight, &fetch->flights, next) {
		if (can_join(flight, waiter, kind, &query))
			break;
	}
	if (flight == NULL) {
		flight = calloc(1, sizeof(*flight));
		if (flight == NULL)
			return OG_ERR_NOMEM;
		flight->fetch = fetch;
		flight->kind = kind;
		flight->query = query;
		if (path != NULL)
			flight->path = *path;
		flight->lock = -1;
		flight->email_max = OG_API_EMAILS_MAX;
		TAILQ_INIT(&flight->waiters);
		now_ms = og_clock_mono();
		flight->wake = now_ms;
		flight->alone_at = now_ms + (deadline_ms - now_ms) / 2;
		TAILQ_INSERT_TAIL(&fetch->flights, flight, next);
	}
	if (deadline_ms > flight->deadline)
		flight->deadline = deadline_ms;
	waiter->flight = flight;
	waiter->matches = 0;
	memset(&waiter->answer, 0, sizeof(waiter->answer));
	waiter->answer.query = waiter->query;
	TAILQ_INSERT_TAIL(&flight->waiters, waiter, next);
	if (kind == OG_FLIGHT_EMAILS && fetch->store != NULL)
		og_wants_add(fetch->store, waiter->query.subject);
	return OG_OK;
}

void
og_flights_free(struct og_fetch *fetch)
{
	struct og_flight *flight;
	struct og_waiter *waiter;

	while ((flight = TAILQ_FIRST(&fetch->flights)) != NULL) {
		TAILQ_REMOVE(&fetch->flights, flight, next);
		while ((waiter = TAILQ_FIRST(&flight->waiters)) != NULL)
			og_flight_leave(waiter);
		flight_free(flight);
	}
}
