#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meaning/config_parse.h"

#define POLICY_NAME_MAX 64

struct section {
	const char *name;
	enum og_section section;
};

static const struct section sections[] = {
	{ "api", OG_SECTION_API },
	{ "identity", OG_SECTION_IDENTITY },
	{ "cache", OG_SECTION_CACHE },
	{ "pam", OG_SECTION_PAM },
};

#define SECTION_COUNT (sizeof(sections) / sizeof(sections[0]))

enum og_error
og_parse_fail(struct og_parse *parse, enum og_error error, const char *fmt,
    ...)
{
	char text[OG_MESSAGE_MAX];
	va_list ap;

	text[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	og_message_set(parse->message, "%s:%d: %s%s%s", parse->lines.path,
	    parse->lines.number, parse->key != NULL ? parse->key : "",
	    parse->key != NULL ? ": " : "", text);
	return error;
}

/* An error that is found later than the line it is about. */
static enum og_error
fail_at(struct og_parse *parse, int line, const char *text)
{
	og_message_set(parse->message, "%s:%d: %s", parse->lines.path, line,
	    text);
	return OG_ERR_SYNTAX;
}

static const char *
section_word(enum og_section section)
{
	size_t i;

	for (i = 0; i < SECTION_COUNT; i++) {
		if (sections[i].section == section)
			return sections[i].name;
	}
	return "policy NAME";
}

static int
first_line(const struct og_parse *parse, const char *name)
{
	size_t i;

	for (i = 0; i < og_keyword_count; i++) {
		if (og_keywords[i].section == parse->section &&
		    strcmp(og_keywords[i].name, name) == 0)
			return parse->first_line[i];
	}
	return 0;
}

static enum og_error
finish_api(struct og_parse *parse)
{
	const struct og_config *conf;

	conf = parse->conf;
	if (conf->client_cert != NULL && conf->client_key == NULL)
		return fail_at(parse, first_line(parse, "client_cert"),
		    "client_cert without client_key; give both or neither");
	if (conf->client_key != NULL && conf->client_cert == NULL)
		return fail_at(parse, first_line(parse, "client_key"),
		    "client_key without client_cert; give both or neither");
	if (conf->key_file == NULL && conf->client_cert == NULL &&
	    conf->base_url != NULL)
		return fail_at(parse, first_line(parse, "key_file"),
		    "no key_file and no client_cert; a gateway without a key "
		    "of ours needs client_cert and client_key, and the API "
		    "itself needs a key");
	return OG_OK;
}

static size_t
count_words(const struct og_words *lines, size_t count)
{
	size_t i, sum;

	for (i = sum = 0; i < count; i++)
		sum += lines[i].count;
	return sum;
}

static enum og_error
finish_policy(struct og_parse *parse)
{
	const struct og_policy *policy;

	policy = parse->policy;
	if (policy->project_role.count > 0 && policy->project_count == 0)
		return fail_at(parse, first_line(parse, "project_role"),
		    "project_role without a project line; say which projects");
	if (policy->role.count == 0 && policy->project_count == 0 &&
	    policy->group_count == 0)
		return fail_at(parse, policy->line, "the policy requires "
		    "nothing; add at least one of role, project, group");
	if (count_words(policy->project, policy->project_count) +
	    count_words(policy->group, policy->group_count) >
	    OG_CONF_CONTAINERS_MAX) {
		og_message_set(parse->message, "%s:%d: the policy names more "
		    "than %d projects and groups, too many to ask about in "
		    "one login; make a group of these people instead",
		    parse->lines.path, policy->line, OG_CONF_CONTAINERS_MAX);
		return OG_ERR_LIMIT;
	}
	return OG_OK;
}

/* What must hold between the keys of the section that ends here. */
static enum og_error
finish_section(struct og_parse *parse)
{
	parse->key = NULL;
	if (parse->section == OG_SECTION_API)
		return finish_api(parse);
	if (parse->section == OG_SECTION_POLICY)
		return finish_policy(parse);
	return OG_OK;
}

static bool
policy_name_valid(const char *name)
{
	size_t len;

	len = strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
	return len > 0 && len <= POLICY_NAME_MAX && name[len] == '\0';
}

static enum og_error
begin_policy(struct og_parse *parse, const char *name)
{
	struct og_config *conf;
	struct og_policy *policies, *policy;
	const struct og_policy *same;

	conf = parse->conf;
	if (!policy_name_valid(name))
		return og_parse_fail(parse, OG_ERR_SYNTAX, "'%s' cannot be a "
		    "policy's name; 1 to %d of A-Z a-z 0-9 _ . - may stand in "
		    "[policy NAME]", og_quote(name).text, POLICY_NAME_MAX);
	same = og_config_policy(conf, name);
	if (same != NULL)
		return og_parse_fail(parse, OG_ERR_SYNTAX, "there is a "
		    "[policy %s] in line %d already", name, same->line);
	if (conf->policy_count == OG_CONF_POLICIES_MAX)
		return og_parse_fail(parse, OG_ERR_LIMIT,
		    "more than %d policies", OG_CONF_POLICIES_MAX);
	policies = realloc(conf->policies,
	    (conf->policy_count + 1) * sizeof(*policies));
	if (policies == NULL)
		return OG_ERR_NOMEM;
	conf->policies = policies;
	policy = &policies[conf->policy_count];
	memset(policy, 0, sizeof(*policy));
	policy->line = parse->lines.number;
	policy->name = strdup(name);
	if (policy->name == NULL)
		return OG_ERR_NOMEM;
	conf->policy_count++;
	parse->policy = policy;
	parse->section = OG_SECTION_POLICY;
	return OG_OK;
}

static char *
trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	text[len] = '\0';
	return text;
}

