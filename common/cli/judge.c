#include "cli/judge.h"

#include <string.h>
#include <syslog.h>

#include "value/clock.h"

void
og_judge_init(struct og_judge *judge, struct og_cli *cli)
{
	memset(judge, 0, sizeof(*judge));
	judge->cli = cli;
	og_credentials_init(&judge->credentials);
}

void
og_judge_free(struct og_judge *judge)
{
	og_fetch_free(judge->fetch);
	og_credentials_free(&judge->credentials);
}

void
og_judged_free(struct og_judged *judged)
{
	og_check_free(judged->check);
	judged->check = NULL;
}

/* Whose an ask is, and who waits for one to be answered. */
struct asked {
	struct og_judge *judge;
	struct og_judged *judged;
};

static void
answered(void *arg, const struct og_fact *answer, size_t count)
{
	struct asked *asked = arg;

	og_check_answer(asked->judged->check, answer, count);
	asked->judged->waiting = false;
	asked->judge->answered = true;
}

/* The fetcher is made when the store does not settle the matter. */
static enum og_reason
prepare_fetch(struct og_judge *judge)
{
	struct og_cli *cli = judge->cli;
	struct og_message message;
	enum og_reason reason;
	enum og_error error;

	if (judge->fetch != NULL)
		return OG_GO_ON;
	reason = og_load_credentials(&judge->credentials, cli->conf,
	    &message);
	if (reason != OG_GO_ON) {
		og_log(&cli->log, LOG_ERR, "%s", message.text);
		return reason;
	}
	error = og_fetch_new(&judge->fetch, cli->conf, cli->store,
	    &judge->credentials, cli->tally, &cli->log);
	return og_reason_of(error, OG_NETWORK);
}

/* Goes on until somebody must be asked, or all is known. */
static void
go_on(struct asked *asked)
{
	struct og_judge *judge = asked->judge;
	struct og_judged *judged = asked->judged;
	enum og_reason reason;

	while (!judged->waiting && og_check_step(judged->check,
	    og_clock_wall()) == OG_STEP_WANT) {
		reason = prepare_fetch(judge);
		if (reason == OG_GO_ON && og_fetch_ask(judge->fetch,
		    og_check_facts(judged->check), judge->deadline, answered,
		    asked) == NULL)
			reason = OG_NO_MEMORY;
		if (reason == OG_GO_ON)
			judged->waiting = true;
		else
			og_check_fail(judged->check, reason);
	}
}

/* OG_GO_ON, or the decision, since no fact would change it. */
static enum og_reason
begin(struct og_judge *judge, struct og_judged *judged)
{
	struct og_cli *cli = judge->cli;
	struct og_report *report = &judged->report;
	struct og_message message;
	enum og_reason reason;

	message.text[0] = '\0';
	reason = og_load_subject(&judged->subject, cli->conf, report->policy,
	    report->user, strlen(report->user), &message);
	if (reason != OG_GO_ON) {
		if (message.text[0] != '\0')
			og_log(&cli->log, LOG_ERR, "%s", message.text);
		return reason;
	}
	report->subject = &judged->subject;
	if (!judge->opened)
		judge->store = og_cli_open_store(cli);
	judge->opened = true;
	if (judge->store != OG_GO_ON)
		return judge->store;
	if (og_check_new(&judged->check, cli->conf, report->policy,
	    &judged->subject, cli->store, &cli->log) != OG_OK)
		return OG_NO_MEMORY;
	return OG_GO_ON;
}

static void
finish(struct og_judged *judged)
{
	struct og_report *report = &judged->report;

	report->decision = og_check_decision(judged->check);
	report->facts = og_check_facts(judged->check);
	report->cache = og_check_cache(judged->check);
	report->now = og_clock_wall();
	report->reason = report->decision->reason;
}

static bool
somebody_waits(const struct og_judged *judged, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (judged[i].waiting)
			return true;
	}
	return false;
}

static void
decide_batch(struct og_judge *judge, struct og_judged *judged, size_t count)
{
	struct asked asked[OG_JUDGE_BATCH];
	size_t i;

	judge->deadline = og_clock_mono() + judge->cli->conf->timeout_ms;
	for (i = 0; i < count; i++) {
		asked[i].judge = judge;
		asked[i].judged = &judged[i];
		judged[i].report.reason = begin(judge, &judged[i]);
		if (judged[i].check != NULL)
			go_on(&asked[i]);
	}
	while (somebody_waits(judged, count)) {
		judge->answered = false;
		og_fetch_wait(judge->fetch, &judge->answered);
		for (i = 0; i < count; i++) {
			if (judged[i].check != NULL)
				go_on(&asked[i]);
		}
	}
	for (i = 0; i < count; i++) {
		if (judged[i].check != NULL)
			finish(&judged[i]);
	}
}

void
og_judge_decide(struct og_judge *judge, struct og_judged *judged, size_t count)
{
	size_t n;

	for (; count > 0; judged += n, count -= n) {
		n = count < OG_JUDGE_BATCH ? count : OG_JUDGE_BATCH;
		decide_batch(judge, judged, n);
	}
}
