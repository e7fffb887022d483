/*
 * openai-gate sync: fills the store ahead of need (client/sync.h). A bar on a
 * terminal, plain lines elsewhere.
 */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "client/key_expiry.h"
#include "client/sync.h"
#include "io/http.h"
#include "io/load.h"
#include "value/clock.h"

#define BAR_WIDTH	24
#define NAMED_MAX	20	/* changes of a list that are named */
#define LINE_EVERY_MS	30000	/* without a terminal */

struct options {
	const char *base_url;	/* NULL: what gate.conf says */
	const char *key_file;
	bool quiet;
};

struct screen {
	const struct og_config *conf;
	const struct og_log *log;
	bool terminal;
	bool quiet;
	bool bar;			/* one stands on the last line */
	int64_t told_ms;		/* og_clock_mono */
	/* of the list that is being compared */
	uint64_t changes[OG_CHANGE_ACCOUNT + 1];
	unsigned int named;
	/* of all */
	unsigned int lists, failed, requests;
	uint64_t rows;
};

static void
clear_bar(struct screen *screen)
{
	if (!screen->bar)
		return;
	/* Erase the line: ECMA-48, EL. */
	fputs("\r\033[K", stdout);
	screen->bar = false;
}

static void
show_wait(const struct og_sync_progress *progress)
{
	if (progress->wait_ms > 0)
		printf(", next page in %" PRId64 " s%s%s",
		    (progress->wait_ms + 999) / 1000,
		    progress->why == OG_RATE_LIMITED ? "" : ": ",
		    progress->why == OG_RATE_LIMITED ? "" :
		    og_reason_word(progress->why));
}

static void
show_bar(struct screen *screen, const struct og_sync_progress *progress)
{
	char text[OG_QUERY_TEXT_MAX], bar[BAR_WIDTH + 1];
	uint64_t filled;

	clear_bar(screen);
	og_query_text(progress->list, text);
	filled = 0;
	if (progress->expected > 0)
		filled = progress->rows * BAR_WIDTH / progress->expected;
	/* It has grown: not full before the last page is there. */
	if (filled >= BAR_WIDTH)
		filled = BAR_WIDTH - 1;
	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', (size_t)filled);
	bar[BAR_WIDTH] = '\0';
	if (progress->expected > 0)
		printf("%s [%s] %" PRIu64 " of some %" PRIu64, text, bar,
		    progress->rows, progress->expected);
	else
		printf("%s %" PRIu64 ", %u pages", text, progress->rows,
		    progress->pages);
	show_wait(progress);
	screen->bar = true;
	fflush(stdout);
}

static void
show_line(struct screen *screen, const struct og_sync_progress *progress)
{
	char text[OG_QUERY_TEXT_MAX];
	int64_t now_ms;

	now_ms = og_clock_mono();
	if (now_ms - screen->told_ms < LINE_EVERY_MS)
		return;
	screen->told_ms = now_ms;
	og_query_text(progress->list, text);
	printf("%s: %" PRIu64 " so far, %u pages", text, progress->rows,
	    progress->pages);
	show_wait(progress);
	printf("\n");
	fflush(stdout);
}

static void
on_progress(void *arg, const struct og_sync_progress *progress)
{
	struct screen *screen;

	screen = arg;
	if (screen->quiet)
		return;
	if (screen->terminal)
		show_bar(screen, progress);
	else
		show_line(screen, progress);
}

static const char *
name_of(const struct og_record *record)
{
	return record->email[0] != '\0' ? record->email : record->id;
}

static const char *
role_of(const struct og_record *record)
{
	return record->role[0] != '\0' ? record->role : "none";
}

static void
on_changed(void *arg, enum og_change change, const struct og_record *before,
    const struct og_record *after)
{
	struct screen *screen;

	screen = arg;
	screen->changes[change]++;
	if (screen->quiet || screen->named++ >= NAMED_MAX)
		return;
	clear_bar(screen);
	switch (change) {
	case OG_CHANGE_JOINED:
		og_cli_line("  joined   %s (%s)", name_of(after),
		    role_of(after));
		break;
	case OG_CHANGE_LEFT:
		og_cli_line("  left     %s", name_of(before));
		break;
	case OG_CHANGE_ROLE:
		og_cli_line("  role     %s: %s, was %s", name_of(after),
		    role_of(after), role_of(before));
		break;
	case OG_CHANGE_ACCOUNT:
		og_cli_line("  account  %s%s", name_of(after),
		    after->disabled ? ": disabled" : "");
		break;
	}
}

static void
say_changes(const struct screen *screen, const struct og_sync_result *result)
{
	if (!result->known) {
		printf(", for the first time");
		return;
	}
	printf(": %" PRIu64 " joined, %" PRIu64 " left, %" PRIu64
	    " changed role", screen->changes[OG_CHANGE_JOINED],
	    screen->changes[OG_CHANGE_LEFT], screen->changes[OG_CHANGE_ROLE]);
	if (screen->changes[OG_CHANGE_ACCOUNT] > 0)
		printf(", %" PRIu64 " changed otherwise",
		    screen->changes[OG_CHANGE_ACCOUNT]);
	if (screen->named > NAMED_MAX)
		printf(" (%u not shown)", screen->named - NAMED_MAX);
}

static void
say_result(const struct screen *screen, const char *text,
    const struct og_sync_result *result)
{
	printf("%s: ", text);
	if (result->reason != OG_GO_ON) {
		printf("FAILED, %s; what was known stays\n",
		    og_reason_word(result->reason));
		return;
	}
	printf("%" PRIu64 " %s", result->rows, result->rows == 1 ? "row" :
	    "rows");
	if (result->fresh) {
		printf(", read since this sync began\n");
		return;
	}
	printf(", %u %s", result->requests, result->requests == 1 ?
	    "request" : "requests");
	if (result->resumed > 0)
		printf(" after %u pages of an earlier run", result->resumed);
	say_changes(screen, result);
	printf("\n");
}

