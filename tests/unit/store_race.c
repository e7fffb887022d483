/*
 * Many processes on one store: readers see the old list or the new one, a
 * writer that is killed harms nobody, a lock has one holder.
 */
#include "store_kit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "io/lock.h"
#include "value/clock.h"

#define WRITERS		25
#define READERS		25
#define VERSIONS	8
#define LOOKS		60
#define DAY		(24 * 3600)

/* A list all of whose rows say when it was fetched. */
static enum og_error
put_version(struct og_store *store, unsigned int rows, int64_t at)
{
	struct og_list_writer *writer;
	struct og_record record;
	enum og_error error;
	unsigned int i;

	error = og_list_begin(&writer, store, &users);
	if (error != OG_OK)
		return error;
	for (i = 0; i < rows; i++) {
		record = person(i);
		snprintf(record.role, sizeof(record.role), "%lld",
		    (long long)at);
		og_list_add(writer, &record);
	}
	return og_list_commit(writer, at, 0,
	    OG_LIST_COMPLETE, 0);
}

static int
write_versions(unsigned int self)
{
	struct og_record record;
	struct og_store *store;
	int64_t at;
	int i;

	store = kit_store(NULL);
	if (self % 2 == 0)
		og_store_no_sync(store);
	for (i = 0; i < VERSIONS; i++) {
		at = NOW - 1000 + (int64_t)self * VERSIONS + i;
		record = person(1);
		snprintf(record.role, sizeof(record.role), "%lld",
		    (long long)at);
		if (put_version(store, self % 3 == 0 ? 600 : 100, at) != OG_OK ||
		    put_single(store, by_id(&users, 1), OG_FACT_FOUND, &record,
		    at) != OG_OK)
			return 1;
	}
	og_store_free(store);
	return 0;
}

/* Found, and of one piece. */
static bool
is_whole(const struct og_fact *fact)
{
	return fact->state == OG_FACT_FOUND &&
	    strtoll(fact->record.role, NULL, 10) == fact->fetched_at;
}

static int
read_versions(unsigned int self)
{
	struct og_store *store;
	struct og_fact fact;
	int i;

	store = kit_store(NULL);
	if (self % 2 == 0)
		og_store_hold(store);
	for (i = 0; i < LOOKS; i++) {
		og_store_look_again(store);
		fact = listed(store, by_id(&users, (unsigned int)i % 100), NOW);
		if (!is_whole(&fact))
			return 1;
		fact = listed(store, by_email(&users, 3), NOW);
		if (!is_whole(&fact))
			return 2;
		fact = single(store, by_id(&users, 1), NOW);
		if (!is_whole(&fact))
			return 3;
		if (listed(store, by_id(&users, 5000), NOW).state !=
		    OG_FACT_ABSENT)
			return 4;
	}
	if (said.lines != 0)
		return 5;
	og_store_free(store);
	return 0;
}

static pid_t
start(int (*work)(unsigned int), unsigned int self)
{
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(work(self));
	return pid;
}

static void
finish(const pid_t *pid, size_t count)
{
	size_t i;
	int status, bad;

	bad = 0;
	for (i = 0; i < count; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		if (status != 0 && bad == 0)
			bad = status;
	}
	assert_int_equal(bad, 0);
}

static void
old_or_new(void **state)
{
	pid_t pid[WRITERS + READERS];
	unsigned int i;

	(void)state;
	assert_int_equal(write_versions(0), 0);
	for (i = 0; i < WRITERS + READERS; i++)
		pid[i] = start(i % 2 == 0 ? write_versions : read_versions,
		    i / 2);
	finish(pid, WRITERS + READERS);
	assert_int_equal(count_files("lists"), 1);
	assert_int_equal(count_files("singles"), 1);
}

static int told[2];

/* Writes for ever and tells of each step. */
static int
write_and_tell(unsigned int self)
{
	struct og_list_writer *writer;
	struct og_record record;
	struct og_store *store;
	unsigned int i;

	store = kit_store(NULL);
	(void)self;
	while (og_list_begin(&writer, store, &users) == OG_OK) {
		for (i = 0; i < 100; i++) {
			record = person(i);
			snprintf(record.role, sizeof(record.role), "%d", NOW);
			if (og_list_add(writer, &record) != OG_OK ||
			    write(told[1], "", 1) != 1)
				return 1;
		}
		if (og_list_commit(writer, NOW, 0,
		    OG_LIST_COMPLETE, 0) != OG_OK)
			return 2;
	}
	return 3;
}

