/* gate.conf's way back to text: one spelling of each value, and passwords that
 * are hidden. */
#include "config_kit.h"

#include <stdio.h>

#include "value/buffer.h"

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

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_print_into_a_small_buffer),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config_print", tests, NULL, NULL);
}
