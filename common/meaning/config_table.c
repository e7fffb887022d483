#include <stdlib.h>
#include <string.h>

#include "meaning/config_parse.h"
#include "meaning/identity.h"
#include "value/fact.h"

#define SECOND	INT64_C(1000)		/* in milliseconds */
#define MINUTE	(60 * SECOND)
#define HOUR	(60 * MINUTE)
#define DAY	(24 * HOUR)
#define MEBI	UINT64_C(0x100000)
#define GIBI	UINT64_C(0x40000000)

/* Words: what is wrong with one, or NULL. */

static const char *
refuse_name(const char *word)
{
	return og_name_valid(word, strlen(word)) ? NULL :
	    "cannot be a user or group name";
}

static const char *
refuse_role(const char *word)
{
	const char *p;

	for (p = word; *p > ' ' && *p <= '~'; p++)
		continue;
	return *p == '\0' && p - word <= OG_ROLE_MAX ? NULL :
	    "cannot be a role; roles are words like owner, reader, member";
}

static const char *
refuse_project(const char *word)
{
	return og_id_valid(word) ? NULL : "cannot be a project id; ids look "
	    "like proj_abc (the id, not the name)";
}

static const char *
refuse_group(const char *word)
{
	return og_id_valid(word) ? NULL : "cannot be a group id; ids look "
	    "like group_01J1 (the id, not the name)";
}

/* A service is the name of a file in /etc/pam.d. */
static const char *
refuse_service(const char *word)
{
	const char *p;

	for (p = word; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			return "holds a capital letter, but PAM turns service "
			    "names into lower case; write it so";
		if (*p <= ' ' || *p > '~' || *p == '/')
			return "cannot be a PAM service; write the name of a "
			    "file in /etc/pam.d";
	}
	return NULL;
}

/* [api] */

static enum og_error
set_key_file(struct og_parse *parse, const char *value)
{
	return og_value_path(parse, &parse->conf->key_file, value);
}

static enum og_error
set_base_url(struct og_parse *parse, const char *value)
{
	return og_value_base_url(parse, &parse->conf->base_url, value);
}

static enum og_error
set_organization(struct og_parse *parse, const char *value)
{
	return og_value_text(parse, &parse->conf->organization, value);
}

static enum og_error
set_ca_file(struct og_parse *parse, const char *value)
{
	return og_value_path(parse, &parse->conf->ca_file, value);
}

static enum og_error
set_client_cert(struct og_parse *parse, const char *value)
{
	return og_value_path(parse, &parse->conf->client_cert, value);
}

static enum og_error
set_client_key(struct og_parse *parse, const char *value)
{
	return og_value_path(parse, &parse->conf->client_key, value);
}

static enum og_error
set_proxy(struct og_parse *parse, const char *value)
{
	return og_value_proxy(parse, &parse->conf->proxy, value);
}

static enum og_error
set_timeout(struct og_parse *parse, const char *value)
{
	return og_value_duration(parse, &parse->conf->timeout_ms, value, 100,
	    60 * SECOND);
}

static enum og_error
set_requests_per_minute(struct og_parse *parse, const char *value)
{
	enum og_error error;
	int64_t number;

	error = og_value_number(parse, &number, value, 1, 6000);
	if (error == OG_OK)
		parse->conf->requests_per_minute = (unsigned int)number;
	return error;
}

/* [identity] */

static enum og_error
set_email(struct og_parse *parse, const char *value)
{
	return og_value_template(parse, &parse->conf->email, value);
}

static enum og_error
set_map_file(struct og_parse *parse, const char *value)
{
	return og_value_path(parse, &parse->conf->map_file, value);
}

/* [cache] */

static enum og_error
set_directory(struct og_parse *parse, const char *value)
{
	return og_value_path(parse, &parse->conf->directory, value);
}

