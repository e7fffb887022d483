/*
 * Reading files that are trusted only by their descriptor (gate.conf(5), FILES):
 * open(O_NOFOLLOW|O_CLOEXEC|O_NOCTTY|O_NONBLOCK), fstat, regular, owned by
 * root or `owner`, none of `forbidden` in the mode, and every parent
 * directory owned likewise and not writable by group or others (a sticky bit
 * does not help: /tmp is refused). A symbolic link in a parent is followed
 * when every directory on both paths passes.
 *
 * Errors: OG_ERR_MISSING (no such file), OG_ERR_UNSAFE (message names the
 * path, the mode and the owner that offend, and the command that mends it),
 * OG_ERR_LIMIT (larger than allowed), OG_ERR_SYSTEM, OG_ERR_NOMEM.
 */
#ifndef OG_IO_FILE_H
#define OG_IO_FILE_H

#include <sys/types.h>

#include "value/buffer.h"
#include "value/error.h"

struct og_trust {
	uid_t owner;		/* besides root */
	mode_t forbidden;	/* of the file itself: 022, for keys 077 */
};

#define OG_TRUST_ROOT	((struct og_trust){ 0, 022 })
#define OG_TRUST_KEY	((struct og_trust){ 0, 077 })

/* path is absolute. *fd is the caller's on OG_OK, else -1. */
enum og_error og_file_open(int *fd, const char *path, struct og_trust,
    struct og_message *);

/* A directory; parents as above, itself not writable by group or others. */
enum og_error og_file_open_directory(int *fd, const char *path,
    struct og_trust, struct og_message *);

/* Appends the whole file, at most the buffer's limit. */
enum og_error og_file_read(struct og_buffer *, const char *path,
    struct og_trust, struct og_message *);

#endif
