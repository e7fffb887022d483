/* gate.conf: the grammar, every value's range, and the way back to text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meaning/config.h"
#include "value/buffer.h"
#include "value/fact.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What an administrator would copy from the manual, trailing comments too. */
static const char manual[] =
    "[api]\n"
    "key_file     = /etc/openai-gate/admin.key     ; root, 0600 (0400)\n"
    "base_url     = https://api.openai.com/v1      ; https; http only to "
    "loopback. A path prefix or none is fine\n"
    "organization =                                ; optional header\n"
    "ca_file      =\n"
    "client_cert  =                                ; mutual TLS\n"
    "client_key   =\n"
    "proxy        =                                ; only what stands here\n"
    "timeout      = 5s                             ; the whole decision\n"
    "requests_per_minute = 6                       ; our own pace\n"
    "\n"
    "[identity]\n"
    "email    = %u@example.com                     ; %u the local name, %% a "
    "percent sign; (email = %u where the web identity is an address)\n"
    "map_file = /etc/openai-gate/users.map         ; \"alice  "
    "alice.smith@example.com\"\n"
    "\n"
    "[cache]\n"
    "directory    = /var/cache/openai-gate\n"
    "ttl          = 10m\n"
    "negative_ttl = 1m\n"
    "stale_ttl    = 1h                             ; 0 = never\n"
    "size         = 64m\n"
    "\n"
    "[pam]\n"
    "exempt_users    = root\n"
    "exempt_groups   =\n"
    "min_uid         = 0\n"
    "ignore_services = cron crond atd systemd-user\n"
    "\n"
    "[policy ssh]\n"
    "pam_services = sshd\n"
    "role         = owner reader                   ; any of these\n"
    "\n"
    "[policy admin]\n"
    "pam_services = sudo sudo-i su su-l\n"
    "role         = owner\n"
    "project      = proj_abc proj_def              ; member of any of these\n"
    "project      = proj_base                      ; and of this\n"
    "project_role = owner member\n"
    "group        = group_01J1\n"
    "owner_is_member         = no                  ; yes: an owner counts\n"
    "allow_service_accounts  = no\n";

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

static const char defaults[] =
    "[api]\n"
    "key_file = /etc/openai-gate/admin.key\n"
    "base_url = https://api.openai.com/v1\n"
    "organization =\n"
    "ca_file =\n"
    "client_cert =\n"
    "client_key =\n"
    "proxy =\n"
    "timeout = 5s\n"
    "requests_per_minute = 6\n"
    "\n"
    "[identity]\n"
    "email =\n"
    "map_file =\n"
    "\n"
    "[cache]\n"
    "directory = /var/cache/openai-gate\n"
    "ttl = 10m\n"
    "negative_ttl = 1m\n"
    "stale_ttl = 1h\n"
    "size = 64m\n"
    "\n"
    "[pam]\n"
    "exempt_users = root\n"
    "exempt_groups =\n"
    "min_uid = 0\n"
    "ignore_services = cron crond atd systemd-user\n";

static struct og_config *
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

static void
assert_printed(const char *text, const char *expected)
{
	struct og_config *conf;
	struct og_buffer buffer;

	conf = parse(text);
	og_buffer_init(&buffer, 1 << 20);
	assert_int_equal(og_config_print(conf, &buffer), OG_OK);
	assert_string_equal(buffer.data, expected);
	og_buffer_free(&buffer);
	og_config_free(conf);
}

static void
test_manual(void **state)
{
	const struct og_policy *admin;
	struct og_config *conf;

	(void)state;
	conf = parse(manual);
	assert_string_equal(conf->key_file, "/etc/openai-gate/admin.key");
	assert_string_equal(conf->base_url, "https://api.openai.com/v1");
	assert_null(conf->organization);
	assert_null(conf->ca_file);
	assert_null(conf->client_cert);
	assert_null(conf->client_key);
	assert_null(conf->proxy);
	assert_int_equal(conf->timeout_ms, 5000);
	assert_int_equal(conf->requests_per_minute, 6);
	assert_string_equal(conf->email, "%u@example.com");
	assert_string_equal(conf->map_file, "/etc/openai-gate/users.map");
	assert_string_equal(conf->directory, "/var/cache/openai-gate");
	assert_int_equal(conf->ttl, 600);
	assert_int_equal(conf->negative_ttl, 60);
	assert_int_equal(conf->stale_ttl, 3600);
	assert_int_equal(conf->size, 64 * 1024 * 1024);
	assert_int_equal(conf->exempt_users.count, 1);
	assert_true(og_words_have(&conf->exempt_users, "root"));
	assert_int_equal(conf->exempt_groups.count, 0);
	assert_int_equal(conf->min_uid, 0);
	assert_int_equal(conf->ignore_services.count, 4);
	assert_true(og_words_have(&conf->ignore_services, "systemd-user"));
	assert_int_equal(conf->policy_count, 2);

	admin = og_config_policy(conf, "admin");
	assert_non_null(admin);
	assert_int_equal(admin->line, 33);
	assert_ptr_equal(og_config_policy_for_service(conf, "su-l"), admin);
	assert_string_equal(og_config_policy_for_service(conf, "sshd")->name,
	    "ssh");
	assert_null(og_config_policy_for_service(conf, "login"));
	assert_null(og_config_policy_for_service(conf, ""));
	assert_null(og_config_policy(conf, "Admin"));
	assert_int_equal(admin->role.count, 1);
	assert_int_equal(admin->project_count, 2);
	assert_int_equal(admin->project[0].count, 2);
	assert_string_equal(admin->project[0].item[1], "proj_def");
	assert_int_equal(admin->project[1].count, 1);
	assert_string_equal(admin->project[1].item[0], "proj_base");
	assert_int_equal(admin->project_role.count, 2);
	assert_int_equal(admin->group_count, 1);
	assert_string_equal(admin->group[0].item[0], "group_01J1");
	assert_false(admin->owner_is_member);
	assert_false(admin->allow_service_accounts);
	assert_false(admin->dry_run);
	assert_null(admin->email);
	assert_null(admin->map_file);
	og_config_free(conf);
}

