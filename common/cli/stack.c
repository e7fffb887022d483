#include "cli/stack.h"

#include <stdbool.h>
#include <string.h>

/* What ends a stack before our line is asked: Debian's common-account does, for
 * an expired password. */
static bool
ends_stack(const char *line, size_t len)
{
	static const char *const words[] = {
		"common-account", "new_authtok_reqd=done", "sufficient",
	};
	const char *account;
	size_t i;

	account = memmem(line, len, "account", sizeof("account") - 1);
	for (i = 0; account != NULL && i < sizeof(words) / sizeof(words[0]);
	    i++) {
		if (memmem(line, len, words[i], strlen(words[i])) != NULL)
			return true;
	}
	return false;
}

const char *
og_stack_trouble(const char *text)
{
	static const char ours[] = "pam_openai.so";
	const char *line;
	size_t len;
	bool ended;

	ended = false;
	for (line = text; *line != '\0'; line += len + (line[len] == '\n')) {
		len = strcspn(line, "\n");
		if (line[strspn(line, " \t")] == '#')
			continue;
		if (memmem(line, len, ours, sizeof(ours) - 1) != NULL)
			return !ended ? NULL : "pam_openai.so stands too low: "
			    "for an expired password it is not asked; move it "
			    "above the other account lines";
		if (ends_stack(line, len))
			ended = true;
	}
	return "its pam.d file has no pam_openai.so: not protected";
}
