#include "cli/sshd.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "io/file.h"
#include "value/text.h"

#define INCLUDES_MAX	16	/* sshd's own */
#define WORD_MAX	1024

struct reading {
	bool found;
	bool yes;
};

static bool read_file(struct reading *, const char *path, unsigned int depth);

/* Cuts the line's next word off, and what stands before it: blanks, quotes, and
 * the "=" behind a keyword. False: there is none. */
static bool
take_word(char word[WORD_MAX], const char **line)
{
	size_t len;

	*line += strspn(*line, " \t\r\"=");
	len = strcspn(*line, " \t\r\"=\n");
	if (len == 0 || !og_copy(word, WORD_MAX, *line, len))
		return false;
	*line += len;
	return true;
}

static void
include(struct reading *reading, const char *pattern, unsigned int depth)
{
	char path[WORD_MAX + 16];
	glob_t names;
	size_t i;

	snprintf(path, sizeof(path), "%s%s", *pattern == '/' ? "" :
	    "/etc/ssh/", pattern);
	if (glob(path, 0, NULL, &names) != 0)
		return;
	for (i = 0; i < names.gl_pathc && !reading->found; i++) {
		/* What sshd finds there is not known. */
		if (!read_file(reading, names.gl_pathv[i], depth))
			reading->found = reading->yes = true;
	}
	globfree(&names);
}

static void
read_line(struct reading *reading, const char *line, unsigned int depth)
{
	char word[WORD_MAX];

	if (!take_word(word, &line))
		return;
	if (strcasecmp(word, "UsePAM") == 0) {
		reading->found = take_word(word, &line);
		reading->yes = strcasecmp(word, "yes") == 0 ||
		    strcasecmp(word, "true") == 0;
	} else if (strcasecmp(word, "Include") == 0 && depth > 0) {
		while (!reading->found && take_word(word, &line))
			include(reading, word, depth - 1);
	}
}

/* False: it cannot be. */
static bool
read_file(struct reading *reading, const char *path, unsigned int depth)
{
	struct og_message message;
	struct og_buffer text;
	const char *line;
	bool readable;

	og_buffer_init(&text, 256 * 1024);
	readable = og_file_read(&text, path, OG_TRUST_ROOT, &message) == OG_OK;
	for (line = readable ? text.data : NULL; line != NULL &&
	    !reading->found; line = strchr(line, '\n')) {
		line += *line == '\n';
		read_line(reading, line, depth);
	}
	og_buffer_free(&text);
	return readable;
}

bool
og_sshd_asks_pam(const char *path)
{
	struct reading reading;

	memset(&reading, 0, sizeof(reading));
	return !read_file(&reading, path, INCLUDES_MAX) || reading.yes;
}
