/*
 * A fact as bytes: the one form in which facts lie in the store (one file
 * for each single fact, one value for each row of a list) and come back
 * from the helper. Little-endian, versioned, with a checksum over the query
 * and the record together, so that a record cannot be taken for another
 * subject's.
 */
#ifndef OG_VALUE_WIRE_H
#define OG_VALUE_WIRE_H

#include "value/buffer.h"
#include "value/fact.h"

#define OG_WIRE_FACT_MAX 1024	/* no encoded fact is larger */

/*
 * Appends state, failure, time, query and record of a FOUND, ABSENT or
 * FAILED fact; source and stale are the reader's affair and do not travel.
 * OG_ERR_SYNTAX for what nobody could read back: a WANTED fact, a failure
 * whose verdict speaks of the person (deny, allow, exempt), a query without
 * its subject or container, text that is not UTF-8.
 */
enum og_error og_wire_put_fact(struct og_buffer *, const struct og_fact *);

/*
 * Reads one fact from data[0..len) and sets *used. OG_ERR_CORRUPT: cut
 * short, over a limit, of another version, or damaged; *fact is zeroed.
 */
enum og_error og_wire_get_fact(struct og_fact *fact, const void *data,
    size_t len, size_t *used);

#define OG_WIRE_ROW_MAX	640	/* no encoded row is larger */

/*
 * One row of a list, without its query: the reader knows which key it looked
 * up in which list, and both go into the checksum. `list` is the spelling of
 * the list's query (og_query_text).
 */
enum og_error og_wire_put_row(struct og_buffer *, const char *list,
    const char *key, const struct og_record *);
enum og_error og_wire_get_row(struct og_record *, const char *list,
    const char *key, const void *data, size_t len);

#endif