/* Killed at the Nth step of his work, for many N. */
static void
killed_writers(void **state)
{
	struct og_store *store;
	struct og_fact fact;
	int killed, left, status;
	char byte;
	pid_t pid;

	(void)state;
	store = kit_store(NULL);
	assert_int_equal(put_version(store, 100, NOW - 1), OG_OK);
	for (killed = 0; killed < 30; killed++) {
		assert_int_equal(pipe(told), 0);
		pid = start(write_and_tell, 0);
		close(told[1]);
		for (left = 1 + killed * 37 % 320; left > 0; left--)
			assert_int_equal(read(told[0], &byte, 1), 1);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		close(told[0]);
		fact = listed(store, by_id(&users, 99), NOW);
		assert_true(is_whole(&fact));
		assert_int_equal(listed(store, by_id(&users, 100), NOW).state,
		    OG_FACT_ABSENT);
	}
	assert_int_equal(said.lines, 0);
	/* Their leavings are swept once nobody can be using them. */
	assert_true(count_files("lists") > 1);
	og_store_sweep(store, og_clock_wall() + 3000);
	assert_true(count_files("lists") > 1);
	og_store_sweep(store, og_clock_wall() + 3700);
	assert_int_equal(count_files("lists"), 1);
	og_store_free(store);
}

static int
lock_and_tell(unsigned int self)
{
	struct og_store *store;
	int fd;

	(void)self;
	store = kit_store(NULL);
	if (og_lock_try(store, &users, &fd) != OG_LOCK_HELD ||
	    write(told[1], "", 1) != 1)
		return 1;
	for (;;)
		pause();
}

static void
locks(void **state)
{
	struct og_query other;
	struct og_store *store, *second;
	int first, fd, status;
	char byte;
	pid_t pid;

	(void)state;
	store = kit_store(NULL);
	second = kit_store(NULL);
	other = by_id(&users, 1);
	assert_int_equal(og_lock_try(store, &users, &first), OG_LOCK_HELD);
	assert_true(first >= 0);
	assert_int_equal(og_lock_try(second, &users, &fd), OG_LOCK_BUSY);
	assert_int_equal(fd, -1);
	assert_int_equal(og_lock_try(store, &users, &fd), OG_LOCK_BUSY);
	assert_int_equal(og_lock_try(second, &other, &fd), OG_LOCK_HELD);
	og_lock_release(fd);
	og_lock_release(first);
	og_lock_release(-1);
	assert_int_equal(og_lock_try(second, &users, &fd), OG_LOCK_HELD);
	og_lock_release(fd);

	/* It dies with its holder. */
	assert_int_equal(pipe(told), 0);
	pid = start(lock_and_tell, 0);
	close(told[1]);
	assert_int_equal(read(told[0], &byte, 1), 1);
	close(told[0]);
	assert_int_equal(og_lock_try(store, &users, &fd), OG_LOCK_BUSY);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(og_lock_try(store, &users, &fd), OG_LOCK_HELD);

	/* Swept a day later, but not from under its holder. */
	assert_int_equal(count_files("locks"), 2);
	og_store_sweep(store, og_clock_wall() + DAY - 100);
	assert_int_equal(count_files("locks"), 2);
	og_store_sweep(store, og_clock_wall() + DAY + 100);
	assert_int_equal(count_files("locks"), 1);
	assert_int_equal(og_lock_try(second, &users, &first), OG_LOCK_BUSY);
	og_lock_release(fd);
	og_store_sweep(store, og_clock_wall() + DAY + 200);
	assert_int_equal(count_files("locks"), 0);
	assert_int_equal(said.lines, 0);

	/* What is no file is no lock. */
	assert_int_equal(og_lock_try(store, &users, &fd), OG_LOCK_HELD);
	og_lock_release(fd);
	char path[PATH_MAX];
	only_file(path, "locks");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(og_lock_try(store, &users, &fd), OG_LOCK_NONE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(og_lock_try(store, &users, &fd), OG_LOCK_NONE);
	assert_int_equal(fd, -1);
	og_store_free(store);
	og_store_free(second);
}

/* Whoever holds the lock is alone inside. */
static int
lock_and_enter(unsigned int self)
{
	struct og_store *store;
	enum og_lock lock;
	int fd, i, inside;

	(void)self;
	store = kit_store(NULL);
	for (i = 0; i < 4000; i++) {
		lock = og_lock_try(store, &users, &fd);
		if (lock == OG_LOCK_BUSY || lock == OG_LOCK_NONE)
			continue;
		inside = open(in_scratch("store/inside"), O_CREAT | O_EXCL |
		    O_WRONLY | O_CLOEXEC, 0600);
		if (inside < 0)
			return 1;
		close(inside);
		if (unlink(in_scratch("store/inside")) != 0)
			return 2;
		og_lock_release(fd);
	}
	og_store_free(store);
	return 0;
}

static int
sweep_locks(unsigned int self)
{
	struct og_store *store;
	int64_t now;
	int i;

	store = kit_store(NULL);
	now = og_clock_wall() + 2 * DAY + (int64_t)self * 1000 * DAY;
	for (i = 0; i < 3000; i++)
		og_store_sweep(store, now + i * 61);
	og_store_free(store);
	return 0;
}

static void
locks_survive_sweeping(void **state)
{
	pid_t pid[6];
	unsigned int i;

	(void)state;
	for (i = 0; i < COUNT(pid); i++)
		pid[i] = start(i < 4 ? lock_and_enter : sweep_locks, i);
	finish(pid, COUNT(pid));
}

static void
make_old(const char *email, int64_t age)
{
	struct timespec times[2];
	struct og_store *store;
	char path[PATH_MAX];

	store = kit_store(NULL);
	og_wants_add(store, email);
	only_file(path, "wants");
	memset(times, 0, sizeof(times));
	times[0].tv_sec = times[1].tv_sec = og_clock_wall() - age;
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	og_store_free(store);
}

static void
wants(void **state)
{
	char email[8][OG_EMAIL_MAX + 1], path[PATH_MAX];
	struct og_store *store;
	char name[40];
	size_t i, n, seen;

	(void)state;
	store = kit_store(NULL);
	assert_int_equal(og_wants_list(store, email, 8), 0);
	make_old("old@example.com", 65);
	assert_int_equal(og_wants_list(store, email, 8), 0);
	assert_int_equal(count_files("wants"), 0);
	make_old("recent@example.com", 50);
	assert_int_equal(og_wants_list(store, email, 8), 1);
	assert_string_equal(email[0], "recent@example.com");
	/* A second wish renews the first. */
	make_old("recent@example.com", 70);
	og_wants_add(store, "recent@example.com");
	assert_int_equal(og_wants_list(store, email, 8), 1);
	og_wants_remove(store, "recent@example.com");
	og_wants_remove(store, "nobody@example.com");
	assert_int_equal(og_wants_list(store, email, 8), 0);

	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "person.%zu@example.com", i);
		og_wants_add(store, name);
	}
	n = og_wants_list(store, email, 8);
	assert_int_equal(n, 8);
	for (seen = 0, i = 0; i < n; i++)
		seen |= (size_t)1 << (email[i][7] - '0');
	assert_int_equal(__builtin_popcountl(seen), 8);
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "person.%zu@example.com", i);
		og_wants_remove(store, name);
	}
	/* What does not fit its name is nobody's wish. */
	og_wants_add(store, "ann@example.com");
	only_file(path, "wants");
	assert_true(put_file(path, "ann@example.co", 14, 0600));
	assert_int_equal(og_wants_list(store, email, 8), 0);
	assert_true(put_file(path, "", 0, 0600));
	assert_int_equal(og_wants_list(store, email, 8), 0);
	assert_true(put_file(path, "ann@example.com\0", 16, 0600));
	assert_int_equal(og_wants_list(store, email, 8), 0);
	assert_true(put_file(path, "ann@example.com", 15, 0600));
	assert_int_equal(og_wants_list(store, email, 8), 1);
	og_store_free(store);
}

