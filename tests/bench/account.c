/*
 * account CONFDIR SERVICE USER
 *
 * One account phase through libpam, as a host does it: start, account, end.
 * The exit status is the PAM code.
 */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>

static int
converse(int count, const struct pam_message **message,
    struct pam_response **response, void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < count; i++)
		fprintf(stderr, "account: %s\n", message[i]->msg);
	*response = calloc((size_t)count, sizeof(**response));
	return *response != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

int
main(int argc, char **argv)
{
	struct pam_conv conv = { converse, NULL };
	pam_handle_t *pamh;
	int code;

	if (argc != 4) {
		fprintf(stderr, "usage: account CONFDIR SERVICE USER\n");
		return 64;
	}
	code = pam_start_confdir(argv[2], argv[3], &conv, argv[1], &pamh);
	if (code != PAM_SUCCESS)
		return code;
	code = pam_acct_mgmt(pamh, 0);
	(void)pam_end(pamh, code);
	return code;
}
