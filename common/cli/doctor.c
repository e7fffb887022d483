/*
 * openai-gate doctor: asks the directory everything that the policies would,
 * once each, and names the mend of whatever does not work.
 */
#include "cli/doctor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/key_expiry.h"
#include "io/pace.h"
#include "value/clock.h"

/* More apart than this, and certificates and ages cannot be judged. */
#define CLOCK_TOLERANCE	60	/* seconds */

#define DAY		((int64_t)24 * 60 * 60)
#define EXPIRY_WARN	14	/* days */

void
og_doctor_good(const char *what, const char *detail)
{
	og_cli_line("  ok    %-34s  %s", what, detail);
}

void
og_doctor_bad(struct og_examination *ex, enum og_reason reason,
    const char *what, const char *detail, const char *mend)
{
	og_cli_line("  FAIL  %-34s  %s", what, detail);
	if (mend != NULL)
		printf("        %-34s  mend: %s\n", "", mend);
	if (ex->worst == OG_GO_ON)
		ex->worst = reason;
}

void
og_doctor_warn(const char *what, const char *detail)
{
	og_cli_line("  warn  %-34s  %s", what, detail);
}

static void
arrived(void *arg, const struct og_reply *reply)
{
	struct og_examination *ex;
	char text[80];
	int64_t apart;

	ex = arg;
	ex->finished = true;
	if (ex->of_container)
		og_api_read_container(&ex->answer, &ex->container,
		    ex->query->container, reply);
	else
		og_api_read(&ex->answer, ex->query, reply);
	if (reply->error != OG_OK || reply->date == 0 || ex->clock_known)
		return;
	ex->clock_known = true;
	apart = og_clock_wall() - reply->date;
	snprintf(text, sizeof(text), "%" PRId64 " s %s the API's",
	    apart < 0 ? -apart : apart, apart < 0 ? "behind" : "ahead of");
	if (apart > CLOCK_TOLERANCE || apart < -CLOCK_TOLERANCE)
		og_doctor_bad(ex, OG_CONFIG, "clock", text,
		    "set the clock (timedatectl set-ntp true)");
	else
		og_doctor_good("clock", text);
}

/* False: no request could be made. The pace is told, never asked: a doctor
 * who waits a minute is of no use at night. */
static bool
ask(struct og_examination *ex, struct og_buffer *path,
    enum og_endpoint endpoint)
{
	const struct og_config *conf;
	enum og_reason why;

	conf = ex->cli->conf;
	if (ex->cli->store != NULL)
		(void)og_pace_take(ex->cli->store, endpoint,
		    conf->requests_per_minute, 0, &why);
	ex->finished = false;
	memset(&ex->answer, 0, sizeof(ex->answer));
	if (og_http_get(ex->http, path->data,
	    og_clock_mono() + conf->timeout_ms, arrived, ex) != OG_OK)
		return false;
	og_http_wait(ex->http, &ex->finished);
	return true;
}

static const char *
mend_of(const struct og_examination *ex)
{
	switch (ex->answer.failure) {
	case OG_CREDENTIAL:
		if (ex->cli->conf->key_file == NULL)
			return "the gateway refuses client_cert (issued by its "
			    "authority? expired?), or the API the gateway's "
			    "key: its log tells which";
		return ex->query->kind == OG_QUERY_GROUP_USER ?
		    "make a new admin key with the permission \"Read only\" "
		    "(a restricted key may lack groups), as an organization "
		    "owner" :
		    "make an admin key (not a project or ChatGPT workspace "
		    "key) with the permission \"Read only\", as an "
		    "organization owner; check IP allowlist and organization";
	case OG_NETWORK:
		return "check base_url, DNS, proxy, ca_file and the firewall";
	case OG_TIMEOUT:
		return "check DNS, proxy and the firewall, or raise timeout";
	case OG_RATE_LIMITED:
		return "wait a minute; lower requests_per_minute";
	case OG_SERVER_ERROR:
		return "try again later; status.openai.com";
	default:
		return "check that base_url is the API's, with its /v1";
	}
}

static void
tell_failure(struct og_examination *ex, const char *what)
{
	char text[OG_MESSAGE_MAX + 64];

	snprintf(text, sizeof(text), "%s: %s",
	    og_reason_word(ex->answer.failure), ex->answer.message.text);
	og_doctor_bad(ex, ex->answer.failure, what, text, mend_of(ex));
}

