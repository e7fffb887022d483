/*
 * What is right, told from DESIGN's rules as gate.conf(5) words them and
 * not from the product's code: simple, slow, and for a world of kit/world.h
 * only.
 */
#ifndef FUZZ_ORACLE_H
#define FUZZ_ORACLE_H

#include "world.h"

enum answer {
	NO = 0,		/* certainly not */
	UNKNOWN,	/* cannot be known */
	YES
};

/* gate.conf(5) takes the world's policy. */
bool oracle_policy_valid(const struct rules *);

/* The row is the person's: by its own address or id, else, without an address,
 * by the id of `user`, his row in the organization; NULL: not known. */
bool oracle_own(const struct world *, const struct og_record *row,
    const struct og_record *user);

/* May the person pass, when nothing but what the world says goes wrong? */
enum answer oracle_judge(const struct world *);

/*
 * Could he pass at all, when any source may fail at any time, and the clock
 * be set back by `slack` seconds? What is false here must never pass.
 */
bool oracle_possible(const struct world *, int64_t slack);

#endif
