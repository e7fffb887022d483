/*
 * DIR/counters in the store: a struct og_tally, mapped and added to by whoever
 * decides. What a PAM process needs of it; tally_write.h is for the others.
 *
 * A PAM process belongs to its caller, who may stop or kill it anywhere, and
 * set its limits. So there is no lock to hold and no write(2) that a limit of
 * the size of files would punish: it opens the file, maps it, adds, unmaps.
 * Stopped in the middle it holds nobody up; killed, it leaves at worst its own
 * count missing.
 *
 * Where the disk cannot take the page (a full disk that copies on write, a
 * disk that fails) an addition would end the process by SIGBUS: madvise(2)
 * asks first, and says so by an error instead (Linux 5.14; before, a store
 * belongs on a file system that overwrites in place, as ext4 and xfs do).
 *
 * Only a file that is regular, of the store's owner or root, of this mode and
 * size is touched. Anything else, a store that is not there or cannot be
 * written, and every error, means that nothing is counted, and no more.
 */
#ifndef OG_IO_TALLY_FILE_H
#define OG_IO_TALLY_FILE_H

#include "io/store.h"
#include "value/tally.h"

#define OG_TALLY_FILE "counters"

/* One decision. policy: NULL where none was chosen. */
void og_tally_file_count(struct og_store *, const char *policy, enum og_door,
    enum og_reason, unsigned int cache);

/*
 * The file, mapped for reading and writing; *fd is open until the caller
 * closes it. NULL: there is none that can be used, and nothing to close.
 */
struct og_tally *og_tally_file_map(struct og_store *, int *fd);
void og_tally_file_unmap(struct og_tally *);

/* What lies there can be written now. */
bool og_tally_file_ready(void *from, size_t len);

/* A file of ours, by its descriptor: type, owner, mode, size. */
bool og_tally_file_ours(const struct og_store *, int fd);

#endif
