/*
 * A flight: one fetch, shared by everybody who waits for it. Private to the
 * fetcher (ask.c plans who needs which, flight*.c fly).
 *
 * Life of a flight (flight_step.c):
 *
 *	LOCK	somebody else may be fetching the same: try his lock, look whether
 *		the store has the answer meanwhile; past half the time, go on alone
 *	PACE	wait for our own pace and for the back-off to end, or give up
 *	SENT	one HTTP request is under way; a walk comes back to PACE, and so do
 *		addresses that were not in it, or in one that was refused
 *
 * and at the end every waiter lands, once.
 */
#ifndef OG_CLIENT_FLIGHT_H
#define OG_CLIENT_FLIGHT_H

#include <sys/queue.h>

#include "client/fetch.h"
#include "io/store_write.h"
#include "meaning/api.h"

#define OG_NEVER INT64_MAX

enum og_flight_kind {
	OG_FLIGHT_LIST,		/* a list of og_list_pages or fewer; of a longer
				   one so much */
	OG_FLIGHT_WALK,		/* a list, however long */
	OG_FLIGHT_EMAILS,	/* users by address, up to OG_API_EMAILS_MAX at once */
	OG_FLIGHT_ROW		/* one row by id */
};

enum og_landing {
	OG_LANDED,		/* the answer is in waiter->answer */
	OG_LANDED_PARTIAL,	/* the list was not read whole, the subject not seen */
	OG_LANDED_IGNORED	/* the emails[] filter was ignored */
};

struct og_flight;

/* Embedded in what waits. */
struct og_waiter {
	TAILQ_ENTRY(og_waiter) next;
	struct og_flight *flight;	/* NULL: waits for none */
	struct og_query query;		/* what it wants to know */
	bool background;		/* nobody at the door */
	bool has_stale;			/* a failure need not be retried */
	struct og_fact answer;		/* record collects matches on the way */
	unsigned int matches;
	void (*land)(struct og_waiter *, enum og_landing);
	void *owner;
};

TAILQ_HEAD(og_waiters, og_waiter);

enum og_phase {
	OG_PHASE_LOCK,
	OG_PHASE_PACE,
	OG_PHASE_SENT
};

struct og_flight {
	TAILQ_ENTRY(og_flight) next;
	struct og_fetch *fetch;
	enum og_flight_kind kind;
	enum og_phase phase;
	struct og_query query;		/* names the lock; a list, or the subject */
	struct og_query path;		/* of OG_FLIGHT_ROW: by id */
	struct og_waiters waiters;
	int64_t deadline;		/* the last waiter's; monotonic ms */
	int64_t alone_at;		/* waits for the lock no longer; monotonic ms */
	int64_t wake;			/* monotonic ms; OG_NEVER while SENT */
	int lock;			/* -1: none */
	bool waited;			/* somebody else held the lock */
	int64_t seen_at;		/* fetched_at of the list last looked through */
	int64_t sent_at;		/* wall seconds; what the answer is dated */
	int64_t sent_boot_ms;		/* the same, by og_clock_boot */
	uint64_t flushes;		/* the store's, then */
	enum og_reason failure;		/* the last; 0: none so far */
	int64_t age;			/* seconds by which both lie before that */
	/* a list under way */
	struct og_list_writer *writer;	/* NULL: not being kept */
	char cursor[OG_API_CURSOR_MAX + 1];
	struct og_circle circle;
	unsigned int pages;
	/* addresses under way */
	char email[OG_API_EMAILS_MAX][OG_EMAIL_MAX + 1];
	size_t email_count;
	size_t email_max;		/* of the next request: half after one that
					   was refused, twice after an answer */
	size_t refused;			/* the first of them that a refused request
					   asked for; 0: none */
};

TAILQ_HEAD(og_flights, og_flight);
TAILQ_HEAD(og_asks, og_ask);

struct og_fetch {
	const struct og_config *conf;
	struct og_store *store;
	const struct og_log *log;
	struct og_http *http;		/* NULL: the API is never asked */
	enum og_reason grounded;	/* why not */
	struct og_flights flights;
	struct og_asks asks;
	int64_t quiet_until;		/* no background refresh before; monotonic ms */
	struct og_tally *tally;		/* NULL: nobody counts */
};

/*
 * Joins the flight that will answer waiter->query, or starts one. `path` is
 * for OG_FLIGHT_ROW, else NULL. The waiter lands later, from
 * og_flights_run, or never when OG_ERR_NOMEM is returned.
 */
enum og_error og_flight_join(struct og_fetch *, struct og_waiter *,
    enum og_flight_kind, const struct og_query *path, int64_t deadline_ms);

/* The waiter waits no longer; it does not land. */
void og_flight_leave(struct og_waiter *);

/* Steps every flight whose time has come. */
void og_flights_run(struct og_fetch *, int64_t now_ms);

int64_t og_flights_wake(const struct og_fetch *);	/* monotonic ms or OG_NEVER */

/* Without landing anybody; only when no HTTP callback can come any more. */
void og_flights_free(struct og_fetch *);

/* ---- between flight.c (life), flight_step.c (LOCK, PACE, sending) and
 * flight_answer.c (what came back) ---- */

/* LOCK or PACE, once; the flight may be gone afterwards. */
void og_flight_step(struct og_flight *, int64_t now_ms);

/* Reads the HTTP answer into waiters and store. */
void og_flight_take(struct og_flight *, struct og_answer *);

/* Ends: everybody still waiting lands so, and the flight is freed. */
void og_flight_end(struct og_flight *, enum og_landing);

/* Ends: everybody still waiting lands with that failure. */
void og_flight_end_failed(struct og_flight *, enum og_reason);

/* Ends, no further answer being had: with what has come of a list so far, else
 * with that failure. */
void og_flight_give_up(struct og_flight *, enum og_reason);

/* Ends with OG_FACT_FAILED, or comes back to PACE when a retry has a chance. */
void og_flight_fail(struct og_flight *, enum og_reason, int64_t retry_after_ms);

/* One waiter lands with `state`; it may join another flight meanwhile. */
void og_flight_land(struct og_waiter *, enum og_landing);

enum og_endpoint og_flight_endpoint(const struct og_flight *);

/* A cache on the way had kept the answer for so many seconds: it is dated when
 * the API gave it. The oldest page dates a list. */
void og_flight_grow_old(struct og_flight *, int64_t age);

#endif
