#include "arguments.h"

#include <limits.h>
#include <string.h>

#include "meaning/config.h"

/* The value of "key=value", or NULL when argument is not of that key. */
static const char *
value_of(const char *argument, const char *key)
{
	size_t len;

	len = strlen(key);
	if (strncmp(argument, key, len) != 0)
		return NULL;
	return argument + len;
}

static enum og_reason
set_once(const char **slot, const char *argument, const char *value,
    struct og_message *message)
{
	if (*slot != NULL) {
		og_message_set(message, "argument \"%s\" of pam_openai.so: "
		    "given twice; keep one", argument);
		return OG_CONFIG;
	}
	if (*value == '\0') {
		og_message_set(message, "argument \"%s\" of pam_openai.so: "
		    "has no value; name one or remove it", argument);
		return OG_CONFIG;
	}
	*slot = value;
	return OG_GO_ON;
}

static enum og_reason
check_path(const char *path, struct og_message *message)
{
	if (path[0] != '/') {
		og_message_set(message, "argument \"conf=%s\" of "
		    "pam_openai.so: not an absolute path; begin it with /",
		    path);
		return OG_CONFIG;
	}
	if (strlen(path) >= PATH_MAX) {
		og_message_set(message, "argument \"conf=\" of pam_openai.so: "
		    "the path has over %d bytes", PATH_MAX - 1);
		return OG_CONFIG;
	}
	return OG_GO_ON;
}

static enum og_reason
take_argument(struct gate_arguments *arguments, const char *argument,
    struct og_message *message)
{
	const char *value;

	if (strcmp(argument, "debug") == 0) {
		arguments->debug = true;
		return OG_GO_ON;
	}
	if (strcmp(argument, "quiet") == 0) {
		arguments->quiet = true;
		return OG_GO_ON;
	}
	value = value_of(argument, "conf=");
	if (value != NULL)
		return set_once(&arguments->conf, argument, value, message);
	value = value_of(argument, "policy=");
	if (value != NULL)
		return set_once(&arguments->policy, argument, value, message);
	og_message_set(message, "argument \"%s\" of pam_openai.so: unknown; "
	    "there are conf=PATH policy=NAME debug quiet", argument);
	return OG_CONFIG;
}

enum og_reason
gate_arguments_parse(struct gate_arguments *arguments, int argc,
    const char **argv, struct og_message *message)
{
	struct og_message ignored;
	enum og_reason reason, first;
	int i;

	memset(arguments, 0, sizeof(*arguments));
	first = OG_GO_ON;
	for (i = 0; i < argc; i++) {
		reason = take_argument(arguments, argv[i],
		    first == OG_GO_ON ? message : &ignored);
		if (first == OG_GO_ON)
			first = reason;
	}
	if (arguments->conf == NULL)
		arguments->conf = OG_CONF_PATH;
	else if (first == OG_GO_ON)
		first = check_path(arguments->conf, message);
	return first;
}
