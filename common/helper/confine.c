#include "helper/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

/* Of Linux 6.2, and so not in each linux/landlock.h. */
#define ACCESS_TRUNCATE	(1ULL << 14)

/* Without the second version nothing may be renamed from one directory into
 * another, which is how an answer gets into the store. */
#define LANDLOCK_RENAMES	2
#define LANDLOCK_TRUNCATES	3

#define STORE_ACCESS	(LANDLOCK_ACCESS_FS_WRITE_FILE | \
	LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | \
	LANDLOCK_ACCESS_FS_REFER)

/* Nowhere at all. */
#define NEVER_ACCESS	(LANDLOCK_ACCESS_FS_EXECUTE | \
	LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
	LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
	LANDLOCK_ACCESS_FS_MAKE_SYM)

static void
complain(const struct og_log *log, const char *what)
{
	og_log(log, LOG_WARNING, "not confined: %s: %s", what,
	    strerror(errno));
}

/*
 * Who may write the store and read the key is root by his id: none of root's
 * powers is needed for either.
 */
static int
drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		_LINUX_CAPABILITY_VERSION_3, 0
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
	unsigned long capability;

	/* The bounding set first, while we may; a container's manager has
	 * reduced it already, and perhaps does not let us. */
	for (capability = 0; prctl(PR_CAPBSET_READ, capability, 0UL, 0UL,
	    0UL) >= 0; capability++)
		(void)prctl(PR_CAPBSET_DROP, capability, 0UL, 0UL, 0UL);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL);
	memset(none, 0, sizeof(none));
	return (int)syscall(SYS_capset, &header, none);
}

/* A store that could not be opened is one rule less. */
static int
allow_store(int rules, const char *directory, uint64_t access)
{
	struct landlock_path_beneath_attr beneath;
	int result;

	memset(&beneath, 0, sizeof(beneath));
	beneath.allowed_access = access;
	beneath.parent_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (beneath.parent_fd == -1)
		return 0;
	result = (int)syscall(SYS_landlock_add_rule, rules,
	    LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
	close(beneath.parent_fd);
	return result;
}

static int
confine_writing(const char *directory)
{
	struct landlock_ruleset_attr handled;
	uint64_t access;
	long version;
	int result, rules;

	version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	if (version < LANDLOCK_RENAMES)
		return 0;
	access = STORE_ACCESS;
	if (version >= LANDLOCK_TRUNCATES)
		access |= ACCESS_TRUNCATE;
	memset(&handled, 0, sizeof(handled));
	handled.handled_access_fs = access | NEVER_ACCESS;
	rules = (int)syscall(SYS_landlock_create_ruleset, &handled,
	    sizeof(handled), 0);
	if (rules == -1)
		return -1;
	result = allow_store(rules, directory, access);
	if (result == 0)
		result = (int)syscall(SYS_landlock_restrict_self, rules, 0);
	close(rules);
	return result;
}

void
og_confine(const char *directory, const struct og_log *log)
{
	if (drop_capabilities() == -1)
		complain(log, "capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == -1) {
		complain(log, "no_new_privs");
		return;
	}
	if (confine_writing(directory) == -1)
		complain(log, "Landlock");
	if (og_confine_calls() == -1)
		complain(log, "seccomp");
}
