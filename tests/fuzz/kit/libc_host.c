/* The host: its time and its accounts. */
#include "libc_wrap.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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
	if (libc_fails())
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
	if (libc_fails())
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
	if (*count < 3 || libc_fails()) {
		*count = 3;
		return -1;
	}
	group[0] = primary;
	memcpy(group + 1, more, sizeof(more));
	return *count = 3;
}
