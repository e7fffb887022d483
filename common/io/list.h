/*
 * The file of a list: a constant database (cdb). Internal to the store; the
 * only module that knows the library, and nothing of directories and names.
 *
 *	0	cdb's table of contents, 2048 bytes
 *	2048	the first record: key "", value the head below, written last
 *	2320	a record for each "i" + id and each "e" + folded address: the row
 *		as value/wire.h writes it; then cdb's hash tables
 *
 * The head ends in two checksums: one over everything behind it, one over
 * the table of contents and itself. A cut file differs in size from what its
 * head says; a row has a checksum of its own. So a row that was found needs
 * the head and itself to be sound, and only "not there" needs the whole file.
 */
#ifndef OG_IO_LIST_H
#define OG_IO_LIST_H

#include "io/store.h"
#include "value/error.h"
#include "value/fact.h"

#define OG_LIST_BODY	2320		/* where the head has ended */
#define OG_LIST_TEXT_MAX 168		/* a list's query and its NUL */
#define OG_LIST_KEY_MAX	(OG_EMAIL_MAX + 2)

/* Up to here a one-shot reader takes the file in one read. */
#define OG_LIST_WHOLE_MAX (96 * 1024)

/* Up to here a held list is a private copy; a larger one is mapped. */
#define OG_LIST_COPY_MAX (64 * 1024 * 1024)

#define OG_PRINT_SIZE	16

/* Whose directory a file speaks of: the starts of two SHA-256. */
struct og_print {
	unsigned char endpoint[OG_PRINT_SIZE];
	unsigned char organization[OG_PRINT_SIZE];
};

struct og_list_head {
	char query[OG_LIST_TEXT_MAX];
	struct og_print print;
	int64_t fetched_at;
	int64_t boot_ms;	/* og_clock_boot at that time */
	enum og_list_state state;
	uint64_t rows;
	uint64_t size;		/* of the file; set by og_list_maker_finish */
};

struct og_list {
	struct og_list_head head;
	int64_t written_at;	/* the file's mtime; set by who opened it */
	int fd;			/* borrowed; -1 when not needed */
	unsigned char *data;	/* the whole file; NULL: fd is read */
	size_t size;
	bool mapped;		/* data is a map, not allocated */
	bool verified;		/* the body's checksum was right */
	unsigned char toc[OG_LIST_BODY];	/* while data is NULL */
};

/*
 * Reads head and table of contents from fd, which stays open until
 * og_list_close and is the caller's. OG_ERR_CORRUPT, OG_ERR_SYSTEM,
 * OG_ERR_NOMEM.
 */
enum og_error og_list_open(struct og_list *, int fd, uint64_t size);

/* The whole file, verified; fd is not used afterwards. Errors as above. */
enum og_error og_list_hold(struct og_list *, int fd, uint64_t size);

void og_list_close(struct og_list *);	/* zeroed is fine */

/* The checksum of the body, unless it was seen to be right before. */
enum og_error og_list_verify(struct og_list *);

/* OG_OK and *found false: no such key, by a body that may be damaged unless
 * og_list_verify says otherwise. OG_ERR_CORRUPT, OG_ERR_SYSTEM. */
enum og_error og_list_find(struct og_list *, const char *key,
    struct og_record *, bool *found);

/* Every row that has an id, in the order of the file, until `each` returns an
 * error. Of a list that was opened, not held. OG_ERR_CORRUPT, OG_ERR_SYSTEM. */
enum og_error og_list_each(const struct og_list *,
    enum og_error (*each)(void *arg, const struct og_record *), void *arg);

/* Writing: fd is empty, open for reading and writing, and the caller's. */
struct og_list_maker;
enum og_error og_list_maker_new(struct og_list_maker **, int fd);
void og_list_maker_free(struct og_list_maker *);	/* NULL is fine */
enum og_error og_list_maker_add(struct og_list_maker *, const char *key,
    const void *row, size_t len);
enum og_error og_list_maker_has(struct og_list_maker *, const char *key,
    bool *found);
enum og_error og_list_maker_replace(struct og_list_maker *, const char *key,
    const void *row, size_t len);
enum og_error og_list_maker_finish(struct og_list_maker *,
    struct og_list_head *);

#endif
