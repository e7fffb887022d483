#include "cli/stack.h"

#include <string.h>
#include <strings.h>

#include "value/text.h"

#define STACK_LINE_MAX	1024	/* libpam's own */

static const char ours[] = "pam_openai.so";

/* A line as libpam takes it apart. */
struct entry {
	char line[STACK_LINE_MAX];
	bool dash;
	char *type;
	char *control;
	char *module;
	char *arguments;
};

/* Cuts the next word off; "[...]" is one. "": there is none. */
static char *
take_word(char **rest)
{
	char *word;
	size_t len;

	word = *rest + strspn(*rest, " \t");
	len = *word == '[' ? strcspn(word, "]") + 1 : strcspn(word, " \t");
	if (len > strlen(word))
		len = strlen(word);
	*rest = word + len;
	if (**rest != '\0')
		*(*rest)++ = '\0';
	return word;
}

/* Joins what a backslash continues, and leaves comments out; a line that is
 * too long is cut. False: the text has ended. */
static bool
read_line(struct entry *entry, const char **text)
{
	size_t left, len, used;
	bool more;

	if (**text == '\0')
		return false;
	used = 0;
	do {
		len = strcspn(*text, "\n");
		left = strcspn(*text, "#\n");
		while (left > 0 && ((*text)[left - 1] == ' ' ||
		    (*text)[left - 1] == '\t'))
			left--;
		more = left > 0 && (*text)[left - 1] == '\\';
		if (more)
			left--;
		if (left > sizeof(entry->line) - 2 - used)
			left = sizeof(entry->line) - 2 - used;
		memcpy(entry->line + used, *text, left);
		used += left;
		entry->line[used++] = ' ';
		*text += len + ((*text)[len] == '\n');
	} while (more && used < sizeof(entry->line) - 1);
	entry->line[used] = '\0';
	return true;
}

/* "[default = die]", which libpam takes as well, becomes "[default=die]". */
static void
close_up(char *control)
{
	char *to;
	size_t blanks;

	for (to = control; *control != '\0'; to++) {
		blanks = strspn(control, " \t");
		if (control[blanks] == '=')
			control += blanks;
		*to = *control++;
		if (*to == '=')
			control += strspn(control, " \t");
	}
	*to = '\0';
}

static bool
next_entry(struct entry *entry, const char **text)
{
	char *rest;

	if (!read_line(entry, text))
		return false;
	rest = entry->line;
	entry->type = take_word(&rest);
	entry->dash = *entry->type == '-';
	if (entry->dash)
		entry->type++;
	/* "@include common-account" has neither of both. */
	entry->control = *entry->type == '@' ? rest + strlen(rest) :
	    take_word(&rest);
	entry->module = take_word(&rest);
	entry->arguments = rest;
	close_up(entry->control);
	return true;
}

static bool
is_ours(const struct entry *entry)
{
	const char *name;

	name = strrchr(entry->module, '/');
	return strcmp(name != NULL ? name + 1 : entry->module, ours) == 0;
}

/* What ends a stack before our line is asked. */
static bool
ends_stack(const struct entry *entry)
{
	return strcasecmp(entry->type, "account") == 0 &&
	    (strcasecmp(entry->control, "sufficient") == 0 ||
	    strstr(entry->control, "=done") != NULL);
}

/* "[... default=die]": whether every denial is one. */
static bool
list_denies(const char *control)
{
	static const char *const key[] = {
		"default=", "perm_denied=", "user_unknown=",
		"authinfo_unavail=", "service_err=", "buf_err=",
	};
	const char *value;
	size_t i;

	for (i = 0; i < sizeof(key) / sizeof(key[0]); i++) {
		value = strstr(control, key[i]);
		if (value == NULL)
			continue;
		value += strlen(key[i]);
		if (strncmp(value, "die", 3) != 0 &&
		    strncmp(value, "bad", 3) != 0)
			return false;
	}
	return true;
}

static bool
denies(const struct entry *entry)
{
	if (*entry->control == '[')
		return list_denies(entry->control);
	return strcasecmp(entry->control, "required") == 0 ||
	    strcasecmp(entry->control, "requisite") == 0;
}

