/*
 * Whether sshd asks PAM at all: UsePAM of sshd_config(5), which is no where
 * nobody has written yes.
 */
#ifndef OG_CLI_SSHD_H
#define OG_CLI_SSHD_H

#include <stdbool.h>

/* By that file and by what it includes, the first UsePAM of which counts.
 * True also where there is no such file, or root cannot trust it, or one that
 * comes before any UsePAM: another sshd's affair, or its own. */
bool og_sshd_asks_pam(const char *path);

#endif