/* Facts are dated in whole seconds. */
static enum og_error
set_seconds(struct og_parse *parse, int64_t *seconds, const char *value,
    int64_t low, int64_t high)
{
	enum og_error error;
	int64_t ms;

	error = og_value_duration(parse, &ms, value, low, high);
	if (error != OG_OK)
		return error;
	if (ms % SECOND != 0)
		return og_parse_fail(parse, OG_ERR_SYNTAX,
		    "'%s' is not a whole number of seconds",
		    og_quote(value).text);
	*seconds = ms / SECOND;
	return OG_OK;
}

static enum og_error
set_ttl(struct og_parse *parse, const char *value)
{
	return set_seconds(parse, &parse->conf->ttl, value, SECOND, 7 * DAY);
}

static enum og_error
set_negative_ttl(struct og_parse *parse, const char *value)
{
	return set_seconds(parse, &parse->conf->negative_ttl, value, 0, DAY);
}

static enum og_error
set_stale_ttl(struct og_parse *parse, const char *value)
{
	return set_seconds(parse, &parse->conf->stale_ttl, value, 0, 30 * DAY);
}

static enum og_error
set_size(struct og_parse *parse, const char *value)
{
	return og_value_size(parse, &parse->conf->size, value, MEBI, 64 * GIBI);
}

/* [pam] */

static enum og_error
set_exempt_users(struct og_parse *parse, const char *value)
{
	return og_value_words(parse, &parse->conf->exempt_users, value,
	    refuse_name);
}

static enum og_error
set_exempt_groups(struct og_parse *parse, const char *value)
{
	return og_value_words(parse, &parse->conf->exempt_groups, value,
	    refuse_name);
}

static enum og_error
set_min_uid(struct og_parse *parse, const char *value)
{
	/* (uid_t)-1 is no user: chown(2) and setreuid(2) take it for "none". */
	return og_value_number(parse, &parse->conf->min_uid, value, 0,
	    INT64_C(4294967294));
}

static enum og_error
set_ignore_services(struct og_parse *parse, const char *value)
{
	return og_value_words(parse, &parse->conf->ignore_services, value,
	    refuse_service);
}

/* [policy NAME] */

static enum og_error
set_pam_services(struct og_parse *parse, const char *value)
{
	return og_value_words(parse, &parse->policy->pam_services, value,
	    refuse_service);
}

static enum og_error
set_role(struct og_parse *parse, const char *value)
{
	return og_value_words(parse, &parse->policy->role, value, refuse_role);
}

/* One more line of `project` or `group`. */
static enum og_error
add_line(struct og_parse *parse, struct og_words **lines, size_t *count,
    const char *value, const char *(*refuse)(const char *))
{
	struct og_words *more;
	enum og_error error;

	if (*count == OG_CONF_LINES_MAX)
		return og_parse_fail(parse, OG_ERR_LIMIT,
		    "at most %d such lines may stand in a policy",
		    OG_CONF_LINES_MAX);
	more = realloc(*lines, (*count + 1) * sizeof(**lines));
	if (more == NULL)
		return OG_ERR_NOMEM;
	*lines = more;
	memset(&more[*count], 0, sizeof(more[*count]));
	error = og_value_words(parse, &more[*count], value, refuse);
	if (error == OG_OK)
		++*count;
	return error;
}

static enum og_error
set_project(struct og_parse *parse, const char *value)
{
	return add_line(parse, &parse->policy->project,
	    &parse->policy->project_count, value, refuse_project);
}

static enum og_error
set_project_role(struct og_parse *parse, const char *value)
{
	return og_value_words(parse, &parse->policy->project_role, value,
	    refuse_role);
}

static enum og_error
set_group(struct og_parse *parse, const char *value)
{
	return add_line(parse, &parse->policy->group,
	    &parse->policy->group_count, value, refuse_group);
}

static enum og_error
set_owner_is_member(struct og_parse *parse, const char *value)
{
	return og_value_yes_no(parse, &parse->policy->owner_is_member, value);
}

static enum og_error
set_allow_service_accounts(struct og_parse *parse, const char *value)
{
	return og_value_yes_no(parse, &parse->policy->allow_service_accounts,
	    value);
}

