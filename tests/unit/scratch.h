/*
 * A directory for one test program, with parents that others cannot write:
 * below /run for root, else below /run/user/UID or beside the program.
 */
#ifndef OG_TESTS_UNIT_SCRATCH_H
#define OG_TESTS_UNIT_SCRATCH_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"

static char scratch[256];

static inline bool
scratch_below(const char *parent)
{
	struct og_message message;
	int fd;

	if (og_file_open_directory(&fd, parent,
	    (struct og_trust){ geteuid(), 022 }, &message) != OG_OK) {
		printf("# %s\n", message.text);
		return false;
	}
	close(fd);
	if (snprintf(scratch, sizeof(scratch), "%s/gate-unit-XXXXXX",
	    parent) >= (int)sizeof(scratch) || mkdtemp(scratch) == NULL) {
		scratch[0] = '\0';
		return false;
	}
	return true;
}

/* False, with a whole TAP file that says so: there is no such place. */
static inline bool
scratch_make(void)
{
	char runtime[40], self[200];
	ssize_t n;

	if (geteuid() == 0 && scratch_below("/run"))
		return true;
	snprintf(runtime, sizeof(runtime), "/run/user/%lu",
	    (unsigned long)geteuid());
	if (scratch_below(runtime))
		return true;
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		*strrchr(self, '/') = '\0';
		if (scratch_below(self))
			return true;
	}
	printf("1..0 # SKIP no directory here that nobody else may write\n");
	return false;
}

static inline int
scratch_each(const char *path, const struct stat *st, int type,
    struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void
scratch_clear(const char *path)
{
	nftw(path, scratch_each, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* "scratch/FORMAT"; the last 8 results stay valid. */
static inline const char *in_scratch(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

static inline const char *
in_scratch(const char *fmt, ...)
{
	static char path[8][PATH_MAX];
	static size_t turn;
	size_t used;
	va_list ap;
	char *p;

	p = path[turn++ % 8];
	used = (size_t)snprintf(p, PATH_MAX, "%s/", scratch);
	va_start(ap, fmt);
	vsnprintf(p + used, PATH_MAX - used, fmt, ap);
	va_end(ap);
	return p;
}

/* For what only root can try. False, and said: cmocka's own skip() writes
 * "not ok", which prove takes for a failure. */
static inline bool
as_root(const char *test)
{
	if (geteuid() == 0)
		return true;
	printf("# SKIP %s: only root can try it\n", test);
	return false;
}

/* True: the file holds these bytes now, and has this mode. */
static inline bool
put_file(const char *path, const void *data, size_t len, mode_t mode)
{
	bool good;
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	good = write(fd, data, len) == (ssize_t)len && fchmod(fd, mode) == 0;
	close(fd);
	return good;
}

/* The whole file, to be freed; NULL when it cannot be read. */
static inline unsigned char *
get_file(const char *path, size_t *len)
{
	unsigned char *data;
	struct stat st;
	int fd;

	*len = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	data = NULL;
	if (fstat(fd, &st) == 0)
		data = malloc((size_t)st.st_size + 1);
	if (data != NULL &&
	    read(fd, data, (size_t)st.st_size) == (ssize_t)st.st_size)
		*len = (size_t)st.st_size;
	close(fd);
	return data;
}

static size_t descriptors;

static inline size_t
count_descriptors(void)
{
	size_t count;
	DIR *dir;

	dir = opendir("/proc/self/fd");
	if (dir == NULL)
		return 0;
	for (count = 0; readdir(dir) != NULL; count++)
		continue;
	closedir(dir);
	return count;
}

/* Setup and teardown of a test after which no descriptor may be left. */
static inline int
before(void **state)
{
	(void)state;
	descriptors = count_descriptors();
	return 0;
}

static inline int
after(void **state)
{
	(void)state;
	return count_descriptors() == descriptors ? 0 : -1;
}

#endif
