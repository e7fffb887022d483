/*
 * What the tests of gate.conf share: a text with every key there is, and
 * texts that are read or refused.
 */
#ifndef OG_TESTS_UNIT_CONFIG_KIT_H
#define OG_TESTS_UNIT_CONFIG_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "meaning/config.h"
#include "value/error.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define P "[policy p]\n"

/* Every key with a value that is not its default, as the printer spells it. */
static const char everything[] =
    "[api]\n"
    "key_file = /k\n"
    "base_url = https://[2001:db8::1]:8443/a/b\n"
    "organization = org-1\n"
    "ca_file = /ca\n"
    "client_cert = /cert\n"
    "client_key = /key\n"
    "proxy = socks5h://ann:s%20e@proxy.example:1080\n"
    "timeout = 1500ms\n"
    "requests_per_minute = 6000\n"
    "\n"
    "[identity]\n"
    "email = x+%u.%%@example.com\n"
    "map_file = /map\n"
    "\n"
    "[cache]\n"
    "directory = /cache\n"
    "ttl = 7d\n"
    "negative_ttl = 0\n"
    "stale_ttl = 90s\n"
    "size = 1025k\n"
    "\n"
    "[pam]\n"
    "exempt_users = root J\xc3\xbcrgen\n"
    "exempt_groups = wheel\n"
    "min_uid = 4294967294\n"
    "ignore_services = cron\n"
    "\n"
    "[policy A.b_c-1]\n"
    "pam_services = sshd sudo\n"
    "role = owner\n"
    "project = proj_a proj_b\n"
    "project = proj_c\n"
    "project_role = member\n"
    "group = group_1\n"
    "group = group_2 group_3\n"
    "owner_is_member = yes\n"
    "allow_service_accounts = yes\n"
    "enforce = no\n"
    "email = %u\n"
    "map_file = /map2\n";

static inline struct og_config *
parse(const char *text)
{
	struct og_message message;
	struct og_config *conf;

	if (og_config_parse(&conf, "gate.conf", text, strlen(text),
	    &message) != OG_OK)
		fail_msg("%s", message.text);
	assert_non_null(conf);
	assert_string_equal(message.text, "");
	return conf;
}

static inline void
assert_refused(const char *text, size_t len, const char *start,
    const char *mend)
{
	struct og_message message;
	struct og_config *conf;
	enum og_error error;

	conf = (struct og_config *)&message;
	error = og_config_parse(&conf, "gate.conf", text, len, &message);
	assert_null(conf);
	if (error != OG_ERR_SYNTAX && error != OG_ERR_LIMIT)
		fail_msg("'%s' gave %s", text, og_strerror(error));
	if (strncmp(message.text, start, strlen(start)) != 0 ||
	    strstr(message.text, mend) == NULL)
		fail_msg("'%s' said '%s'", text, message.text);
	if (strchr(message.text, '\n') != NULL)
		fail_msg("'%s' said more than a line", text);
}

#endif
