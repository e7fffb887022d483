#include "io/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <syslog.h>
#include <unistd.h>

#include "io/store_private.h"

#define TRIES 8		/* each lost to a sweep that removed the file */

static int
open_lock(struct og_store *store, const char *name)
{
	return openat(store->dir, name, O_RDONLY | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
}

/* A lock on a file that a sweep has removed keeps nobody out. */
static bool
still_there(struct og_store *store, const char *name, int fd)
{
	struct stat ours, theirs;

	return fstat(fd, &ours) == 0 && S_ISREG(ours.st_mode) &&
	    fstatat(store->dir, name, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
	    ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

static enum og_lock
try_once(struct og_store *store, const char *name, int *fd)
{
	*fd = open_lock(store, name);
	if (*fd < 0 && errno == ENOENT &&
	    og_inner_create(store->dir, OG_INNER_LOCKS) == OG_OK)
		*fd = open_lock(store, name);
	if (*fd < 0)
		return OG_LOCK_NONE;
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return OG_LOCK_HELD;
	return errno == EWOULDBLOCK ? OG_LOCK_BUSY : OG_LOCK_NONE;
}

enum og_lock
og_lock_try(struct og_store *store, const struct og_query *query, int *fd)
{
	char name[OG_STORE_NAME_MAX], text[OG_QUERY_TEXT_MAX];
	enum og_lock lock;
	int i;

	*fd = -1;
	og_query_text(query, text);
	og_store_name(name, OG_INNER_LOCKS, text);
	if (!og_store_inner_safe(store, OG_INNER_LOCKS))
		return OG_LOCK_NONE;
	for (i = 0; i < TRIES; i++) {
		lock = try_once(store, name, fd);
		if (lock == OG_LOCK_HELD && still_there(store, name, *fd))
			return OG_LOCK_HELD;
		if (lock == OG_LOCK_NONE)
			og_store_say(store, LOG_WARNING, name,
			    strerror(errno));
		og_lock_release(*fd);
		*fd = -1;
		if (lock != OG_LOCK_HELD)
			return lock;
	}
	return OG_LOCK_NONE;
}

void
og_lock_release(int fd)
{
	if (fd >= 0)
		close(fd);
}
