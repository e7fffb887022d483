/*
 * What `status` has found, in every form it can be printed. Private to the
 * command line.
 */
#ifndef OG_CLI_STATUS_H
#define OG_CLI_STATUS_H

#include "client/lookup.h"
#include "client/metrics.h"
#include "io/store.h"

struct og_status_list {
	struct og_query query;
	enum og_list_state state;
	int64_t rows;
	int64_t fetched_at;
	enum og_age age;
};

struct og_status {
	struct og_metrics metrics;
	struct og_status_list *list;	/* owned */
	size_t lists;
	size_t singles;
	size_t useless;			/* files that cannot be used */
	uint64_t bytes;
	bool failed;			/* out of memory on the way */
};

const char *og_age_word(enum og_age);

/* json.c: the object of `status --json`, with its newline, to standard
 * output. */
enum og_error og_cli_print_status_json(const struct og_status *);

#endif
