/*
 * The wanted facts of a check, asked of the helper (openai-gate-fetch):
 *
 *	openai-gate-fetch 1 CONF MILLISECONDS QUERY...
 *
 * in og_query_text's spelling, each validated again there; back comes
 *
 *	"OGFR" | version, 32 bits | length of what follows, 32 bits | facts
 *
 * as value/wire.h writes them, each echoing its query, one for each query
 * asked, in their order. Anything else is OG_ERR_CORRUPT.
 */
#ifndef OG_CLIENT_REMOTE_H
#define OG_CLIENT_REMOTE_H

#include "meaning/policy.h"
#include "value/buffer.h"
#include "value/error.h"

#define OG_REMOTE_VERSION 1
#define OG_REMOTE_QUERIES_MAX 48	/* 48 * OG_WIRE_FACT_MAX fits the reply */

/*
 * Asks `helper` for every OG_FACT_WANTED fact of `facts` (at most
 * OG_REMOTE_QUERIES_MAX of them) and writes the answers to
 * answer[0..*count); `answer` has room for facts->count.
 */
enum og_error og_remote_fetch(struct og_fact *answer, size_t *count,
    const struct og_facts *facts, const char *helper, const char *conf_path,
    int64_t deadline_ms, struct og_message *);

/* The helper's half: the reply to write. */
enum og_error og_remote_reply(struct og_buffer *, const struct og_fact *,
    size_t count);

#endif