/* May the key read this list? False: it could not be read at all. */
static bool
examine_list(struct og_examination *ex, const struct og_query *list)
{
	char what[OG_QUERY_TEXT_MAX], text[80];
	struct og_buffer path;
	bool read;

	read = false;
	og_query_text(list, what);
	og_buffer_init(&path, OG_API_PATH_MAX);
	ex->query = list;
	ex->of_container = false;
	if (og_api_path(&path, list, NULL) != OG_OK ||
	    !ask(ex, &path, og_api_endpoint(list))) {
		og_doctor_bad(ex, OG_NETWORK, what,
		    "no request could be made", NULL);
	} else if (ex->answer.state == OG_FACT_FAILED) {
		tell_failure(ex, what);
	} else if (ex->answer.state == OG_FACT_ABSENT) {
		og_doctor_bad(ex, OG_CONFIG, what, "there is none in this "
		    "organization, or it is archived: nobody can pass by it",
		    "correct the id in the policy");
	} else {
		snprintf(text, sizeof(text), "%zu %s%s", ex->answer.page.count,
		    ex->answer.page.count == 1 ? "row" : "rows",
		    ex->answer.page.has_more ? " and more" : "");
		og_doctor_good(what, text);
		read = true;
	}
	og_page_free(&ex->answer.page);
	og_buffer_free(&path);
	return read;
}

/* Ids are opaque: the name tells an administrator whether it is the right one.
 * False: its list need not be looked at. */
static bool
examine_container(struct og_examination *ex, const struct og_query *list)
{
	char what[OG_ID_MAX + 16];
	struct og_buffer path;
	bool project, there;

	project = list->kind == OG_QUERY_PROJECT_USER;
	snprintf(what, sizeof(what), "%s %s", project ? "project" : "group",
	    list->container);
	og_buffer_init(&path, OG_API_PATH_MAX);
	ex->query = list;
	ex->of_container = true;
	memset(&ex->container, 0, sizeof(ex->container));
	if (og_api_container_path(&path, list->kind, list->container) != OG_OK ||
	    !ask(ex, &path, project ? OG_ENDPOINT_PROJECT : OG_ENDPOINT_GROUP))
		og_doctor_bad(ex, OG_NETWORK, what,
		    "no request could be made", NULL);
	else if (ex->answer.state == OG_FACT_FAILED)
		tell_failure(ex, what);
	else if (ex->answer.state == OG_FACT_ABSENT)
		og_doctor_bad(ex, OG_CONFIG, what, "not in this organization",
		    "correct the id in the policy");
	else if (ex->container.archived)
		og_doctor_bad(ex, OG_CONFIG, what,
		    "archived: it has no members",
		    "name another project in the policy");
	else
		og_doctor_good(what, ex->container.name);
	there = ex->answer.state == OG_FACT_FOUND && !ex->container.archived;
	og_page_free(&ex->answer.page);
	og_buffer_free(&path);
	return there;
}

/* Was this project or group already examined for an earlier policy? */
static bool
seen_before(const struct og_config *conf, const struct og_policy *policy,
    const char *id)
{
	const struct og_policy *earlier;
	size_t i;

	for (earlier = conf->policies; earlier < policy; earlier++) {
		for (i = 0; i < earlier->project_count; i++) {
			if (og_words_have(&earlier->project[i], id))
				return true;
		}
		for (i = 0; i < earlier->group_count; i++) {
			if (og_words_have(&earlier->group[i], id))
				return true;
		}
	}
	return false;
}

static void
examine_lines(struct og_examination *ex, const struct og_policy *policy,
    enum og_query_kind kind, const struct og_words *line, size_t lines)
{
	struct og_query list;
	size_t i, j;

	for (i = 0; i < lines; i++) {
		for (j = 0; j < line[i].count; j++) {
			if (seen_before(ex->cli->conf, policy, line[i].item[j]))
				continue;
			memset(&list, 0, sizeof(list));
			list.kind = kind;
			snprintf(list.container, sizeof(list.container), "%s",
			    line[i].item[j]);
			if (examine_container(ex, &list))
				(void)examine_list(ex, &list);
		}
	}
}

