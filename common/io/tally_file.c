#include "io/tally_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/store_private.h"

/* Debian 12's C library knows no name for it. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

bool
og_tally_file_ours(const struct og_store *store, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_uid == 0 || st.st_uid == store->trust.owner) &&
	    (st.st_mode & store->trust.forbidden) == 0 &&
	    st.st_size == (off_t)sizeof(struct og_tally);
}

struct og_tally *
og_tally_file_map(struct og_store *store, int *fd)
{
	struct og_tally *tally;
	void *map;

	*fd = openat(store->dir, OG_TALLY_FILE, O_RDWR | O_NOFOLLOW |
	    O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd < 0)
		return NULL;
	map = MAP_FAILED;
	if (og_tally_file_ours(store, *fd))
		map = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
		    MAP_SHARED, *fd, 0);
	if (map != MAP_FAILED) {
		tally = map;
		if (og_tally_valid(tally))
			return tally;
		og_tally_file_unmap(tally);
	}
	close(*fd);
	*fd = -1;
	return NULL;
}

void
og_tally_file_unmap(struct og_tally *tally)
{
	(void)munmap(tally, sizeof(*tally));
}

bool
og_tally_file_ready(void *from, size_t len)
{
	uintptr_t start, end, page;

	page = (uintptr_t)sysconf(_SC_PAGESIZE);
	start = (uintptr_t)from & ~(page - 1);
	end = ((uintptr_t)from + len + page - 1) & ~(page - 1);
	return madvise((void *)start, end - start, MADV_POPULATE_WRITE) == 0 ||
	    errno == EINVAL;
}

void
og_tally_file_count(struct og_store *store, const char *policy,
    enum og_door door, enum og_reason reason, unsigned int cache)
{
	struct og_tally *tally;
	size_t slot;
	int fd;

	tally = og_tally_file_map(store, &fd);
	if (tally == NULL)
		return;
	slot = og_tally_slot(tally, policy);
	if (og_tally_file_ready(&tally->policy[slot][door],
	    sizeof(tally->policy[slot][door])))
		og_tally_decided(tally, slot, door, reason, cache);
	og_tally_file_unmap(tally);
	close(fd);
}