/* A fleet's gateway holds the key and knows hosts by their certificates; who
 * never asks needs neither. */
static void
test_no_key(void **state)
{
	static const char *const texts[] = {
		"[api]\nkey_file =\nbase_url = https://gateway.example/v1\n"
		    "client_cert = /c\nclient_key = /k\n",
		"[api]\nkey_file =\nbase_url = none\n",
	};
	struct og_config *conf, *again;
	struct og_buffer buffer;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(texts); i++) {
		conf = parse(texts[i]);
		assert_null(conf->key_file);
		og_buffer_init(&buffer, OG_CONF_FILE_MAX);
		assert_int_equal(og_config_print(conf, &buffer), OG_OK);
		assert_non_null(strstr(buffer.data, "key_file =\n"));
		again = parse(buffer.data);
		assert_null(again->key_file);
		og_config_free(again);
		og_buffer_free(&buffer);
		og_config_free(conf);
	}
}

static void
test_everything(void **state)
{
	const struct og_policy *policy;
	struct og_config *conf;

	(void)state;
	assert_printed(everything, everything);
	conf = parse(everything);
	assert_string_equal(conf->key_file, "/k");
	assert_string_equal(conf->base_url, "https://[2001:db8::1]:8443/a/b");
	assert_string_equal(conf->organization, "org-1");
	assert_string_equal(conf->ca_file, "/ca");
	assert_string_equal(conf->client_cert, "/cert");
	assert_string_equal(conf->client_key, "/key");
	assert_string_equal(conf->proxy,
	    "socks5h://ann:s%20e@proxy.example:1080");
	assert_int_equal(conf->timeout_ms, 1500);
	assert_int_equal(conf->requests_per_minute, 6000);
	assert_string_equal(conf->email, "x+%u.%%@example.com");
	assert_string_equal(conf->map_file, "/map");
	assert_string_equal(conf->directory, "/cache");
	assert_int_equal(conf->ttl, 7 * 24 * 60 * 60);
	assert_int_equal(conf->negative_ttl, 0);
	assert_int_equal(conf->stale_ttl, 90);
	assert_int_equal(conf->size, 1025 * 1024);
	assert_true(og_words_have(&conf->exempt_users, "J\xc3\xbcrgen"));
	assert_true(og_words_have(&conf->exempt_groups, "wheel"));
	assert_true(conf->min_uid == INT64_C(4294967294));
	assert_int_equal(conf->ignore_services.count, 1);
	policy = og_config_policy(conf, "A.b_c-1");
	assert_non_null(policy);
	assert_true(policy->owner_is_member);
	assert_true(policy->allow_service_accounts);
	assert_true(policy->dry_run);
	assert_string_equal(policy->email, "%u");
	assert_string_equal(policy->map_file, "/map2");
	og_config_free(conf);
}

/* What is accepted in another spelling, as the printer says it again. */
static const struct {
	const char *text;
	const char *line;	/* in what is printed */
} spellings[] = {
	{ "[api]\nbase_url=none", "\nbase_url = none\n" },
	{ "[api]\nbase_url = https://h/", "\nbase_url = https://h\n" },
	{ "[api]\nbase_url = https://h:8443/v1/",
	    "\nbase_url = https://h:8443/v1\n" },
	{ "[api]\nbase_url = http://localhost:8080/v1",
	    "\nbase_url = http://localhost:8080/v1\n" },
	{ "[api]\nbase_url = http://127.8.9.10",
	    "\nbase_url = http://127.8.9.10\n" },
	{ "[api]\nbase_url = http://[::1]:1/x",
	    "\nbase_url = http://[::1]:1/x\n" },
	{ "[api]\nbase_url = https://a_b-c.example.",
	    "\nbase_url = https://a_b-c.example.\n" },
	{ "[api]\nproxy = http://proxy:3128", "\nproxy = http://proxy:3128\n" },
	{ "[api]\nproxy = https://[::1]:3128",
	    "\nproxy = https://[::1]:3128\n" },
	{ "[api]\nproxy = socks5://p:1", "\nproxy = socks5://p:1\n" },
	{ "[api]\nproxy = http://a:b@p:65535",
	    "\nproxy = http://a:b@p:65535\n" },
	{ "[api]\ntimeout = 100ms", "\ntimeout = 100ms\n" },
	{ "[api]\ntimeout = 60s", "\ntimeout = 1m\n" },
	{ "[api]\ntimeout = 007s", "\ntimeout = 7s\n" },
	{ "[api]\nrequests_per_minute = 1", "\nrequests_per_minute = 1\n" },
	{ "[cache]\nttl = 1s", "\nttl = 1s\n" },
	{ "[cache]\nttl = 604800s", "\nttl = 7d\n" },
	{ "[cache]\nttl = 2000ms", "\nttl = 2s\n" },
	{ "[cache]\nnegative_ttl = 24h", "\nnegative_ttl = 1d\n" },
	{ "[cache]\nnegative_ttl = 0s", "\nnegative_ttl = 0\n" },
	{ "[cache]\nstale_ttl = 0", "\nstale_ttl = 0\n" },
	{ "[cache]\nstale_ttl = 30d", "\nstale_ttl = 30d\n" },
	{ "[cache]\nsize = 1m", "\nsize = 1m\n" },
	{ "[cache]\nsize = 64g", "\nsize = 64g\n" },
	{ "[cache]\nsize = 1024k", "\nsize = 1m\n" },
	{ "[cache]\nsize = 2048m", "\nsize = 2g\n" },
	{ "[identity]\nemail = %u", "\nemail = %u\n" },
	{ "[identity]\nemail = %u@%u.example", "\nemail = %u@%u.example\n" },
	{ "[identity]\nemail =", "\nemail =\n" },
	{ "[identity]\nmap_file = # none", "\nmap_file =\n" },
	{ "[pam]\nexempt_users =", "\nexempt_users =\n" },
	{ "[pam]\nexempt_users = a;b c#d", "\nexempt_users = a;b c#d\n" },
	{ "[pam]\nexempt_users = a\xc3\xbc#b \xc3\xbc;x",
	    "\nexempt_users = a\xc3\xbc#b \xc3\xbc;x\n" },
	{ "[pam]\nexempt_users =\t a \t b\t", "\nexempt_users = a b\n" },
	{ "[pam]\nexempt_users = a ;b", "\nexempt_users = a\n" },
	{ "[pam]\nexempt_users = a\t#b", "\nexempt_users = a\n" },
	{ "[pam]\nignore_services =", "\nignore_services =\n" },
	{ "\t[ pam ]\t; x\n\t min_uid\t=\t1000", "\nmin_uid = 1000\n" },
	{ "[ policy\t x ]\nrole = a=b", "\n[policy x]\nrole = a=b\n" },
	{ "[policy x]\ngroup = g g", "\ngroup = g g\n" },
	{ "# caf\xc3\xa9\n;\n\n[pam]\nmin_uid = 1", "\nmin_uid = 1\n" },
};

