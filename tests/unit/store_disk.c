/*
 * The store on disks that are full, read-only or not ours, and the modes of
 * what it leaves there.
 */
#include "store_kit.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "io/lock.h"

/* Files are as readable as the store's directory, whatever the umask. */
static void
modes_follow_the_directory(void **state)
{
	static const struct { mode_t store, inner, file; } cases[] = {
		{ 0700, 0700, 0600 }, { 0750, 0750, 0640 },
		{ 02750, 02750, 0640 }, { 0755, 0755, 0644 },
	};
	char path[PATH_MAX];
	struct og_store *store;
	struct stat st;
	mode_t old;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		scratch_clear(in_scratch("store"));
		old = umask(0777);
		store = kit_store(NULL);
		assert_int_equal(stat(in_scratch("store/lists"), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		og_store_free(store);
		assert_int_equal(rmdir(in_scratch("store/lists")), 0);
		assert_int_equal(chmod(in_scratch("store"), cases[i].store), 0);
		store = kit_store(NULL);
		assert_int_equal(put_list(store, &users, 0, 1, NOW,
		    OG_LIST_COMPLETE), OG_OK);
		umask(old);
		assert_int_equal(stat(in_scratch("store/lists"), &st), 0);
		assert_int_equal(st.st_mode & 07777, cases[i].inner);
		only_file(path, "lists");
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, cases[i].file);
		og_store_free(store);
	}
}

static void
opening_says_why_not(void **state)
{
	struct og_message message;
	struct og_config conf;
	struct og_store *store;

	(void)state;
	conf = kit_conf();
	assert_int_equal(og_store_open(&store, in_scratch("none"), geteuid(),
	    &conf, NULL, &message), OG_ERR_MISSING);
	assert_null(store);
	assert_non_null(strstr(message.text, "none: No such file"));
	assert_int_equal(og_store_create(in_scratch("none/deep"), &message),
	    OG_ERR_MISSING);
	assert_int_equal(og_store_create("none", &message), OG_ERR_UNSAFE);
	assert_int_equal(og_store_create("", &message), OG_ERR_UNSAFE);
	assert_int_equal(og_store_create("///", &message), OG_ERR_UNSAFE);
	assert_int_equal(og_store_create(in_scratch("store//"), &message),
	    OG_OK);
	/* Nothing is made where others could have put a trap. */
	assert_int_equal(mkdir(in_scratch("open"), 0700), 0);
	assert_int_equal(chmod(in_scratch("open"), 01777), 0);
	assert_int_equal(og_store_create(in_scratch("open/store"), &message),
	    OG_ERR_UNSAFE);
	assert_int_equal(rmdir(in_scratch("open")), 0);
	store = kit_store(NULL);
	og_store_free(store);
	assert_int_equal(chmod(in_scratch("store"), 0770), 0);
	assert_int_equal(og_store_open(&store, in_scratch("store"), geteuid(),
	    &conf, NULL, &message), OG_ERR_UNSAFE);
	assert_non_null(strstr(message.text, "mode 0770 lets others write"));
	assert_int_equal(og_store_create(in_scratch("store"), &message),
	    OG_ERR_UNSAFE);
	/* An existing directory keeps its mode. */
	assert_int_equal(chmod(in_scratch("store"), 0755), 0);
	store = kit_store(NULL);
	og_store_free(store);
	og_store_free(NULL);
}

/*
 * In a child with a mount namespace of its own: `work` sees a small file
 * system at scratch/store, which is gone when the child is. False where no
 * such thing may be made.
 */
static bool
in_small_world(const char *options, int (*work)(void))
{
	int status;
	pid_t pid;

	assert_int_equal(mkdir(in_scratch("store"), 0700), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) != 0 ||
		    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
		    mount("none", in_scratch("store"), "tmpfs", 0,
		    options) != 0)
			_exit(99);
		_exit(work());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		return false;
	assert_int_equal(status, 0);
	return true;
}

