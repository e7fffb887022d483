/*
 * The budget on disk: shared, bounded in its waiting, and never what locks
 * people out.
 */
#include "store_kit.h"

#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "io/pace.h"
#include "io/store_private.h"
#include "value/clock.h"
#include "value/text.h"

int __real_clock_gettime(clockid_t, struct timespec *);
int __wrap_clock_gettime(clockid_t, struct timespec *);

#define WALL_S	INT64_C(1790000000)
#define BOOT_S	INT64_C(5000000)

/*
 * The Makefile links this program with --wrap. Time stands still here, so that
 * no machine is too slow for what is compared; only waiting for a lock ends.
 */
int
__wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	if (clock == CLOCK_MONOTONIC)
		return __real_clock_gettime(clock, ts);
	ts->tv_sec = clock == CLOCK_REALTIME ? WALL_S : BOOT_S;
	ts->tv_nsec = 0;
	return 0;
}

static int64_t
take(struct og_store *store, enum og_endpoint endpoint, unsigned int rate)
{
	enum og_reason why;

	return og_pace_take(store, endpoint, rate, 0, &why);
}

static void
is_shared(void **state)
{
	struct og_store *store, *other;
	struct og_budget budget;
	enum og_reason why;
	int64_t wait;
	int i;

	(void)state;
	store = kit_store(NULL);
	other = kit_store(NULL);
	assert_false(og_pace_show(store, OG_ENDPOINT_USERS, &budget));
	assert_int_equal(said.lines, 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(take(store, OG_ENDPOINT_USERS, 6), 0);
		assert_int_equal(take(other, OG_ENDPOINT_USERS, 6), 0);
	}
	wait = og_pace_take(other, OG_ENDPOINT_USERS, 6, 0, &why);
	assert_in_range(wait, 61000, 62000);
	assert_int_equal(why, OG_RATE_LIMITED);
	/* Each endpoint has its own. */
	assert_int_equal(take(other, OG_ENDPOINT_GROUP, 6), 0);
	assert_int_equal(take(other, OG_ENDPOINT_USER, 6), 0);
	assert_true(og_pace_show(store, OG_ENDPOINT_USERS, &budget));
	assert_int_equal(og_budget_spent(&budget, og_clock_boot()), 6);
	assert_int_equal(budget.failures, 0);
	assert_false(og_pace_show(store, OG_ENDPOINT_INVITES, &budget));
	assert_int_equal(said.lines, 0);
	og_store_free(store);
	og_store_free(other);
}

static void
remembers_failures(void **state)
{
	struct og_store *store;
	struct og_budget budget;
	enum og_reason why;
	int64_t wait;

	(void)state;
	store = kit_store(NULL);
	og_pace_fail(store, OG_ENDPOINT_USERS, OG_SERVER_ERROR, -1);
	assert_true(og_pace_show(store, OG_ENDPOINT_USERS, &budget));
	assert_int_equal(budget.failures, 1);
	assert_int_equal(budget.last_failure, OG_SERVER_ERROR);
	og_pace_fail(store, OG_ENDPOINT_USERS, OG_RATE_LIMITED, 30000);
	og_store_free(store);
	store = kit_store(NULL);
	wait = og_pace_take(store, OG_ENDPOINT_USERS, 6, 0, &why);
	assert_in_range(wait, 30000, 37500);
	assert_int_equal(why, OG_RATE_LIMITED);
	assert_int_equal(take(store, OG_ENDPOINT_PROJECT, 6), 0);
	og_pace_succeed(store, OG_ENDPOINT_USERS);
	assert_true(og_pace_show(store, OG_ENDPOINT_USERS, &budget));
	assert_int_equal(budget.failures, 0);
	assert_int_equal(take(store, OG_ENDPOINT_USERS, 6), 0);
	assert_int_equal(said.lines, 0);
	og_store_free(store);
}

/*
 * 40 processes take what 20 a minute allow, and no more. On a machine too
 * busy to give each the lock in time, whoever went without is not counted.
 */