static void
test_spellings(void **state)
{
	struct og_config *conf;
	struct og_buffer again, buffer;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(spellings); i++) {
		conf = parse(spellings[i].text);
		og_buffer_init(&buffer, 1 << 20);
		assert_int_equal(og_config_print(conf, &buffer), OG_OK);
		og_config_free(conf);
		if (strstr(buffer.data, spellings[i].line) == NULL)
			fail_msg("'%s' printed as '%s'", spellings[i].text,
			    buffer.data);
		conf = parse(buffer.data);
		og_buffer_init(&again, 1 << 20);
		assert_int_equal(og_config_print(conf, &again), OG_OK);
		og_config_free(conf);
		assert_string_equal(again.data, buffer.data);
		og_buffer_free(&again);
		og_buffer_free(&buffer);
	}
}

/* What people see: the password's place, and nothing else changed. */
static void
test_hidden(void **state)
{
	static const struct {
		const char *proxy, *shown;
	} each[] = {
		{ "", "" },
		{ "http://proxy:3128", "http://proxy:3128" },
		{ "http://ann@proxy:3128", "http://ann@proxy:3128" },
		{ "http://ann:@proxy:3128", "http://ann:***@proxy:3128" },
		{ "http://ann:s%20:e@[::1]:3128", "http://ann:***@[::1]:3128" },
		{ "https://:secret@p:1", "https://:***@p:1" },
	};
	char text[200];
	struct og_config *conf;
	struct og_buffer buffer;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(each); i++) {
		snprintf(text, sizeof(text), "[api]\nproxy = %s\n",
		    each[i].proxy);
		conf = parse(text);
		assert_int_equal(og_config_hide(conf), OG_OK);
		og_buffer_init(&buffer, 1 << 20);
		assert_int_equal(og_config_print(conf, &buffer), OG_OK);
		og_config_free(conf);
		conf = parse(buffer.data);
		assert_string_equal(conf->proxy != NULL ? conf->proxy : "",
		    each[i].shown);
		og_config_free(conf);
		og_buffer_free(&buffer);
	}
}

static void
test_defaults(void **state)
{
	struct og_config *conf;

	(void)state;
	assert_printed("", defaults);
	assert_printed("# nothing\n", defaults);
	assert_printed(defaults, defaults);
	/* No policy is no error here: whoever asks for one is told so. */
	conf = parse("");
	assert_int_equal(conf->policy_count, 0);
	assert_null(og_config_policy(conf, "ssh"));
	assert_null(og_config_policy_for_service(conf, "sshd"));
	og_config_free(conf);
}

#define P "[policy p]\n"