/* Fills what room is left, with store/ballast. */
static bool
fill_disk(void)
{
	static const char block[4096];
	bool full;
	int fd;

	fd = open(in_scratch("store/ballast"), O_WRONLY | O_CREAT | O_CLOEXEC,
	    0600);
	while (write(fd, block, sizeof(block)) > 0)
		continue;
	full = errno == ENOSPC;
	close(fd);
	return full;
}

static int
on_full_disk(void)
{
	struct og_query lists[] = { users, of_project("proj_new") };
	struct og_record record;
	struct og_store *store;
	enum og_error error;
	size_t i;
	int fd;

	store = kit_store(NULL);
	record = person(1);
	if (put_list(store, &users, 0, 1000, NOW - 9, OG_LIST_COMPLETE) !=
	    OG_OK || put_single(store, by_id(&users, 1), OG_FACT_FOUND,
	    &record, NOW - 9) != OG_OK || !fill_disk())
		return 1;
	for (i = 0; i < COUNT(lists); i++) {
		memset(&said, 0, sizeof(said));
		error = put_list(store, &lists[i], 0, 5000, NOW,
		    OG_LIST_COMPLETE);
		if (error != OG_ERR_SYSTEM || strstr(said.text,
		    "No space left on device") == NULL)
			return 2;
	}
	error = put_single(store, by_id(&users, 1), OG_FACT_ABSENT, NULL, NOW);
	if (error != OG_ERR_SYSTEM)
		return 3;
	/* The old answers stand, and nothing is left of the new ones. */
	if (listed(store, by_id(&users, 999), NOW).fetched_at != NOW - 9 ||
	    single(store, by_id(&users, 1), NOW).state != OG_FACT_FOUND ||
	    count_files("lists") != 1 || count_files("singles") != 1)
		return 4;
	if (og_lock_try(store, &users, &fd) == OG_LOCK_BUSY)
		return 5;
	og_lock_release(fd);
	if (unlink(in_scratch("store/ballast")) != 0 ||
	    put_list(store, &users, 0, 1000, NOW, OG_LIST_COMPLETE) != OG_OK)
		return 6;
	og_store_free(store);
	return 0;
}

static int
on_read_only_disk(void)
{
	struct og_record record;
	struct og_store *store;
	size_t removed;
	int fd;

	store = kit_store(NULL);
	record = person(1);
	if (put_list(store, &users, 0, 10, NOW, OG_LIST_COMPLETE) != OG_OK ||
	    put_single(store, by_id(&users, 1), OG_FACT_FOUND, &record, NOW) !=
	    OG_OK)
		return 1;
	og_store_free(store);
	if (mount("none", in_scratch("store"), "none",
	    MS_REMOUNT | MS_RDONLY, NULL) != 0)
		return 2;
	store = kit_store(NULL);
	if (listed(store, by_id(&users, 1), NOW).state != OG_FACT_FOUND ||
	    listed(store, by_id(&users, 11), NOW).state != OG_FACT_ABSENT ||
	    single(store, by_id(&users, 1), NOW).state != OG_FACT_FOUND ||
	    said.lines != 0)
		return 3;
	if (put_list(store, &users, 0, 9, NOW, OG_LIST_COMPLETE) !=
	    OG_ERR_SYSTEM ||
	    put_single(store, by_id(&users, 1), OG_FACT_ABSENT, NULL, NOW) !=
	    OG_ERR_SYSTEM ||
	    strstr(said.text, "Read-only file system") == NULL)
		return 4;
	if (og_lock_try(store, &users, &fd) != OG_LOCK_NONE || fd != -1)
		return 5;
	og_wants_add(store, "ann@example.com");
	og_wants_remove(store, "ann@example.com");
	og_store_sweep(store, NOW);
	if (og_store_flush(store, NULL, &removed) != OG_ERR_SYSTEM ||
	    removed != 0)
		return 6;
	og_store_hold(store);
	if (listed(store, by_id(&users, 1), NOW).state != OG_FACT_FOUND)
		return 7;
	og_store_free(store);
	return 0;
}

static void
full_disk(void **state)
{
	(void)state;
	if (as_root(__func__) &&
	    !in_small_world("size=600k,mode=700", on_full_disk))
		printf("# SKIP %s: no mount namespace to be had\n", __func__);
}

