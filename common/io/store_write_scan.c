#include "io/store_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/store_write.h"

bool
og_store_name_valid(const char *name)
{
	const char *digits;

	digits = strchr(name, '/');
	return digits != NULL && strlen(digits + 1) == 64 &&
	    strspn(digits + 1, "0123456789abcdef") == 64;
}

void
og_store_say_unsafe(struct og_store *store)
{
	(void)og_store_inner_safe(store, OG_INNER_LISTS);
	(void)og_store_inner_safe(store, OG_INNER_SINGLES);
	(void)og_store_inner_safe(store, OG_INNER_SYNC);
}

bool
og_store_usable(struct og_store *store)
{
	enum og_inner inner;
	bool usable;

	usable = true;
	for (inner = 0; inner < OG_INNER_COUNT; inner++)
		usable &= og_store_inner_safe(store, inner);
	return usable;
}

/* NULL: no more of them, or *error. */
static struct dirent *
next_name(DIR *stream, enum og_error *error)
{
	struct dirent *entry;

	errno = 0;
	entry = readdir(stream);
	if (entry == NULL && errno != 0)
		*error = OG_ERR_SYSTEM;
	return entry;
}

enum og_error
og_inner_scan(struct og_store *store, enum og_inner inner,
    enum og_error (*each)(void *arg, enum og_inner, const char *name,
    const struct stat *), void *arg)
{
	char name[sizeof("singles/") + NAME_MAX];
	enum og_error error;
	struct dirent *entry;
	struct stat st;
	DIR *stream;
	int dir, why;

	if (!og_store_inner_safe(store, inner))
		return OG_ERR_UNSAFE;
	dir = openat(store->dir, og_inner_word(inner), O_RDONLY |
	    O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? OG_OK : OG_ERR_SYSTEM;
	stream = fdopendir(dir);
	if (stream == NULL) {
		close(dir);
		return OG_ERR_SYSTEM;
	}
	why = 0;
	error = OG_OK;
	while (error == OG_OK && (entry = next_name(stream, &error)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof(name), "%s/%s", og_inner_word(inner),
		    entry->d_name);
		/* Gone meanwhile: another process sweeps, too. */
		if (fstatat(store->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			error = each(arg, inner, name, &st);
		else if (errno != ENOENT)
			why = errno;	/* The others can be seen. */
	}
	if (error != OG_OK)
		why = errno;
	else if (why != 0)
		error = OG_ERR_SYSTEM;
	closedir(stream);
	errno = why;
	return error;
}