static void
counts_every_process(void **state)
{
	struct og_store *store;
	int i, late, status, taken;
	pid_t pid[40];

	(void)state;
	for (i = 0; i < 40; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] == 0) {
			store = kit_store(NULL);
			status = take(store, OG_ENDPOINT_USERS, 20) == 0;
			_exit(said.lines > 0 ? 2 : status);
		}
	}
	taken = late = 0;
	for (i = 0; i < 40; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFEXITED(status));
		taken += WEXITSTATUS(status) == 1;
		late += WEXITSTATUS(status) == 2;
	}
	assert_in_range(taken + late, 20, 40);
	assert_in_range(taken, 0, 20);
	if (late > 0)
		print_message("# %d of 40 went without the lock\n", late);
}

static void
damage_is_an_idle_budget(void **state)
{
	struct og_store *store;
	struct og_config other;
	struct og_budget budget;
	unsigned char *data;
	const char *path;
	size_t at, bit, len, idle, kept;
	char where[PATH_MAX];

	(void)state;
	store = kit_store(NULL);
	path = where;
	snprintf(where, sizeof(where), "%s/store/pace", scratch);
	og_pace_fail(store, OG_ENDPOINT_USER, OG_NETWORK, 60000);
	data = get_file(path, &len);
	assert_non_null(data);
	assert_int_equal(len, 16 * 192);
	idle = kept = 0;
	for (bit = 0; bit < len * 8; bit++) {
		at = bit / 8;
		data[at] ^= (unsigned char)(1U << bit % 8);
		assert_true(put_file(path, data, len, 0600));
		data[at] ^= (unsigned char)(1U << bit % 8);
		memset(&said, 0, sizeof(said));
		if (take(store, OG_ENDPOINT_USER, 6) == 0) {
			idle++;
			assert_said("starting anew");
		} else {
			kept++;
			assert_int_equal(said.lines, 0);
		}
	}
	/* One slot of 192 bytes is his; the others are none of his business. */
	assert_int_equal(idle, 192 * 8);
	assert_int_equal(kept, (len - 192) * 8);
	for (at = 0; at < len; at += 7) {
		assert_true(put_file(path, data, at, 0600));
		if (at <= 192)
			assert_int_equal(take(store, OG_ENDPOINT_USER, 6), 0);
		else if (at >= 384)
			assert_int_not_equal(take(store, OG_ENDPOINT_USER, 6),
			    0);
		assert_int_equal(truncate(path, 0), 0);
	}
	/* Mended by its use. */
	memset(&said, 0, sizeof(said));
	og_pace_fail(store, OG_ENDPOINT_USER, OG_NETWORK, 60000);
	assert_true(og_pace_show(store, OG_ENDPOINT_USER, &budget));
	assert_int_equal(said.lines, 0);
	og_store_free(store);
	/* Another organization starts anew. */
	other = kit_conf();
	other.organization = other.base_url;
	store = kit_store(&other);
	assert_false(og_pace_show(store, OG_ENDPOINT_USER, &budget));
	assert_int_equal(take(store, OG_ENDPOINT_USER, 6), 0);
	og_store_free(store);
	free(data);
}

static void
hostile_files(void **state)
{
	struct og_store *store;
	struct og_message message;
	enum og_reason why;
	const char *path;
	int kind;

	(void)state;
	store = kit_store(NULL);
	assert_true(og_pace_usable(store, &message));
	path = in_scratch("store/pace");
	alarm(20);
	for (kind = 0; kind < 4; kind++) {
		if (kind == 0)
			assert_int_equal(symlink("/etc/passwd", path), 0);
		else if (kind == 1)
			assert_int_equal(mkfifo(path, 0600), 0);
		else if (kind == 2)
			assert_int_equal(mkdir(path, 0700), 0);
		else
			assert_true(put_file(path, "", 0, 0666));
		memset(&said, 0, sizeof(said));
		assert_int_equal(take(store, OG_ENDPOINT_USERS, 1), 0);
		assert_int_equal(take(store, OG_ENDPOINT_USERS, 1), 0);
		og_pace_fail(store, OG_ENDPOINT_USERS, OG_NETWORK, 60000);
		assert_int_equal(take(store, OG_ENDPOINT_USERS, 1), 0);
		assert_int_equal(said.lines, 4);
		assert_int_equal(said.level, LOG_WARNING);
		assert_said("store/pace: ");
		assert_int_not_equal(og_pace_take(store, OG_ENDPOINT_USERS,
		    600, 1, &why), 0);
		assert_int_equal(why, OG_STORE);
		memset(&said, 0, sizeof(said));
		assert_false(og_pace_usable(store, &message));
		assert_non_null(strstr(message.text, "store/pace: not a "
		    "file of ours"));
		assert_int_equal(said.lines, 0);
		remove(path);
	}
	alarm(0);
	assert_int_equal(take(store, OG_ENDPOINT_USERS, 1), 0);
	assert_true(og_pace_usable(store, &message));
	og_store_free(store);
}

