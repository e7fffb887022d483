/* What the helper is given, whatever its host has: arguments, environment,
 * limits, descriptors, ids, signals. */
#include "helper_kit.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static void
test_arguments(void **state)
{
	char name[] = "dash", option[] = "-c", script[] = "echo \"$0|$1|$2\"";
	char zero[] = "zero", one[] = "a b", two[] = "'$(";
	char *const argv[] = { name, option, script, zero, one, two, NULL };

	(void)state;
	run(NULL, DASH, argv, LONG_MS);
	assert_reply("zero|a b|'$(\n");
}

static void
hostile_environment(void)
{
	setenv("SSLKEYLOGFILE", "/run/keys", 1);
	setenv("LD_PRELOAD", "/run/evil.so", 1);
	setenv("https_proxy", "http://127.0.0.1:1", 1);
}

static void
test_environment_is_empty(void **state)
{
	char name[] = "env";
	char *const argv[] = { name, NULL };

	(void)state;
	run(hostile_environment, "/usr/bin/env", argv, LONG_MS);
	assert_reply("");
}

static void
hostile_directory(void)
{
	umask(0);
	if (chdir("/proc/self") == -1)
		_exit(3);
}

static void
test_umask_and_directory(void **state)
{
	(void)state;
	run_script(hostile_directory, "umask; pwd -P", LONG_MS);
	assert_reply("0077\n/\n");
}

static const struct {
	unsigned int resource;
	const char *name;	/* in proc(5)'s limits */
	rlim_t hostile;
	rlim_t reset;
} limits[] = {
	{ RLIMIT_CORE, "Max core file size", RLIM_INFINITY, 0 },
	{ RLIMIT_FSIZE, "Max file size", 0, RLIM_INFINITY },
	{ RLIMIT_CPU, "Max cpu time", 7, RLIM_INFINITY },
	{ RLIMIT_RTTIME, "Max realtime timeout", 1000, RLIM_INFINITY },
	{ RLIMIT_NPROC, "Max processes", 1, RLIM_INFINITY },
	{ RLIMIT_STACK, "Max stack size", 256 * 1024, 8 * 1024 * 1024 },
	{ RLIMIT_NOFILE, "Max open files", 20, 1024 },
#ifndef __SANITIZE_ADDRESS__
	{ RLIMIT_DATA, "Max data size", 64 * 1024 * 1024, RLIM_INFINITY },
	{ RLIMIT_AS, "Max address space", 256 * 1024 * 1024, RLIM_INFINITY },
#endif
};

#define LIMIT_COUNT (sizeof(limits) / sizeof(limits[0]))

static void
hostile_limits(void)
{
	size_t i;

	for (i = 0; i < LIMIT_COUNT; i++)
		limit(limits[i].resource, limits[i].hostile);
}

static void
hostile_soft_limits(void)
{
	struct rlimit both;
	size_t i;

	for (i = 0; i < LIMIT_COUNT; i++) {
		if (getrlimit(limits[i].resource, &both) == -1)
			_exit(3);
		if (limits[i].hostile < both.rlim_max)
			both.rlim_cur = limits[i].hostile;
		if (setrlimit(limits[i].resource, &both) == -1)
			_exit(3);
	}
}

/* value, or what a hard limit leaves of it. */
static void
assert_limit(const char *name, rlim_t value, rlim_t hard)
{
	char got[2][32], want[32];
	const char *line;

	line = strstr(result->reply, name);
	assert_non_null(line);
	assert_int_equal(sscanf(line + strlen(name), "%31s %31s", got[0],
	    got[1]), 2);
	if (value > hard)
		value = hard;
	if (value == RLIM_INFINITY)
		snprintf(want, sizeof(want), "unlimited");
	else
		snprintf(want, sizeof(want), "%ju", (uintmax_t)value);
	assert_string_equal(got[0], want);
	assert_string_equal(got[1], want);
}

static void
run_cat(void (*hostile)(void), const char *file)
{
	char name[] = "cat", *path, *argv[3] = { name, NULL, NULL };

	path = strdup(file);
	assert_non_null(path);
	argv[1] = path;
	run(hostile, "/usr/bin/cat", argv, LONG_MS);
	free(path);
	assert_int_equal(result->error, OG_OK);
}

static void
test_soft_limits(void **state)
{
	struct rlimit here;
	size_t i;

	(void)state;
	run_cat(hostile_soft_limits, "/proc/self/limits");
	for (i = 0; i < LIMIT_COUNT; i++) {
		getrlimit(limits[i].resource, &here);
		assert_limit(limits[i].name, limits[i].reset, here.rlim_max);
	}
}

