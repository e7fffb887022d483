/*
 * DIR/counters: counted in by who may not write(2), made anew when it is not
 * ours, and never a reason for anything but a count that is missing.
 */
#include "store_kit.h"

#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "io/tally_write.h"

static char name_ssh[] = "ssh", name_admin[] = "admin";

static struct og_policy policies[2] = {
	{ .name = name_ssh }, { .name = name_admin }
};

static struct og_config
conf_with(size_t count)
{
	struct og_config conf;

	conf = kit_conf();
	conf.policies = policies;
	conf.policy_count = count;
	return conf;
}

static const char *
path(void)
{
	return in_scratch("store/counters");
}

static uint64_t
counted(struct og_store *store, const char *policy, enum og_reason reason)
{
	struct og_tally *copy;
	uint64_t n;

	copy = calloc(1, sizeof(*copy));
	assert_non_null(copy);
	assert_true(og_tally_read(store, copy));
	n = copy->policy[og_tally_slot(copy, policy)][OG_DOOR_PAM]
	    .reason[reason];
	free(copy);
	return n;
}

static void
count(struct og_store *store, const char *policy)
{
	og_tally_file_count(store, policy, OG_DOOR_PAM, OG_PASS, 0);
}

static void
is_made_by_writers(void **state)
{
	struct og_config conf;
	struct og_store *store;
	struct og_tally *more;
	struct stat st;

	(void)state;
	conf = conf_with(1);
	store = kit_store(NULL);
	count(store, "ssh");
	assert_int_not_equal(stat(path(), &st), 0);
	assert_int_equal(og_tally_write(store, &conf, NULL), OG_OK);
	assert_int_equal(stat(path(), &st), 0);
	assert_int_equal(st.st_size, sizeof(struct og_tally));
	assert_int_equal(st.st_mode & 07777, 0600);
	/* No block of it is yet to be found on the disk. */
	assert_true(st.st_blocks * 512 >= st.st_size);
	count(store, "ssh");
	count(store, "ssh");
	count(store, "admin");
	count(store, NULL);
	assert_int_equal(counted(store, "ssh", OG_PASS), 2);
	assert_int_equal(counted(store, NULL, OG_PASS), 2);
	/* A policy more, and what a process has counted for itself. */
	conf = conf_with(2);
	more = og_tally_new(&conf);
	assert_non_null(more);
	og_tally_decided(more, og_tally_slot(more, "admin"), OG_DOOR_PAM,
	    OG_PASS, 0);
	og_tally_synced(more, 1234, 5);
	assert_int_equal(og_tally_write(store, &conf, more), OG_OK);
	count(store, "admin");
	assert_int_equal(counted(store, "ssh", OG_PASS), 2);
	assert_int_equal(counted(store, "admin", OG_PASS), 2);
	assert_true(og_tally_read(store, more));
	assert_int_equal(more->synced_at, 1234);
	assert_int_equal(count_files("lists"), 0);
	assert_int_equal(said.lines, 0);
	free(more);
	og_store_free(store);
}

/* Damages the file in its own way. */
static void
cut(void)
{
	assert_int_equal(truncate(path(), sizeof(struct og_tally) - 1), 0);
}

static void
longer(void)
{
	assert_int_equal(truncate(path(), sizeof(struct og_tally) + 1), 0);
}

static void
empty(void)
{
	assert_int_equal(truncate(path(), 0), 0);
}

static void
other_magic(void)
{
	int fd;

	fd = open(path(), O_WRONLY);
	assert_true(fd >= 0 && pwrite(fd, "x", 1, 0) == 1);
	close(fd);
}

static void
writable(void)
{
	assert_int_equal(chmod(path(), 0620), 0);
}

static void
symlinked(void)
{
	assert_int_equal(rename(path(), in_scratch("store/moved")), 0);
	assert_int_equal(symlink("moved", path()), 0);
}

static void
fifo(void)
{
	assert_int_equal(unlink(path()), 0);
	assert_int_equal(mkfifo(path(), 0600), 0);
}

static void
foreign(void)
{
	if (geteuid() == 0)
		assert_int_equal(chown(path(), 1000, 1000), 0);
	else
		cut();
}

static void
what_is_not_ours(void **state)
{
	static void (*const damage[])(void) = { cut, longer, empty,
	    other_magic, writable, symlinked, fifo, foreign };
	struct og_config conf;
	struct og_store *store;
	struct og_tally *copy;
	unsigned char *old, *new;
	size_t i, len, len_after;

	(void)state;
	conf = conf_with(1);
	copy = calloc(1, sizeof(*copy));
	assert_non_null(copy);
	for (i = 0; i < COUNT(damage); i++) {
		store = kit_store(NULL);
		assert_int_equal(og_tally_write(store, &conf, NULL), OG_OK);
		count(store, "ssh");
		damage[i]();
		old = damage[i] == fifo ? NULL : get_file(path(), &len);
		count(store, "ssh");
		if (old != NULL) {
			new = get_file(path(), &len_after);
			assert_int_equal(len_after, len);
			assert_memory_equal(new, old, len);
			free(new);
		}
		free(old);
		assert_false(og_tally_read(store, copy));
		/* He who decides says nothing; who writes does. */
		assert_int_equal(said.lines, 0);
		assert_int_equal(og_tally_write(store, &conf, NULL), OG_OK);
		assert_said("counting anew");
		assert_int_equal(counted(store, "ssh", OG_PASS), 0);
		count(store, "ssh");
		assert_int_equal(counted(store, "ssh", OG_PASS), 1);
		og_store_free(store);
		scratch_clear(in_scratch("store"));
	}
	free(copy);
}

