/* gate.conf that is accepted: the manual's, every key's value, the defaults,
 * the file that is shipped; and what an id may be. */
#include "config_kit.h"

#include <stdio.h>

#include "value/buffer.h"
#include "value/fact.h"

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
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_shipped),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