static void
on_ended(void *arg, const struct og_sync_result *result)
{
	char text[OG_QUERY_TEXT_MAX];
	struct screen *screen;

	screen = arg;
	og_query_text(result->list, text);
	clear_bar(screen);
	if (!screen->quiet)
		say_result(screen, text, result);
	/* Late, it is of use to nobody: that must not go unnoticed. */
	if (result->reason == OG_GO_ON && result->age > screen->conf->ttl)
		og_log(screen->log, LOG_WARNING, "%s: its first page is "
		    "%" PRId64 " s old, and [cache] ttl is %" PRId64 " s: "
		    "raise ttl to more than a sync takes", text, result->age,
		    screen->conf->ttl);
	screen->lists++;
	screen->failed += result->reason != OG_GO_ON;
	screen->requests += result->requests;
	screen->rows += result->rows;
	memset(screen->changes, 0, sizeof(screen->changes));
	screen->named = 0;
	fflush(stdout);
}

static enum og_reason
run(struct og_cli *cli, struct screen *screen)
{
	struct og_sync_events events;
	struct og_credentials credentials;
	struct og_message message;
	enum og_reason reason;
	struct og_http *http;
	enum og_error error;

	http = NULL;
	og_credentials_init(&credentials);
	reason = og_load_credentials(&credentials, cli->conf, &message);
	if (reason != OG_GO_ON) {
		og_log(&cli->log, LOG_ERR, "%s", message.text);
		goto out;
	}
	error = og_http_new(&http, cli->conf, &credentials, &cli->log);
	if (error != OG_OK) {
		reason = og_reason_of(error, OG_NETWORK);
		goto out;
	}
	events = (struct og_sync_events){ screen, on_progress, on_changed,
	    on_ended };
	reason = og_sync_run(cli->conf, cli->store, http, cli->tally,
	    &cli->log, &events);
	/* For status and the alerts; not known is fine. */
	if (reason == OG_GO_ON && cli->conf->key_file != NULL)
		(void)og_key_expiry_ask(cli->conf, cli->store, http,
		    &credentials, cli->tally);
out:
	og_http_free(http);
	og_credentials_free(&credentials);
	return reason;
}

static void
say_summary(const struct screen *screen, enum og_reason reason,
    int64_t seconds)
{
	if (screen->quiet)
		return;
	if (reason == OG_GO_ON)
		printf("sync complete: %u lists, %" PRIu64 " rows, "
		    "%u requests in %" PRId64 " s\n", screen->lists,
		    screen->rows, screen->requests, seconds);
	else
		printf("sync incomplete (%s): %u of %u lists failed; run it "
		    "again, it goes on where it stopped\n",
		    og_reason_word(reason), screen->failed, screen->lists);
}

static bool
parse(struct options *options, int argc, char **argv)
{
	int i;

	memset(options, 0, sizeof(*options));
	for (i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--quiet") == 0)
			options->quiet = true;
		else if (strcmp(argv[i], "--base-url") == 0 && i + 1 < argc)
			options->base_url = argv[++i];
		else if (strcmp(argv[i], "--key-file") == 0 && i + 1 < argc)
			options->key_file = argv[++i];
		else
			return false;
	}
	return true;
}

static enum og_reason
override(struct og_cli *cli, const char *key, const char *value)
{
	struct og_message message;
	enum og_error error;

	if (value == NULL)
		return OG_GO_ON;
	error = og_config_override(cli->conf, key, value, &message);
	if (error == OG_OK)
		return OG_GO_ON;
	og_log(&cli->log, LOG_ERR, "%s", message.text);
	return og_reason_of(error, OG_CONFIG);
}

static enum og_reason
prepare(struct og_cli *cli, const struct options *options)
{
	enum og_reason reason;

	reason = og_cli_load(cli);
	if (reason == OG_GO_ON)
		reason = override(cli, "base_url", options->base_url);
	if (reason == OG_GO_ON)
		reason = override(cli, "key_file", options->key_file);
	if (reason != OG_GO_ON)
		return reason;
	if (cli->conf->base_url == NULL) {
		og_log(&cli->log, LOG_ERR, "%s: base_url = none, so there is "
		    "nobody to ask; give --base-url and --key-file",
		    cli->conf_path);
		return OG_CONFIG;
	}
	reason = og_cli_open_store(cli);
	return reason == OG_GO_ON && cli->store == NULL ? OG_STORE : reason;
}

int
og_cli_sync(struct og_cli *cli, int argc, char **argv)
{
	struct options options;
	enum og_reason reason;
	struct screen screen;
	int64_t began_ms;

	if (!parse(&options, argc, argv))
		return og_cli_usage("sync: [--base-url URL] [--key-file PATH] "
		    "[--quiet]");
	reason = prepare(cli, &options);
	if (reason != OG_GO_ON)
		return og_cli_exit(reason);
	memset(&screen, 0, sizeof(screen));
	screen.conf = cli->conf;
	screen.log = &cli->log;
	screen.terminal = isatty(STDOUT_FILENO) == 1;
	screen.quiet = options.quiet;
	began_ms = og_clock_mono();
	screen.told_ms = began_ms;
	reason = run(cli, &screen);
	if (reason == OG_GO_ON)
		og_tally_synced(cli->tally, og_clock_wall(),
		    og_clock_mono() - began_ms);
	say_summary(&screen, reason, (og_clock_mono() - began_ms) / 1000);
	return reason == OG_GO_ON ? OG_EXIT_PASS : og_cli_exit(reason);
}
