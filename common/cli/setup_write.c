#include "cli/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT	".bak.new"

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

/* A second name for what is there: PATH.bak.new. */
static enum og_error
keep(struct og_setup_file *file, struct og_message *message)
{
	char bak[PATH_MAX + 16], kept[PATH_MAX + 16];
	struct stat st;

	snprintf(bak, sizeof(bak), "%s.bak", file->path);
	snprintf(kept, sizeof(kept), "%s" KEPT, file->path);
	(void)unlink(kept);
	file->kept = link(file->path, kept) == 0;
	if (!file->kept && errno != ENOENT)
		return fail(message, kept);
	/* The one thing there that cannot be renamed over. */
	if (lstat(bak, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return fail(message, bak);
	}
	return OG_OK;
}

static enum og_error
name_kept(const struct og_setup_file *file, struct og_message *message)
{
	char bak[PATH_MAX + 16], kept[PATH_MAX + 16];

	snprintf(bak, sizeof(bak), "%s.bak", file->path);
	snprintf(kept, sizeof(kept), "%s" KEPT, file->path);
	if (file->kept && rename(kept, bak) != 0)
		return fail(message, bak);
	return OG_OK;
}

static enum og_error
place(struct og_setup_file *file, struct og_message *message)
{
	char staged[PATH_MAX + 16];

	snprintf(staged, sizeof(staged), "%s%s", file->path, OG_SETUP_NEW);
	if (rename(staged, file->path) != 0)
		return fail(message, file->path);
	file->placed = true;
	if (!sync_directory(file->path))
		return fail(message, file->path);
	return OG_OK;
}

/* It stays `placed` when that cannot be. */
static void
put_back(struct og_setup_file *file, struct og_message *message)
{
	char bak[PATH_MAX + 16];

	snprintf(bak, sizeof(bak), "%s.bak", file->path);
	if ((file->kept ? rename(bak, file->path) : unlink(file->path)) != 0) {
		og_message_set(message, "%s: cannot be put back: %s; what was "
		    "there is %s", file->path, strerror(errno),
		    file->kept ? bak : "nothing");
		return;
	}
	file->placed = false;
	(void)sync_directory(file->path);
}

enum og_error
og_setup_commit(struct og_setup_file *file, size_t count,
    struct og_message *message)
{
	enum og_error error;
	size_t i;

	error = OG_OK;
	/* What can fail comes before anything that is in force is touched. */
	for (i = 0; error == OG_OK && i < count; i++)
		error = keep(&file[i], message);
	for (i = 0; error == OG_OK && i < count; i++)
		error = name_kept(&file[i], message);
	for (i = 0; error == OG_OK && i < count; i++)
		error = place(&file[i], message);
	for (i = 0; error != OG_OK && i < count; i++) {
		if (file[i].placed)
			put_back(&file[i], message);
	}
	return error;
}

void
og_setup_discard(const char *path)
{
	char name[PATH_MAX + 16];

	snprintf(name, sizeof(name), "%s%s", path, OG_SETUP_NEW);
	(void)unlink(name);
	snprintf(name, sizeof(name), "%s" KEPT, path);
	(void)unlink(name);
}
