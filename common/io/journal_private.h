/*
 * What the files of the journals share; nobody else includes this.
 *
 *	journals.c	the sync under way
 *	journal.c	the pages of one list
 */
#ifndef OG_IO_JOURNAL_PRIVATE_H
#define OG_IO_JOURNAL_PRIVATE_H

#include "io/journal.h"
#include "io/store_private.h"

/* The start of "begun" and of each journal, little-endian. */
struct og_journal_head {
	char magic[8];
	uint64_t begun_at;
	uint64_t boot_ms;
	struct og_print print;
	char query[OG_LIST_TEXT_MAX];	/* "" in "begun" */
	uint64_t sum;
};
_Static_assert(sizeof(struct og_journal_head) == 232, "a journal's head has holes");

struct og_journals {
	struct og_store *store;		/* borrowed */
	int fd;				/* of "begun", locked */
	bool taken_up;
	struct og_journal_head head;
};

/* Logs errno. Returns OG_ERR_SYSTEM. */
enum og_error og_journal_failed(const struct og_store *, const char *name);

/* The file, made when it is not there, ours alone; -1, and said why. */
int og_journal_open_file(struct og_store *, const char *name);

uint64_t og_journal_head_sum(const struct og_journal_head *);

/* Ours, whole, of that list, and begun at a time that has been. */
bool og_journal_head_fits(const struct og_journal_head *,
    const struct og_store *, const char *query, int64_t now);

/* Nothing but the head, flushed. */
enum og_error og_journal_write_head(int fd, const struct og_journal_head *);

#endif
