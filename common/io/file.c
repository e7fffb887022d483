#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX	16		/* symbolic links on one path */
#define CHUNK_MAX	(256 * 1024)	/* bytes of one read */

#define OPEN_FLAGS	(O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | \
			    O_NONBLOCK)

/*
 * A path being walked: `done` holds the directories that passed, free of
 * links and of a trailing slash ("" is the root), `left` what is to come.
 */
struct walk {
	char done[PATH_MAX];
	char left[PATH_MAX];
	size_t links;
};

static enum og_error
system_error(const char *path, int error, struct og_message *message)
{
	og_message_set(message, "%s: %s", path, strerror(error));
	return error == ENOENT ? OG_ERR_MISSING : OG_ERR_SYSTEM;
}

static const char *
type_word(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "regular file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symbolic link";
	case S_IFIFO:
		return "FIFO";
	case S_IFSOCK:
		return "socket";
	case S_IFCHR:
	case S_IFBLK:
		return "device";
	}
	return "special file";
}

static enum og_error
check_owner(const char *path, const struct stat *st, struct og_trust trust,
    struct og_message *message)
{
	if (st->st_uid == 0 || st->st_uid == trust.owner)
		return OG_OK;
	if (trust.owner == 0)
		og_message_set(message, "%s: owned by uid %lu, not by root; "
		    "chown root %s", path, (unsigned long)st->st_uid, path);
	else
		og_message_set(message, "%s: owned by uid %lu, not by root or "
		    "uid %lu; chown %lu %s", path, (unsigned long)st->st_uid,
		    (unsigned long)trust.owner, (unsigned long)trust.owner,
		    path);
	return OG_ERR_UNSAFE;
}

static enum og_error
check_mode(const char *path, const struct stat *st, mode_t forbidden,
    struct og_message *message)
{
	mode_t bad;

	bad = st->st_mode & forbidden;
	if (bad == 0)
		return OG_OK;
	og_message_set(message, "%s: mode %04o lets others %s; chmod %s %s",
	    path, (unsigned int)(st->st_mode & 07777U),
	    (bad & 022) != 0 ? "write" : "read",
	    (forbidden & 044) != 0 ? "go-rwx" : "go-w", path);
	return OG_ERR_UNSAFE;
}

static enum og_error
check_directory(const char *path, const struct stat *st, struct og_trust trust,
    struct og_message *message)
{
	enum og_error error;

	if (!S_ISDIR(st->st_mode)) {
		og_message_set(message, "%s: is a %s, not a directory", path,
		    type_word(st->st_mode));
		return OG_ERR_UNSAFE;
	}
	error = check_owner(path, st, trust, message);
	if (error != OG_OK)
		return error;
	return check_mode(path, st, 022, message);
}

static enum og_error
too_long(const char *path, struct og_message *message)
{
	og_message_set(message, "%.64s...: %s", path, strerror(ENAMETOOLONG));
	return OG_ERR_SYSTEM;
}

/* Replaces the link at walk->done + "/" + name by what it says. */
static enum og_error
follow(struct walk *walk, const char *path, struct og_message *message)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n;
	int len;

	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return system_error(path, errno, message);
	target[n] = '\0';
	if (++walk->links > LINKS_MAX)
		return system_error(path, ELOOP, message);
	if (target[0] == '/')
		walk->done[0] = '\0';
	memcpy(rest, walk->left, sizeof(rest));
	len = snprintf(walk->left, sizeof(walk->left), "%s/%s", target, rest);
	if (len < 0 || (size_t)len >= sizeof(walk->left))
		return too_long(path, message);
	return OG_OK;
}

/* One component. "." and ".." need no care: there are no links before them. */
static enum og_error
step(struct walk *walk, const char *name, struct og_trust trust,
    struct og_message *message)
{
	char path[PATH_MAX];
	enum og_error error;
	struct stat st;
	int len;

	len = snprintf(path, sizeof(path), "%s/%s", walk->done, name);
	if (len < 0 || (size_t)len >= sizeof(path))
		return too_long(name, message);
	if (lstat(path, &st) != 0)
		return system_error(path, errno, message);
	if (S_ISLNK(st.st_mode)) {
		error = check_owner(path, &st, trust, message);
		return error != OG_OK ? error : follow(walk, path, message);
	}
	error = check_directory(path, &st, trust, message);
	if (error == OG_OK)
		memcpy(walk->done, path, (size_t)len + 1);
	return error;
}

/* Walks all that stands in walk->left, from the root on. */
static enum og_error
walk_all(struct walk *walk, struct og_trust trust, struct og_message *message)
{
	char name[NAME_MAX + 1];
	enum og_error error;
	const char *start;
	struct stat st;
	size_t len;

	if (lstat("/", &st) != 0)
		return system_error("/", errno, message);
	error = check_directory("/", &st, trust, message);
	while (error == OG_OK) {
		start = walk->left + strspn(walk->left, "/");
		len = strcspn(start, "/");
		if (len == 0)
			break;
		if (len >= sizeof(name))
			return too_long(start, message);
		memcpy(name, start, len);
		name[len] = '\0';
		memmove(walk->left, start + len, strlen(start + len) + 1);
		error = step(walk, name, trust, message);
	}
	return error;
}

/*
 * Verifies every parent of path and writes the path, without links in them,
 * to `real`.
 */
static enum og_error
walk_parents(char real[PATH_MAX], const char *path, struct og_trust trust,
    struct og_message *message)
{
	enum og_error error;
	struct walk walk;
	const char *name;
	int len;