static bool
has_capability(unsigned int capability)
{
	return prctl(PR_CAPBSET_READ, (unsigned long)capability, 0UL, 0UL,
	    0UL) == 1;
}

static void
test_hard_limits(void **state)
{
	bool raised;
	size_t i;

	(void)state;
	raised = has_capability(CAP_SYS_RESOURCE);
	if (!raised)
		print_message("# no CAP_SYS_RESOURCE here: hard limits stay\n");
	run_cat(hostile_limits, "/proc/self/limits");
	for (i = 0; i < LIMIT_COUNT; i++)
		assert_limit(limits[i].name, limits[i].reset,
		    raised ? RLIM_INFINITY : limits[i].hostile);
}

static void
hostile_hard_limits(void)
{
	drop_capabilities();
	hostile_limits();
}

static void
test_hard_limits_that_stay(void **state)
{
	size_t i;

	(void)state;
	run_cat(hostile_hard_limits, "/proc/self/limits");
	for (i = 0; i < LIMIT_COUNT; i++)
		assert_limit(limits[i].name, limits[i].reset,
		    limits[i].hostile);
}

static void
hostile_scheduling(void)
{
	const struct sched_param normal = { .sched_priority = 0 };

	if (setpriority(PRIO_PROCESS, 0, 15) == -1 ||
	    sched_setscheduler(0, SCHED_BATCH, &normal) == -1 ||
	    prctl(PR_SET_TIMERSLACK, 100000000UL, 0UL, 0UL, 0UL) == -1 ||
	    syscall(SYS_ioprio_set, 1, 0, 3 << 13) == -1)
		_exit(3);
}

static void
test_scheduling(void **state)
{
	(void)state;
	/* stat(5): 19 is nice, 41 the policy. */
	run_script(hostile_scheduling,
	    "read -r line </proc/$$/stat; set -- $line; echo ${19} ${41};"
	    "cat /proc/$$/timerslack_ns; ionice -p $$", LONG_MS);
	assert_int_equal(result->error, OG_OK);
	assert_int_equal(strncmp(result->reply, "0 0\n50000\nnone", 14), 0);
}

#define SHOW_DESCRIPTORS \
	"readlink /proc/$$/fd/0 /proc/$$/fd/2;" \
	"case $(readlink /proc/$$/fd/1) in pipe:*) echo pipe;; esac;" \
	"n=3; while [ $n -lt 1200 ]; do" \
	" [ -h /proc/$$/fd/$n ] && echo open $n; n=$((n + 1)); done; exit 0"

static void
test_descriptors(void **state)
{
	(void)state;
	run_script(hostile_descriptors, SHOW_DESCRIPTORS, LONG_MS);
	assert_reply("/dev/null\n/dev/null\npipe\n");
}

static int closed_fds;			/* bit n: descriptor n; read by the host */

static void
hostile_closed(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++) {
		if ((closed_fds & 1 << fd) != 0)
			close(fd);
	}
}

static void
test_closed_descriptors(void **state)
{
	(void)state;
	for (closed_fds = 0; closed_fds < 8; closed_fds++) {
		run_script(hostile_closed, SHOW_DESCRIPTORS, LONG_MS);
		assert_reply("/dev/null\n/dev/null\npipe\n");
	}
}

static void
test_session(void **state)
{
	(void)state;
	/* stat(5): 5 is the process group, 6 the session, 7 the terminal. */
	run_script(NULL, "read -r line </proc/$$/stat; set -- $line;"
	    "[ $5 = $$ ] && [ $6 = $$ ] && [ $7 = 0 ] && echo own", LONG_MS);
	assert_reply("own\n");
}

static void
test_ids(void **state)
{
	(void)state;
	run_cat(hostile_ids, "/proc/self/status");
	assert_non_null(strstr(result->reply, "\nUid:\t0\t0\t0\t0\n"));
	assert_non_null(strstr(result->reply, "\nGid:\t0\t0\t0\t0\n"));
	assert_non_null(strstr(result->reply, "\nGroups:\t \n"));
}

static void
test_signals(void **state)
{
	(void)state;
	run_cat(hostile_signals, "/proc/self/status");
	assert_non_null(strstr(result->reply, "\nSigBlk:\t0000000000000000\n"));
	assert_non_null(strstr(result->reply, "\nSigIgn:\t0000000000000000\n"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_environment_is_empty),
		cmocka_unit_test(test_umask_and_directory),
		cmocka_unit_test(test_soft_limits),
		cmocka_unit_test(test_hard_limits),
		cmocka_unit_test(test_hard_limits_that_stay),
		cmocka_unit_test(test_scheduling),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_closed_descriptors),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_signals),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (!may_execute())
		return 0;
	return cmocka_run_group_tests_name("helper_given", tests, kit_set_up,
	    NULL);
}
