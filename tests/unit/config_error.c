/* gate.conf refused: the line, the key and the mend that are told, and no
 * secret. */
#include "config_kit.h"

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
	{ "\xef\xbb\xbf[api]\n", "gate.conf:1: ", "byte order mark" },
	{ "\xef\xbb\xbf\n", "gate.conf:1: ", "byte order mark" },
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

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_password_stays),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config_error", tests, NULL, NULL);
}