	real[0] = '\0';
	if (path[0] != '/') {
		og_message_set(message, "%s: not an absolute path", path);
		return OG_ERR_UNSAFE;
	}
	name = strrchr(path, '/') + 1;
	if (strlen(path) >= sizeof(walk.left))
		return too_long(path, message);
	walk.links = 0;
	walk.done[0] = '\0';
	memcpy(walk.left, path, (size_t)(name - path));
	walk.left[name - path] = '\0';
	error = walk_all(&walk, trust, message);
	if (error != OG_OK)
		return error;
	len = snprintf(real, PATH_MAX, "%s/%s", walk.done, name);
	if (len < 0 || len >= PATH_MAX)
		return too_long(path, message);
	return OG_OK;
}

/* What open said no to, in words: ELOOP alone tells nobody of a link. */
static enum og_error
open_error(const char *path, int error, struct og_message *message)
{
	struct stat st;

	if ((error == ELOOP || error == ENXIO || error == ENOTDIR) &&
	    lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		og_message_set(message, "%s: is a %s, not a regular file",
		    path, type_word(st.st_mode));
		return OG_ERR_UNSAFE;
	}
	return system_error(path, error, message);
}

static enum og_error
open_checked(int *fd, struct stat *st, const char *path, struct og_trust trust,
    struct og_message *message)
{
	char real[PATH_MAX];
	enum og_error error;
	int opened;

	*fd = -1;
	error = walk_parents(real, path, trust, message);
	if (error != OG_OK)
		return error;
	opened = open(real, OPEN_FLAGS);
	if (opened < 0)
		return open_error(path, errno, message);
	if (fstat(opened, st) != 0) {
		error = system_error(path, errno, message);
		goto out;
	}
	if (!S_ISREG(st->st_mode)) {
		og_message_set(message, "%s: is a %s, not a regular file",
		    path, type_word(st->st_mode));
		error = OG_ERR_UNSAFE;
		goto out;
	}
	error = check_owner(path, st, trust, message);
	if (error == OG_OK)
		error = check_mode(path, st, trust.forbidden, message);
	if (error != OG_OK)
		goto out;
	*fd = opened;
	opened = -1;
out:
	if (opened >= 0)
		close(opened);
	return error;
}

enum og_error
og_file_open(int *fd, const char *path, struct og_trust trust,
    struct og_message *message)
{
	struct stat st;

	return open_checked(fd, &st, path, trust, message);
}

/* One that we may not even open may be so because it is another's: that says
 * more, and to whom. */
static enum og_error
directory_error(const char *path, int error, struct og_trust trust,
    struct og_message *message)
{
	struct stat st;

	if (error == EACCES && stat(path, &st) == 0 &&
	    check_directory(path, &st, trust, message) == OG_ERR_UNSAFE)
		return OG_ERR_UNSAFE;
	return system_error(path, error, message);
}

enum og_error
og_file_open_directory(int *fd, const char *path, struct og_trust trust,
    struct og_message *message)
{
	char real[PATH_MAX];
	enum og_error error;
	struct stat st;
	struct walk walk;
	int opened;

	*fd = -1;
	error = walk_parents(real, path, trust, message);
	if (error != OG_OK)
		return error;
	opened = open(real, OPEN_FLAGS | O_DIRECTORY);
	if (opened < 0 && (errno == ELOOP || errno == ENOTDIR)) {
		/* Perhaps a link: followed as in a parent. */
		memcpy(walk.left, real, sizeof(walk.left));
		walk.done[0] = '\0';
		walk.links = 0;
		error = walk_all(&walk, trust, message);
		if (error != OG_OK)
			return error;
		opened = open(walk.done[0] != '\0' ? walk.done : "/",
		    OPEN_FLAGS | O_DIRECTORY);
	}
	if (opened < 0)
		return directory_error(path, errno, trust, message);
	error = fstat(opened, &st) != 0 ?
	    system_error(path, errno, message) :
	    check_directory(path, &st, trust, message);
	if (error != OG_OK) {
		close(opened);
		return error;
	}
	*fd = opened;
	return OG_OK;
}

static ssize_t
read_again(int fd, void *data, size_t size)
{
	ssize_t n;

	do
		n = read(fd, data, size);
	while (n < 0 && errno == EINTR);
	return n;
}

/* A short read of a regular file is its end: most files take one call. */
static enum og_error
read_all(struct og_buffer *buffer, int fd, size_t expected, const char *path,
    struct og_message *message)
{
	enum og_error error;
	size_t size;
	ssize_t n;
	char *chunk;

	size = (expected < CHUNK_MAX ? expected : CHUNK_MAX) + 1;
	chunk = malloc(size);
	if (chunk == NULL) {
		og_message_set(message, "%s: out of memory", path);
		return OG_ERR_NOMEM;
	}
	do {
		n = read_again(fd, chunk, size);
		if (n < 0) {
			error = system_error(path, errno, message);
			break;
		}
		error = og_buffer_add(buffer, chunk, (size_t)n);
	} while (error == OG_OK && (size_t)n == size);
	explicit_bzero(chunk, size);
	free(chunk);
	return error;
}

enum og_error
og_file_read(struct og_buffer *buffer, const char *path, struct og_trust trust,
    struct og_message *message)
{
	enum og_error error;
	size_t room, before;
	struct stat st;
	int fd;

	error = open_checked(&fd, &st, path, trust, message);
	if (error != OG_OK)
		return error;
	before = buffer->len;
	room = buffer->limit - before;
	error = read_all(buffer, fd, (size_t)st.st_size, path, message);
	if (error == OG_ERR_LIMIT)
		og_message_set(message, "%s: larger than %zu bytes", path, room);
	else if (error == OG_ERR_NOMEM)
		og_message_set(message, "%s: out of memory", path);
	if (error != OG_OK && buffer->len > before) {
		explicit_bzero(buffer->data + before, buffer->len - before);
		buffer->len = before;
	}
	close(fd);
	return error;
}