static const struct {
	const char *text;
	const char *message;	/* how it begins */
	const char *mend;	/* what else it says */
} errors[] = {
	/* lines */
	{ "key_file = /k\n", "gate.conf:1: ", "before any section" },
	{ "\n# c\nttl = 1s\n[cache]", "gate.conf:3: ", "'ttl' before" },
	{ "[api]\nkey_file\n", "gate.conf:2: ", "key = value" },
	{ "[api]\n= /k\n", "gate.conf:2: ", "key = value" },
	{ "[api\n", "gate.conf:1: ", "no ]" },
	{ "[api] x\n", "gate.conf:1: ", "no ]" },
	{ "[api];x\n", "gate.conf:1: ", "no ]" },
	{ "[\n", "gate.conf:1: ", "no ]" },
	{ "[]\n", "gate.conf:1: ", "unknown section []" },
	{ "[API]\n", "gate.conf:1: ", "unknown section [API]" },
	{ "[apis]\n", "gate.conf:1: ", "[policy NAME]" },
	{ "[api x]\n", "gate.conf:1: ", "unknown section [api x]" },
	{ "[api]\n[pam]\n[api]\n", "gate.conf:3: ", "second section [api]" },
	{ "[api]\r\n", "gate.conf:1: ", "CR LF" },
	{ "[api]\n# x\r\n", "gate.conf:2: ", "CR LF" },
	{ "[api]\r[pam]\n", "gate.conf:1: ", "control character 0x0d" },
	{ "[api]\n# \x1b[2J\n", "gate.conf:2: ", "control character 0x1b" },
	{ "# \x7f\n", "gate.conf:1: ", "control character 0x7f" },
	{ "# \xc2\x85\n", "gate.conf:1: ", "control character 0x85" },
	{ "# \xff\n", "gate.conf:1: ", "UTF-8" },
	{ "# \xc3\n", "gate.conf:1: ", "UTF-8" },
	{ "# \xed\xa0\x80\n", "gate.conf:1: ", "UTF-8" },
	/* keys */
	{ "[api]\nkeyfile = /k\n", "gate.conf:2: unknown key 'keyfile' in "
	    "[api]", "key_file" },
	{ "[policy ssh]\nroel = owner\n", "gate.conf:2: unknown key 'roel' in "
	    "[policy ssh]", " role " },
	{ "[api]\nttl = 1s\n", "gate.conf:2: ", "belongs in [cache]" },
	{ "[api]\nrole = owner\n", "gate.conf:2: ", "belongs in [policy NAME]" },
	{ "[api]\nKey_file = /k\n", "gate.conf:2: ", "unknown key 'Key_file'" },
	{ "[api]\nkey file = /k\n", "gate.conf:2: ", "unknown key 'key file'" },
	{ "[api]\nkey_file = /a\n\nkey_file = /a\n", "gate.conf:4: key_file: ",
	    "line 2" },
	{ P "role = a\nrole = b\n", "gate.conf:3: role: ", "line 2" },
	{ P "project_role = a\nproject_role = b\n",
	    "gate.conf:3: project_role: ", "line 2" },
	{ P "pam_services = a\npam_services = b\n",
	    "gate.conf:3: pam_services: ", "line 2" },
	/* empty values */
	{ "[api]\nkey_file =\n", "gate.conf:2: ",
	    "no key_file and no client_cert" },
	{ "[api]\n\nkey_file = ; none\nclient_cert =\n", "gate.conf:3: ",
	    "no key_file and no client_cert" },
	{ "[api]\nbase_url =\n", "gate.conf:2: base_url: ", "no value" },
	{ "[api]\ntimeout =\n", "gate.conf:2: timeout: ", "no value" },
	{ "[api]\nrequests_per_minute =\n", "gate.conf:2: ", "no value" },
	{ "[cache]\ndirectory =\n", "gate.conf:2: directory: ", "no value" },
	{ "[cache]\nttl =\n", "gate.conf:2: ttl: ", "no value" },
	{ "[cache]\nnegative_ttl =\n", "gate.conf:2: ", "no value" },
	{ "[cache]\nstale_ttl =\n", "gate.conf:2: stale_ttl: ", "no value" },
	{ "[cache]\nsize =\n", "gate.conf:2: size: ", "no value" },
	{ "[pam]\nmin_uid =\n", "gate.conf:2: min_uid: ", "no value" },
	{ P "pam_services =\n", "gate.conf:2: pam_services: ", "no value" },
	{ P "role =\n", "gate.conf:2: role: ", "no value" },
	{ P "role = ; owner\n", "gate.conf:2: role: ", "no value" },
	{ P "project =\n", "gate.conf:2: project: ", "no value" },
	{ P "project_role =\n", "gate.conf:2: project_role: ", "no value" },
	{ P "group =\n", "gate.conf:2: group: ", "no value" },
	{ P "owner_is_member =\n", "gate.conf:2: ", "no value" },
	{ P "allow_service_accounts =\n", "gate.conf:2: ", "no value" },
	{ "[api]\nca_file =#x\n", "gate.conf:2: ca_file: ", "begin with #" },
	{ "[pam]\nexempt_users =;x\n", "gate.conf:2: ", "begin with ;" },
	/* paths and text */
	{ "[api]\nkey_file = admin.key\n", "gate.conf:2: key_file: ",
	    "'admin.key' is not an absolute path" },
	{ "[api]\nkey_file = ./k\n", "gate.conf:2: key_file: ", "absolute" },
	{ "[api]\nkey_file = /a /b\n", "gate.conf:2: key_file: ", "blank" },
	{ "[api]\nca_file = x\n", "gate.conf:2: ca_file: ", "absolute" },
	{ "[api]\nclient_cert = x\n", "gate.conf:2: ", "absolute" },
	{ "[api]\nclient_key = x\n", "gate.conf:2: ", "absolute" },
	{ "[identity]\nmap_file = x\n", "gate.conf:2: map_file: ", "absolute" },
	{ "[cache]\ndirectory = x\n", "gate.conf:2: directory: ", "absolute" },
	{ P "map_file = x\n", "gate.conf:2: map_file: ", "absolute" },
	{ "[api]\norganization = a b\n", "gate.conf:2: organization: ",
	    "blanks" },
	{ "[api]\norganization = caf\xc3\xa9\n", "gate.conf:2: organization: ",
	    "ASCII" },
	{ "[api]\n\nclient_cert = /c\n[pam]\n", "gate.conf:3: ",
	    "client_cert without client_key" },
	{ "[api]\nclient_key = /c\n", "gate.conf:2: ",
	    "client_key without client_cert" },
	{ "[api]\nclient_key = /c\nclient_cert =\n", "gate.conf:2: ",
	    "client_key without client_cert" },
	/* base_url */
	{ "[api]\nbase_url = api.openai.com\n", "gate.conf:2: base_url: ",
	    "https://HOST" },
	{ "[api]\nbase_url = HTTPS://h\n", "gate.conf:2: ", "https://HOST" },
	{ "[api]\nbase_url = ftp://h\n", "gate.conf:2: ", "https://HOST" },
	{ "[api]\nbase_url = None\n", "gate.conf:2: ", "none" },
	{ "[api]\nbase_url = https://\n", "gate.conf:2: ", "host" },
	{ "[api]\nbase_url = https:///v1\n", "gate.conf:2: ", "host" },
	{ "[api]\nbase_url = https://a..b\n", "gate.conf:2: ", "host" },
	{ "[api]\nbase_url = https://-a\n", "gate.conf:2: ", "host" },
	{ "[api]\nbase_url = https://a%41\n", "gate.conf:2: ", "host" },
	{ "[api]\nbase_url = https://caf\xc3\xa9\n", "gate.conf:2: ", "ASCII" },
	{ "[api]\nbase_url = https://::1\n", "gate.conf:2: ", "port" },
	{ "[api]\nbase_url = https://[::1\n", "gate.conf:2: ", "host" },
	{ "[api]\nbase_url = https://[]\n", "gate.conf:2: ", "host" },
	{ "[api]\nbase_url = https://[::g]\n", "gate.conf:2: ", "host" },
	{ "[api]\nbase_url = https://[::1]x\n", "gate.conf:2: ", "host" },
	{ "[api]\nbase_url = https://h:\n", "gate.conf:2: ", "port" },
	{ "[api]\nbase_url = https://h:0\n", "gate.conf:2: ", "port" },
	{ "[api]\nbase_url = https://h:65536\n", "gate.conf:2: ", "port" },
	{ "[api]\nbase_url = https://h:1a\n", "gate.conf:2: ", "port" },
	{ "[api]\nbase_url = https://h:000443\n", "gate.conf:2: ", "port" },
	{ "[api]\nbase_url = https://u@h\n", "gate.conf:2: ", "user name" },
	{ "[api]\nbase_url = https://u:p@h/v1\n", "gate.conf:2: ",
	    "user name" },
	{ "[api]\nbase_url = https://h/v1?x=1\n", "gate.conf:2: ", "query" },
	{ "[api]\nbase_url = https://h/v1#x\n", "gate.conf:2: ", "fragment" },
	{ "[api]\nbase_url = https://h/a b\n", "gate.conf:2: ", "blanks" },
	{ "[api]\nbase_url = https://h//\n", "gate.conf:2: ", "prefix" },
	{ "[api]\nbase_url = https://h/a//b\n", "gate.conf:2: ", "prefix" },
	{ "[api]\nbase_url = https://h/../b\n", "gate.conf:2: ", "prefix" },
	{ "[api]\nbase_url = https://h/./b\n", "gate.conf:2: ", "prefix" },
	{ "[api]\nbase_url = https://h/%2e\n", "gate.conf:2: ", "prefix" },
	{ "[api]\nbase_url = https://h/a\\b\n", "gate.conf:2: ", "prefix" },
	{ "[api]\nbase_url = http://api.openai.com\n", "gate.conf:2: ",
	    "write https" },
	{ "[api]\nbase_url = http://127.0.0.1.example.com\n", "gate.conf:2: ",
	    "write https" },
	{ "[api]\nbase_url = http://127.1\n", "gate.conf:2: ", "write https" },
	{ "[api]\nbase_url = http://128.0.0.1\n", "gate.conf:2: ",
	    "write https" },
	{ "[api]\nbase_url = http://localhost.example\n", "gate.conf:2: ",
	    "write https" },
	{ "[api]\nbase_url = http://[::2]\n", "gate.conf:2: ", "write https" },
	/* proxy */
	{ "[api]\nproxy = proxy:3128\n", "gate.conf:2: proxy: ", "http://" },
	{ "[api]\nproxy = socks4://p:1\n", "gate.conf:2: proxy: ", "socks5" },
	{ "[api]\nproxy = http://p\n", "gate.conf:2: proxy: ", "port" },
	{ "[api]\nproxy = http://p:1/\n", "gate.conf:2: proxy: ", "port" },
	{ "[api]\nproxy = http://:1\n", "gate.conf:2: proxy: ", "host" },
	{ "[api]\nproxy = http://a b@p:1\n", "gate.conf:2: proxy: ",
	    "percent-encode" },
	{ "[api]\nproxy = http://a@b@p:1\n", "gate.conf:2: proxy: ",
	    "percent-encode" },
	/* numbers */
	{ "[api]\ntimeout = 5\n", "gate.conf:2: timeout: ", "has no unit" },
	{ "[api]\ntimeout = 0\n", "gate.conf:2: timeout: ", "has no unit" },
	{ "[api]\ntimeout = 5 s\n", "gate.conf:2: timeout: ", "unit" },
	{ "[api]\ntimeout = 5S\n", "gate.conf:2: timeout: ", "unknown unit" },
	{ "[api]\ntimeout = 5sec\n", "gate.conf:2: timeout: ", "ms s m h d" },
	{ "[api]\ntimeout = five\n", "gate.conf:2: timeout: ", "not a number" },
	{ "[api]\ntimeout = -5s\n", "gate.conf:2: timeout: ", "not a number" },
	{ "[api]\ntimeout = 1.5s\n", "gate.conf:2: timeout: ", "unit" },
	{ "[api]\ntimeout = 99ms\n", "gate.conf:2: timeout: ", "100ms to 1m" },
	{ "[api]\ntimeout = 61s\n", "gate.conf:2: timeout: ", "100ms to 1m" },
	{ "[api]\ntimeout = 18446744073709551s\n", "gate.conf:2: timeout: ",
	    "range" },
	{ "[api]\ntimeout = 99999999999999999999s\n", "gate.conf:2: timeout: ",
	    "range" },
	{ "[api]\nrequests_per_minute = 0\n", "gate.conf:2: ", "1 to 6000" },
	{ "[api]\nrequests_per_minute = 6001\n", "gate.conf:2: ", "1 to 6000" },
	{ "[api]\nrequests_per_minute = 6/m\n", "gate.conf:2: ", "1 to 6000" },
	{ "[cache]\nttl = 0\n", "gate.conf:2: ttl: ", "has no unit" },
	{ "[cache]\nttl = 0s\n", "gate.conf:2: ttl: ", "1s to 7d" },
	{ "[cache]\nttl = 500ms\n", "gate.conf:2: ttl: ", "1s to 7d" },
	{ "[cache]\nttl = 1500ms\n", "gate.conf:2: ttl: ", "whole number" },
	{ "[cache]\nttl = 8d\n", "gate.conf:2: ttl: ", "1s to 7d" },
	{ "[cache]\nnegative_ttl = 25h\n", "gate.conf:2: ", "0 to 1d" },
	{ "[cache]\nnegative_ttl = 60\n", "gate.conf:2: ", "has no unit" },
	{ "[cache]\nstale_ttl = 31d\n", "gate.conf:2: ", "0 to 30d" },
	{ "[cache]\nsize = 64\n", "gate.conf:2: size: ", "has no unit" },
	{ "[cache]\nsize = 0\n", "gate.conf:2: size: ", "has no unit" },
	{ "[cache]\nsize = 1023k\n", "gate.conf:2: size: ", "1m to 64g" },
	{ "[cache]\nsize = 65g\n", "gate.conf:2: size: ", "1m to 64g" },
	{ "[cache]\nsize = 9223372036854775807g\n", "gate.conf:2: size: ",
	    "range" },
	{ "[cache]\nsize = 64mb\n", "gate.conf:2: size: ", "k m g" },
	{ "[pam]\nmin_uid = -1\n", "gate.conf:2: min_uid: ", "4294967294" },
	{ "[pam]\nmin_uid = 4294967295\n", "gate.conf:2: min_uid: ",
	    "4294967294" },
	{ "[pam]\nmin_uid = 1000x\n", "gate.conf:2: min_uid: ", "4294967294" },
	/* names */
	{ "[pam]\nexempt_users = root a/b\n", "gate.conf:2: exempt_users: ",
	    "'a/b'" },
	{ "[pam]\nexempt_users = -x\n", "gate.conf:2: exempt_users: ", "'-x'" },
	{ "[pam]\nexempt_groups = %wheel\n", "gate.conf:2: exempt_groups: ",
	    "'%wheel'" },
	{ "[pam]\nignore_services = Cron\n", "gate.conf:2: ignore_services: ",
	    "capital" },
	{ P "pam_services = sshd Sudo\n", "gate.conf:2: pam_services: ",
	    "'Sudo' holds a capital" },
	{ P "pam_services = /etc/pam.d/sshd\n", "gate.conf:2: pam_services: ",
	    "/etc/pam.d" },
	{ P "role = caf\xc3\xa9\n", "gate.conf:2: role: ", "role" },
	{ P "project = proj_a my/proj\n", "gate.conf:2: project: ",
	    "'my/proj' cannot be a project id" },
	{ P "project = ..\n", "gate.conf:2: project: ", "id" },
	{ P "group = a,b\n", "gate.conf:2: group: ",
	    "'a,b' cannot be a group id" },
	{ P "role = owner\nenforce = false\n", "gate.conf:3: enforce: ",
	    "neither yes nor no" },
	{ P "enforce = no\n", "gate.conf:1: ", "requires nothing" },
	{ P "role = owner\nenforce = no\nenforce = no\n", "gate.conf:4: ",
	    "enforce" },
	{ "[pam]\nenforce = no\n", "gate.conf:2: ", "enforce" },
	{ P "owner_is_member = true\n", "gate.conf:2: owner_is_member: ",
	    "neither yes nor no" },
	{ P "allow_service_accounts = 1\n", "gate.conf:2: ",
	    "neither yes nor no" },
	/* templates */
	{ "[identity]\nemail = ann@example.com\n", "gate.conf:2: email: ",
	    "no %u" },
	{ "[identity]\nemail = %%u@example.com\n", "gate.conf:2: email: ",
	    "no %u" },
	{ "[identity]\nemail = %n@example.com\n", "gate.conf:2: email: ",
	    "after %" },
	{ "[identity]\nemail = %u@example.com%\n", "gate.conf:2: email: ",
	    "after %" },
	{ "[identity]\nemail = %u.x\n", "gate.conf:2: email: ", "no @" },
	{ "[identity]\nemail = %u@\n", "gate.conf:2: email: ", "after the @" },
	{ "[identity]\nemail = @%u\n", "gate.conf:2: email: ", "before" },
	{ "[identity]\nemail = %u@a@b\n", "gate.conf:2: email: ",
	    "more than one @" },
	{ "[identity]\nemail = <%u@a>\n", "gate.conf:2: email: ", "brackets" },
	{ "[identity]\nemail = %u @a\n", "gate.conf:2: email: ", "blank" },
	{ P "email = x\n", "gate.conf:2: email: ", "no %u" },
	/* policies */
	{ "[policy]\nrole = a\n", "gate.conf:1: ", "[policy NAME]" },
	{ "[policy a b]\nrole = a\n", "gate.conf:1: ", "'a b'" },
	{ "[policy a/b]\nrole = a\n", "gate.conf:1: ", "'a/b'" },
	{ "[policy caf\xc3\xa9]\nrole = a\n", "gate.conf:1: ", "policy's name" },
	{ P "role = a\n" P "role = b\n", "gate.conf:3: ", "line 1 already" },
	{ "[pam]\n" P "pam_services = sshd\n", "gate.conf:2: ",
	    "requires nothing" },
	{ P "pam_services = x\n[api]\n", "gate.conf:1: ", "requires nothing" },
	{ P "owner_is_member = yes\n", "gate.conf:1: ", "requires nothing" },
	{ P "project_role = a\nrole = b\n", "gate.conf:2: ",
	    "project_role without a project" },
	{ P "role = a\npam_services = s\n[policy q]\nrole = a\n"
	    "pam_services = t s\n", "gate.conf:4: [policy q] and [policy p] "
	    "(line 1)", "'s'" },
	{ P "role = a\npam_services = cron\n", "gate.conf:1: [policy p]",
	    "ignore_services" },
	{ "[pam]\nignore_services = x\n" P "role = a\npam_services = x\n",
	    "gate.conf:3: [policy p]", "ignore_services" },
};

