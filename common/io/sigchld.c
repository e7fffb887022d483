#include "io/sigchld.h"

#include <pthread.h>
#include <signal.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int borrowers;
static struct sigaction before;

enum og_error
og_sigchld_borrow(void)
{
	const struct sigaction child_default = { .sa_handler = SIG_DFL };
	enum og_error error;

	error = OG_OK;
	(void)pthread_mutex_lock(&lock);
	if (borrowers == 0 && sigaction(SIGCHLD, &child_default, &before) != 0)
		error = OG_ERR_SYSTEM;
	else
		borrowers++;
	(void)pthread_mutex_unlock(&lock);
	return error;
}

void
og_sigchld_give_back(void)
{
	(void)pthread_mutex_lock(&lock);
	if (--borrowers == 0)
		(void)sigaction(SIGCHLD, &before, NULL);
	(void)pthread_mutex_unlock(&lock);
}
