/*
 * gate.conf, from text to a struct (gate.conf(5)). Parsing
 * does no I/O; reading the file is io/load.h's affair.
 *
 * Every error names "path:line" and the mend. Nothing is defaulted on error:
 * the caller gets no config at all, and its verdict is `misconfigured`.
 */
#ifndef OG_MEANING_CONFIG_H
#define OG_MEANING_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "value/error.h"

#define OG_CONF_PATH		"/etc/openai-gate/gate.conf"
#define OG_CONF_FILE_MAX	(256 * 1024)	/* bytes */
#define OG_CONF_LINE_MAX	4096		/* bytes */
#define OG_CONF_WORDS_MAX	64		/* values of one key */
#define OG_CONF_POLICIES_MAX	64
#define OG_CONF_LINES_MAX	16		/* `project` or `group` lines of a policy */
#define OG_CONF_CONTAINERS_MAX	40		/* projects and groups of a policy */
#define OG_CONF_TEXT_MAX	512		/* bytes of a URL or header value */

/* The values of one line; "any of these". */
struct og_words {
	char **item;
	size_t count;
};

struct og_policy {
	char *name;
	int line;			/* where its section begins */
	struct og_words pam_services;
	struct og_words role;		/* empty: no requirement */
	struct og_words *project;	/* lines: all of them; words: any */
	size_t project_count;
	struct og_words project_role;	/* in a project that satisfied a line */
	struct og_words *group;
	size_t group_count;
	bool owner_is_member;
	bool allow_service_accounts;
	bool dry_run;			/* enforce = no: for the adapters alone */
	char *email;			/* template; NULL: [identity] email */
	char *map_file;			/* NULL: [identity] map_file */
};

/* Text is NULL where the file gives none and there is no default. */
struct og_config {
	/* [api] */
	char *key_file;			/* NULL: a gateway holds it, and knows us by client_cert */
	char *base_url;			/* no trailing slash; NULL: `none`, never ask */
	char *organization;
	char *ca_file;
	char *client_cert;
	char *client_key;
	char *proxy;			/* may hold a password: never log it */
	int64_t timeout_ms;
	unsigned int requests_per_minute;
	/* [identity] */
	char *email;			/* template */
	char *map_file;
	/* [cache] */
	char *directory;
	int64_t ttl;			/* seconds, as the two below */
	int64_t negative_ttl;
	int64_t stale_ttl;
	uint64_t size;			/* bytes */
	/* [pam] */
	struct og_words exempt_users;
	struct og_words exempt_groups;
	int64_t min_uid;		/* 0 … 2^32 - 2 */
	struct og_words ignore_services;
	/* [policy NAME] */
	struct og_policy *policies;
	size_t policy_count;
};

/*
 * Parses text[0..len) (no NUL allowed, UTF-8 only). `path` is for messages.
 * On OG_OK *conf is owned by the caller (og_config_free); on error it is
 * NULL and message holds one line.
 */
enum og_error og_config_parse(struct og_config **conf, const char *path,
    const char *text, size_t len, struct og_message *message);

void og_config_free(struct og_config *);

/*
 * Replaces the value of one key of [api], as an option of a command does. The
 * value is judged as in the file; message then names the "command line".
 */
enum og_error og_config_override(struct og_config *, const char *key,
    const char *value, struct og_message *message);

/* Borrowed from conf; NULL when there is none of that name. */
const struct og_policy *og_config_policy(const struct og_config *,
    const char *name);
const struct og_policy *og_config_policy_for_service(const struct og_config *,
    const char *pam_service);

/* Seconds: the age at which a fact serves no more, not even stale. */
int64_t og_config_limit(const struct og_config *);

bool og_words_have(const struct og_words *, const char *word);

/* A user, project or group id that may stand in a URL path and in a query's
 * spelling: 1 to OG_ID_MAX bytes of [A-Za-z0-9._~:-], not "." or ".."
 * (CONTRACT section 1: opaque, refuse dot segments). */
bool og_id_valid(const char *id);
bool og_id_valid_bytes(const char *id, size_t len);

/*
 * Prints every key with the value in force, in the grammar of the file, so
 * that it can be parsed again and says the same. A proxy's password is printed
 * too: og_config_hide first, for people.
 */
struct og_buffer;
enum og_error og_config_print(const struct og_config *, struct og_buffer *);

/* A proxy's password becomes "***", which still parses, and lets nobody in. */
enum og_error og_config_hide(struct og_config *);

#endif