static const char *
arguments_trouble(struct entry *entry, const struct og_config *conf,
    const char *conf_path)
{
	const char *file, *policy;
	char *word;

	file = OG_CONF_PATH;
	policy = NULL;
	while (*(word = take_word(&entry->arguments)) != '\0') {
		if (strncmp(word, "policy=", 7) == 0)
			policy = word + 7;
		else if (strncmp(word, "conf=", 5) == 0)
			file = word + 5;
		else if (strcmp(word, "debug") != 0 &&
		    strcmp(word, "quiet") != 0)
			return "its line has an argument that pam_openai.so "
			    "does not know: nobody can pass; there are conf= "
			    "policy= debug quiet";
	}
	if (strcmp(file, conf_path) != 0)
		return "its line goes by another file than this one: that of "
		    "its conf=, or " OG_CONF_PATH;
	if (policy != NULL && og_config_policy(conf, policy) == NULL)
		return "its line has policy= with a name that no policy has: "
		    "nobody can pass; correct it, or write that policy";
	return NULL;
}

static const char *
our_trouble(struct entry *entry, const struct og_config *conf,
    const char *conf_path)
{
	if (!denies(entry))
		return "its line lets everybody in whom pam_openai.so denies; "
		    "write required";
	if (entry->dash)
		return "its line begins with -: without the module everybody "
		    "is let in; take it away";
	return arguments_trouble(entry, conf, conf_path);
}

/* A word of "quiet service in sudo:sudo-i". */
static bool
names_service(const char *words, const char *service)
{
	static const char between[] = " \t:";
	size_t size;

	for (; *words != '\0'; words += size + (words[size] != '\0')) {
		size = strcspn(words, between);
		if (size == strlen(service) &&
		    strncmp(words, service, size) == 0)
			return true;
	}
	return false;
}

const char *
og_stack_shared(const char *text, const char *service,
    const struct og_config *conf, const char *conf_path)
{
	struct entry entry;
	bool chosen, ended;

	chosen = true;
	ended = false;
	while (next_entry(&entry, &text)) {
		if (strcasecmp(entry.type, "account") != 0)
			continue;
		if (chosen && is_ours(&entry))
			return ended ? og_stack_low :
			    our_trouble(&entry, conf, conf_path);
		ended = ended || ends_stack(&entry);
		chosen = strcmp(entry.module, "pam_succeed_if.so") != 0 ||
		    names_service(entry.arguments, service);
	}
	return og_stack_none;
}

/* What the account lines of another file come in by. */
static bool
includes(const struct entry *entry)
{
	return strcasecmp(entry->type, "@include") == 0 ||
	    (strcasecmp(entry->type, "account") == 0 &&
	    (strcasecmp(entry->control, "include") == 0 ||
	    strcasecmp(entry->control, "substack") == 0));
}

const char og_stack_none[] =
    "its pam.d file has no pam_openai.so: not protected";
const char og_stack_low[] =
    "pam_openai.so stands too low: for an expired password, or whom a line "
    "above it lets in, it is not asked; move it above the other account lines";

void
og_stack_begin(struct og_stack *stack, const struct og_config *conf,
    const char *conf_path)
{
	memset(stack, 0, sizeof(*stack));
	stack->conf = conf;
	stack->conf_path = conf_path;
	stack->trouble = og_stack_none;
}

/* Our line, wherever it stands. True: the one that counts. */
static bool
judge(struct og_stack *stack, struct entry *entry)
{
	if (strcasecmp(entry->type, "account") != 0) {
		stack->trouble = "pam_openai.so does not stand in account: a "
		    "public key and NOPASSWD pass without it; put it there";
		return false;
	}
	stack->trouble = stack->ended ? og_stack_low :
	    our_trouble(entry, stack->conf, stack->conf_path);
	return true;
}

enum og_stack_step
og_stack_next(struct og_stack *stack, const char **text)
{
	struct entry entry;

	while (next_entry(&entry, text)) {
		if (is_ours(&entry)) {
			if (judge(stack, &entry))
				return OG_STACK_OURS;
		} else if (includes(&entry) && og_copy(stack->included,
		    sizeof(stack->included), entry.module,
		    strlen(entry.module))) {
			stack->substack =
			    strcasecmp(entry.control, "substack") == 0;
			return OG_STACK_INCLUDE;
		} else if (ends_stack(&entry)) {
			stack->ended = true;
		}
	}
	return OG_STACK_END;
}
