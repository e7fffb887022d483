/* When the helper must not run, or cannot: its file, its host's ids and
 * limits. */
#include "helper_kit.h"

#include <sys/stat.h>

static char directory[] = "/run/og-helper-XXXXXX";

static const char *
in_directory(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void
make_file(const char *name, mode_t mode, uid_t owner)
{
	const char *path;
	int fd;

	path = in_directory(name);
	fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "no program\n", 11), 11);
	assert_int_equal(fchown(fd, owner, 0), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
test_files(void **state)
{
	static const struct {
		const char *name;
		mode_t mode;
		uid_t owner;
		enum og_error error;
		const char *part;
	} rows[] = {
		{ "plain", 0644, 0, OG_ERR_UNSAFE, "0644 cannot be executed" },
		{ "open", 0757, 0, OG_ERR_UNSAFE, "0757" },
		{ "group", 0775, 0, OG_ERR_UNSAFE, "0775" },
		{ "foreign", 0755, 1000, OG_ERR_UNSAFE, "1000" },
		{ "garbage", 0755, 0, OG_ERR_SYSTEM, "cannot be executed" },
	};
	char name[] = "x", *const argv[] = { name, NULL };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_file(rows[i].name, rows[i].mode, rows[i].owner);
		run(NULL, in_directory(rows[i].name), argv, LONG_MS);
		assert_said(rows[i].error, rows[i].part);
		assert_non_null(strstr(result->message.text,
		    in_directory(rows[i].name)));
	}
	run(NULL, in_directory("missing"), argv, LONG_MS);
	assert_said(OG_ERR_MISSING, "missing");
	assert_int_equal(symlink(DASH, in_directory("link")), 0);
	run(NULL, in_directory("link"), argv, LONG_MS);
	assert_said(OG_ERR_UNSAFE, "link");
	run(NULL, directory, argv, LONG_MS);
	assert_said(OG_ERR_UNSAFE, directory);
	assert_int_equal(chmod(directory, 0777), 0);
	run(NULL, in_directory("garbage"), argv, LONG_MS);
	assert_said(OG_ERR_UNSAFE, "0777");
	assert_int_equal(chmod(directory, 0755), 0);
}

static rlim_t files_limit;		/* read by the host */

static void
hostile_few_files(void)
{
	limit(RLIMIT_NOFILE, files_limit);
}

static void
test_too_few_descriptors(void **state)
{
	int failed;

	(void)state;
	failed = 0;
	/* Whichever descriptor cannot be had, what was opened is closed. */
	for (files_limit = 3; files_limit < 32; files_limit++) {
		run_script(hostile_few_files, "echo ran", LONG_MS);
		if (result->error == OG_OK)
			break;
		assert_said(OG_ERR_SYSTEM, "Too many open files");
		failed++;
	}
	assert_reply("ran\n");
	assert_true(failed >= 3);
}

static void
hostile_no_processes(void)
{
	limit(RLIMIT_NPROC, 0);
	if (setresuid(1000, 0, 0) == -1)
		_exit(3);
	drop_capabilities();
}

static void
test_no_process(void **state)
{
	(void)state;
	run_script(hostile_no_processes, "echo ran", LONG_MS);
	assert_said(OG_ERR_SYSTEM, "fork");
}

static void
hostile_user(void)
{
	if (setresgid(1000, 1000, 1000) == -1 ||
	    setresuid(1000, 1000, 1000) == -1)
		_exit(3);
}

static void
test_not_root(void **state)
{
	(void)state;
	run_script(hostile_user, "echo ran", LONG_MS);
	assert_said(OG_ERR_SYSTEM, "only root");
}

/* The ids cannot be set in the child: nothing may run with the caller's. */
static void
hostile_no_setuid(void)
{
	struct __user_cap_header_struct header = {
		_LINUX_CAPABILITY_VERSION_3, 0
	};
	struct __user_cap_data_struct data[2];

	hostile_ids();
	if (syscall(SYS_capget, &header, data) == -1)
		_exit(3);
	data[0].effective &= ~(1U << CAP_SETUID | 1U << CAP_SETGID);
	data[0].permitted = data[0].effective;
	if (syscall(SYS_capset, &header, data) == -1)
		_exit(3);
}

static void
test_ids_cannot_be_set(void **state)
{
	(void)state;
	run_script(hostile_no_setuid, "echo ran", LONG_MS);
	assert_said(OG_ERR_SYSTEM, "could not be reset");
}

static int
set_up(void **state)
{
	if (kit_set_up(state) != 0 || mkdtemp(directory) == NULL)
		return -1;
	return chmod(directory, 0755);
}

static int
tear_down(void **state)
{
	static const char *const names[] = {
		"plain", "open", "group", "foreign", "garbage", "link"
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(in_directory(names[i]));
	return rmdir(directory);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_too_few_descriptors),
		cmocka_unit_test(test_no_process),
		cmocka_unit_test(test_not_root),
		cmocka_unit_test(test_ids_cannot_be_set),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (!may_execute())
		return 0;
	return cmocka_run_group_tests_name("helper_refused", tests, set_up,
	    tear_down);
}
