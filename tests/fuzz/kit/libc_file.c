/* Descriptors and files. */
#include "libc_wrap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/tally_file.h"

/* Ours are above all that the fuzzer itself has open. */
#define FD_FIRST	1000
#define FDS		16
#define STORE_DIR	"/var/cache/openai-gate"

static struct {
	enum kind kind;
	struct libc_file file;
	size_t at;
} fds[FDS];

void
libc_reset_fds(void)
{
	memset(fds, 0, sizeof(fds));
}

int
libc_new_fd(enum kind kind, const struct libc_file *file)
{
	int i;

	for (i = 0; i < FDS; i++) {
		if (fds[i].kind != FD_NONE)
			continue;
		fds[i].kind = kind;
		memset(&fds[i].file, 0, sizeof(fds[i].file));
		if (file != NULL)
			fds[i].file = *file;
		fds[i].at = 0;
		libc.open++;
		return FD_FIRST + i;
	}
	errno = EMFILE;
	return -1;
}

int
libc_index_of(int fd, enum kind kind)
{
	REQUIRE(fd >= FD_FIRST && fd < FD_FIRST + FDS);
	REQUIRE(fds[fd - FD_FIRST].kind != FD_NONE);
	if (kind != FD_NONE)
		REQUIRE(fds[fd - FD_FIRST].kind == kind);
	return fd - FD_FIRST;
}

static void
fill_stat(struct stat *st, const struct libc_file *file)
{
	memset(st, 0, sizeof(*st));
	st->st_uid = file->uid;
	st->st_mode = file->mode;
	st->st_size = (off_t)file->len;
}

static const struct libc_file *
find_file(const char *path)
{
	static struct libc_file directory;
	static const char *const parents[] = {
		"/", "/etc", "/usr", "/usr/libexec", "/usr/libexec/openai-gate",
		"/var", "/var/cache", STORE_DIR, "/etc/openai-gate",
	};
	size_t i, last;

	for (i = 0; i < LIBC_FILES; i++) {
		if (libc.file[i].path != NULL &&
		    strcmp(libc.file[i].path, path) == 0)
			return &libc.file[i];
	}
	last = sizeof(parents) / sizeof(parents[0]) - 1;
	for (i = 0; i <= last; i++) {
		if (strcmp(parents[i], path) != 0)
			continue;
		memset(&directory, 0, sizeof(directory));
		directory.uid = i == last ? libc.directory_uid : 0;
		directory.mode = i == last ? libc.directory_mode :
		    S_IFDIR | 0755;
		return &directory;
	}
	return NULL;
}

/* What DESIGN asks of every open of a file that is to be trusted. */
#define SAFELY (O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

WRAP(int, open, (const char *path, int flags, ...))
{
	const struct libc_file *file;

	if (!libc.active)
		return __real_open(path, flags, 0600);
	if (libc_fails())
		return -1;
	if (strcmp(path, "/dev/null") == 0)
		return libc_new_fd(FD_FILE, NULL);
	REQUIRE((flags & SAFELY) == SAFELY);
	REQUIRE((flags & (O_ACCMODE | O_CREAT | O_TRUNC)) == O_RDONLY);
	file = find_file(path);
	if (file == NULL) {
		errno = ENOENT;
		return -1;
	}
	if (S_ISLNK(file->mode)) {
		errno = ELOOP;
		return -1;
	}
	if (!S_ISDIR(file->mode))
		return libc_new_fd(FD_FILE, file);
	return libc_new_fd(strcmp(path, STORE_DIR) == 0 ? FD_STORE :
	    FD_DIRECTORY, file);
}

WRAP(int, openat, (int dir, const char *name, int flags, ...))
{
	struct libc_file file;

	if (!libc.active)
		return __real_openat(dir, name, flags, 0600);
	if (libc_fails())
		return -1;
	libc_index_of(dir, FD_STORE);
	REQUIRE((flags & SAFELY) == SAFELY);
	REQUIRE((flags & (O_CREAT | O_TRUNC)) == 0);
	/* Nothing is written but counts, and nobody counts here. */
	REQUIRE((flags & O_ACCMODE) == O_RDONLY ||
	    strcmp(name, OG_TALLY_FILE) == 0);
	if ((flags & O_ACCMODE) != O_RDONLY || !libc.stored(name, &file)) {
		errno = ENOENT;
		return -1;
	}
	return libc_new_fd(FD_FILE, &file);
}

WRAP(int, close, (int fd))
{
	if (!libc.active)
		return __real_close(fd);
	fds[libc_index_of(fd, FD_NONE)].kind = FD_NONE;
	libc.open--;
	return 0;
}

WRAP(int, fstat, (int fd, struct stat *st))
{
	if (!libc.active)
		return __real_fstat(fd, st);
	if (libc_fails())
		return -1;
	fill_stat(st, &fds[libc_index_of(fd, FD_NONE)].file);
	return 0;
}

WRAP(int, lstat, (const char *path, struct stat *st))
{
	const struct libc_file *file;

	if (!libc.active)
		return __real_lstat(path, st);
	if (libc_fails())
		return -1;
	file = find_file(path);
	if (file == NULL) {
		errno = ENOENT;
		return -1;
	}
	fill_stat(st, file);
	return 0;
}

/* The store's inner directories. */
WRAP(int, fstatat, (int dir, const char *name, struct stat *st, int flags))
{
	if (!libc.active)
		return __real_fstatat(dir, name, st, flags);
	if (libc_fails())
		return -1;
	libc_index_of(dir, FD_STORE);
	REQUIRE((flags & AT_SYMLINK_NOFOLLOW) != 0);
	REQUIRE(strchr(name, '/') == NULL);
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFDIR | 0755;
	return 0;
}

WRAP(ssize_t, readlink, (const char *path, char *text, size_t size))
{
	if (!libc.active)
		return __real_readlink(path, text, size);
	errno = EINVAL;
	return -1;
}

static ssize_t
give(void *data, size_t size, const void *from, size_t len, size_t at)
{
	if (at >= len)
		return 0;
	if (size > len - at)
		size = len - at;
	memcpy(data, (const char *)from + at, size);
	return (ssize_t)size;
}

WRAP(ssize_t, read, (int fd, void *data, size_t size))
{
	ssize_t n;
	int i;

	if (!libc.active)
		return __real_read(fd, data, size);
	if (libc_fails())
		return -1;
	i = libc_index_of(fd, FD_NONE);
	if (fds[i].kind == FD_READER) {
		if (libc.helper.dribbles && size > 7)
			size = 7;
		n = give(data, size, libc.helper.reply, libc.helper.len,
		    libc.said);
		libc.said += (size_t)n;
		return n;
	}
	n = give(data, size, fds[i].file.data, fds[i].file.len, fds[i].at);
	fds[i].at += (size_t)n;
	return n;
}

WRAP(ssize_t, pread, (int fd, void *data, size_t size, off_t at))
{
	int i;

	if (!libc.active)
		return __real_pread(fd, data, size, at);
	if (libc_fails())
		return -1;
	i = libc_index_of(fd, FD_FILE);
	return give(data, size, fds[i].file.data, fds[i].file.len, (size_t)at);
}

WRAP(int, fcntl, (int fd, int command, ...))
{
	(void)fd;
	(void)command;
	/* For descriptors below 3 alone, which ours are not. */
	REQUIRE(!libc.active);
	return -1;
}
