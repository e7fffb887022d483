#include "io/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "io/store_private.h"
#include "value/clock.h"
#include "value/text.h"

/*
 * A want is a file wants/<SHA-256 of the address> that holds the address. A
 * half-written one does not fit its name; an empty one is set apart.
 */
#define WANT_AGE 60	/* seconds */

struct wants {
	struct og_store *store;
	char (*email)[OG_EMAIL_MAX + 1];
	size_t count;
	size_t max;
	int64_t now;
};

static bool
is_young(const struct stat *st, int64_t now)
{
	return st->st_mtim.tv_sec >= now - WANT_AGE &&
	    st->st_mtim.tv_sec <= now + OG_SKEW;
}

bool
og_wants_is_apart(struct og_store *store, const char *email)
{
	char name[OG_STORE_NAME_MAX];
	struct stat st;

	og_store_name(name, OG_INNER_WANTS, email);
	return og_store_inner_safe(store, OG_INNER_WANTS) &&
	    fstatat(store->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_size == 0 &&
	    is_young(&st, og_clock_wall());
}

static int
open_want(struct og_store *store, const char *name)
{
	return openat(store->dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
}

void
og_wants_add(struct og_store *store, const char *email)
{
	char name[OG_STORE_NAME_MAX];
	size_t len;
	int fd;

	og_store_name(name, OG_INNER_WANTS, email);
	if (!og_store_inner_safe(store, OG_INNER_WANTS) ||
	    og_wants_is_apart(store, email))
		return;
	fd = open_want(store, name);
	if (fd < 0 && errno == ENOENT &&
	    og_inner_create(store->dir, OG_INNER_WANTS) == OG_OK)
		fd = open_want(store, name);
	if (fd < 0)
		return;
	len = strlen(email);
	if (pwrite(fd, email, len, 0) != (ssize_t)len)
		unlinkat(store->dir, name, 0);
	close(fd);
}

void
og_wants_remove(struct og_store *store, const char *email)
{
	char name[OG_STORE_NAME_MAX];

	og_store_name(name, OG_INNER_WANTS, email);
	if (og_store_inner_safe(store, OG_INNER_WANTS))
		unlinkat(store->dir, name, 0);
}

void
og_wants_set_apart(struct og_store *store, const char *email)
{
	char name[OG_STORE_NAME_MAX];
	int fd;

	/* Anew: its minute begins, and it is empty. */
	og_wants_remove(store, email);
	og_store_name(name, OG_INNER_WANTS, email);
	if (!og_store_inner_safe(store, OG_INNER_WANTS))
		return;
	fd = open_want(store, name);
	if (fd >= 0)
		close(fd);
}

/* The address that the file holds, when it is the one that its name says. */
static bool
read_want(struct og_store *store, const char *name,
    char email[OG_EMAIL_MAX + 1])
{
	char data[OG_EMAIL_MAX + 1], should[OG_STORE_NAME_MAX];
	struct stat st;
	ssize_t n;
	int fd;

	if (og_store_open_file(store, OG_INNER_WANTS, name, &fd, &st) != OG_OK)
		return false;
	n = read(fd, data, sizeof(data));
	close(fd);
	if (n <= 0 || !og_copy(email, OG_EMAIL_MAX + 1, data, (size_t)n))
		return false;
	og_store_name(should, OG_INNER_WANTS, email);
	return strcmp(name, should) == 0;
}

static enum og_error
each(void *arg, enum og_inner inner, const char *name, const struct stat *st)
{
	struct wants *wants;

	(void)inner;
	wants = arg;
	if (wants->count == wants->max)
		return OG_ERR_LIMIT;
	if (!is_young(st, wants->now))
		unlinkat(wants->store->dir, name, 0);
	else if (read_want(wants->store, name, wants->email[wants->count]))
		wants->count++;
	return OG_OK;
}

size_t
og_wants_list(struct og_store *store, char (*email)[OG_EMAIL_MAX + 1],
    size_t max)
{
	struct wants wants;

	wants = (struct wants){ store, email, 0, max, og_clock_wall() };
	og_inner_scan(store, OG_INNER_WANTS, each, &wants);
	return wants.count;
}