/* Good to know, and no more: a key need not be allowed to see itself. */
static void
examine_expiry(struct og_examination *ex)
{
	static const char what[] = "key's expiry";
	struct og_key_expiry expiry;
	char text[OG_MESSAGE_MAX + 64];
	int64_t left;

	expiry = og_key_expiry_ask(ex->cli->conf, ex->cli->store, ex->http,
	    &ex->credentials, ex->cli->tally);
	left = expiry.at - og_clock_wall();
	if (expiry.at == 0) {
		snprintf(text, sizeof(text), "not known%s%s",
		    expiry.message.text[0] != '\0' ? ": " : "",
		    expiry.message.text);
		og_doctor_good(what, text);
	} else if (expiry.at < 0) {
		og_doctor_good(what, "never");
	} else {
		snprintf(text, sizeof(text), "in %" PRId64 " days%s",
		    left > 0 ? left / DAY : 0, left >= EXPIRY_WARN * DAY ? "" :
		    ": make a new one, write it to key_file, then delete this "
		    "one");
		if (left < EXPIRY_WARN * DAY)
			og_doctor_warn(what, text);
		else
			og_doctor_good(what, text);
	}
}

static void
examine_api(struct og_examination *ex)
{
	const struct og_config *conf;
	const struct og_policy *policy;
	struct og_query list;
	size_t i;

	conf = ex->cli->conf;
	memset(&list, 0, sizeof(list));
	list.kind = OG_QUERY_USER;
	/* A key or network that fails here fails everywhere: say it once. */
	if (!examine_list(ex, &list))
		return;
	examine_expiry(ex);
	list.kind = OG_QUERY_INVITE;
	(void)examine_list(ex, &list);
	for (i = 0; i < conf->policy_count; i++) {
		policy = &conf->policies[i];
		examine_lines(ex, policy, OG_QUERY_PROJECT_USER,
		    policy->project, policy->project_count);
		examine_lines(ex, policy, OG_QUERY_GROUP_USER, policy->group,
		    policy->group_count);
	}
}

static bool
examine_key(struct og_examination *ex)
{
	const struct og_config *conf;
	struct og_message message;
	enum og_reason reason;

	conf = ex->cli->conf;
	if (conf->base_url == NULL) {
		og_doctor_good("API", "base_url = none: never asked");
		return false;
	}
	reason = og_load_credentials(&ex->credentials, conf, &message);
	if (reason != OG_GO_ON) {
		og_doctor_bad(ex, reason, "key", message.text, NULL);
		return false;
	}
	og_doctor_good("key", conf->key_file != NULL ? conf->key_file :
	    "none here: the gateway of base_url holds it");
	if (conf->key_file != NULL &&
	    strncmp(ex->credentials.key.data, "sk-admin-", 9) != 0)
		og_doctor_warn("key", "does not begin with sk-admin-: right "
		    "only for a gateway of your own");
	if (og_http_new(&ex->http, conf, &ex->credentials, &ex->cli->log) !=
	    OG_OK) {
		og_doctor_bad(ex, OG_NETWORK, "API", "cannot prepare a request",
		    "check ca_file, client_cert and client_key");
		return false;
	}
	return true;
}

int
og_cli_examine(struct og_cli *cli)
{
	struct og_examination ex;

	memset(&ex, 0, sizeof(ex));
	ex.cli = cli;
	ex.worst = OG_GO_ON;
	og_credentials_init(&ex.credentials);
	og_doctor_examine_host(&ex);
	if (examine_key(&ex))
		examine_api(&ex);
	og_http_free(ex.http);
	og_credentials_free(&ex.credentials);
	printf("%s\n", ex.worst == OG_GO_ON ? "All is well." :
	    "Something needs mending.");
	return ex.worst == OG_GO_ON ? OG_EXIT_PASS : og_cli_exit(ex.worst);
}

int
og_cli_doctor(struct og_cli *cli, int argc, char **argv)
{
	enum og_reason reason;

	(void)argv;
	if (argc != 0)
		return og_cli_usage("doctor: takes no argument");
	printf("openai-gate doctor\n");
	reason = og_cli_load(cli);
	if (reason == OG_GO_ON)
		return og_cli_examine(cli);
	printf("  FAIL  %-34s  %s\n", "configuration", cli->conf_path);
	return og_cli_exit(reason);
}
