#include "cli/stack.h"

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

/* A word of "... pam_succeed_if.so quiet service in sudo:sudo-i". */
static bool
names_service(const char *line, size_t len, const char *service)
{
	static const char between[] = " \t:";
	const char *end, *word;
	size_t size;

	end = line + len;
	for (word = line; word < end; word += size + 1) {
		size = strcspn(word, between);
		if (size > (size_t)(end - word))
			size = (size_t)(end - word);
		if (size == strlen(service) &&
		    strncmp(word, service, size) == 0)
			return true;
	}
	return false;
}

bool
og_stack_shared(const char *text, const char *service)
{
	static const char chooses[] = "pam_succeed_if.so";
	static const char ours[] = "pam_openai.so";
	const char *line;
	size_t len;
	bool chosen;

	chosen = true;
	for (line = text; *line != '\0'; line += len + (line[len] == '\n')) {
		len = strcspn(line, "\n");
		if (line[strspn(line, " \t")] == '#')
			continue;
		if (chosen && memmem(line, len, ours, sizeof(ours) - 1) != NULL)
			return true;
		chosen = memmem(line, len, chooses, sizeof(chooses) - 1) ==
		    NULL || names_service(line, len, service);
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
