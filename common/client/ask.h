/*
 * Asks: who wants which facts, and the plan which flight answers each. Private
 * to the fetcher; og_fetch_ask, og_ask_cancel and og_fetch_refresh of fetch.h
 * are here too.
 */
#ifndef OG_CLIENT_ASK_H
#define OG_CLIENT_ASK_H

#include <stdint.h>

#include "client/fetch.h"

/* Calls back every ask that is answered, or whose deadline has passed. */
void og_asks_finish(struct og_fetch *);

/* When og_asks_finish has something to do: monotonic ms, 0 (now), OG_NEVER. */
int64_t og_asks_wake(const struct og_fetch *);

/* Without calling anybody back. */
void og_asks_free(struct og_fetch *);

#endif
