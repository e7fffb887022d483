/*
 * spawn.so PROGRAM ARGUMENT...: a PAM module that executes a program and lets
 * people in when it succeeds. The least that a module which asks a server
 * from outside of its host can do, and so the yardstick of a cold decision.
 */
#include <security/pam_modules.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/wait.h>

#define ARGUMENTS_MAX 8

__attribute__((visibility("default"))) int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	char *words[ARGUMENTS_MAX + 1], *none[] = { NULL };
	int i, status;
	pid_t pid;

	(void)pamh;
	(void)flags;
	if (argc < 1 || argc > ARGUMENTS_MAX)
		return PAM_SERVICE_ERR;
	for (i = 0; i < argc; i++)
		words[i] = (char *)(size_t)argv[i];
	words[argc] = NULL;
	if (posix_spawn(&pid, words[0], NULL, NULL, words, none) != 0 ||
	    waitpid(pid, &status, 0) != pid)
		return PAM_SYSTEM_ERR;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? PAM_SUCCESS :
	    PAM_PERM_DENIED;
}
