#include "left.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(3);
}

static void
list_mapped(struct left_state *state)
{
	char line[4096], *path;
	size_t i;
	FILE *maps;

	state->files = 0;
	maps = fopen("/proc/self/maps", "re");
	if (maps == NULL)
		die("maps");
	while (fgets(line, sizeof(line), maps) != NULL) {
		path = strchr(line, '/');
		if (path == NULL)
			continue;
		path[strcspn(path, "\n")] = '\0';
		for (i = 0; i < state->files; i++) {
			if (strcmp(state->file[i], path) == 0)
				break;
		}
		if (i < state->files || i == LEFT_FILES)
			continue;
		snprintf(state->file[i], sizeof(state->file[i]), "%s", path);
		state->files++;
	}
	fclose(maps);
}

static size_t
count_threads(void)
{
	size_t count;
	DIR *tasks;

	tasks = opendir("/proc/self/task");
	if (tasks == NULL)
		die("task");
	for (count = 0; readdir(tasks) != NULL; count++)
		continue;
	closedir(tasks);
	return count;
}

/* From /proc, for a few system calls instead of thousands. */
static void
list_descriptors(struct left_state *state)
{
	struct dirent *entry;
	DIR *fds;
	long fd;

	fds = opendir("/proc/self/fd");
	if (fds == NULL)
		die("fd");
	while ((entry = readdir(fds)) != NULL) {
		fd = strtol(entry->d_name, NULL, 10);
		if (entry->d_name[0] != '.' && fd != dirfd(fds) &&
		    fd < LEFT_DESCRIPTORS)
			state->descriptor[fd] = true;
	}
	closedir(fds);
}

void
left_take(struct left_state *state)
{
	int sig;

	memset(state, 0, sizeof(*state));
	list_mapped(state);
	state->threads = count_threads();
	list_descriptors(state);
	for (sig = 1; sig < LEFT_SIGNALS; sig++)
		(void)sigaction(sig, NULL, &state->action[sig]);
	(void)sigprocmask(SIG_SETMASK, NULL, &state->mask);
	state->umask = umask(0);
	(void)umask(state->umask);
	if (getcwd(state->directory, sizeof(state->directory)) == NULL)
		die("getcwd");
}

static void
print_new_files(FILE *output, const struct left_state *before,
    const struct left_state *after)
{
	size_t i, j;

	for (i = 0; i < after->files; i++) {
		for (j = 0; j < before->files; j++) {
			if (strcmp(before->file[j], after->file[i]) == 0)
				break;
		}
		if (j == before->files)
			fprintf(output, "left library %s\n", after->file[i]);
	}
}

void
left_print(FILE *output, const struct left_state *before,
    const struct left_state *after)
{
	int fd, sig;

	print_new_files(output, before, after);
	for (fd = 0; fd < LEFT_DESCRIPTORS; fd++) {
		if (before->descriptor[fd] != after->descriptor[fd])
			fprintf(output, "left descriptor %d\n", fd);
	}
	for (sig = 1; sig < LEFT_SIGNALS; sig++) {
		if (before->action[sig].sa_handler !=
		    after->action[sig].sa_handler)
			fprintf(output, "left signal %d\n", sig);
	}
	if (memcmp(&before->mask, &after->mask, sizeof(before->mask)) != 0)
		fprintf(output, "left mask\n");
	if (before->threads != after->threads)
		fprintf(output, "left thread\n");
	if (before->umask != after->umask)
		fprintf(output, "left umask\n");
	if (strcmp(before->directory, after->directory) != 0)
		fprintf(output, "left directory\n");
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
		fprintf(output, "left child\n");
}
