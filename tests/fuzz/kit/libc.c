#include "libc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/tally_file.h"

/* Ours are above all that the fuzzer itself has open. */
#define FD_FIRST	1000
#define FDS		16
#define CHILD		4242
#define STORE_DIR	"/var/cache/openai-gate"

struct libc libc;

enum kind {
	FD_NONE = 0,
	FD_FILE,
	FD_DIRECTORY,
	FD_STORE,
	FD_READER,
	FD_WRITER
};

static struct {
	enum kind kind;
	struct libc_file file;
	size_t at;
} fds[FDS];

/* What the wrapped calls are, real and ours, is told by their names. */
#define WRAP(type, name, args)						\
	type __real_##name args;					\
	type __wrap_##name args;					\
	type __wrap_##name args

void
libc_reset(void)
{
	memset(&libc, 0, sizeof(libc));
	memset(fds, 0, sizeof(fds));
	libc.mono_ms = LIBC_START_MS;
	libc.directory_mode = S_IFDIR | 0755;
	libc.child_handled = true;
	libc.user_uid = 1000;
	libc.user_gid = 1000;
}

void
libc_make_faults(struct input *input)
{
	static const int errors[] = {
		EIO, ENOMEM, EINTR, EACCES, EMFILE, ENOENT, EAGAIN, ELOOP,
		EPERM, ENOSPC, ENOTDIR, ESRCH, EBADF, ERANGE, 0, 0,
	};
	unsigned int bits, i;

	for (i = 0; i < LIBC_FAULTS; i++) {
		libc.fault[i].call = take(input);
		if (libc.fault[i].call == 0)
			return;
		bits = take(input);
		libc.fault[i].call += (bits >> 4) << 8;
		libc.fault[i].error = errors[bits & 15];
	}
}

static bool
fails(void)
{
	size_t i;

	libc.calls++;
	for (i = 0; i < LIBC_FAULTS; i++) {
		if (libc.fault[i].call != libc.calls ||
		    libc.fault[i].error == 0)
			continue;
		libc.failed++;
		errno = libc.fault[i].error;
		return true;
	}
	return false;
}

/* ---- memory ---- */

WRAP(void *, malloc, (size_t size))
{
	return libc.active && fails() ? NULL : __real_malloc(size);
}

WRAP(void *, calloc, (size_t count, size_t size))
{
	return libc.active && fails() ? NULL : __real_calloc(count, size);
}

WRAP(void *, realloc, (void *old, size_t size))
{
	return libc.active && fails() ? NULL : __real_realloc(old, size);
}

WRAP(void *, reallocarray, (void *old, size_t count, size_t size))
{
	return libc.active && fails() ? NULL :
	    __real_reallocarray(old, count, size);
}

WRAP(char *, strdup, (const char *text))
{
	return libc.active && fails() ? NULL : __real_strdup(text);
}

/* ---- files ---- */

static int
new_fd(enum kind kind, const struct libc_file *file)
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

static int
index_of(int fd, enum kind kind)
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
	if (fails())
		return -1;
	if (strcmp(path, "/dev/null") == 0)
		return new_fd(FD_FILE, NULL);
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
		return new_fd(FD_FILE, file);
	return new_fd(strcmp(path, STORE_DIR) == 0 ? FD_STORE : FD_DIRECTORY,
	    file);
}

WRAP(int, openat, (int dir, const char *name, int flags, ...))
{
	struct libc_file file;

	if (!libc.active)
		return __real_openat(dir, name, flags, 0600);
	if (fails())
		return -1;
	index_of(dir, FD_STORE);
	REQUIRE((flags & SAFELY) == SAFELY);
	REQUIRE((flags & (O_CREAT | O_TRUNC)) == 0);
	/* Nothing is written but counts, and nobody counts here. */
	REQUIRE((flags & O_ACCMODE) == O_RDONLY ||
	    strcmp(name, OG_TALLY_FILE) == 0);
	if ((flags & O_ACCMODE) != O_RDONLY || !libc.stored(name, &file)) {
		errno = ENOENT;
		return -1;
	}
	return new_fd(FD_FILE, &file);
}

WRAP(int, close, (int fd))
{
	if (!libc.active)
		return __real_close(fd);
	fds[index_of(fd, FD_NONE)].kind = FD_NONE;
	libc.open--;
	return 0;
}

WRAP(int, fstat, (int fd, struct stat *st))
{
	if (!libc.active)
		return __real_fstat(fd, st);
	if (fails())
		return -1;
	fill_stat(st, &fds[index_of(fd, FD_NONE)].file);
	return 0;
}

