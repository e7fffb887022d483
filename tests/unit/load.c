/*
 * The trusted files of a decision: configuration, identity map, key. All of
 * them must be root's, so that only root can make good ones.
 */
#include "io/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "scratch.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct og_message message;

static void
assert_said(const char *fragment)
{
	if (strstr(message.text, fragment) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", message.text, fragment);
}

static const char conf_text[] =
    "[api]\nkey_file = /etc/openai-gate/admin.key\n"
    "[identity]\nemail = %u@example.com\nmap_file = MAP\n"
    "[policy plain]\nrole = owner\n"
    "[policy own]\nrole = owner\nemail = %u@example.org\n"
    "map_file = OWN\n"
    "[policy template]\nrole = owner\nemail = %u@example.net\n";

/* conf_text with real paths, read back as a configuration. */
static struct og_config *
load_conf(const char *map, const char *own)
{
	struct og_config *conf;
	char text[4096];
	const char *at, *path;
	size_t used;

	used = 0;
	for (at = conf_text; *at != '\0'; at++) {
		path = strncmp(at, "MAP", 3) == 0 ? map :
		    strncmp(at, "OWN", 3) == 0 ? own : NULL;
		if (path == NULL) {
			text[used++] = *at;
			continue;
		}
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "%s", path);
		at += 2;
	}
	assert_true(put_file(in_scratch("gate.conf"), text, used, 0644));
	assert_int_equal(og_load_config(&conf, in_scratch("gate.conf"),
	    &message), OG_GO_ON);
	assert_non_null(conf);
	return conf;
}

static void
loads_configuration(void **state)
{
	struct og_config *conf;
	const char *path;

	(void)state;
	conf = load_conf("/etc/a.map", "/etc/b.map");
	assert_int_equal(conf->policy_count, 3);
	og_config_free(conf);
	path = in_scratch("gate.conf");
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(og_load_config(&conf, path, &message),
	    OG_UNSAFE_FILE);
	assert_null(conf);
	assert_said("gate.conf: mode 0666 lets others write; chmod go-w ");
	assert_true(put_file(path, "[api]\nkey = 1\n", 14, 0644));
	assert_int_equal(og_load_config(&conf, path, &message), OG_CONFIG);
	assert_null(conf);
	assert_said("gate.conf:2");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(og_load_config(&conf, path, &message), OG_CONFIG);
	assert_said("gate.conf: No such file or directory");
	assert_true(put_file(path, "", 0, 0644));
	assert_int_equal(truncate(path, OG_CONF_FILE_MAX + 1), 0);
	assert_int_equal(og_load_config(&conf, path, &message), OG_CONFIG);
	assert_said("larger than 262144 bytes");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(og_load_config(&conf, path, &message),
	    OG_UNSAFE_FILE);
	assert_int_equal(unlink(path), 0);
}

static void
loads_the_subject(void **state)
{
	static const struct {
		const char *policy, *name;
		enum og_reason reason;
		const char *subject;
	} cases[] = {
		{ "plain", "ann", OG_GO_ON, "ann.smith@example.com" },
		{ "plain", "bob", OG_GO_ON, "bob@example.com" },
		{ "own", "ann", OG_GO_ON, "user-Ann" },
		{ "own", "bob", OG_GO_ON, "bob@example.org" },
		{ "template", "ann", OG_GO_ON, "ann.smith@example.com" },
		{ "template", "bob", OG_GO_ON, "bob@example.net" },
		{ "plain", "", OG_BAD_NAME, "" },
		{ "plain", "../x", OG_BAD_NAME, "" },
		{ "plain", "a@b", OG_BAD_NAME, "" },
	};
	struct og_subject subject;
	struct og_config *conf;
	size_t i;

	(void)state;
	assert_true(put_file(in_scratch("users.map"),
	    "ann  Ann.Smith@example.com\n", 27, 0644));
	assert_true(put_file(in_scratch("own.map"), "ann user-Ann\n", 13,
	    0600));
	conf = load_conf(in_scratch("users.map"), in_scratch("own.map"));
	for (i = 0; i < COUNT(cases); i++) {
		memset(&subject, 1, sizeof(subject));
		assert_int_equal(og_load_subject(&subject, conf,
		    og_config_policy(conf, cases[i].policy), cases[i].name,
		    strlen(cases[i].name), &message), cases[i].reason);
		assert_string_equal(subject.text, cases[i].subject);
	}
	assert_int_equal(chmod(in_scratch("users.map"), 0620), 0);
	assert_int_equal(og_load_subject(&subject, conf, &conf->policies[0],
	    "ann", 3, &message), OG_UNSAFE_FILE);
	assert_said("users.map: mode 0620");
	/* A bad name is refused before any file is touched. */
	assert_int_equal(og_load_subject(&subject, conf, &conf->policies[0],
	    "a/b", 3, &message), OG_BAD_NAME);
	assert_true(put_file(in_scratch("users.map"), "ann\n", 4, 0644));
	assert_int_equal(og_load_subject(&subject, conf, &conf->policies[0],
	    "bob", 3, &message), OG_CONFIG);
	assert_said("users.map:1");
	assert_int_equal(unlink(in_scratch("users.map")), 0);
	assert_int_equal(og_load_subject(&subject, conf, &conf->policies[0],
	    "bob", 3, &message), OG_CONFIG);
	assert_said("users.map: No such file");
	assert_string_equal(subject.text, "");
	og_config_free(conf);
}

