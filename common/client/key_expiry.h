/*
 * When our own admin key expires, as far as the directory tells.
 */
#ifndef OG_CLIENT_KEY_EXPIRY_H
#define OG_CLIENT_KEY_EXPIRY_H

#include "io/http.h"
#include "io/store.h"
#include "meaning/config.h"
#include "value/tally.h"

struct og_key_expiry {
	int64_t at;		/* Unix seconds; -1: never; 0: not known */
	struct og_message message;	/* why not known */
};

/*
 * One request, whose answer is waited for, for timeout_ms at most. The pace of
 * the store (NULL: none) is told of it, not asked. What was learned goes into
 * tally (NULL is fine): a key that the API does not show, or may not be asked
 * about, has no time of expiry there; no answer at all changes nothing.
 */
struct og_key_expiry og_key_expiry_ask(const struct og_config *,
    struct og_store *, struct og_http *, const struct og_credentials *,
    struct og_tally *);

#endif
