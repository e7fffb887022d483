#include "cli/setup.h"

#include <stdio.h>
#include <string.h>

struct composer {
	struct og_setup *setup;
	enum og_error error;
};

static void
line(struct composer *to, const char *key, const char *value)
{
	if (to->error == OG_OK)
		to->error = og_buffer_addf(&to->setup->text, "%s = %s\n", key,
		    value);
}

/* A value that was not given is the product's default, and not written. */
static void
given(struct composer *to, enum og_setup_value which)
{
	const char *value = to->setup->value[which];

	if (value == NULL || (*value == '\0' && which != OG_SETUP_EXEMPT))
		return;
	line(to, og_setup_words[which].key, value);
}

static void
section(struct composer *to, const char *name)
{
	if (to->error == OG_OK)
		to->error = og_buffer_addf(&to->setup->text, "\n[%s]\n", name);
}

enum og_error
og_setup_compose(struct og_setup *setup)
{
	struct composer to = { setup, OG_OK };
	char policy[OG_CONF_LINE_MAX];
	enum og_setup_value which;

	to.error = og_buffer_addf(&setup->text, "# Written by openai-gate "
	    "setup. Every other key, its default and why: gate.conf(5).\n"
	    "# After each change: openai-gate config --test\n");
	section(&to, "api");
	line(&to, "key_file", setup->key_path);
	given(&to, OG_SETUP_BASE_URL);
	given(&to, OG_SETUP_CA_FILE);
	section(&to, "identity");
	given(&to, OG_SETUP_EMAIL);
	given(&to, OG_SETUP_MAP);
	if (setup->value[OG_SETUP_EXEMPT] != NULL) {
		section(&to, "pam");
		given(&to, OG_SETUP_EXEMPT);
	}
	snprintf(policy, sizeof(policy), "policy %s",
	    setup->value[OG_SETUP_POLICY]);
	section(&to, policy);
	given(&to, OG_SETUP_SERVICE);
	for (which = OG_SETUP_ROLE; which <= OG_SETUP_ENFORCE; which++)
		given(&to, which);
	return to.error;
}

static void
print_pam_steps(const struct og_config *conf, const char *argument)
{
	const struct og_words *services = &conf->policies[0].pam_services;
	size_t i;

	for (i = 0; i < services->count; i++)
		printf("\n  above \"@include common-account\", or the first "
		    "account line, of /etc/pam.d/%s:\n"
		    "\taccount    required    pam_openai.so%s\n",
		    services->item[i], argument);
	printf("\nand try it from another terminal. In nginx, behind what "
	    "proves the name:\n"
	    "\topenai_gate_identity $remote_user;\n"
	    "\topenai_gate          %s;\n", conf->policies[0].name);
}

void
og_setup_print_steps(const struct og_setup *setup)
{
	const struct og_config *conf = setup->cli->conf;
	const char *path = setup->cli->conf_path;
	char argument[PATH_MAX + 8] = "";
	size_t i;

	if (strcmp(path, OG_CONF_PATH) != 0)
		snprintf(argument, sizeof(argument), " conf=%s", path);
	printf("\nNothing is gated yet. Open a second root shell, and leave "
	    "it open until all works.\nThen add\n");
	print_pam_steps(conf, argument);
	if (*argument != '\0')
		printf("\topenai_gate_config   %s;    (once, in http)\n",
		    path);
	if (conf->policies[0].pam_services.count == 0)
		return;
	printf("\nThe way back, from that shell, the console, or as an exempt "
	    "user:\n\tsed -i '/pam_openai.so/d'");
	for (i = 0; i < conf->policies[0].pam_services.count; i++)
		printf(" /etc/pam.d/%s",
		    conf->policies[0].pam_services.item[i]);
	printf("\n");
	if (conf->policies[0].dry_run)
		printf("\nThe policy is not in force: it logs whom it would "
		    "refuse. Take \"enforce = no\" out of\n%s when it shall "
		    "be.\n", path);
}
