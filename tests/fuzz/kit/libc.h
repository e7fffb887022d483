/*
 * A libc for the PAM module: the linker's --wrap brings its calls here. While
 * `libc.active`, files, processes, signals, accounts and clocks are those of
 * this table, and up to LIBC_FAULTS of the calls fail as the input says;
 * else all goes to the real one, since the sanitizers and the fuzzer call
 * too.
 */
#ifndef FUZZ_LIBC_H
#define FUZZ_LIBC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "input.h"

#define LIBC_FAULTS	3
#define LIBC_FILES	4
#define LIBC_START_MS	INT64_C(1000000)
#define LIBC_WALL	INT64_C(1700000000)

/* What open finds; the owner gives its bytes. */
struct libc_file {
	const char *path;		/* NULL: not there */
	const void *data;
	size_t len;
	uid_t uid;
	mode_t mode;			/* with its type */
};

/* How the helper behaves. */
struct libc_helper {
	const void *reply;
	size_t len;
	int status;			/* as waitpid has it */
	bool hangs;			/* says what it says, and never ends */
	bool stolen;			/* somebody else reaps it */
	bool dribbles;			/* a few bytes at a time */
};

struct libc {
	bool active;
	struct libc_file file[LIBC_FILES];
	/* Files below the store's directory, made when they are opened; false:
	 * not there. */
	bool (*stored)(const char *name, struct libc_file *);
	struct libc_helper helper;
	bool helper_ran;
	bool helper_gone;		/* reaped, or left after SIGKILL */
	bool helper_killed;
	bool not_root;
	uid_t directory_uid;		/* of /etc/openai-gate */
	mode_t directory_mode;
	uid_t user_uid;			/* of the person at the door */
	gid_t user_gid;
	bool user_missing;
	int64_t step_ms;		/* of the wall clock, once */
	unsigned int step_at;		/* call of it, from 1; 0: never */
	struct {
		unsigned int call;	/* from 1; 0: none */
		int error;
	} fault[LIBC_FAULTS];
	/* Kept by the calls. */
	unsigned int calls, clock_calls;
	unsigned int failed;		/* of the faults above, came true */
	unsigned int open;		/* descriptors */
	int64_t mono_ms;
	size_t said;			/* bytes of the reply that were read */
	bool masked, child_handled;	/* signals, as they are now */
};

extern struct libc libc;

void libc_reset(void);
void libc_make_faults(struct input *);

#endif