static void
cannot_be_replaced(void **state)
{
	struct og_config conf;
	struct og_store *store;

	(void)state;
	conf = conf_with(1);
	store = kit_store(NULL);
	assert_int_equal(mkdir(path(), 0700), 0);
	count(store, "ssh");
	assert_int_equal(said.lines, 0);
	assert_int_not_equal(og_tally_write(store, &conf, NULL), OG_OK);
	assert_int_not_equal(said.lines, 0);
	memset(&said, 0, sizeof(said));
	assert_int_equal(count_files("lists"), 0);
	og_store_free(store);
}

/* As the caller of sudo may have it: any write(2) to a file, at any place,
 * would end the process; no descriptor; no memory. */
static void
limits(void **state)
{
	static const struct {
		int resource;
		rlim_t limit;
		bool counts;
	} set[] = {
		{ RLIMIT_FSIZE, 0, true },
		{ RLIMIT_NOFILE, 0, false },
		{ RLIMIT_AS, 4096, false },
		{ RLIMIT_MEMLOCK, 0, true },
	};
	struct og_config conf;
	struct og_store *store;
	struct rlimit limit;
	uint64_t n;
	size_t i;
	int status;
	pid_t pid;

	(void)state;
	conf = conf_with(1);
	store = kit_store(NULL);
	assert_int_equal(og_tally_write(store, &conf, NULL), OG_OK);
	n = 0;
	for (i = 0; i < COUNT(set); i++) {
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			limit.rlim_cur = limit.rlim_max = set[i].limit;
			if (setrlimit((__rlimit_resource_t)set[i].resource,
			    &limit) != 0)
				_exit(2);
			count(store, "ssh");
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		n += set[i].counts;
		assert_int_equal(counted(store, "ssh", OG_PASS), n);
	}
	assert_int_equal(said.lines, 0);
	og_store_free(store);
}

/* Decisions, a helper that adds, a new configuration: all at once. */
static void
at_once(void **state)
{
	struct og_config conf;
	struct og_store *store;
	struct og_tally *more;
	pid_t pid[6];
	int i, n, status;

	(void)state;
	conf = conf_with(1);
	store = kit_store(NULL);
	assert_int_equal(og_tally_write(store, &conf, NULL), OG_OK);
	for (i = 0; i < 6; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] != 0)
			continue;
		conf = conf_with(2);
		more = og_tally_new(&conf);
		if (more == NULL)
			_exit(2);
		og_tally_decided(more, og_tally_slot(more, "admin"),
		    OG_DOOR_PAM, OG_PASS, 0);
		for (n = 0; n < 200; n++) {
			count(store, "ssh");
			if (og_tally_write(store, &conf, more) != OG_OK)
				_exit(3);
		}
		_exit(0);
	}
	for (i = 0; i < 6; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(counted(store, "ssh", OG_PASS), 1200);
	assert_int_equal(counted(store, "admin", OG_PASS), 1200);
	assert_int_equal(said.lines, 0);
	og_store_free(store);
}

/* Slots are given by one at a time; who waits in vain counts all the same. */
static void
slots_are_locked(void **state)
{
	struct og_config conf;
	struct og_store *store;
	struct og_tally *more;
	int fd;

	(void)state;
	conf = conf_with(1);
	store = kit_store(NULL);
	assert_int_equal(og_tally_write(store, &conf, NULL), OG_OK);
	fd = open(path(), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	conf = conf_with(2);
	more = og_tally_new(&conf);
	assert_non_null(more);
	og_tally_decided(more, og_tally_slot(more, "ssh"), OG_DOOR_PAM,
	    OG_PASS, 0);
	assert_int_equal(og_tally_write(store, &conf, more), OG_OK);
	assert_int_equal(counted(store, "ssh", OG_PASS), 1);
	assert_true(og_tally_read(store, more));
	assert_int_equal(og_tally_slot(more, "admin"), OG_TALLY_NO_POLICY);
	close(fd);
	assert_int_equal(og_tally_write(store, &conf, NULL), OG_OK);
	assert_true(og_tally_read(store, more));
	assert_int_equal(og_tally_slot(more, "admin"), 1);
	free(more);
	og_store_free(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_made_by_writers, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(what_is_not_ours, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(cannot_be_replaced, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(limits, before, kit_clear),
		cmocka_unit_test_setup_teardown(at_once, before, kit_clear),
		cmocka_unit_test_setup_teardown(slots_are_locked, before,
		    kit_clear),
	};
	int failed;

	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("tally_file", tests, NULL, NULL);
	scratch_clear(scratch);
	return failed;
}
