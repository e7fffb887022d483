/*
 * What doctor makes of a file in /etc/pam.d.
 */
#ifndef OG_CLI_STACK_H
#define OG_CLI_STACK_H

#include <stdbool.h>
#include <stddef.h>

#include "meaning/config.h"

/* There is no line of ours; what is above it may end the stack. */
extern const char og_stack_none[], og_stack_low[];

/* A stack, line after line from its top, through the files that it includes. */
struct og_stack {
	const struct og_config *conf;	/* borrowed, like conf_path */
	const char *conf_path;
	bool ended;		/* by a line so far: what follows may not be asked */
	char included[256];	/* of OG_STACK_INCLUDE */
	bool substack;		/* it ends itself at most, not what follows it */
	/* What is wrong, a static sentence; NULL: our line is in account, denies
	 * where we do, by this configuration, and nothing above it ends the
	 * stack before it is asked. */
	const char *trouble;
};

enum og_stack_step {
	OG_STACK_END,		/* of the text */
	OG_STACK_INCLUDE,	/* the account lines of `included`, as "include
				   su" of Debian's su-l */
	OG_STACK_OURS,		/* judged; what follows does not matter */
};

/* trouble is og_stack_none. */
void og_stack_begin(struct og_stack *, const struct og_config *,
    const char *conf_path);

/* *text goes on behind what was found. */
enum og_stack_step og_stack_next(struct og_stack *, const char **text);

/*
 * What is wrong with our line in common-account, in `text`, a static sentence;
 * NULL: nothing. og_stack_none: it does not ask us for that service, by a line
 * behind one that names the services (a profile of pam-auth-update), or behind
 * any other (for all services).
 */
const char *og_stack_shared(const char *text, const char *service,
    const struct og_config *, const char *conf_path);

#endif