/* line is "[…", without comment and blanks at its ends. */
static enum og_error
begin_section(struct og_parse *parse, char *line)
{
	enum og_error error;
	char *name;
	size_t i, len;

	error = finish_section(parse);
	if (error != OG_OK)
		return error;
	len = strlen(line);
	if (line[len - 1] != ']')
		return og_parse_fail(parse, OG_ERR_SYNTAX,
		    "no ] at the end of the section's name");
	line[len - 1] = '\0';
	name = trim(line + 1);
	memset(parse->first_line, 0, sizeof(parse->first_line));
	len = strcspn(name, " \t");
	if (len == strlen("policy") && strncmp(name, "policy", len) == 0)
		return begin_policy(parse, trim(name + len));
	for (i = 0; i < SECTION_COUNT; i++) {
		if (strcmp(sections[i].name, name) == 0)
			break;
	}
	if (i == SECTION_COUNT)
		return og_parse_fail(parse, OG_ERR_SYNTAX, "unknown section "
		    "[%s]; there are [api], [identity], [cache], [pam] and "
		    "[policy NAME]", og_quote(name).text);
	if (parse->sections_seen & 1U << sections[i].section)
		return og_parse_fail(parse, OG_ERR_SYNTAX, "a second section "
		    "[%s]; put its keys into the first", name);
	parse->sections_seen |= 1U << sections[i].section;
	parse->section = sections[i].section;
	return OG_OK;
}

/* Says where the key belongs, or what is known here. */
static enum og_error
unknown_key(struct og_parse *parse, const char *key)
{
	char known[OG_MESSAGE_MAX];
	const char *policy;
	size_t i, used;

	policy = parse->section == OG_SECTION_POLICY ? parse->policy->name : "";
	used = 0;
	known[0] = '\0';
	for (i = 0; i < og_keyword_count; i++) {
		if (og_keywords[i].section == parse->section &&
		    used < sizeof(known))
			used += (size_t)snprintf(known + used,
			    sizeof(known) - used, " %s", og_keywords[i].name);
	}
	for (i = 0; i < og_keyword_count; i++) {
		if (strcmp(og_keywords[i].name, key) == 0)
			return og_parse_fail(parse, OG_ERR_SYNTAX,
			    "key '%s' belongs in [%s]", key,
			    section_word(og_keywords[i].section));
	}
	return og_parse_fail(parse, OG_ERR_SYNTAX,
	    "unknown key '%s' in [%s%s]; known here:%s", og_quote(key).text,
	    parse->section == OG_SECTION_POLICY ? "policy " :
	    section_word(parse->section), policy, known);
}

static enum og_error
set_key(struct og_parse *parse, const char *key, const char *value)
{
	const struct og_keyword *keyword;
	size_t i;

	for (i = 0; i < og_keyword_count; i++) {
		if (og_keywords[i].section == parse->section &&
		    strcmp(og_keywords[i].name, key) == 0)
			break;
	}
	if (i == og_keyword_count)
		return unknown_key(parse, key);
	keyword = &og_keywords[i];
	parse->key = keyword->name;
	if (parse->first_line[i] != 0 && (keyword->flags & OG_KEY_MAY_REPEAT) == 0)
		return og_parse_fail(parse, OG_ERR_SYNTAX, "given in line %d "
		    "already; write it once, with all its values",
		    parse->first_line[i]);
	parse->first_line[i] = parse->lines.number;
	/* "key = value" as the printer spells it has to fit a line again. */
	if (strlen(key) + 3 + strlen(value) > OG_CONF_LINE_MAX)
		return og_parse_fail(parse, OG_ERR_LIMIT,
		    "the line is too long");
	if (*value == '\0' && (keyword->flags & OG_KEY_MAY_BE_EMPTY) == 0)
		return og_parse_fail(parse, OG_ERR_SYNTAX,
		    "no value; write one, or remove the line for the default");
	/* A printed value must not come back as a comment. */
	if (*value == '#' || *value == ';')
		return og_parse_fail(parse, OG_ERR_SYNTAX,
		    "a value cannot begin with %c; put a blank before a "
		    "comment", *value);
	return keyword->set(parse, value);
}

