/*
 * rounds [-b PROGRAM] COUNT -- WORD... [-- WORD...]...
 *
 * Runs each command once a round, COUNT rounds, in another order each time,
 * so that whatever else the machine does, and what the one before has left
 * (sshd ends a session after its client), meets all alike. Each must exit 0.
 * Before each command, and not counted, PROGRAM runs.
 *
 * Prints one line a round: for each command the microseconds from before it
 * is started until it has been reaped, a colon, and the microseconds of
 * processor time that it and its children took.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 16

extern char **environ;

struct sample {
	int64_t wall_us;
	int64_t cpu_us;
};

static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static int64_t
time_us(const struct timeval *tv)
{
	return tv->tv_sec * INT64_C(1000000) + tv->tv_usec;
}

/* What a command writes is dropped: standard output is for the figures. */
static int
run(char **words, struct sample *sample)
{
	posix_spawn_file_actions_t quiet;
	struct rusage usage;
	int64_t begin;
	int status;
	pid_t pid;

	if (posix_spawn_file_actions_init(&quiet) != 0 ||
	    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO,
	    "/dev/null", O_WRONLY, 0) != 0)
		return -1;
	begin = now_us();
	if (posix_spawn(&pid, words[0], &quiet, NULL, words, environ) != 0 ||
	    wait4(pid, &status, 0, &usage) != pid) {
		perror(words[0]);
		return -1;
	}
	sample->wall_us = now_us() - begin;
	posix_spawn_file_actions_destroy(&quiet);
	sample->cpu_us = time_us(&usage.ru_utime) + time_us(&usage.ru_stime);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fprintf(stderr, "rounds: %s ended with wait status 0x%x\n", words[0],
	    (unsigned int)status);
	return -1;
}

/* Splits argv at each "--", which becomes NULL. */
static size_t
split(char **argv, char **command[COMMANDS_MAX])
{
	size_t count;

	for (count = 0; *argv != NULL; argv++) {
		if (strcmp(*argv, "--") != 0)
			continue;
		*argv = NULL;
		if (count == COMMANDS_MAX || argv[1] == NULL)
			return 0;
		command[count++] = argv + 1;
	}
	return count;
}

/* The same orders in each run: nothing here is a secret. */
static void
shuffle(size_t *order, size_t count)
{
	size_t i, other, moved;

	for (i = count - 1; i > 0; i--) {
		other = (size_t)random() % (i + 1);
		moved = order[i];
		order[i] = order[other];
		order[other] = moved;
	}
}

int
main(int argc, char **argv)
{
	char **command[COMMANDS_MAX], *before[] = { NULL, NULL };
	struct sample sample[COMMANDS_MAX], ignored;
	size_t count, i, order[COMMANDS_MAX], round, rounds;

	if (argc > 2 && strcmp(argv[1], "-b") == 0) {
		before[0] = argv[2];
		argv += 2;
	}
	rounds = argv[1] != NULL ? strtoul(argv[1], NULL, 10) : 0;
	count = rounds > 0 ? split(argv + 2, command) : 0;
	if (count == 0) {
		fprintf(stderr, "usage: rounds [-b PROGRAM] COUNT -- WORD... "
		    "[-- WORD...]...\n");
		return 64;
	}
	for (i = 0; i < count; i++)
		order[i] = i;
	for (round = 0; round < rounds; round++) {
		shuffle(order, count);
		for (i = 0; i < count; i++) {
			if (before[0] != NULL && run(before, &ignored) == -1)
				return 1;
			if (run(command[order[i]], &sample[order[i]]) == -1)
				return 1;
		}
		for (i = 0; i < count; i++)
			printf("%" PRId64 ":%" PRId64 "%c", sample[i].wall_us,
			    sample[i].cpu_us, i + 1 < count ? ' ' : '\n');
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
