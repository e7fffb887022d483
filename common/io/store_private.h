/*
 * What the files of the store module share; nobody else includes this.
 * Reader: store.c, single.c, held.c. Writer: the others.
 */
#ifndef OG_IO_STORE_PRIVATE_H
#define OG_IO_STORE_PRIVATE_H

#include <sys/stat.h>

#include "io/file.h"
#include "io/list.h"
#include "io/store.h"

/* Inner directories. */
enum og_inner {
	OG_INNER_LISTS,
	OG_INNER_SINGLES,
	OG_INNER_LOCKS,
	OG_INNER_WANTS,
	OG_INNER_SYNC
};
#define OG_INNER_COUNT (OG_INNER_SYNC + 1)

/* Below the store's directory: "singles/" and 64 hexadecimal digits. */
#define OG_STORE_NAME_MAX 80

#define OG_SKEW		2	/* seconds that a writer's clock may be ahead */

struct og_held;

/* generation.c, and held.c for the lists. */
struct og_generation {
	uint64_t number;
	int64_t looked_at;		/* `now` of the last look */
	uint64_t looks;			/* the store's, at that time */
	struct timespec singles;	/* when a single came or went */
	int64_t ahead_ms;		/* the wall clock, of that since the boot */
};

struct og_store {
	int dir;			/* the directory, open */
	char *path;			/* its name, for messages */
	struct og_trust trust;
	const struct og_log *log;	/* borrowed */
	struct og_print print;		/* whose facts we want */
	bool any_endpoint;		/* base_url = none: whoever fetched them */
	bool safe[OG_INNER_COUNT];	/* inner directories seen to be so */
	bool no_sync;
	struct og_held **held;		/* NULL: not holding */
	uint64_t looks;			/* og_store_look_again calls */
	struct og_generation generation;
	int64_t keep;			/* seconds; no fact serves longer */
	uint64_t size;			/* bytes of all files */
};

const char *og_inner_word(enum og_inner);

/* "singles/<SHA-256 of text>". */
void og_store_name(char name[OG_STORE_NAME_MAX], enum og_inner,
    const char *text);

/* A line about a file of the store, with its whole path. errno survives. */
void og_store_say(const struct og_store *, int level, const char *name,
    const char *what);

/* False, and said: somebody else may write there. Not there is fine. */
bool og_store_inner_safe(struct og_store *, enum og_inner);

/*
 * Opens a file of ours for reading, checked by its descriptor.
 * OG_ERR_MISSING is silent; OG_ERR_UNSAFE and OG_ERR_SYSTEM are logged.
 */
enum og_error og_store_open_file(struct og_store *, enum og_inner,
    const char *name, int *fd, struct stat *);

/* *fact is the query's, and nothing is known yet. */
void og_store_wanted(struct og_fact *, const struct og_query *);

/* Opens the list of a list query for one question, and closes it: list->fd is
 * the list's own here. False: there is none that can be used. */
bool og_store_open_list(struct og_store *, struct og_list *,
    char name[OG_STORE_NAME_MAX], const struct og_query *, int64_t now);
void og_store_close_list(struct og_list *);

/* FOUND or ABSENT, from the store; fetched_at as og_store_date has it. */
void og_store_answered(struct og_fact *, enum og_fact_state,
    int64_t fetched_at);

/* The record is the subject's own, not merely filed under it. */
bool og_store_is_subject(const struct og_record *, const struct og_query *);

/* NULL, or why facts of that origin, or of that time, are not for us. */
const char *og_store_foreign(const struct og_store *, const struct og_print *);
const char *og_store_untimely(int64_t fetched_at, int64_t now);

/*
 * When it was fetched by a clock that shows `now`, never later than it was.
 * The wall clock may have been set back since; the clock since the boot has
 * not: a fact of this boot is exactly as old as that one says, and a fact of
 * an earlier boot at least so old (it is older than the whole of this one).
 */
int64_t og_store_date(int64_t fetched_at, int64_t boot_ms, int64_t now);
#define OG_TROUBLE_QUERY "speaks of something else than its name says; not used"

/*
 * A single's file: magic, print, og_clock_boot when it was fetched, fact as
 * value/wire.h writes it, checksum. Decode returns NULL, or what is wrong with
 * the bytes.
 */
#define OG_SINGLE_MAX 1200
struct og_single_head {
	struct og_print print;
	int64_t boot_ms;
};
enum og_error og_single_encode(struct og_buffer *,
    const struct og_single_head *, const struct og_fact *);
const char *og_single_decode(struct og_fact *, struct og_single_head *,
    const void *data, size_t len);

/* The bytes of a single's file. *len is at most OG_SINGLE_MAX. */
enum og_error og_single_load(struct og_store *, const char *name,
    unsigned char data[OG_SINGLE_MAX], size_t *len);

/* held.c: the list in memory; NULL: there is none to be used. Borrowed. */
struct og_list *og_held_get(struct og_store *, const struct og_query *,
    int64_t now);
void og_held_free(struct og_held **);

/* Looks for newer files of all lists in memory. */
void og_held_look(struct og_store *, int64_t now);

/*
 * store_write.c: a file written beside its name. Its mode lets read who may
 * read the store's directory. fd is -1 when there is none.
 */
struct og_temp {
	int fd;
	char name[OG_STORE_NAME_MAX];
};
enum og_error og_temp_open(struct og_store *, enum og_inner, struct og_temp *);
enum og_error og_temp_commit(struct og_store *, enum og_inner,
    struct og_temp *, const char *name);
/* An answer of the API. OG_ERR_MISSING: there has been a flush since `flushes`,
 * and nothing is kept. */
enum og_error og_temp_commit_answer(struct og_store *, enum og_inner,
    struct og_temp *, const char *name, uint64_t flushes);
void og_temp_abort(struct og_store *, struct og_temp *);

/* Makes an inner directory, as reachable as the store's own. There: fine. */
enum og_error og_inner_create(int dir, enum og_inner);

/* Says which inner directories must not be trusted, before the log is silenced
 * for what is in them. */
void og_store_say_unsafe(struct og_store *);

/* Calls each with every name in the inner directory ("singles/…") and its
 * lstat, until it returns an error. OG_ERR_UNSAFE: it is not looked at.
 * OG_ERR_SYSTEM, with errno: nor are some of its names. */
enum og_error og_inner_scan(struct og_store *, enum og_inner,
    enum og_error (*each)(void *arg, enum og_inner, const char *name,
    const struct stat *), void *arg);

/* 64 hexadecimal digits behind the slash: a name that og_store_name makes. */
bool og_store_name_valid(const char *name);

#endif