static void
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

static void
test_errors(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(errors); i++)
		assert_refused(errors[i].text, strlen(errors[i].text),
		    errors[i].message, errors[i].mend);
}

static void
test_nul(void **state)
{
	static const char text[] = "[api]\nkey_file = /k\0x\n";

	(void)state;
	assert_refused(text, sizeof(text) - 1, "gate.conf:2: ", "NUL");
	assert_refused("\0", 1, "gate.conf:1: ", "NUL");
}

/* A proxy's password must not get into a log. */
static void
test_password_stays(void **state)
{
	static const char *const bad[] = {
		"[api]\nproxy = ftp://ann:s3cret@p:1\n",
		"[api]\nproxy = http://ann:s3cret@p\n",
		"[api]\nproxy = http://ann:s3cret@p:99999\n",
		"[api]\nproxy = http://ann:s3cret@[p]:1\n",
		"[api]\nproxy = http://ann:s3cret@p:1 x\n",
		"[api]\nproxy http://ann:s3cret@p:1\n",
	};
	struct og_message message;
	struct og_config *conf;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		assert_int_equal(og_config_parse(&conf, "gate.conf", bad[i],
		    strlen(bad[i]), &message), OG_ERR_SYNTAX);
		if (strstr(message.text, "s3cret") != NULL)
			fail_msg("%s", message.text);
	}
}

