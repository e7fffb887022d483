/* How long, how many and how large what stands in gate.conf may be. */
#include "config_kit.h"

#include <stdlib.h>

#include "value/buffer.h"
#include "value/fact.h"

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

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_many_policies),
		cmocka_unit_test(test_large_file),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config_limit", tests, NULL, NULL);
}