static enum og_error
set_enforce(struct og_parse *parse, const char *value)
{
	enum og_error error;
	bool enforce;

	error = og_value_yes_no(parse, &enforce, value);
	if (error == OG_OK)
		parse->policy->dry_run = !enforce;
	return error;
}

static enum og_error
set_policy_email(struct og_parse *parse, const char *value)
{
	return og_value_template(parse, &parse->policy->email, value);
}

static enum og_error
set_policy_map_file(struct og_parse *parse, const char *value)
{
	return og_value_path(parse, &parse->policy->map_file, value);
}

const struct og_keyword og_keywords[] = {
	{ OG_SECTION_API, "key_file", set_key_file, OG_KEY_MAY_BE_EMPTY },
	{ OG_SECTION_API, "base_url", set_base_url, 0 },
	{ OG_SECTION_API, "organization", set_organization, OG_KEY_MAY_BE_EMPTY },
	{ OG_SECTION_API, "ca_file", set_ca_file, OG_KEY_MAY_BE_EMPTY },
	{ OG_SECTION_API, "client_cert", set_client_cert, OG_KEY_MAY_BE_EMPTY },
	{ OG_SECTION_API, "client_key", set_client_key, OG_KEY_MAY_BE_EMPTY },
	{ OG_SECTION_API, "proxy", set_proxy, OG_KEY_MAY_BE_EMPTY },
	{ OG_SECTION_API, "timeout", set_timeout, 0 },
	{ OG_SECTION_API, "requests_per_minute", set_requests_per_minute, 0 },
	{ OG_SECTION_IDENTITY, "email", set_email, OG_KEY_MAY_BE_EMPTY },
	{ OG_SECTION_IDENTITY, "map_file", set_map_file, OG_KEY_MAY_BE_EMPTY },
	{ OG_SECTION_CACHE, "directory", set_directory, 0 },
	{ OG_SECTION_CACHE, "ttl", set_ttl, 0 },
	{ OG_SECTION_CACHE, "negative_ttl", set_negative_ttl, 0 },
	{ OG_SECTION_CACHE, "stale_ttl", set_stale_ttl, 0 },
	{ OG_SECTION_CACHE, "size", set_size, 0 },
	{ OG_SECTION_PAM, "exempt_users", set_exempt_users,
	    OG_KEY_MAY_BE_EMPTY },
	{ OG_SECTION_PAM, "exempt_groups", set_exempt_groups,
	    OG_KEY_MAY_BE_EMPTY },
	{ OG_SECTION_PAM, "min_uid", set_min_uid, 0 },
	{ OG_SECTION_PAM, "ignore_services", set_ignore_services,
	    OG_KEY_MAY_BE_EMPTY },
	{ OG_SECTION_POLICY, "pam_services", set_pam_services, 0 },
	{ OG_SECTION_POLICY, "role", set_role, 0 },
	{ OG_SECTION_POLICY, "project", set_project, OG_KEY_MAY_REPEAT },
	{ OG_SECTION_POLICY, "project_role", set_project_role, 0 },
	{ OG_SECTION_POLICY, "group", set_group, OG_KEY_MAY_REPEAT },
	{ OG_SECTION_POLICY, "owner_is_member", set_owner_is_member, 0 },
	{ OG_SECTION_POLICY, "allow_service_accounts",
	    set_allow_service_accounts, 0 },
	{ OG_SECTION_POLICY, "enforce", set_enforce, 0 },
	{ OG_SECTION_POLICY, "email", set_policy_email, OG_KEY_MAY_BE_EMPTY },
	{ OG_SECTION_POLICY, "map_file", set_policy_map_file,
	    OG_KEY_MAY_BE_EMPTY },
};

const size_t og_keyword_count = sizeof(og_keywords) / sizeof(og_keywords[0]);

_Static_assert(sizeof(og_keywords) / sizeof(og_keywords[0]) <= OG_KEYS_MAX,
    "OG_KEYS_MAX is too small");
