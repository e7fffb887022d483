/*
 * What the files of `openai-gate setup` share; nobody else includes this.
 *
 *	setup.c		options, and the way to files that are proven
 *	setup_ask.c	what a person at a terminal is asked, and the key
 *	setup_text.c	gate.conf as it is written, and what is left to do
 *	setup_write.c	files beside their names, then in their places
 */
#ifndef OG_CLI_SETUP_H
#define OG_CLI_SETUP_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "value/buffer.h"

/* In the order of the questions. */
enum og_setup_value {
	OG_SETUP_SERVICE,
	OG_SETUP_POLICY,
	OG_SETUP_EMAIL,
	OG_SETUP_MAP,
	OG_SETUP_ROLE,
	OG_SETUP_PROJECT,
	OG_SETUP_GROUP,
	OG_SETUP_ENFORCE,
	OG_SETUP_USER,
	OG_SETUP_EXEMPT,
	OG_SETUP_BASE_URL,
	OG_SETUP_CA_FILE
};
#define OG_SETUP_VALUES (OG_SETUP_CA_FILE + 1)

struct og_setup {
	struct og_cli *cli;
	char *value[OG_SETUP_VALUES];	/* owned; NULL: not given; "": none */
	const char *key_source;	/* path, "-", or NULL: ask, or keep */
	bool yes;
	bool force;
	struct og_buffer key;	/* a secret; empty: what is there stays */
	struct og_buffer text;	/* gate.conf */
	char key_path[PATH_MAX];	/* beside gate.conf */
};

/* The words of each value. */
struct og_setup_word {
	const char *option;
	const char *key;	/* of gate.conf; NULL: none */
	const char *question;	/* NULL: never asked */
	const char *usual;	/* what an empty answer stands for */
};
extern const struct og_setup_word og_setup_words[OG_SETUP_VALUES];

/* Frees what was there. False: out of memory. */
bool og_setup_set(struct og_setup *, enum og_setup_value, const char *);

/* setup_ask.c. False: said why on standard error, and nothing was written. */
bool og_setup_ask(struct og_setup *);
bool og_setup_read_key(struct og_setup *);
bool og_setup_confirm(const struct og_setup *);

/* setup_text.c */
enum og_error og_setup_compose(struct og_setup *);
void og_setup_print_steps(const struct og_setup *);

/*
 * setup_write.c: a file of root's with that mode, whole and on disk, as
 * PATH.new; then all of them in their places, what was there before as
 * PATH.bak. At no time is there no file, or half of one; and when one of them
 * cannot be put in its place, none is `placed`: what was there before is in
 * force, of all.
 */
#define OG_SETUP_NEW ".new"
struct og_setup_file {
	const char *path;
	/* of og_setup_commit */
	bool kept;	/* what was there has a second name */
	bool placed;
};
enum og_error og_setup_stage(const char *path, mode_t mode,
    const struct og_buffer *, struct og_message *);
enum og_error og_setup_commit(struct og_setup_file *, size_t count,
    struct og_message *);
void og_setup_discard(const char *path);	/* what is beside it, if it is there */

#endif
