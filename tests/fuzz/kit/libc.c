/* The table itself, the calls that fail, and memory. */
#include "libc_wrap.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct libc libc;

void
libc_reset(void)
{
	memset(&libc, 0, sizeof(libc));
	libc_reset_fds();
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

bool
libc_fails(void)
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

WRAP(void *, malloc, (size_t size))
{
	return libc.active && libc_fails() ? NULL : __real_malloc(size);
}

WRAP(void *, calloc, (size_t count, size_t size))
{
	return libc.active && libc_fails() ? NULL : __real_calloc(count, size);
}

WRAP(void *, realloc, (void *old, size_t size))
{
	return libc.active && libc_fails() ? NULL : __real_realloc(old, size);
}

WRAP(void *, reallocarray, (void *old, size_t count, size_t size))
{
	return libc.active && libc_fails() ? NULL :
	    __real_reallocarray(old, count, size);
}

WRAP(char *, strdup, (const char *text))
{
	return libc.active && libc_fails() ? NULL : __real_strdup(text);
}
