#include "io/store_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <syslog.h>
#include <unistd.h>

#include "io/store_private.h"
#include "value/clock.h"

#define SWEPT		"swept"
#define SWEEP_EVERY	60		/* seconds */
#define UNKNOWN_AGE	3600		/* a temporary file may be in use so long */
#define LOCK_AGE	(24 * 3600)
#define FILES_MAX	(1024 * 1024)	/* looked at in one sweep */

struct file {
	char name[OG_STORE_NAME_MAX];
	int64_t time;
	uint64_t bytes;
	bool dispensable;	/* an expired single */
	bool in_use;		/* a list that may still serve */
};

struct sweep {
	struct og_store *store;
	int64_t now;
	struct file *file;
	size_t count;
	size_t size;
	uint64_t bytes;
};

/* True when somebody has looked within the minute; else it is we, now. */
static bool
swept_lately(struct og_store *store, int64_t now)
{
	struct timespec times[2];
	struct stat st;
	int fd;

	if (fstatat(store->dir, SWEPT, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtim.tv_sec <= now &&
	    now - st.st_mtim.tv_sec < SWEEP_EVERY)
		return true;
	fd = openat(store->dir, SWEPT, O_WRONLY | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0)
		return true;	/* read-only: there is nothing to sweep, either */
	memset(times, 0, sizeof(times));
	times[0].tv_sec = times[1].tv_sec = now;
	futimens(fd, times);
	close(fd);
	return false;
}

/* Since it was written. By a clock that was ahead: as long as can be, since
 * what it holds will be from the future until then. `now` is when the sweep
 * began: what others have written meanwhile is new. */
static int64_t
age_of(const struct stat *st, int64_t now)
{
	int64_t age;

	age = now - st->st_mtim.tv_sec;
	if (age >= -OG_SKEW)
		return age;
	return og_clock_wall() - st->st_mtim.tv_sec < -OG_SKEW ? INT64_MAX : 0;
}

static void
remove_file(struct og_store *store, const char *name, int level,
    const char *why)
{
	if (unlinkat(store->dir, name, 0) == 0)
		og_store_say(store, level, name, why);
	else if (errno != ENOENT)
		og_store_say(store, LOG_WARNING, name, strerror(errno));
}

/* What it takes on the disk: most file systems give out blocks of 4 KiB. */
static uint64_t
bytes_of(const struct stat *st)
{
	return ((uint64_t)st->st_size + 4095) / 4096 * 4096;
}

static enum og_error
add_file(struct sweep *sweep, const struct file *file)
{
	struct file *larger;
	size_t size;

	if (sweep->count == sweep->size) {
		if (sweep->size >= FILES_MAX)
			return OG_ERR_LIMIT;
		size = sweep->size > 0 ? sweep->size * 2 : 256;
		larger = realloc(sweep->file, size * sizeof(*larger));
		if (larger == NULL)
			return OG_ERR_NOMEM;
		sweep->file = larger;
		sweep->size = size;
	}
	sweep->file[sweep->count++] = *file;
	sweep->bytes += file->bytes;
	return OG_OK;
}

static enum og_error
each_answer(void *arg, enum og_inner inner, const char *name,
    const struct stat *st)
{
	struct sweep *sweep;
	struct file file;
	bool expired;

	sweep = arg;
	if (S_ISDIR(st->st_mode))
		return OG_OK;
	if (!S_ISREG(st->st_mode) || !og_store_name_valid(name)) {
		if (age_of(st, sweep->now) > UNKNOWN_AGE)
			remove_file(sweep->store, name, LOG_INFO,
			    "forgotten or unknown; removed");
		return OG_OK;
	}
	/* A file is written when its answer was fetched. */
	expired = age_of(st, sweep->now) > sweep->store->keep;
	memset(&file, 0, sizeof(file));
	memcpy(file.name, name, strlen(name) + 1);
	file.time = st->st_mtim.tv_sec;
	file.bytes = bytes_of(st);
	file.dispensable = expired && inner == OG_INNER_SINGLES;
	file.in_use = !expired && inner == OG_INNER_LISTS;
	return add_file(sweep, &file);
}

/*
 * Looked at again under its lock: a file that another sweep has removed and
 * somebody made anew is not ours to remove.
 */
static enum og_error
each_lock(void *arg, enum og_inner inner, const char *name,
    const struct stat *st)
{
	struct sweep *sweep;
	struct stat ours, theirs;
	int fd;

	(void)inner;
	sweep = arg;
	if (!S_ISREG(st->st_mode) ||
	    age_of(st, sweep->now) <= LOCK_AGE)
		return OG_OK;
	fd = openat(sweep->store->dir, name, O_RDONLY | O_NOFOLLOW |
	    O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return OG_OK;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &ours) == 0 &&
	    fstatat(sweep->store->dir, name, &theirs,
	    AT_SYMLINK_NOFOLLOW) == 0 && ours.st_dev == theirs.st_dev &&
	    ours.st_ino == theirs.st_ino)
		unlinkat(sweep->store->dir, name, 0);
	close(fd);
	return OG_OK;
}

static enum og_error
each_want(void *arg, enum og_inner inner, const char *name,
    const struct stat *st)
{
	struct sweep *sweep;

	(void)inner;
	sweep = arg;
	if (!S_ISDIR(st->st_mode) &&
	    age_of(st, sweep->now) > UNKNOWN_AGE)
		unlinkat(sweep->store->dir, name, 0);
	return OG_OK;
}

static int
by_worth(const void *a, const void *b)
{
	const struct file *one, *other;

	one = a;
	other = b;
	if (one->dispensable != other->dispensable)
		return one->dispensable ? -1 : 1;
	if (one->time != other->time)
		return one->time < other->time ? -1 : 1;
	return strcmp(one->name, other->name);
}

static void
shrink(struct sweep *sweep)
{
	size_t i;

	if (sweep->bytes <= sweep->store->size)
		return;
	qsort(sweep->file, sweep->count, sizeof(*sweep->file), by_worth);
	for (i = 0; i < sweep->count && sweep->bytes > sweep->store->size;
	    i++) {
		if (sweep->file[i].in_use)
			remove_file(sweep->store, sweep->file[i].name,
			    LOG_WARNING, "a list still in use, removed to keep "
			    "the store within [cache] size; raise it");
		else
			remove_file(sweep->store, sweep->file[i].name,
			    LOG_INFO, "removed to keep the store within "
			    "[cache] size");
		sweep->bytes -= sweep->file[i].bytes;
	}
}

void
og_store_sweep(struct og_store *store, int64_t now)
{
	struct sweep sweep;

	if (swept_lately(store, now))
		return;
	memset(&sweep, 0, sizeof(sweep));
	sweep.store = store;
	sweep.now = now;
	og_inner_scan(store, OG_INNER_LOCKS, each_lock, &sweep);
	og_inner_scan(store, OG_INNER_WANTS, each_want, &sweep);
	og_inner_scan(store, OG_INNER_LISTS, each_answer, &sweep);
	og_inner_scan(store, OG_INNER_SINGLES, each_answer, &sweep);
	shrink(&sweep);
	free(sweep.file);
}