/* head, then a line of `line` characters made of `word`, then tail. */
static char *
long_text(const char *head, const char *word, size_t count, const char *tail)
{
	struct og_buffer buffer;
	char *text;

	og_buffer_init(&buffer, 1 << 20);
	assert_int_equal(og_buffer_add(&buffer, head, strlen(head)), OG_OK);
	for (; count > 0; count--)
		assert_int_equal(og_buffer_add(&buffer, word, strlen(word)),
		    OG_OK);
	assert_int_equal(og_buffer_add(&buffer, tail, strlen(tail)), OG_OK);
	text = strdup(buffer.data);
	assert_non_null(text);
	og_buffer_free(&buffer);
	return text;
}

static const struct {
	const char *head;
	const char *word;
	size_t most;		/* so many are accepted, one more is not */
	const char *tail;
	const char *message;
	const char *mend;
} limits[] = {
	{ "#", "x", OG_CONF_LINE_MAX - 1, "\n", "gate.conf:1: ", "too long" },
	{ "[api]\nca_file=/", "x", OG_CONF_LINE_MAX - 11, "",
	    "gate.conf:2: ca_file: ", "too long" },
	{ "[pam]\nexempt_users =", " u", OG_CONF_WORDS_MAX, "\n",
	    "gate.conf:2: exempt_users: 65 values", "at most 64" },
	{ P, "project = p\n", OG_CONF_LINES_MAX, "",
	    "gate.conf:18: project: ", "at most 16" },
	{ P, "group = g\n", OG_CONF_LINES_MAX, "",
	    "gate.conf:18: group: ", "at most 16" },
	{ P "role = a\ngroup = g\nproject =", " p",
	    OG_CONF_CONTAINERS_MAX - 1, "\n[pam]\n", "gate.conf:1: ",
	    "more than 40" },
	{ "[policy ", "p", 64, "]\nrole = a\n", "gate.conf:1: ", "policy's" },
	{ "[api]\norganization = ", "o", OG_CONF_TEXT_MAX, "\n",
	    "gate.conf:2: organization: ", "longer than 512" },
	{ "[api]\nbase_url = https://h/", "o", OG_CONF_TEXT_MAX - 10, "\n",
	    "gate.conf:2: base_url: ", "longer than 512" },
	{ "[api]\nbase_url = https://", "h", 253, "\n",
	    "gate.conf:2: base_url: ", "host" },
	{ "[api]\nproxy = http://", "h", 253, ":1\n",
	    "gate.conf:2: proxy: ", "host" },
	{ P "role = ", "r", OG_ROLE_MAX, "\n", "gate.conf:2: role: ", "role" },
	{ P "group = ", "g", OG_ID_MAX, "\n", "gate.conf:2: group: ", "id" },
	{ "[pam]\nexempt_users = ", "n", 320, "\n",
	    "gate.conf:2: exempt_users: ", "name" },
};

