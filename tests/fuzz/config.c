/*
 * Any bytes as gate.conf: refused with one line that says where, or accepted;
 * and then what is printed says the same when it is read again.
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

	require(conf->key_file[0] == '/' && conf->directory[0] == '/');
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct og_buffer first, second;
	struct og_message message;
	struct og_config *conf;
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
	og_config_free(conf);
	require(og_config_parse(&conf, "f", first.data, first.len, &message) ==
	    OG_OK);
	require(og_config_print(conf, &second) == OG_OK);
	og_config_free(conf);
	require(first.len == second.len &&
	    memcmp(first.data, second.data, first.len) == 0);
	og_buffer_free(&first);
	og_buffer_free(&second);
	return 0;
}
