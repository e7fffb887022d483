/*
 * DIR/counters for those who may write the store: the helper and the command
 * line. Each counts in memory of its own, and adds that at its end.
 */
#ifndef OG_IO_TALLY_WRITE_H
#define OG_IO_TALLY_WRITE_H

#include "io/tally_file.h"
#include "meaning/config.h"

/* Zeroed but for its head, with a slot for each policy; free(3) it. NULL: out
 * of memory. */
struct og_tally *og_tally_new(const struct og_config *);

/* A slot for each policy of conf: og_tally_keep. */
void og_tally_keep_policies(struct og_tally *, const struct og_config *);

/*
 * Adds `more` (NULL: nothing) to the file. It is made where there is none, and
 * made anew, with nothing counted, where it is damaged or not ours. Each
 * policy of conf has a slot afterwards, unless somebody else has been giving
 * them for the last 100 ms. OG_ERR_SYSTEM: logged; nothing is counted.
 */
enum og_error og_tally_write(struct og_store *, const struct og_config *,
    const struct og_tally *more);

/* A copy of the file. False: there is none that can be used. */
bool og_tally_read(struct og_store *, struct og_tally *copy);

#endif