static void
test_limits(void **state)
{
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(limits); i++) {
		text = long_text(limits[i].head, limits[i].word,
		    limits[i].most, limits[i].tail);
		og_config_free(parse(text));
		free(text);
		text = long_text(limits[i].head, limits[i].word,
		    limits[i].most + 1, limits[i].tail);
		assert_refused(text, strlen(text), limits[i].message,
		    limits[i].mend);
		free(text);
	}
}

static void
test_many_policies(void **state)
{
	struct og_buffer buffer;
	struct og_config *conf;
	int i;

	(void)state;
	og_buffer_init(&buffer, 1 << 20);
	for (i = 0; i < OG_CONF_POLICIES_MAX; i++)
		assert_int_equal(og_buffer_addf(&buffer, "[policy p%d]\n"
		    "role = r%d\npam_services = s%d\n", i, i, i), OG_OK);
	conf = parse(buffer.data);
	assert_int_equal(conf->policy_count, OG_CONF_POLICIES_MAX);
	assert_string_equal(og_config_policy_for_service(conf, "s0")->name,
	    "p0");
	assert_string_equal(og_config_policy(conf, "p63")->role.item[0],
	    "r63");
	og_config_free(conf);
	assert_int_equal(og_buffer_addf(&buffer, "[policy x]\nrole = r\n"),
	    OG_OK);
	assert_refused(buffer.data, buffer.len, "gate.conf:193: ",
	    "more than 64");
	og_buffer_free(&buffer);
}

