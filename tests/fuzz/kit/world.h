/*
 * A small world for a decision, made of a fuzzer's input: a policy, a person
 * at the door, and what store and directory say of him. The same world is
 * given to the product (as gate.conf, map, files and answers) and to the
 * oracle, which evaluates it by itself.
 */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "input.h"
#include "value/buffer.h"
#include "value/fact.h"

#define PROJECTS	4
#define GROUPS		3
#define LINES		3

/* Where somebody may be listed. */
enum place {
	PLACE_USERS = 0,
	PLACE_PROJECT,					/* the first of them */
	PLACE_GROUP = PLACE_PROJECT + PROJECTS,
	PLACE_INVITES = PLACE_GROUP + GROUPS
};
#define PLACES (PLACE_INVITES + 1)

enum says {
	SAYS_NOTHING = 0,	/* the store has no such file; no answer came */
	SAYS_ROW,
	SAYS_NOBODY,
	SAYS_FAILED
};

/* What one source says of the person in one place. */
struct told {
	enum says says;
	int64_t age;		/* seconds; of the store's */
	struct og_record row;
	enum og_reason failure;
};

/* What the policy asks for; bits are words of role_word, projects, groups. */
struct rules {
	unsigned int role;
	unsigned int project[LINES];
	unsigned int project_lines;
	unsigned int project_role;
	unsigned int group[LINES];
	unsigned int group_lines;
	bool owner_is_member;
	bool service_accounts;
	int64_t ttl;
	int64_t negative_ttl;
	bool never_asks;	/* base_url = none */
	int64_t stale_ttl;
};

struct world {
	struct rules rules;
	const char *name;		/* of the person at the door */
	const char *template;		/* NULL: none */
	unsigned int map;		/* bits: lines of the map */
	bool known;			/* the name leads to somebody */
	enum og_subject_kind kind;	/* whom: address or id */
	char subject[OG_EMAIL_MAX + 1];
	struct told list[PLACES];
	struct told single[PLACES];
	struct told api[PLACES];
};

#define ROLE_WORDS 4
extern const char *const role_word[ROLE_WORDS];		/* [0] is "owner" */

void world_make(struct world *, struct input *);

/* The query about the world's person in that place, and its inverse;
 * PLACES: about something else. */
struct og_query world_query(const struct world *, unsigned int place);
unsigned int world_place(const struct world *, const struct og_query *);

/* gate.conf: everything from [identity] on, the policy "p" for the service
 * "sshd" last. The map's text. */
void world_print(const struct world *, struct og_buffer *conf,
    const char *map_file);
void world_print_map(const struct world *, struct og_buffer *map);

#endif
