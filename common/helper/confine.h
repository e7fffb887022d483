/*
 * What the helper gives up once it has read its files: nothing that it may
 * still do is worth having for whoever makes libcurl, OpenSSL or a module of
 * nsswitch.conf(5) do his will. Before any thread is started, since what is
 * started later inherits all of it.
 */
#ifndef OG_HELPER_CONFINE_H
#define OG_HELPER_CONFINE_H

#include "value/log.h"

/*
 * No capability, no new privilege; below `directory` alone anything may be
 * written, made or removed (Landlock: Linux 5.19, where it is enabled); and
 * the filter. What this kernel refuses is logged as a warning, and the rest
 * holds all the same: the second belt must not lock everybody out. A kernel
 * without Landlock is none to warn of.
 */
void og_confine(const char *directory, const struct og_log *);

/*
 * Takes away the system calls that no resolver, TLS library or store has a use
 * for, by a seccomp filter: see filter.c. Needs no_new_privs. -1: errno.
 */
int og_confine_calls(void);

#endif