WRAP(int, lstat, (const char *path, struct stat *st))
{
	const struct libc_file *file;

	if (!libc.active)
		return __real_lstat(path, st);
	if (fails())
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
	if (fails())
		return -1;
	index_of(dir, FD_STORE);
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
	if (fails())
		return -1;
	i = index_of(fd, FD_NONE);
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
	if (fails())
		return -1;
	i = index_of(fd, FD_FILE);
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

/* ---- the helper ---- */

WRAP(int, pipe2, (int end[2], int flags))
{
	if (!libc.active)
		return __real_pipe2(end, flags);
	if (fails())
		return -1;
	REQUIRE((flags & O_CLOEXEC) != 0);
	end[0] = new_fd(FD_READER, NULL);
	end[1] = new_fd(FD_WRITER, NULL);
	return 0;
}

WRAP(pid_t, _Fork, (void))
{
	if (!libc.active)
		return __real__Fork();
	if (fails())
		return -1;
	REQUIRE(!libc.helper_ran || libc.helper_gone);
	/* Blocked, so that no handler of the host runs in the child. */
	REQUIRE(libc.masked && !libc.child_handled);
	libc.helper_ran = true;
	libc.helper_gone = false;
	libc.helper_killed = false;
	libc.said = 0;
	return CHILD;
}

static bool
has_ended(void)
{
	return libc.helper_killed || (!libc.helper.hangs &&
	    libc.said == libc.helper.len);
}

WRAP(pid_t, waitpid, (pid_t pid, int *status, int flags))
{
	if (!libc.active)
		return __real_waitpid(pid, status, flags);
	REQUIRE(pid == CHILD && (flags & WNOHANG) != 0 && !libc.helper_gone);
	if (fails()) {
		/* No other error is there; somebody else was faster. */
		if (errno != EINTR) {
			libc.helper_gone = true;
			errno = ECHILD;
		}
		return -1;
	}
	if (!has_ended())
		return 0;
	libc.helper_gone = true;
	if (libc.helper.stolen) {
		errno = ECHILD;
		return -1;
	}
	*status = libc.helper_killed ? SIGKILL : libc.helper.status;
	return CHILD;
}

WRAP(int, kill, (pid_t pid, int sig))
{
	if (!libc.active)
		return __real_kill(pid, sig);
	REQUIRE(pid == CHILD && sig == SIGKILL && !libc.helper_gone);
	libc.helper_killed = true;
	return 0;
}

WRAP(int, poll, (struct pollfd *watch, nfds_t count, int timeout))
{
	if (!libc.active)
		return __real_poll(watch, count, timeout);
	REQUIRE(timeout >= 0 && timeout <= 1000);
	if (fails()) {
		libc.mono_ms++;
		return -1;
	}
	if (count == 1 && watch->fd >= 0 &&
	    (libc.said < libc.helper.len || has_ended())) {
		index_of(watch->fd, FD_READER);
		watch->revents = POLLIN;
		libc.mono_ms += libc.helper.dribbles;
		return 1;
	}
	libc.mono_ms += timeout > 0 ? timeout : 0;
	return 0;
}

WRAP(int, pthread_sigmask, (int how, const sigset_t *set, sigset_t *old))
{
	if (!libc.active)
		return __real_pthread_sigmask(how, set, old);
	REQUIRE(how == SIG_SETMASK);
	if (!libc.masked && fails())
		return errno;
	if (old != NULL)
		sigemptyset(old);
	libc.masked = sigismember(set, SIGTERM) == 1;
	return 0;
}

/* A handler of the host's stands there, and must stand there afterwards. */
static void
of_host(int sig)
{
	(void)sig;
}

WRAP(int, sigaction, (int sig, const struct sigaction *action,
    struct sigaction *old))
{
	if (!libc.active)
		return __real_sigaction(sig, action, old);
	REQUIRE(sig == SIGCHLD);
	if (libc.child_handled && fails())
		return -1;
	if (old != NULL) {
		memset(old, 0, sizeof(*old));
		old->sa_handler = of_host;
	}
	libc.child_handled = action->sa_handler == of_host;
	return 0;
}

/* ---- time, accounts ---- */

WRAP(time_t, time, (time_t *result))
{
	int64_t now;

	if (!libc.active)
		return __real_time(result);
	libc.clock_calls++;
	now = LIBC_WALL;
	if (libc.step_at != 0 && libc.clock_calls >= libc.step_at)
		now += libc.step_ms / 1000;
	return now;
}

WRAP(int, clock_gettime, (clockid_t clock, struct timespec *ts))
{
	if (!libc.active)
		return __real_clock_gettime(clock, ts);
	REQUIRE(clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME);
	ts->tv_sec = libc.mono_ms / 1000;
	ts->tv_nsec = libc.mono_ms % 1000 * 1000000;
	return 0;
}

WRAP(uid_t, geteuid, (void))
{
	if (!libc.active)
		return __real_geteuid();
	return libc.not_root ? 1000 : 0;
}

WRAP(int, getpwnam_r, (const char *name, struct passwd *entry, char *room,
    size_t size, struct passwd **found))
{
	if (!libc.active)
		return __real_getpwnam_r(name, entry, room, size, found);
	*found = NULL;
	if (fails())
		return errno;
	if (libc.user_missing)
		return 0;
	memset(entry, 0, sizeof(*entry));
	entry->pw_uid = libc.user_uid;
	entry->pw_gid = libc.user_gid;
	*found = entry;
	return 0;
}

/* Group "wheel" is 10, "adm" is 11; there are no others. */
WRAP(int, getgrnam_r, (const char *name, struct group *entry, char *room,
    size_t size, struct group **found))
{
	if (!libc.active)
		return __real_getgrnam_r(name, entry, room, size, found);
	*found = NULL;
	if (fails())
		return errno;
	memset(entry, 0, sizeof(*entry));
	if (strcmp(name, "wheel") != 0 && strcmp(name, "adm") != 0)
		return 0;
	entry->gr_gid = name[0] == 'w' ? 10 : 11;
	*found = entry;
	return 0;
}

/* Its primary group, 12 and 13. */
WRAP(int, getgrouplist, (const char *name, gid_t primary, gid_t *group,
    int *count))
{
	static const gid_t more[] = { 12, 13 };

	if (!libc.active)
		return __real_getgrouplist(name, primary, group, count);
	if (*count < 3 || fails()) {
		*count = 3;
		return -1;
	}
	group[0] = primary;
	memcpy(group + 1, more, sizeof(more));
	return *count = 3;
}
