/*
 * What doctor makes of a file in /etc/pam.d.
 */
#ifndef OG_CLI_STACK_H
#define OG_CLI_STACK_H

/* What is wrong with the stack in `text`, a static sentence; NULL: our line is
 * there, and nothing above it ends the stack before it is asked. */
const char *og_stack_trouble(const char *text);

#endif
