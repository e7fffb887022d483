/*
 * storm COUNT WORD...
 *
 * Runs COUNT copies of a command at once; "{}" in a word becomes the copy's
 * number. All are forked first and wait for one word, so that only what they
 * do themselves is timed.
 *
 * Prints the microseconds from that word until the last has been reaped, then
 * for each exit status (256: a signal) "status:copies".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 16
#define WORD_MAX 512
#define STATUS_SIGNAL 256

static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static _Noreturn void
copy(char **argv, int number, const int gate[2])
{
	char word[WORDS_MAX][WORD_MAX], *words[WORDS_MAX + 1], *hole, byte;
	size_t i;

	for (i = 0; i < WORDS_MAX && argv[i] != NULL; i++) {
		words[i] = argv[i];
		hole = strstr(argv[i], "{}");
		if (hole == NULL)
			continue;
		snprintf(word[i], WORD_MAX, "%.*s%d%s", (int)(hole - argv[i]),
		    argv[i], number, hole + 2);
		words[i] = word[i];
	}
	words[i] = NULL;
	close(gate[1]);
	if (read(gate[0], &byte, 1) != 0)
		_exit(126);
	close(gate[0]);
	execv(words[0], words);
	_exit(127);
}

int
main(int argc, char **argv)
{
	int copies[STATUS_SIGNAL + 1] = { 0 }, count, gate[2], i, status;
	int64_t begin, end;
	pid_t pid;

	count = argc > 2 ? (int)strtol(argv[1], NULL, 10) : 0;
	if (count < 1 || argc - 2 > WORDS_MAX) {
		fprintf(stderr, "usage: storm COUNT WORD...\n");
		return 64;
	}
	if (pipe(gate) == -1) {
		perror("storm");
		return 1;
	}
	for (i = 0; i < count; i++) {
		pid = fork();
		if (pid == 0)
			copy(argv + 2, i, gate);
		if (pid == -1) {
			perror("storm");
			count = i;
		}
	}
	close(gate[0]);
	begin = now_us();
	close(gate[1]);
	for (i = 0; i < count; i++) {
		if (wait(&status) > 0)
			copies[WIFEXITED(status) ? WEXITSTATUS(status) :
			    STATUS_SIGNAL]++;
	}
	end = now_us();
	printf("%" PRId64, end - begin);
	for (i = 0; i <= STATUS_SIGNAL; i++) {
		if (copies[i] > 0)
			printf(" %d:%d", i, copies[i]);
	}
	putchar('\n');
	return fflush(stdout) == 0 ? 0 : 1;
}
