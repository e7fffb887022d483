/*
 * The store: facts on disk, one immutable file per answer.
 *
 *	DIR/lists/<SHA-256 of the list's query>		a complete or partial list: cdb
 *	DIR/singles/<SHA-256 of the query>		one fact
 *	DIR/pace, DIR/locks/				see pace.h, lock.h
 *	DIR/counters					see tally_file.h
 *	DIR/swept, DIR/flushed				see store_write.h
 *
 * This header is the reader. It opens files read-only and reads: no lock, no
 * slot, nothing that a stopped reader could hold, since in sudo and su the
 * caller owns the process. store_write.h writes.
 *
 * It is a cache: whatever is wrong with a file (owner, mode, size, checksum,
 * schema, another organization's fingerprint, another query than its name
 * says, a time in the future) makes it a miss, logged with its path, never a
 * wrong answer. Before a list may say "not there", its checksum over the
 * whole file is verified.
 */
#ifndef OG_IO_STORE_H
#define OG_IO_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "meaning/config.h"
#include "value/error.h"
#include "value/fact.h"
#include "value/log.h"

struct og_store;

/*
 * Opens the store of conf's organization and endpoint (without a base_url:
 * of the organization, whatever endpoint its facts came from) below
 * `directory`, which exists: owned by root or `owner`, not writable by group or others,
 * parents likewise. OG_ERR_MISSING, OG_ERR_UNSAFE, OG_ERR_SYSTEM (no
 * permission, no descriptor), OG_ERR_NOMEM. `log` is borrowed and must
 * outlive the store.
 */
enum og_error og_store_open(struct og_store **, const char *directory,
    uid_t owner, const struct og_config *conf, const struct og_log *log,
    struct og_message *);
void og_store_free(struct og_store *);		/* NULL is fine */

/*
 * For a host that asks many times: from now on lists stay in memory, and a
 * newer file is looked for at most once a second: when `now` is another than
 * at the last look. A file damaged or truncated in place while it is held
 * cannot hurt the host: what is held is a copy, verified once. Only a list
 * over 64 MiB (some 240,000 people) is mapped from its file; whoever cuts
 * such a file instead of replacing it ends the host by SIGBUS.
 */
void og_store_hold(struct og_store *);

/*
 * What the list says about the query's subject: *fact becomes FOUND, ABSENT
 * (only from a complete list), or stays OG_FACT_WANTED: the list is not
 * there, or partial and without the subject. source is OG_SOURCE_STORE.
 * Ages are the caller's affair, except that fetched_at <= now.
 *
 * False: no single answer about the subject is younger. True: one may be, and
 * then the younger one counts.
 */
bool og_store_get_listed(struct og_store *, struct og_fact *fact,
    const struct og_query *query, int64_t now);

/* The same from the single answer. */
void og_store_get_single(struct og_store *, struct og_fact *fact,
    const struct og_query *query, int64_t now);

enum og_list_state {
	OG_LIST_NONE,
	OG_LIST_PARTIAL,	/* the first page of something larger */
	OG_LIST_COMPLETE
};

/* Is there such a list, since when, and how large? `list` is a list query. */
struct og_list_info {
	enum og_list_state state;
	int64_t fetched_at;
	int64_t boot_ms;	/* og_clock_boot at that time */
	uint64_t rows;
};
struct og_list_info og_store_list(struct og_store *,
    const struct og_query *list, int64_t now);

/* Somebody else may just have written: a held store looks at its files again
 * at the next question, not only after a second. Its own writes it sees. */
void og_store_look_again(struct og_store *);

/*
 * For a host that holds and remembers what it has made of the facts: a number
 * that is another one once a list that it has asked about, or any single, may
 * have come, changed or gone, or the clock was set back. Looked for at most
 * once a second.
 */
uint64_t og_store_generation(struct og_store *, int64_t now);

/* When the oldest list in memory was fetched that is younger than `limit`
 * seconds. 0: there is none. */
int64_t og_store_oldest(const struct og_store *, int64_t now, int64_t limit);

#endif
