/*
 * Executing the fixed helper from a process that its caller may own: sudo or
 * su run by an ordinary user (unix_chkpwd(8) is the model). Empty environment; umask,
 * directory and resource limits reset; close_range; 0 and 2 on /dev/null, 1 a
 * pipe; own session; all uids and gids 0; SIGCHLD to SIG_DFL meanwhile
 * (sigchld.h); killed and reaped at the deadline.
 */
#ifndef OG_IO_HELPER_H
#define OG_IO_HELPER_H

#include <stddef.h>
#include <stdint.h>

#include "value/buffer.h"
#include "value/error.h"

/* Its reply fits a pipe's buffer, so that the helper never blocks on us. */
#define OG_HELPER_REPLY_MAX 65536

/*
 * Runs path with argv (argv[0] included, NULL-terminated), and appends what it
 * writes, until it ends or the monotonic deadline (milliseconds) passes.
 * OG_ERR_TIMEOUT: killed and reaped. OG_ERR_UNSAFE or OG_ERR_MISSING: the
 * file must not be executed. OG_ERR_CORRUPT: it died, exited non-zero, or
 * said more than OG_HELPER_REPLY_MAX. OG_ERR_SYSTEM: no process or descriptor
 * could be had, it cannot be executed, or somebody else reaped it.
 */
enum og_error og_helper_run(struct og_buffer *reply, const char *path,
    char *const argv[], int64_t deadline_ms, struct og_message *);

#endif
