/*
 * Fetching facts: the request plan, single flight within
 * this process and between processes, pace, back-off and retries. Everything
 * fetched goes into the store, and from there or from here to whoever asked.
 *
 * One event API for every host: watch og_fetch_fd and one timer, call
 * og_fetch_run. Blocking is a loop over it (og_fetch_wait).
 */
#ifndef OG_CLIENT_FETCH_H
#define OG_CLIENT_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "io/http.h"
#include "io/store.h"
#include "meaning/config.h"
#include "meaning/policy.h"
#include "value/log.h"
#include "value/tally.h"

struct og_fetch;
struct og_ask;

/*
 * conf, store (NULL: none; nothing is shared or remembered), credentials,
 * tally (NULL: nobody counts) and log are borrowed. A conf without base_url
 * makes every ask fail as OG_STORE, without a request.
 */
enum og_error og_fetch_new(struct og_fetch **, const struct og_config *,
    struct og_store *, const struct og_credentials *, struct og_tally *,
    const struct og_log *);
void og_fetch_free(struct og_fetch *);		/* NULL is fine; calls nobody back */

int og_fetch_fd(const struct og_fetch *);
int og_fetch_timeout(const struct og_fetch *);	/* milliseconds; -1: none */
void og_fetch_run(struct og_fetch *);

/*
 * Asks for every OG_FACT_WANTED fact of `wanted` (copied). done is called
 * once, from og_fetch_run, by the monotonic deadline (milliseconds), with one
 * FOUND, ABSENT or FAILED answer for each; they are borrowed for the call.
 * After it the ask is gone. NULL: out of memory, done will not come.
 */
struct og_ask *og_fetch_ask(struct og_fetch *, const struct og_facts *wanted,
    int64_t deadline_ms,
    void (*done)(void *arg, const struct og_fact *answer, size_t count),
    void *arg);

/* The asker is gone: done will not be called; what was begun goes on and
 * fills the store. */
void og_ask_cancel(struct og_ask *);

/* Refreshes in the background, nobody waiting, leaving half of the pace to
 * interactive checks; nothing when that query is being fetched already. */
void og_fetch_refresh(struct og_fetch *, const struct og_query *,
    int64_t deadline_ms);

/* Nothing is being fetched. */
bool og_fetch_idle(const struct og_fetch *);

/* og_fetch_run until the ask that `finished` speaks of is done. */
void og_fetch_wait(struct og_fetch *, const bool *finished);

#endif