static enum og_error
parse_line(struct og_parse *parse)
{
	char line[OG_CONF_LINE_MAX + 1];
	char *equals;

	memcpy(line, parse->lines.text, parse->lines.len);
	line[parse->lines.len] = '\0';
	parse->key = NULL;
	if (line[0] == '[')
		return begin_section(parse, line);
	equals = strchr(line, '=');
	/* The line is not quoted: it may hold a proxy's password. */
	if (equals == NULL || equals == line)
		return og_parse_fail(parse, OG_ERR_SYNTAX,
		    "write key = value, or [section]");
	*equals = '\0';
	if (parse->section == OG_SECTION_NONE)
		return og_parse_fail(parse, OG_ERR_SYNTAX, "key '%s' before "
		    "any section; put a line like [api] before it",
		    og_quote(trim(line)).text);
	return set_key(parse, trim(line), trim(equals + 1));
}

/* A service decides by one policy, or not at all. */
static enum og_error
check_services(struct og_parse *parse)
{
	const struct og_policy *policy, *first;
	const char *service;
	size_t i, j;

	for (i = 0; i < parse->conf->policy_count; i++) {
		policy = &parse->conf->policies[i];
		for (j = 0; j < policy->pam_services.count; j++) {
			service = policy->pam_services.item[j];
			first = og_config_policy_for_service(parse->conf,
			    service);
			if (first != policy) {
				og_message_set(parse->message, "%s:%d: "
				    "[policy %s] and [policy %s] (line %d) "
				    "both claim the service '%s'; give it to "
				    "one", parse->lines.path, policy->line,
				    policy->name, first->name, first->line,
				    og_quote(service).text);
				return OG_ERR_SYNTAX;
			}
			if (og_words_have(&parse->conf->ignore_services,
			    service)) {
				og_message_set(parse->message, "%s:%d: "
				    "[policy %s] claims the service '%s', "
				    "which is in ignore_services too; remove "
				    "it from one", parse->lines.path,
				    policy->line, policy->name,
				    og_quote(service).text);
				return OG_ERR_SYNTAX;
			}
		}
	}
	return OG_OK;
}

static enum og_error
parse_all(struct og_parse *parse)
{
	enum og_error error;

	for (;;) {
		error = og_lines_next(&parse->lines, parse->message);
		if (error != OG_OK)
			return error;
		if (parse->lines.text == NULL)
			break;
		error = parse_line(parse);
		if (error != OG_OK)
			return error;
	}
	error = finish_section(parse);
	if (error != OG_OK)
		return error;
	return check_services(parse);
}

enum og_error
og_config_parse(struct og_config **confp, const char *path, const char *text,
    size_t len, struct og_message *message)
{
	struct og_parse parse;
	enum og_error error;

	*confp = NULL;
	message->text[0] = '\0';
	if (len > OG_CONF_FILE_MAX) {
		og_message_set(message, "%s: larger than %d bytes", path,
		    OG_CONF_FILE_MAX);
		return OG_ERR_LIMIT;
	}
	memset(&parse, 0, sizeof(parse));
	parse.message = message;
	og_lines_init(&parse.lines, path, text, len, OG_CONF_LINE_MAX);
	parse.conf = calloc(1, sizeof(*parse.conf));
	error = parse.conf != NULL ? og_config_defaults(parse.conf) :
	    OG_ERR_NOMEM;
	if (error == OG_OK)
		error = parse_all(&parse);
	if (error == OG_OK) {
		*confp = parse.conf;
		parse.conf = NULL;
	}
	if (error == OG_ERR_NOMEM)
		og_message_set(message, "%s: %s", path, og_strerror(error));
	og_config_free(parse.conf);
	return error;
}

enum og_error
og_config_override(struct og_config *conf, const char *key, const char *value,
    struct og_message *message)
{
	struct og_parse parse;
	size_t i;

	memset(&parse, 0, sizeof(parse));
	message->text[0] = '\0';
	parse.conf = conf;
	parse.section = OG_SECTION_API;
	parse.message = message;
	parse.key = key;
	parse.lines.path = "command line";
	parse.lines.number = 1;
	for (i = 0; i < og_keyword_count; i++) {
		if (og_keywords[i].section == OG_SECTION_API &&
		    strcmp(og_keywords[i].name, key) == 0)
			return og_keywords[i].set(&parse, value);
	}
	return og_parse_fail(&parse, OG_ERR_SYNTAX, "no key of [api]");
}
