/*
 * Who and what is not ours to judge ([pam] in gate.conf(5)), told before any
 * file of the store is opened and before any network access.
 *
 * NSS is asked only for min_uid and exempt_groups, and only when they are
 * set: a look-up may load NSS modules into the host and take its time.
 */
#ifndef OG_IO_EXEMPT_H
#define OG_IO_EXEMPT_H

#include "meaning/config.h"
#include "value/log.h"
#include "value/reason.h"

/*
 * OG_SERVICE_IGNORED, OG_EXEMPT_USER, OG_MIN_UID, OG_EXEMPT_GROUP,
 * OG_NO_MEMORY, or OG_GO_ON: not exempt, go on. Whom NSS does not know, or
 * cannot tell us of, is not exempt.
 */
enum og_reason og_exempt(const struct og_config *, const char *user,
    const char *service, const struct og_log *);

#endif
