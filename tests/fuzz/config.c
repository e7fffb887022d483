/*
 * Any bytes as gate.conf: refused with one line that says where, or accepted;
 * and then what is printed is, read again, the same configuration in every
 * field.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "meaning/config.h"
#include "meaning/identity.h"
#include "value/buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
require(int condition)
{
	if (!condition)
		abort();
}

/* What the rest of the project takes for granted. */
static void
check(const struct og_config *conf)
{
	const struct og_policy *policy;
	size_t i, j;

	require(conf->directory[0] == '/');
	require(conf->key_file != NULL ? conf->key_file[0] == '/' :
	    conf->client_cert != NULL || conf->base_url == NULL);
	require(conf->timeout_ms >= 100 && conf->timeout_ms <= 60000);
	require(conf->requests_per_minute >= 1 &&
	    conf->requests_per_minute <= 6000);
	require(conf->ttl >= 1 && conf->negative_ttl >= 0 &&
	    conf->stale_ttl >= 0);
	require((conf->client_cert == NULL) == (conf->client_key == NULL));
	require(conf->email == NULL || og_template_refuse(conf->email) == NULL);
	require(conf->base_url == NULL ||
	    strncmp(conf->base_url, "http", 4) == 0);
	for (i = 0; i < conf->policy_count; i++) {
		policy = &conf->policies[i];
		require(policy->role.count + policy->project_count +
		    policy->group_count > 0);
		require(og_config_policy(conf, policy->name) == policy);
		for (j = 0; j < policy->project_count; j++)
			require(policy->project[j].count > 0);
		for (j = 0; j < policy->group_count; j++)
			require(policy->group[j].count > 0);
	}
}

static void
same_text(const char *a, const char *b)
{
	require((a == NULL) == (b == NULL));
	require(a == NULL || strcmp(a, b) == 0);
}

static void
same_words(const struct og_words *a, const struct og_words *b)
{
	size_t i;

	require(a->count == b->count);
	for (i = 0; i < a->count; i++)
		same_text(a->item[i], b->item[i]);
}

static void
same_policy(const struct og_policy *a, const struct og_policy *b)
{
	size_t i;

	same_text(a->name, b->name);
	same_words(&a->pam_services, &b->pam_services);
	same_words(&a->role, &b->role);
	same_words(&a->project_role, &b->project_role);
	require(a->project_count == b->project_count);
	for (i = 0; i < a->project_count; i++)
		same_words(&a->project[i], &b->project[i]);
	require(a->group_count == b->group_count);
	for (i = 0; i < a->group_count; i++)
		same_words(&a->group[i], &b->group[i]);
	require(a->owner_is_member == b->owner_is_member);
	require(a->allow_service_accounts == b->allow_service_accounts);
	same_text(a->email, b->email);
	same_text(a->map_file, b->map_file);
}

static void
same(const struct og_config *a, const struct og_config *b)
{
	size_t i;

	same_text(a->key_file, b->key_file);
	same_text(a->base_url, b->base_url);
	same_text(a->organization, b->organization);
	same_text(a->ca_file, b->ca_file);
	same_text(a->client_cert, b->client_cert);
	same_text(a->client_key, b->client_key);
	same_text(a->proxy, b->proxy);
	require(a->timeout_ms == b->timeout_ms);
	require(a->requests_per_minute == b->requests_per_minute);
	same_text(a->email, b->email);
	same_text(a->map_file, b->map_file);
	same_text(a->directory, b->directory);
	require(a->ttl == b->ttl && a->negative_ttl == b->negative_ttl &&
	    a->stale_ttl == b->stale_ttl && a->size == b->size);
	same_words(&a->exempt_users, &b->exempt_users);
	same_words(&a->exempt_groups, &b->exempt_groups);
	same_words(&a->ignore_services, &b->ignore_services);
	require(a->min_uid == b->min_uid);
	require(a->policy_count == b->policy_count);
	for (i = 0; i < a->policy_count; i++)
		same_policy(&a->policies[i], &b->policies[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct og_buffer first, second;
	struct og_message message;
	struct og_config *conf, *again;
	enum og_error error;

	error = og_config_parse(&conf, "f", (const char *)data, size,
	    &message);
	if (error != OG_OK) {
		require(conf == NULL);
		require(error == OG_ERR_SYNTAX || error == OG_ERR_LIMIT);
		require(strncmp(message.text, "f:", 2) == 0);
		require(strchr(message.text, '\n') == NULL);
		return 0;
	}
	check(conf);
	og_buffer_init(&first, OG_CONF_FILE_MAX);
	og_buffer_init(&second, OG_CONF_FILE_MAX);
	require(og_config_print(conf, &first) == OG_OK);
	require(og_config_parse(&again, "f", first.data, first.len,
	    &message) == OG_OK);
	same(conf, again);
	require(og_config_print(again, &second) == OG_OK);
	og_config_free(conf);
	og_config_free(again);
	require(first.len == second.len &&
	    memcmp(first.data, second.data, first.len) == 0);
	og_buffer_free(&first);
	og_buffer_free(&second);
	return 0;
}
