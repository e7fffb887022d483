#include "io/exempt.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <syslog.h>

/* Room for one entry of passwd or group; a group lists all its members. */
#define ENTRY_FIRST	4096
#define ENTRY_MAX	(16 * 1024 * 1024)
#define GROUPS_FIRST	64
#define GROUPS_MAX	65536		/* NGROUPS_MAX of Linux */

struct account {
	uid_t uid;
	gid_t gid;
};

/* Sets *account and returns 0, or ENOENT, ENOMEM, or NSS's own error. */
static int
find_account(struct account *account, const char *user)
{
	struct passwd entry, *found;
	size_t size;
	char *room;
	int error;

	error = ERANGE;
	for (size = ENTRY_FIRST; error == ERANGE && size <= ENTRY_MAX;
	    size *= 4) {
		room = malloc(size);
		if (room == NULL)
			return ENOMEM;
		error = getpwnam_r(user, &entry, room, size, &found);
		if (error == 0 && found == NULL)
			error = ENOENT;
		if (error == 0) {
			account->uid = entry.pw_uid;
			account->gid = entry.pw_gid;
		}
		free(room);
	}
	return error;
}

/* The same for a group's number. */
static int
find_group(gid_t *gid, const char *name)
{
	struct group entry, *found;
	size_t size;
	char *room;
	int error;

	error = ERANGE;
	for (size = ENTRY_FIRST; error == ERANGE && size <= ENTRY_MAX;
	    size *= 4) {
		room = malloc(size);
		if (room == NULL)
			return ENOMEM;
		error = getgrnam_r(name, &entry, room, size, &found);
		if (error == 0 && found == NULL)
			error = ENOENT;
		if (error == 0)
			*gid = entry.gr_gid;
		free(room);
	}
	return error;
}

/* All groups of the user, the primary one among them; NULL: no memory. */
static gid_t *
list_groups(const char *user, gid_t primary, int *count)
{
	gid_t *group, *larger;
	int size;

	size = GROUPS_FIRST;
	group = calloc((size_t)size, sizeof(*group));
	while (group != NULL) {
		*count = size;
		if (getgrouplist(user, primary, group, count) >= 0)
			return group;
		size = *count > size ? *count : size * 2;
		larger = NULL;
		if (size <= GROUPS_MAX)
			larger = reallocarray(group, (size_t)size,
			    sizeof(*group));
		if (larger == NULL)
			free(group);
		group = larger;
	}
	return NULL;
}

static bool
holds(const gid_t *group, int count, gid_t wanted)
{
	int i;

	for (i = 0; i < count; i++) {
		if (group[i] == wanted)
			return true;
	}
	return false;
}

static enum og_reason
by_group(const struct og_words *names, const char *user, gid_t primary,
    const struct og_log *log)
{
	enum og_reason reason;
	gid_t *group, wanted;
	int count, error;
	size_t i;

	group = list_groups(user, primary, &count);
	if (group == NULL)
		return OG_NO_MEMORY;
	reason = OG_GO_ON;
	for (i = 0; i < names->count && reason == OG_GO_ON; i++) {
		error = find_group(&wanted, names->item[i]);
		if (error == ENOMEM)
			reason = OG_NO_MEMORY;
		else if (error != 0)
			og_log(log, LOG_WARNING, "exempt_groups: group %s: %s",
			    names->item[i], error == ENOENT ?
			    "there is none of that name" : strerror(error));
		else if (holds(group, count, wanted))
			reason = OG_EXEMPT_GROUP;
	}
	free(group);
	return reason;
}

enum og_reason
og_exempt(const struct og_config *conf, const char *user,
    const char *service, const struct og_log *log)
{
	struct account account;
	int error;

	if (og_words_have(&conf->ignore_services, service))
		return OG_SERVICE_IGNORED;
	if (og_words_have(&conf->exempt_users, user))
		return OG_EXEMPT_USER;
	if (conf->min_uid == 0 && conf->exempt_groups.count == 0)
		return OG_GO_ON;
	error = find_account(&account, user);
	if (error == ENOMEM)
		return OG_NO_MEMORY;
	if (error != 0) {
		og_log(log, LOG_WARNING, "user %.64s: not exempt: %s", user,
		    error == ENOENT ? "no such account" : strerror(error));
		return OG_GO_ON;
	}
	if ((int64_t)account.uid < conf->min_uid)
		return OG_MIN_UID;
	if (conf->exempt_groups.count == 0)
		return OG_GO_ON;
	return by_group(&conf->exempt_groups, user, account.gid, log);
}
