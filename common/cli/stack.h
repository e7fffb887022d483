/*
 * What doctor makes of a file in /etc/pam.d.
 */
#ifndef OG_CLI_STACK_H
#define OG_CLI_STACK_H

#include <stdbool.h>
#include <stddef.h>

#include "meaning/config.h"

/* There is no line of ours. */
extern const char og_stack_none[];

/* What is wrong with the stack in `text`, a static sentence; NULL: our line is
 * in account, denies where we do, by this configuration, and nothing above it
 * ends the stack before it is asked. */
const char *og_stack_trouble(const char *text, const struct og_config *,
    const char *conf_path);

/* The next file whose account lines the stack has, as "include su" of Debian's
 * su-l; *text goes on behind it. False: there is no more. */
bool og_stack_include(const char **text, char *name, size_t size);

/* Whether common-account, in `text`, asks us for that service: by a line of
 * ours behind one that names the services (a profile of pam-auth-update), or
 * behind any other (for all services). */
bool og_stack_shared(const char *text, const char *service);

#endif
