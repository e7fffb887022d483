/*
 * Fifty processes on one store, killed and stopped at random: each answer that
 * is read is whole and no older than what was there before; and when all are
 * gone no lock is held, nothing but answers is left, and the pace is one.
 * SEED=n repeats the order of the blows, STEPS=n changes their number.
 */
#include "store_kit.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "io/lock.h"
#include "io/pace.h"
#include "value/clock.h"

#define WRITERS		10	/* each with a project of its own */
#define PROCESSES	50
#define STOPPED_MAX	25
#define ROWS		120
#define NOW_READ	(NOW + 100000000)
#define PER_MINUTE	6000

/* What all processes see. A version is the time of its answer, less NOW. */
static struct shared {
	atomic_int tried[WRITERS];	/* the newest that may be there */
	atomic_int done[WRITERS];	/* the newest that must be there */
	atomic_ulong looks;
} *shared;

static int progress[2];		/* a byte for each thing done: 0, or trouble */

static unsigned int chance;

/* An order that a seed repeats: Numerical Recipes' generator. */
static unsigned int
pick(unsigned int below)
{
	chance = chance * 1664525U + 1013904223U;
	return (chance >> 8) % below;
}

static struct og_query
project(unsigned int number)
{
	char id[20];

	snprintf(id, sizeof(id), "proj_%u", number);
	return of_project(id);
}

static void
tell(int trouble)
{
	const char byte = (char)trouble;

	(void)!write(progress[1], &byte, 1);
}

/* A list and a single, each of whose records says which version it is. */
static int
write_on(struct og_store *store, unsigned int self)
{
	struct og_list_writer *writer;
	struct og_record record;
	struct og_query list;
	unsigned int i;
	int version;

	list = project(self);
	version = atomic_load(&shared->tried[self]) + 1;
	atomic_store(&shared->tried[self], version);
	if (og_list_begin(&writer, store, &list) != OG_OK)
		return 1;
	for (i = 0; i < ROWS; i++) {
		record = person(i);
		snprintf(record.role, sizeof(record.role), "%d", version);
		if (og_list_add(writer, &record) != OG_OK)
			return 2;
	}
	record = person(1);
	snprintf(record.role, sizeof(record.role), "%d", version);
	if (og_list_commit(writer, NOW + version, 0,
	    OG_LIST_COMPLETE, 0) != OG_OK ||
	    put_single(store, by_id(&list, 1), OG_FACT_FOUND, &record,
	    NOW + version) != OG_OK)
		return 3;
	atomic_store(&shared->done[self], version);
	og_store_sweep(store, og_clock_wall());
	return 0;
}

/* Whole, of a version that was begun, and not older than `least`. */
static bool
is_good(const struct og_fact *fact, unsigned int number, int least)
{
	int version;

	version = (int)(fact->fetched_at - NOW);
	return fact->state == OG_FACT_FOUND &&
	    strtol(fact->record.role, NULL, 10) == version &&
	    version >= least &&
	    version <= atomic_load(&shared->tried[number]);
}

static int
read_on(struct og_store *store, unsigned int turn)
{
	struct og_fact fact;
	struct og_query list;
	unsigned int number;
	int least;

	number = turn % WRITERS;
	list = project(number);
	og_store_look_again(store);
	least = atomic_load(&shared->done[number]);
	fact = listed(store, by_id(&list, turn % ROWS), NOW_READ);
	if (!is_good(&fact, number, least))
		return 11;
	fact = listed(store, by_id(&list, ROWS), NOW_READ);
	if (fact.state != OG_FACT_ABSENT)
		return 12;
	least = atomic_load(&shared->done[number]);
	fact = single(store, by_id(&list, 1), NOW_READ);
	if (!is_good(&fact, number, least))
		return 13;
	atomic_fetch_add(&shared->looks, 1);
	return said.lines == 0 ? 0 : 14;
}

static int
lock_on(struct og_store *store, unsigned int turn)
{
	struct og_query query;
	int fd;

	query = project(turn % WRITERS);
	if (og_lock_try(store, &query, &fd) == OG_LOCK_NONE)
		return 21;
	og_lock_release(fd);
	return 0;
}

static int
pace_on(struct og_store *store, unsigned int turn)
{
	const enum og_endpoint endpoint =
	    (enum og_endpoint)(turn % OG_ENDPOINT_COUNT);
	enum og_reason why;

	(void)og_pace_take(store, endpoint, PER_MINUTE, 0, &why);
	if (turn % 3 == 0)
		og_pace_fail(store, endpoint, OG_SERVER_ERROR, 50);
	else
		og_pace_succeed(store, endpoint);
	return 0;
}

