#include "cli/setup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <termios.h>
#include <unistd.h>

#include "value/text.h"

static bool
give_up(const struct og_setup *setup, const char *why)
{
	og_log(&setup->cli->log, LOG_ERR, "%s; nothing was written", why);
	return false;
}

/*
 * One line of standard input, byte by byte, so that nothing of a secret stays
 * behind in stdio. False: the input has ended, or the line is too long.
 */
static bool
read_line(struct og_buffer *line)
{
	ssize_t n;
	char c;

	og_buffer_reset(line);
	for (;;) {
		n = read(STDIN_FILENO, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return line->len > 0;
		if (c == '\n')
			return true;
		if (og_buffer_add(line, &c, 1) != OG_OK)
			return false;
	}
}

/*
 * Asked when the echo is off already, or who is quick would be seen. No signal
 * from the keyboard: it would leave the terminal without echo.
 */
static bool
read_line_unseen(struct og_buffer *line, const char *prompt)
{
	struct termios before, quiet;
	bool good;

	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return read_line(line);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) != 0)
		return false;
	printf("%s", prompt);
	(void)fflush(stdout);
	good = read_line(line);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	printf("\n");
	return good;
}

/* What setup is asked before: its values so far may settle the question. */
static bool
must_ask(const struct og_setup *setup, enum og_setup_value which)
{
	if (setup->value[which] != NULL ||
	    og_setup_words[which].question == NULL)
		return false;
	return which != OG_SETUP_MAP || *setup->value[OG_SETUP_EMAIL] == '\0';
}

static const char *
usual_answer(const struct og_setup *setup, enum og_setup_value which)
{
	if (which == OG_SETUP_POLICY)
		return setup->value[OG_SETUP_SERVICE];
	return og_setup_words[which].usual;
}

static bool
ask_one(struct og_setup *setup, enum og_setup_value which,
    struct og_buffer *line)
{
	const char *answer, *usual;

	usual = usual_answer(setup, which);
	printf("%s%s%s%s: ", og_setup_words[which].question,
	    *usual != '\0' ? " [" : "", usual, *usual != '\0' ? "]" : "");
	(void)fflush(stdout);
	if (!read_line(line))
		return give_up(setup, "no answer");
	answer = strcmp(line->data, "-") == 0 ? "" :
	    line->len > 0 ? line->data : usual;
	return og_setup_set(setup, which, answer) ||
	    give_up(setup, "out of memory");
}

bool
og_setup_ask(struct og_setup *setup)
{
	struct og_buffer line;
	enum og_setup_value which;
	bool good;

	printf("An empty answer takes what stands in brackets, - means "
	    "none.\n");
	og_buffer_init(&line, OG_CONF_LINE_MAX / 2);
	good = true;
	for (which = 0; which < OG_SETUP_VALUES && good; which++) {
		if (must_ask(setup, which))
			good = ask_one(setup, which, &line);
	}
	og_buffer_free(&line);
	return good;
}

bool
og_setup_read_key(struct og_setup *setup)
{
	static const char prompt[] = "An admin key with the permission "
	    "\"Read only\", from\nhttps://platform.openai.com/settings/"
	    "organization/admin-keys\nKey (not shown): ";

	if (!read_line_unseen(&setup->key, prompt) || setup->key.len == 0)
		return give_up(setup, "no key");
	if (og_buffer_add(&setup->key, "\n", 1) != OG_OK)
		return give_up(setup, "the key is too long");
	return true;
}

bool
og_setup_confirm(const struct og_setup *setup)
{
	struct og_buffer line;
	bool yes;

	if (setup->yes)
		return true;
	printf("\nWrite %s? [yes] ", setup->cli->conf_path);
	(void)fflush(stdout);
	og_buffer_init(&line, 16);
	yes = read_line(&line) && (line.len == 0 ||
	    og_equal_folded(line.data, "yes") ||
	    og_equal_folded(line.data, "y"));
	og_buffer_free(&line);
	return yes || give_up(setup, "not wanted");
}