static void
loads_the_key(void **state)
{
	static const struct {
		const char *text;
		enum og_reason reason;
		const char *said;
	} cases[] = {
		{ "sk-admin-Tops3cret_-", OG_GO_ON, "" },
		{ "sk-admin-Tops3cret_-\n", OG_GO_ON, "" },
		{ "gateway-Tops3cret\n", OG_GO_ON, "" },
		{ "", OG_CONFIG, "empty" },
		{ "\n", OG_CONFIG, "empty" },
		{ "sk-admin-Tops3cret\n\n", OG_CONFIG, "end of the first line" },
		{ "sk-admin-Tops3cret\nx", OG_CONFIG, "byte 19 is the end" },
		{ "sk-admin-Tops3cret\r\n", OG_CONFIG, "carriage return" },
		{ "sk-admin- Tops3cret\n", OG_CONFIG, "byte 10 is a blank" },
		{ " sk-admin-Tops3cret\n", OG_CONFIG, "byte 1 is a blank" },
		{ "sk-admin-Tops3cret\xc3\xa9\n", OG_CONFIG, "ASCII" },
		{ "\xef\xbb\xbfsk-admin-Tops3cret\n", OG_CONFIG, "ASCII" },
		{ "sk-proj-Tops3cret\n", OG_CREDENTIAL, "sk-admin-" },
		{ "sk-svcacct-Tops3cret\n", OG_CREDENTIAL, "sk-admin-" },
	};
	struct og_buffer key;
	const char *path;
	size_t i, len;

	(void)state;
	path = in_scratch("admin.key");
	for (i = 0; i < COUNT(cases); i++) {
		len = strlen(cases[i].text);
		assert_true(put_file(path, cases[i].text, len, 0600));
		assert_int_equal(og_load_key(&key, path, &message),
		    cases[i].reason);
		assert_said(cases[i].said);
		assert_null(strstr(message.text, "Tops3cret"));
		if (cases[i].reason == OG_GO_ON) {
			assert_int_equal(key.len,
			    strcspn(cases[i].text, "\n"));
			assert_memory_equal(key.data, cases[i].text, key.len);
			assert_int_equal(key.data[key.len], '\0');
		} else {
			assert_int_equal(key.len, 0);
			assert_said(path);
		}
		og_buffer_free(&key);
	}
	assert_true(put_file(path, "sk-admin-x", 10, 0640));
	assert_int_equal(og_load_key(&key, path, &message), OG_UNSAFE_FILE);
	assert_said("mode 0640 lets others read; chmod go-rwx ");
	assert_int_equal(key.len, 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(og_load_key(&key, path, &message), OG_CONFIG);
	assert_said("admin.key: No such file");
}

static void
knows_the_longest_key(void **state)
{
	char text[OG_KEY_MAX + 3];
	struct og_buffer key;
	const char *path;

	(void)state;
	path = in_scratch("long.key");
	memset(text, 'k', sizeof(text));
	text[OG_KEY_MAX] = '\n';
	assert_true(put_file(path, text, OG_KEY_MAX + 1, 0600));
	assert_int_equal(og_load_key(&key, path, &message), OG_GO_ON);
	assert_int_equal(key.len, OG_KEY_MAX);
	og_buffer_free(&key);
	text[OG_KEY_MAX] = 'k';
	assert_true(put_file(path, text, OG_KEY_MAX + 1, 0600));
	assert_int_equal(og_load_key(&key, path, &message), OG_CONFIG);
	text[OG_KEY_MAX + 1] = '\n';
	assert_true(put_file(path, text, OG_KEY_MAX + 2, 0600));
	assert_int_equal(og_load_key(&key, path, &message), OG_CONFIG);
	assert_int_equal(key.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(loads_configuration, before,
		    after),
		cmocka_unit_test_setup_teardown(loads_the_subject, before,
		    after),
		cmocka_unit_test_setup_teardown(loads_the_key, before, after),
		cmocka_unit_test_setup_teardown(knows_the_longest_key, before,
		    after),
	};
	int failed;

	if (geteuid() != 0) {
		printf("1..0 # SKIP only root can make files that are trusted\n");
		return 0;
	}
	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("load", tests, NULL, NULL);
	scratch_clear(scratch);
	return failed;
}