/* One of the fifty: what its number makes it, for ever. */
static _Noreturn void
work(unsigned int self)
{
	struct og_store *store;
	unsigned int turn;
	int trouble;

	store = kit_store(NULL);
	if (self % 4 == 0)
		og_store_hold(store);
	if (self < WRITERS && self % 2 == 0)
		og_store_no_sync(store);
	for (turn = self * 7919U;; turn++) {
		if (self < WRITERS)
			trouble = write_on(store, self);
		else if (self < PROCESSES - 15)
			trouble = read_on(store, turn);
		else if (self < PROCESSES - 7)
			trouble = lock_on(store, turn);
		else
			trouble = pace_on(store, turn);
		tell(trouble);
		if (trouble != 0)
			_exit(trouble);
	}
}

static pid_t
start(unsigned int self)
{
	pid_t pid;

	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		/* Should a test fail, nobody else would. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		work(self);
	}
	return pid;
}

static void
strike(pid_t *pid, bool *stopped, unsigned int self, int number)
{
	int status;

	assert_int_equal(kill(pid[self], number), 0);
	if (number == SIGSTOP || number == SIGCONT) {
		stopped[self] = number == SIGSTOP;
		return;
	}
	assert_int_equal(waitpid(pid[self], &status, 0), pid[self]);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	stopped[self] = false;
}

static void
await(unsigned int count)
{
	char bytes[64];
	ssize_t got, i;

	for (; count > 0; count -= (unsigned int)got) {
		got = read(progress[0], bytes,
		    count < sizeof(bytes) ? count : sizeof(bytes));
		assert_true(got > 0);
		for (i = 0; i < got; i++)
			assert_int_equal(bytes[i], 0);
	}
}

static void
hammer(unsigned int steps)
{
	bool stopped[PROCESSES] = { false };
	unsigned int count, i, self;
	pid_t pid[PROCESSES];

	for (i = 0; i < PROCESSES; i++)
		pid[i] = start(i);
	for (count = 0; steps > 0; steps--) {
		await(1 + pick(12));
		self = pick(PROCESSES);
		if (stopped[self] && pick(2) == 0) {
			strike(pid, stopped, self, SIGCONT);
			count--;
		} else if (!stopped[self] && count < STOPPED_MAX &&
		    pick(2) == 0) {
			strike(pid, stopped, self, SIGSTOP);
			count++;
		} else {
			count -= stopped[self];
			strike(pid, stopped, self, SIGKILL);
			pid[self] = start(self);
		}
	}
	for (i = 0; i < PROCESSES; i++)
		strike(pid, stopped, i, SIGKILL);
}

static void
nothing_is_left(struct og_store *store)
{
	struct og_budget budget;
	struct og_query query;
	struct stat st;
	unsigned int i;
	int fd;

	for (i = 0; i < WRITERS; i++) {
		query = project(i);
		assert_int_equal(read_on(store, i), 0);
		assert_int_equal(og_lock_try(store, &query, &fd),
		    OG_LOCK_HELD);
		og_lock_release(fd);
	}
	og_store_sweep(store, og_clock_wall() + 3700);
	assert_int_equal(count_files("lists"), WRITERS);
	assert_int_equal(count_files("singles"), WRITERS);
	assert_int_equal(count_files("locks"), WRITERS);
	for (i = 0; i < OG_ENDPOINT_COUNT; i++) {
		assert_true(og_pace_show(store, (enum og_endpoint)i, &budget));
		assert_true(budget.updated_ms <= og_clock_boot());
		assert_in_range(og_budget_spent(&budget, og_clock_boot()), 0,
		    PER_MINUTE);
		assert_true(budget.failures < 1000000);
	}
	assert_int_equal(stat(in_scratch("store/pace"), &st), 0);
	assert_int_equal(st.st_size, 16 * 192);
}

static unsigned int
number_of(const char *name, unsigned int otherwise)
{
	const char *text;

	text = secure_getenv(name);
	return text != NULL ? (unsigned int)strtoul(text, NULL, 10) : otherwise;
}

static void
killed_and_stopped(void **state)
{
	struct og_store *store;
	unsigned int i, seed, steps;

	(void)state;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (unsigned int)getpid();
	seed = number_of("SEED", seed);
	printf("# SEED=%u\n", seed);
	steps = number_of("STEPS", 4000);
	chance = seed;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	store = kit_store(NULL);
	assert_int_equal(pipe(progress), 0);
	for (i = 0; i < WRITERS; i++)
		assert_int_equal(write_on(store, i), 0);
	for (i = 0; i < OG_ENDPOINT_COUNT; i++)
		assert_int_equal(pace_on(store, i), 0);
	hammer(steps);
	close(progress[0]);
	close(progress[1]);
	nothing_is_left(store);
	printf("# %lu looks\n", atomic_load(&shared->looks));
	assert_true(atomic_load(&shared->looks) > steps / 4);
	og_store_free(store);
	assert_int_equal(munmap(shared, sizeof(*shared)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_and_stopped, before,
		    kit_clear),
	};
	int status;

	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	status = cmocka_run_group_tests(tests, NULL, NULL);
	scratch_clear(scratch);
	return status;
}
