/*
 * SIGCHLD at SIG_DFL while somebody in this process waits for a child of ours:
 * ignored, or handled with a wait of the host's own, it would take the child's
 * end away. A process has one disposition for all its threads, and so this is
 * the one state of the core that all its threads share: the first to borrow it
 * keeps what was set, the last to give it back sets it again.
 */
#ifndef OG_IO_SIGCHLD_H
#define OG_IO_SIGCHLD_H

#include "value/error.h"

/* OG_ERR_SYSTEM, errno: not borrowed. */
enum og_error og_sigchld_borrow(void);
void og_sigchld_give_back(void);

#endif
