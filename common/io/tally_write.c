#include "io/tally_write.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <syslog.h>
#include <unistd.h>

#include "io/store_private.h"
#include "value/clock.h"

#define LOCK_WAIT_MS	100
#define LOCK_TRY_MS	2

_Static_assert(OG_TALLY_POLICIES == OG_CONF_POLICIES_MAX,
    "a policy without a slot");

struct names {
	const char *name[OG_CONF_POLICIES_MAX];
	size_t count;
};

static void
take_names(struct names *names, const struct og_config *conf)
{
	for (names->count = 0; names->count < conf->policy_count &&
	    names->count < OG_CONF_POLICIES_MAX; names->count++)
		names->name[names->count] =
		    conf->policies[names->count].name;
}

struct og_tally *
og_tally_new(const struct og_config *conf)
{
	struct og_tally *tally;

	tally = calloc(1, sizeof(*tally));
	if (tally == NULL)
		return NULL;
	og_tally_init(tally);
	og_tally_keep_policies(tally, conf);
	return tally;
}

void
og_tally_keep_policies(struct og_tally *tally, const struct og_config *conf)
{
	struct names names;

	take_names(&names, conf);
	og_tally_keep(tally, names.name, names.count);
}

/* All its blocks at once: who maps it must not need room on the disk. */
static enum og_error
create(struct og_store *store)
{
	struct og_tally *empty;
	enum og_error error;
	struct og_temp temp;
	ssize_t n;

	empty = calloc(1, sizeof(*empty));
	if (empty == NULL)
		return OG_ERR_NOMEM;
	og_tally_init(empty);
	/* There a forgotten one is swept. */
	error = og_temp_open(store, OG_INNER_LISTS, &temp);
	if (error != OG_OK)
		goto out;
	n = write(temp.fd, empty, sizeof(*empty));
	if (n == (ssize_t)sizeof(*empty)) {
		error = og_temp_commit(store, OG_INNER_LISTS, &temp,
		    OG_TALLY_FILE);
		goto out;
	}
	og_store_say(store, LOG_WARNING, OG_TALLY_FILE,
	    n < 0 ? strerror(errno) : strerror(ENOSPC));
	og_temp_abort(store, &temp);
	error = OG_ERR_SYSTEM;
out:
	free(empty);
	return error;
}

static struct og_tally *
map_or_create(struct og_store *store, int *fd)
{
	struct og_tally *tally;
	struct stat st;

	tally = og_tally_file_map(store, fd);
	/* A store that cannot be written need not be complained of. */
	if (tally != NULL || faccessat(store->dir, ".", W_OK, 0) != 0)
		return tally;
	if (fstatat(store->dir, OG_TALLY_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0)
		og_store_say(store, LOG_WARNING, OG_TALLY_FILE, "damaged, of "
		    "another version or not ours; counting anew");
	if (create(store) != OG_OK)
		return NULL;
	return og_tally_file_map(store, fd);
}

/* Slots are given by one process at a time. */
static void
keep(struct og_tally *tally, int fd, const struct names *names)
{
	int64_t until;

	if (og_tally_has(tally, names->name, names->count))
		return;
	until = og_clock_mono() + LOCK_WAIT_MS;
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if ((errno != EWOULDBLOCK && errno != EINTR) ||
		    og_clock_mono() >= until)
			return;
		poll(NULL, 0, LOCK_TRY_MS);
	}
	og_tally_keep(tally, names->name, names->count);
	(void)flock(fd, LOCK_UN);
}

enum og_error
og_tally_write(struct og_store *store, const struct og_config *conf,
    const struct og_tally *more)
{
	struct og_tally *tally;
	struct names names;
	enum og_error error;
	int fd;

	tally = map_or_create(store, &fd);
	if (tally == NULL)
		return OG_ERR_SYSTEM;
	error = OG_OK;
	if (og_tally_file_ready(tally, sizeof(*tally))) {
		take_names(&names, conf);
		keep(tally, fd, &names);
		if (more != NULL)
			og_tally_merge(tally, more);
	} else {
		og_store_say(store, LOG_WARNING, OG_TALLY_FILE,
		    strerror(errno));
		error = OG_ERR_SYSTEM;
	}
	og_tally_file_unmap(tally);
	close(fd);
	return error;
}

bool
og_tally_read(struct og_store *store, struct og_tally *copy)
{
	bool good;
	int fd;

	fd = openat(store->dir, OG_TALLY_FILE, O_RDONLY | O_NOFOLLOW |
	    O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return false;
	good = og_tally_file_ours(store, fd) &&
	    pread(fd, copy, sizeof(*copy), 0) == (ssize_t)sizeof(*copy) &&
	    og_tally_valid(copy);
	close(fd);
	return good;
}