/* Whoever is stopped with the lock in hand holds nobody up for long. */
static void
stopped_holder(void **state)
{
	struct og_store *store;
	enum og_reason why;
	int64_t before_ms;
	int fd;

	(void)state;
	store = kit_store(NULL);
	assert_int_equal(take(store, OG_ENDPOINT_USERS, 1), 0);
	fd = open(in_scratch("store/pace"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	before_ms = og_clock_mono();
	assert_int_equal(take(store, OG_ENDPOINT_USERS, 1), 0);
	assert_said("locked for too long");
	assert_true(og_clock_mono() - before_ms >= 100);
	/* Nobody waits for a refresh: that one does. */
	assert_int_not_equal(og_pace_take(store, OG_ENDPOINT_GROUP, 600, 1,
	    &why), 0);
	close(fd);
	assert_int_not_equal(take(store, OG_ENDPOINT_USERS, 1), 0);
	og_store_free(store);
}

static void
put64(unsigned char *p, int64_t n)
{
	uint64_t le;

	le = htole64((uint64_t)n);
	memcpy(p, &le, sizeof(le));
}

/*
 * The file as another boot left it `ago_ms` ago, when its clock showed
 * `showed_ms`: boot, wall and updated_ms stand at 8, 16 and 24 of a slot, the
 * checksum at its end.
 */
static void
from_another_boot(struct og_store *store, int64_t ago_ms, int64_t showed_ms,
    int64_t not_before_ms)
{
	unsigned char *data;
	size_t len;

	data = get_file(in_scratch("store/pace"), &len);
	assert_non_null(data);
	put64(data + 8, 4711);
	put64(data + 16, WALL_S * 1000 - ago_ms);
	put64(data + 24, showed_ms);
	put64(data + 32, not_before_ms);
	put64(data + 184, (int64_t)og_fnv1a(og_fnv1a(OG_FNV_START,
	    &store->print, sizeof(store->print)), data, 184));
	assert_true(put_file(in_scratch("store/pace"), data, len, 0600));
	free(data);
}

static void
another_boot(void **state)
{
	static const int64_t showed[] = { 1, 30000, INT64_C(40000000000) };
	struct og_store *store;
	enum og_reason why;
	int64_t wait;
	size_t i;
	int n;

	(void)state;
	store = kit_store(NULL);
	for (i = 0; i < 3; i++) {
		unlink(in_scratch("store/pace"));
		og_pace_fail(store, OG_ENDPOINT_USERS, OG_NETWORK, 60000);
		og_pace_succeed(store, OG_ENDPOINT_USERS);
		for (n = 0; n < 6; n++)
			assert_int_equal(take(store, OG_ENDPOINT_USERS, 6),
			    0);
		/* Ten seconds ago: it still counts. */
		from_another_boot(store, 10000, showed[i], 0);
		wait = og_pace_take(store, OG_ENDPOINT_USERS, 6, 0, &why);
		assert_in_range(wait, 51000, 52000);
		/* Two minutes ago: no more; nor does a back-off. */
		from_another_boot(store, 120000, showed[i], showed[i] + 60000);
		assert_int_equal(take(store, OG_ENDPOINT_USERS, 6), 0);
		/* One that runs still. */
		from_another_boot(store, 20000, showed[i], showed[i] + 60000);
		wait = og_pace_take(store, OG_ENDPOINT_USERS, 600, 0, &why);
		assert_in_range(wait, 39000, 40000);
	}
	assert_int_equal(said.lines, 0);
	og_store_free(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_shared, before, kit_clear),
		cmocka_unit_test_setup_teardown(remembers_failures, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(counts_every_process, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(damage_is_an_idle_budget,
		    before, kit_clear),
		cmocka_unit_test_setup_teardown(another_boot, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(hostile_files, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(stopped_holder, before,
		    kit_clear),
	};
	int failed;

	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("pace", tests, NULL, NULL);
	scratch_clear(scratch);
	return failed;
}
