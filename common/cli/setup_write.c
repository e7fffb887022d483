#include "cli/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum og_error
fail(struct og_message *message, const char *path)
{
	og_message_set(message, "%s: %s", path, strerror(errno));
	return OG_ERR_SYSTEM;
}

static bool
write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

enum og_error
og_setup_stage(const char *path, mode_t mode, const struct og_buffer *text,
    struct og_message *message)
{
	char new[PATH_MAX + 8];
	bool good;
	int fd;

	snprintf(new, sizeof(new), "%s%s", path, OG_SETUP_NEW);
	(void)unlink(new);	/* of a run that was killed */
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd < 0)
		return fail(message, new);
	/* Its mode comes last: nobody ever sees a key. */
	good = write_all(fd, text->data, text->len) && fchown(fd, 0, 0) == 0 &&
	    fchmod(fd, mode) == 0 && fsync(fd) == 0;
	if (close(fd) != 0 || !good)
		return fail(message, new);
	return OG_OK;
}

/* Without it, the names may be gone after a power cut. */
static bool
sync_directory(const char *path)
{
	char directory[PATH_MAX];
	bool good;
	int fd;

	snprintf(directory, sizeof(directory), "%.*s",
	    (int)(strrchr(path, '/') - path), path);
	fd = open(*directory != '\0' ? directory : "/",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	good = fsync(fd) == 0;
	close(fd);
	return good;
}

enum og_error
og_setup_commit(const char *path, struct og_message *message)
{
	char bak[PATH_MAX + 8], staged[PATH_MAX + 8];

	snprintf(staged, sizeof(staged), "%s%s", path, OG_SETUP_NEW);
	snprintf(bak, sizeof(bak), "%s.bak", path);
	/* A second name, so that the first is never without a file. */
	if (access(path, F_OK) == 0 &&
	    ((unlink(bak) != 0 && errno != ENOENT) || link(path, bak) != 0))
		return fail(message, bak);
	if (rename(staged, path) != 0 || !sync_directory(path))
		return fail(message, path);
	return OG_OK;
}

void
og_setup_discard(const char *path)
{
	char new[PATH_MAX + 8];

	snprintf(new, sizeof(new), "%s%s", path, OG_SETUP_NEW);
	(void)unlink(new);
}
