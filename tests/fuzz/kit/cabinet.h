/*
 * The files of a world's store, as the PAM module opens them; some of them
 * spoiled in a way that the input names.
 */
#ifndef FUZZ_CABINET_H
#define FUZZ_CABINET_H

#include "libc.h"
#include "meaning/config.h"
#include "world.h"

enum trouble {
	TROUBLE_NONE = 0,
	TROUBLE_OWNER,		/* another user's */
	TROUBLE_MODE,		/* others may write */
	TROUBLE_ORGANIZATION,	/* another organization's */
	TROUBLE_FUTURE,
	TROUBLE_QUERY,		/* speaks of another place */
	TROUBLE_CUT,
	TROUBLE_BYTE		/* one is another */
};
#define TROUBLES (TROUBLE_BYTE + 1)

struct spoiled {
	enum trouble trouble;
	bool list;		/* else the single */
	unsigned int place;
	unsigned int where, change;
};
#define SPOILED 2

struct cabinet {
	struct world *world;
	struct spoiled spoiled[SPOILED];
	bool vague;		/* whether a damaged file counts, depends */
};

/* Borrows the world. */
void cabinet_make(struct cabinet *, struct world *, struct input *);

/* Afterwards the world says only what the store can: for the oracle. */
void cabinet_judge(struct cabinet *);

/* For struct libc. */
bool cabinet_open(struct cabinet *, const char *name, struct libc_file *);

#endif