static void
test_large_file(void **state)
{
	char *text;

	(void)state;
	text = long_text("", "#\n", OG_CONF_FILE_MAX / 2, "");
	assert_int_equal(strlen(text), OG_CONF_FILE_MAX);
	og_config_free(parse(text));
	free(text);
	text = long_text("", "#\n", OG_CONF_FILE_MAX / 2, "\n");
	assert_refused(text, strlen(text), "gate.conf: ", "262144");
	free(text);
}

static void
test_ids(void **state)
{
	static const char *const good[] = {
		"user-AbC123", "proj_abc", "group_01J1", "a", "a.b", "...",
		".a", "..a", "a:b~c", "-",
	};
	static const char *const bad[] = {
		"", ".", "..", "a/b", "a b", "a%2fb", "a?b", "a#b", "a@b",
		"a\n", "caf\xc3\xa9", "a,b", "a;b", "a\\b", "\x7f",
	};
	char text[OG_ID_MAX + 2];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++) {
		if (!og_id_valid(good[i]))
			fail_msg("refused '%s'", good[i]);
	}
	for (i = 0; i < COUNT(bad); i++) {
		if (og_id_valid(bad[i]))
			fail_msg("accepted '%s'", bad[i]);
	}
	memset(text, 'a', sizeof(text));
	assert_true(og_id_valid_bytes(text, OG_ID_MAX));
	assert_false(og_id_valid_bytes(text, OG_ID_MAX + 1));
	assert_false(og_id_valid_bytes("a\0b", 3));
}

static void
test_print_into_a_small_buffer(void **state)
{
	struct og_buffer buffer;
	struct og_config *conf;
	size_t limit;

	(void)state;
	conf = parse(everything);
	for (limit = 0; limit < strlen(everything); limit++) {
		og_buffer_init(&buffer, limit);
		assert_int_equal(og_config_print(conf, &buffer), OG_ERR_LIMIT);
		og_buffer_free(&buffer);
	}
	og_config_free(conf);
	og_config_free(NULL);
}

/* A file that is shipped, found from the source of this test. */
static void
read_shipped(struct og_buffer *buffer, const char *name)
{
	char path[1000], piece[4096];
	const char *end;
	FILE *file;
	size_t len;

	end = strstr(__FILE__, "tests/unit/");
	assert_non_null(end);
	snprintf(path, sizeof(path), "%.*s%s", (int)(end - __FILE__),
	    __FILE__, name);
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("%s: cannot be opened", path);
	og_buffer_init(buffer, OG_CONF_FILE_MAX);
	while ((len = fread(piece, 1, sizeof(piece), file)) > 0)
		assert_int_equal(og_buffer_add(buffer, piece, len), OG_OK);
	fclose(file);
}

/* Every "#key = value" and "#[section]" without its #. */
static void
uncomment(struct og_buffer *out, const char *text)
{
	const char *next;

	for (; *text != '\0'; text = next) {
		next = strchrnul(text, '\n');
		next += *next == '\n';
		if (*text == '#' && strchr(" \t\n", text[1]) == NULL)
			text++;
		assert_int_equal(og_buffer_add(out, text,
		    (size_t)(next - text)), OG_OK);
	}
}

/* As shipped: the defaults and no policy. Uncommented: the same values, every
 * key there is, and policies that are no errors. */
static void
test_shipped(void **state)
{
	const char *key, *end;
	struct og_buffer full, shipped, printed;
	struct og_config *conf;
	char line[100];

	(void)state;
	read_shipped(&shipped, "conf/gate.conf");
	assert_printed(shipped.data, defaults);

	og_buffer_init(&full, OG_CONF_FILE_MAX);
	uncomment(&full, shipped.data);
	conf = parse(full.data);
	assert_non_null(og_config_policy_for_service(conf, "sshd"));
	assert_non_null(og_config_policy_for_service(conf, "sudo"));
	og_buffer_init(&printed, OG_CONF_FILE_MAX);
	assert_int_equal(og_config_print(conf, &printed), OG_OK);
	og_config_free(conf);
	assert_true(printed.len > strlen(defaults));
	assert_memory_equal(printed.data, defaults, strlen(defaults));

	for (key = everything; *key != '\0'; key = end + (*end == '\n')) {
		end = strchrnul(key, '\n');
		if (*key == '[' || *key == '\n')
			continue;
		snprintf(line, sizeof(line), "\n#%.*s =",
		    (int)strcspn(key, " "), key);
		if (strstr(shipped.data, line) == NULL)
			fail_msg("conf/gate.conf lacks%s", line);
	}
	og_buffer_free(&printed);
	og_buffer_free(&full);
	og_buffer_free(&shipped);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_password_stays),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_many_policies),
		cmocka_unit_test(test_large_file),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_print_into_a_small_buffer),
		cmocka_unit_test(test_shipped),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
