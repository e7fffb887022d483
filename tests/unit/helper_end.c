/* How the helper ends: its status, its reply, the deadline, and hosts that
 * reap it. */
#include "helper_kit.h"

#include <poll.h>
#include <pthread.h>

static void
ignore_children(void)
{
	(void)signal(SIGCHLD, SIG_IGN);
}

static void
no_zombies(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	action.sa_flags = SA_NOCLDWAIT;
	(void)sigaction(SIGCHLD, &action, NULL);
}

static void
must_not_run(int sig)
{
	(void)sig;
	_exit(4);
}

static void
catch_children(void)
{
	(void)signal(SIGCHLD, must_not_run);
}

static void
must_not_fork(void)
{
	_exit(5);
}

static void
handle_forks(void)
{
	if (pthread_atfork(must_not_fork, NULL, must_not_fork) != 0)
		_exit(3);
}

static void *
wait_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void
have_threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
		_exit(3);
}

static void
test_exit_status(void **state)
{
	static void (*const hosts[])(void) = {
		NULL, ignore_children, no_zombies, catch_children,
		hostile_signals, handle_forks, have_threads
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		run_script(hosts[i], "echo well; exit 0", LONG_MS);
		assert_reply("well\n");
		run_script(hosts[i], "echo ill; exit 3", LONG_MS);
		assert_said(OG_ERR_CORRUPT, "exit status 3");
		run_script(hosts[i], "echo ill; kill -SEGV $$", LONG_MS);
		assert_said(OG_ERR_CORRUPT, "died of signal 11");
	}
}

#define THREADS	6
#define ROUNDS	15

/* The threads of a host ask at once, each again and again. Returns what did
 * not end well. */
static void *
ask_often(void *arg)
{
	char name[] = "dash", option[] = "-c", script[] = "echo well";
	char *const argv[] = { name, option, script, NULL };
	struct og_message message;
	struct og_buffer reply;
	uintptr_t ill;
	int i;

	(void)arg;
	ill = 0;
	for (i = 0; i < ROUNDS; i++) {
		og_buffer_init(&reply, 100);
		if (og_helper_run(&reply, DASH, argv, og_clock_mono() +
		    LONG_MS, &message) != OG_OK ||
		    strcmp(reply.data, "well\n") != 0)
			ill++;
		og_buffer_free(&reply);
	}
	return (void *)ill;
}

/* As main: the exit status says what became of it. */
static int
be_a_host_of_threads(void (*host)(void))
{
	static struct signals signals[2];
	pthread_t thread[THREADS];
	void *ill;
	int i, bad;

	host();
	list_signals(&signals[0]);
	for (i = 0; i < THREADS; i++) {
		if (pthread_create(&thread[i], NULL, ask_often, NULL) != 0)
			return 3;
	}
	bad = 0;
	for (i = 0; i < THREADS; i++) {
		if (pthread_join(thread[i], &ill) != 0 || ill != NULL)
			bad = 1;
	}
	list_signals(&signals[1]);
	if (memcmp(&signals[0], &signals[1], sizeof(signals[0])) != 0)
		bad |= 2;
	return bad;
}

static void
test_threads(void **state)
{
	static void (*const hosts[])(void) = {
		ignore_children, no_zombies, catch_children
	};
	int status;
	size_t i;
	pid_t pid;

	(void)state;
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		fflush(stdout);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			alarm(60);
			_exit(be_a_host_of_threads(hosts[i]));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

static void
test_deadline(void **state)
{
	static const char *const scripts[] = {
		/* silent, and deaf to all but SIGKILL */
		"trap '' TERM HUP INT; kill -STOP $$",
		/* it has answered, but does not end */
		"echo answer; exec >&-; kill -STOP $$",
		/* a drip */
		"exec perl -e '$|=1; select undef,undef,undef,.02 while print 1'"
	};
	static void (*const hosts[])(void) = {
		NULL, ignore_children, hostile_descriptors, hostile_ids
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		for (j = 0; j < sizeof(hosts) / sizeof(hosts[0]); j++) {
			run_script(hosts[j], scripts[i], 150);
			assert_said(OG_ERR_TIMEOUT, "killed at the deadline");
			assert_true(result->took_ms < LONG_MS);
		}
	}
}

static void
test_no_time_left(void **state)
{
	(void)state;
	run_script(NULL, "echo ran", 0);
	assert_said(OG_ERR_TIMEOUT, "no time is left");
}

static void
test_reply_limit(void **state)
{
	(void)state;
	run_script(NULL, "exec head -c 65536 /dev/zero", LONG_MS);
	assert_int_equal(result->error, OG_OK);
	assert_int_equal(result->len, 65536);
	run_script(NULL, "exec head -c 65537 /dev/zero", LONG_MS);
	assert_said(OG_ERR_CORRUPT, "65536");
	run_script(NULL, "exec cat /dev/zero", LONG_MS);
	assert_said(OG_ERR_CORRUPT, "65536");
}

/* A descendant that keeps the pipe keeps nobody waiting. */
static void
test_pipe_outlives_the_helper(void **state)
{
	long pid;

	(void)state;
	run_script(NULL, "tail -f /dev/null & echo $!", LONG_MS);
	assert_int_equal(result->error, OG_OK);
	pid = strtol(result->reply, NULL, 10);
	assert_true(pid > 1);
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
	assert_true(result->took_ms < LONG_MS);
}

/* A host that reaps every child, ours too. */
static void *
reap_all(void *arg)
{
	(void)arg;
	for (;;) {
		/* No child yet: look again. */
		if (waitpid(-1, NULL, 0) == -1)
			poll(NULL, 0, 1);
	}
	return NULL;
}

static void
hostile_reaper(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, reap_all, NULL) != 0)
		_exit(3);
}

static void
test_reaped_by_another(void **state)
{
	int tries, lost;

	(void)state;
	lost = 0;
	for (tries = 0; tries < 200 && lost == 0; tries++) {
		run_script(hostile_reaper, "echo ran", LONG_MS);
		if (result->error == OG_OK)
			continue;
		assert_said(OG_ERR_SYSTEM, "reaped by another");
		lost++;
	}
	assert_int_equal(lost, 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_status),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_no_time_left),
		cmocka_unit_test(test_reply_limit),
		cmocka_unit_test(test_pipe_outlives_the_helper),
		cmocka_unit_test(test_reaped_by_another),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (!may_execute())
		return 0;
	return cmocka_run_group_tests_name("helper_end", tests, kit_set_up,
	    NULL);
}
