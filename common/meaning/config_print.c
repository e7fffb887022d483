#include <inttypes.h>
#include <string.h>

#include "meaning/config_parse.h"
#include "value/buffer.h"

/*
 * Once one line fails the others are not tried, so that the caller sees the
 * first error.
 */
struct printer {
	struct og_buffer *buffer;
	enum og_error error;
};

static void
section(struct printer *printer, const char *name)
{
	if (printer->error == OG_OK)
		printer->error = og_buffer_addf(printer->buffer, "%s[%s]\n",
		    printer->buffer->len > 0 ? "\n" : "", name);
}

/* NULL: a value of none. */
static void
text(struct printer *printer, const char *key, const char *value)
{
	if (printer->error == OG_OK)
		printer->error = og_buffer_addf(printer->buffer, "%s =%s%s\n",
		    key, value != NULL ? " " : "", value != NULL ? value : "");
}

static void
words(struct printer *printer, const char *key, const struct og_words *value)
{
	size_t i;

	if (printer->error == OG_OK)
		printer->error = og_buffer_addf(printer->buffer, "%s =", key);
	for (i = 0; i < value->count && printer->error == OG_OK; i++)
		printer->error = og_buffer_addf(printer->buffer, " %s",
		    value->item[i]);
	if (printer->error == OG_OK)
		printer->error = og_buffer_add(printer->buffer, "\n", 1);
}

/* A key that may not be written without a value. */
static void
required_words(struct printer *printer, const char *key,
    const struct og_words *value)
{
	if (value->count > 0)
		words(printer, key, value);
}

static void
lines(struct printer *printer, const char *key, const struct og_words *line,
    size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		words(printer, key, &line[i]);
}

static void
number(struct printer *printer, const char *key, int64_t value)
{
	if (printer->error == OG_OK)
		printer->error = og_buffer_addf(printer->buffer,
		    "%s = %" PRId64 "\n", key, value);
}

/* In the largest unit that says it in a whole number. */
static void
amount(struct printer *printer, const char *key, int64_t value,
    const struct og_unit *units, size_t count)
{
	size_t i;

	if (value == 0) {
		number(printer, key, 0);
		return;
	}
	for (i = 0; i + 1 < count && value % units[i].factor != 0; i++)
		continue;
	if (printer->error == OG_OK)
		printer->error = og_buffer_addf(printer->buffer,
		    "%s = %" PRId64 "%s\n", key, value / units[i].factor,
		    units[i].name);
}

static void
duration(struct printer *printer, const char *key, int64_t ms)
{
	amount(printer, key, ms, og_duration_units, OG_DURATION_UNITS);
}

static const char *
yes_no(bool value)
{
	return value ? "yes" : "no";
}

static void
print_policy(struct printer *printer, const struct og_policy *policy)
{
	if (printer->error == OG_OK)
		printer->error = og_buffer_addf(printer->buffer,
		    "\n[policy %s]\n", policy->name);
	required_words(printer, "pam_services", &policy->pam_services);
	required_words(printer, "role", &policy->role);
	lines(printer, "project", policy->project, policy->project_count);
	required_words(printer, "project_role", &policy->project_role);
	lines(printer, "group", policy->group, policy->group_count);
	text(printer, "owner_is_member", yes_no(policy->owner_is_member));
	text(printer, "allow_service_accounts",
	    yes_no(policy->allow_service_accounts));
	text(printer, "enforce", yes_no(!policy->dry_run));
	text(printer, "email", policy->email);
	text(printer, "map_file", policy->map_file);
}

enum og_error
og_config_print(const struct og_config *conf, struct og_buffer *buffer)
{
	struct printer printer;
	size_t i;

	printer.buffer = buffer;
	printer.error = OG_OK;
	section(&printer, "api");
	text(&printer, "key_file", conf->key_file);
	text(&printer, "base_url",
	    conf->base_url != NULL ? conf->base_url : "none");
	text(&printer, "organization", conf->organization);
	text(&printer, "ca_file", conf->ca_file);
	text(&printer, "client_cert", conf->client_cert);
	text(&printer, "client_key", conf->client_key);
	text(&printer, "proxy", conf->proxy);
	duration(&printer, "timeout", conf->timeout_ms);
	number(&printer, "requests_per_minute", conf->requests_per_minute);
	section(&printer, "identity");
	text(&printer, "email", conf->email);
	text(&printer, "map_file", conf->map_file);
	section(&printer, "cache");
	text(&printer, "directory", conf->directory);
	duration(&printer, "ttl", conf->ttl * 1000);
	duration(&printer, "negative_ttl", conf->negative_ttl * 1000);
	duration(&printer, "stale_ttl", conf->stale_ttl * 1000);
	amount(&printer, "size", (int64_t)conf->size, og_size_units,
	    OG_SIZE_UNITS);
	section(&printer, "pam");
	words(&printer, "exempt_users", &conf->exempt_users);
	words(&printer, "exempt_groups", &conf->exempt_groups);
	number(&printer, "min_uid", conf->min_uid);
	words(&printer, "ignore_services", &conf->ignore_services);
	for (i = 0; i < conf->policy_count; i++)
		print_policy(&printer, &conf->policies[i]);
	return printer.error;
}