static void
set_apart(void **state)
{
	char email[8][OG_EMAIL_MAX + 1], path[PATH_MAX];
	struct timespec times[2];
	struct og_store *store;

	(void)state;
	store = kit_store(NULL);
	assert_false(og_wants_is_apart(store, "odd@example.com"));
	og_wants_add(store, "odd@example.com");
	assert_false(og_wants_is_apart(store, "odd@example.com"));
	og_wants_set_apart(store, "odd@example.com");
	assert_true(og_wants_is_apart(store, "odd@example.com"));
	/* Who wants it again does not put it among the others. */
	og_wants_add(store, "odd@example.com");
	og_wants_add(store, "ann@example.com");
	assert_int_equal(og_wants_list(store, email, 8), 1);
	assert_string_equal(email[0], "ann@example.com");
	og_wants_remove(store, "ann@example.com");
	assert_true(og_wants_is_apart(store, "odd@example.com"));
	og_wants_remove(store, "odd@example.com");
	assert_int_equal(count_files("wants"), 0);
	assert_false(og_wants_is_apart(store, "odd@example.com"));

	/* A minute long. */
	og_wants_set_apart(store, "odd@example.com");
	only_file(path, "wants");
	memset(times, 0, sizeof(times));
	times[0].tv_sec = times[1].tv_sec = og_clock_wall() - 65;
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_false(og_wants_is_apart(store, "odd@example.com"));
	og_wants_add(store, "odd@example.com");
	assert_int_equal(og_wants_list(store, email, 8), 1);
	og_wants_set_apart(store, "odd@example.com");
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_int_equal(og_wants_list(store, email, 8), 0);
	assert_int_equal(count_files("wants"), 0);
	og_store_free(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(old_or_new, before, kit_clear),
		cmocka_unit_test_setup_teardown(killed_writers, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(locks, before, kit_clear),
		cmocka_unit_test_setup_teardown(locks_survive_sweeping, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(wants, before, kit_clear),
		cmocka_unit_test_setup_teardown(set_apart, before, kit_clear),
	};
	int failed;

	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("store_race", tests, NULL, NULL);
	scratch_clear(scratch);
	return failed;
}