static void
read_only_disk(void **state)
{
	(void)state;
	if (as_root(__func__) &&
	    !in_small_world("size=600k,mode=700", on_read_only_disk))
		printf("# SKIP %s: no mount namespace to be had\n", __func__);
}

/* ulimit -f, in a process that does not die of it. */
static void
file_size_limit(void **state)
{
	struct og_record record;
	struct og_store *store;
	int status;
	pid_t pid;

	(void)state;
	store = kit_store(NULL);
	record = person(1);
	assert_int_equal(put_list(store, &users, 0, 10, NOW, OG_LIST_COMPLETE),
	    OG_OK);
	pid = fork();
	if (pid == 0) {
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 3000, 3000 });
		if (put_list(store, &users, 0, 1000, NOW, OG_LIST_COMPLETE) !=
		    OG_ERR_SYSTEM)
			_exit(1);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 0, 0 });
		if (put_single(store, by_id(&users, 1), OG_FACT_FOUND,
		    &record, NOW) != OG_ERR_SYSTEM)
			_exit(2);
		if (listed(store, by_id(&users, 9), NOW).state !=
		    OG_FACT_FOUND)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(count_files("lists"), 1);
	assert_int_equal(count_files("singles"), 0);
	og_store_free(store);
}

/* ulimit -n: a miss that says why. */
static void
no_descriptors(void **state)
{
	struct og_config conf;
	struct og_message message;
	struct og_store *store, *second;
	int status;
	pid_t pid;

	(void)state;
	store = kit_store(NULL);
	conf = kit_conf();
	assert_int_equal(put_list(store, &users, 0, 10, NOW, OG_LIST_COMPLETE),
	    OG_OK);
	pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 3, 3 });
		if (open("/dev/null", O_RDONLY) >= 0)
			_exit(0);	/* valgrind has limits of its own */
		if (listed(store, by_id(&users, 1), NOW).state !=
		    OG_FACT_WANTED || strstr(said.text,
		    "Too many open files") == NULL)
			_exit(1);
		if (og_store_open(&second, in_scratch("store"), geteuid(),
		    &conf, NULL, &message) != OG_ERR_SYSTEM || second != NULL)
			_exit(2);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	og_store_free(store);
}

/* Inner directories that vanished come back; a directory of others' files
 * is refused. */
static void
missing_directories(void **state)
{
	struct og_record record;
	struct og_store *store;
	int fd;

	(void)state;
	store = kit_store(NULL);
	record = person(1);
	assert_int_equal(rmdir(in_scratch("store/lists")), 0);
	assert_int_equal(rmdir(in_scratch("store/singles")), 0);
	assert_int_equal(rmdir(in_scratch("store/locks")), 0);
	assert_int_equal(rmdir(in_scratch("store/wants")), 0);
	assert_int_equal(listed(store, by_id(&users, 1), NOW).state,
	    OG_FACT_WANTED);
	assert_int_equal(single(store, by_id(&users, 1), NOW).state,
	    OG_FACT_WANTED);
	assert_int_equal(og_wants_list(store, NULL, 0), 0);
	og_store_sweep(store, NOW);
	assert_int_equal(said.lines, 0);
	assert_int_equal(put_list(store, &users, 0, 3, NOW, OG_LIST_COMPLETE),
	    OG_OK);
	assert_int_equal(put_single(store, by_id(&users, 1), OG_FACT_FOUND,
	    &record, NOW), OG_OK);
	assert_int_equal(og_lock_try(store, &users, &fd), OG_LOCK_HELD);
	og_lock_release(fd);
	og_wants_add(store, "ann@example.com");
	assert_int_equal(count_files("wants"), 1);
	assert_int_equal(said.lines, 0);
	og_store_free(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(modes_follow_the_directory,
		    before, kit_clear),
		cmocka_unit_test_setup_teardown(opening_says_why_not, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(full_disk, before, kit_clear),
		cmocka_unit_test_setup_teardown(read_only_disk, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(file_size_limit, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(no_descriptors, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(missing_directories, before,
		    kit_clear),
	};
	int failed;

	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("store_disk", tests, NULL, NULL);
	scratch_clear(scratch);
	return failed;
}
