#include "meaning/config.h"

#include <stdlib.h>
#include <string.h>

#include "meaning/config_parse.h"
#include "value/fact.h"

static enum og_error
default_text(char **out, const char *value)
{
	*out = strdup(value);
	return *out != NULL ? OG_OK : OG_ERR_NOMEM;
}

static enum og_error
default_words(struct og_words *out, const char *const *value, size_t count)
{
	out->item = calloc(count, sizeof(char *));
	if (out->item == NULL)
		return OG_ERR_NOMEM;
	for (; out->count < count; out->count++) {
		if (default_text(&out->item[out->count],
		    value[out->count]) != OG_OK)
			return OG_ERR_NOMEM;
	}
	return OG_OK;
}

enum og_error
og_config_defaults(struct og_config *conf)
{
	static const char *const users[] = { "root" };
	/* They run account stacks too, with nobody there to be told why. */
	static const char *const services[] = {
		"cron", "crond", "atd", "systemd-user"
	};
	enum og_error error;

	conf->timeout_ms = 5 * 1000;
	conf->requests_per_minute = 6;
	conf->ttl = 10 * 60;
	conf->negative_ttl = 60;
	conf->stale_ttl = 60 * 60;
	conf->size = UINT64_C(64) * 1024 * 1024;
	error = default_text(&conf->key_file, "/etc/openai-gate/admin.key");
	if (error == OG_OK)
		error = default_text(&conf->base_url,
		    "https://api.openai.com/v1");
	if (error == OG_OK)
		error = default_text(&conf->directory,
		    "/var/cache/openai-gate");
	if (error == OG_OK)
		error = default_words(&conf->exempt_users, users,
		    sizeof(users) / sizeof(users[0]));
	if (error == OG_OK)
		error = default_words(&conf->ignore_services, services,
		    sizeof(services) / sizeof(services[0]));
	return error;
}

static void
free_lines(struct og_words *lines, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		og_words_free(&lines[i]);
	free(lines);
}

static void
free_policy(struct og_policy *policy)
{
	free(policy->name);
	og_words_free(&policy->pam_services);
	og_words_free(&policy->role);
	free_lines(policy->project, policy->project_count);
	og_words_free(&policy->project_role);
	free_lines(policy->group, policy->group_count);
	free(policy->email);
	free(policy->map_file);
}

void
og_config_free(struct og_config *conf)
{
	size_t i;

	if (conf == NULL)
		return;
	free(conf->key_file);
	free(conf->base_url);
	free(conf->organization);
	free(conf->ca_file);
	free(conf->client_cert);
	free(conf->client_key);
	if (conf->proxy != NULL)
		explicit_bzero(conf->proxy, strlen(conf->proxy));
	free(conf->proxy);
	free(conf->email);
	free(conf->map_file);
	free(conf->directory);
	og_words_free(&conf->exempt_users);
	og_words_free(&conf->exempt_groups);
	og_words_free(&conf->ignore_services);
	for (i = 0; i < conf->policy_count; i++)
		free_policy(&conf->policies[i]);
	free(conf->policies);
	free(conf);
}

const struct og_policy *
og_config_policy(const struct og_config *conf, const char *name)
{
	size_t i;

	for (i = 0; i < conf->policy_count; i++) {
		if (strcmp(conf->policies[i].name, name) == 0)
			return &conf->policies[i];
	}
	return NULL;
}

int64_t
og_config_limit(const struct og_config *conf)
{
	return conf->ttl + conf->stale_ttl;
}

const struct og_policy *
og_config_policy_for_service(const struct og_config *conf,
    const char *pam_service)
{
	size_t i;

	for (i = 0; i < conf->policy_count; i++) {
		if (og_words_have(&conf->policies[i].pam_services,
		    pam_service))
			return &conf->policies[i];
	}
	return NULL;
}

bool
og_words_have(const struct og_words *words, const char *word)
{
	size_t i;

	for (i = 0; i < words->count; i++) {
		if (strcmp(words->item[i], word) == 0)
			return true;
	}
	return false;
}

bool
og_id_valid_bytes(const char *id, size_t len)
{
	size_t i;
	char c;

	if (len == 0 || len > OG_ID_MAX)
		return false;
	for (i = 0; i < len; i++) {
		c = id[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '.' || c == '_' ||
		    c == '~' || c == ':' || c == '-'))
			return false;
	}
	return !(id[0] == '.' && (len == 1 || (len == 2 && id[1] == '.')));
}

bool
og_id_valid(const char *id)
{
	return og_id_valid_bytes(id, strlen(id));
}
