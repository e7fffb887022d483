#include "gate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "client/check.h"
#include "client/remote.h"
#include "io/exempt.h"
#include "io/load.h"
#include "io/store.h"
#include "io/tally_file.h"
#include "value/clock.h"

/* One decision under way. */
struct gate {
	const struct gate_question *question;
	struct gate_answer *answer;
	const struct og_log *log;
	struct og_config *conf;
	const struct og_policy *policy;		/* of conf */
	struct og_store *store;			/* NULL: nothing is known */
	struct og_check *check;
	int64_t deadline_ms;
};

static const struct og_policy *
find_policy(const struct gate *gate)
{
	if (gate->question->policy != NULL)
		return og_config_policy(gate->conf, gate->question->policy);
	return og_config_policy_for_service(gate->conf,
	    gate->question->service);
}

static void
explain_no_policy(struct og_message *message,
    const struct gate_question *question)
{
	if (question->policy != NULL)
		og_message_set(message, "%s: no [policy %.64s], which the "
		    "pam.d line names; write it, or correct policy=",
		    question->conf, question->policy);
	else
		og_message_set(message, "%s: no policy has \"%.64s\" in "
		    "pam_services; add it to one, or name one in the pam.d "
		    "line by policy=NAME", question->conf, question->service);
}

/*
 * A missing store is an empty one: the helper makes it. One that others may
 * write to is an administrator's affair, since believing it would let them in.
 */
static enum og_reason
open_store(struct gate *gate)
{
	struct og_message message;
	enum og_error error;

	message.text[0] = '\0';
	error = og_store_open(&gate->store, gate->conf->directory, 0,
	    gate->conf, gate->log, &message);
	switch (error) {
	case OG_OK:
		return OG_GO_ON;
	case OG_ERR_UNSAFE:
		gate->answer->message = message;
		return OG_UNSAFE_FILE;
	case OG_ERR_NOMEM:
		return OG_NO_MEMORY;
	case OG_ERR_MISSING:
		og_log(gate->log, LOG_INFO, "nothing is stored yet: %s",
		    message.text);
		return OG_GO_ON;
	default:
		og_log(gate->log, LOG_WARNING, "the store cannot be used: %s",
		    message.text);
		return OG_GO_ON;
	}
}

/* All that comes before the question what the directory says. OG_GO_ON: go on. */
static enum og_reason
prepare(struct gate *gate)
{
	const struct gate_question *question = gate->question;
	struct gate_answer *answer = gate->answer;
	enum og_reason reason;

	if (question->user == NULL ||
	    !og_name_valid(question->user, strlen(question->user)))
		return OG_BAD_NAME;
	reason = og_load_config(&gate->conf, question->conf,
	    &answer->message);
	if (reason != OG_GO_ON)
		return geteuid() != 0 ? OG_STORE : reason;
	gate->deadline_ms += gate->conf->timeout_ms;
	reason = og_exempt(gate->conf, question->user, question->service,
	    gate->log);
	if (reason != OG_GO_ON)
		return reason;
	gate->policy = find_policy(gate);
	if (gate->policy == NULL) {
		explain_no_policy(&answer->message, question);
		return OG_NO_POLICY;
	}
	answer->dry_run = gate->policy->dry_run;
	snprintf(answer->policy, sizeof(answer->policy), "%s",
	    gate->policy->name);
	if (geteuid() != 0) {
		og_message_set(&answer->message, "this program does not run "
		    "as root, so it may not read what is known");
		return OG_STORE;
	}
	reason = og_load_subject(&answer->subject, gate->conf, gate->policy,
	    question->user, strlen(question->user), &answer->message);
	if (reason != OG_GO_ON)
		return reason;
	return open_store(gate);
}

/* What a helper that did not answer means for the person at the door. */
static enum og_reason
reason_of(enum og_error error)
{
	switch (error) {
	case OG_ERR_TIMEOUT:
		return OG_TIMEOUT;
	case OG_ERR_UNSAFE:
		return OG_UNSAFE_FILE;
	case OG_ERR_MISSING:	/* it is not installed */
		return OG_CONFIG;
	case OG_ERR_NOMEM:
		return OG_NO_MEMORY;
	case OG_ERR_SYSTEM:	/* nobody could be sent; nothing is stored */
	case OG_ERR_BUSY:
		return OG_STORE;
	case OG_ERR_NETWORK:
		return OG_NETWORK;
	case OG_OK:
	case OG_ERR_SYNTAX:
	case OG_ERR_LIMIT:
	case OG_ERR_CORRUPT:
	case OG_ERR_PROTOCOL:
		return OG_PROTOCOL;
	}
	return OG_PROTOCOL;
}

/* Where a slice that begins at `from` and wants no more than one run of the
 * helper can ask ends. */
static size_t
slice_end(const struct og_facts *facts, size_t from)
{
	size_t i, wanted;

	wanted = 0;
	for (i = from; i < facts->count; i++) {
		if (facts->item[i].state == OG_FACT_WANTED &&
		    ++wanted > OG_REMOTE_QUERIES_MAX)
			break;
	}
	return i;
}

/* Gives the check an answer, or a failure, for all that it wants. */
static enum og_error
ask_helper(struct gate *gate, const struct og_facts *facts)
{
	struct og_facts slice;
	struct og_fact *answer;
	enum og_error error;
	size_t count, end, from, total;

	answer = calloc(facts->count, sizeof(*answer));
	if (answer == NULL)
		return OG_ERR_NOMEM;
	error = OG_OK;
	total = 0;
	for (from = 0; from < facts->count && error == OG_OK; from = end) {
		end = slice_end(facts, from);
		slice.item = facts->item + from;
		slice.count = slice.size = end - from;
		error = og_remote_fetch(answer + total, &count, &slice,
		    OG_HELPER_PATH, gate->question->conf, gate->deadline_ms,
		    &gate->answer->message);
		if (error == OG_OK)
			total += count;
	}
	if (error == OG_OK)
		og_check_answer(gate->check, answer, total);
	free(answer);
	return error;
}

static void
fetch(struct gate *gate)
{
	enum og_error error;

	if (gate->conf->base_url == NULL) {
		og_message_set(&gate->answer->message, "base_url is none: "
		    "only what is in the store is known");
		og_check_fail(gate->check, OG_STORE);
		return;
	}
	error = ask_helper(gate, og_check_facts(gate->check));
	if (error == OG_ERR_MISSING)
		og_message_set(&gate->answer->message, "%s: the helper is not "
		    "installed; install openai-gate again", OG_HELPER_PATH);
	/* Said even where a stale fact lets the person pass. */
	if (error == OG_ERR_MISSING || error == OG_ERR_UNSAFE)
		og_log(gate->log, LOG_ALERT, "%s",
		    gate->answer->message.text);
	if (error != OG_OK)
		og_check_fail(gate->check, reason_of(error));
}

/* Looks at the facts that decided: their age, and each for `debug`. */
static void
review_facts(struct gate *gate, int64_t now)
{
	static const char *const state[] = {
		[OG_FACT_WANTED] = "wanted",
		[OG_FACT_FOUND] = "found",
		[OG_FACT_ABSENT] = "absent",
		[OG_FACT_FAILED] = "failed"
	};
	const struct og_facts *facts;
	const struct og_fact *fact;
	char text[OG_QUERY_TEXT_MAX];
	size_t i;

	facts = og_check_facts(gate->check);
	for (i = 0; i < facts->count; i++) {
		fact = &facts->item[i];
		og_query_text(&fact->query, text);
		og_log(gate->log, LOG_DEBUG, "fact %s: %s%s%s, role \"%s\", "
		    "from %s, age %" PRId64 " s", text, state[fact->state],
		    fact->state == OG_FACT_FAILED ? " " : "",
		    fact->state == OG_FACT_FAILED ?
		    og_reason_word(fact->failure) : "", fact->record.role,
		    fact->source == OG_SOURCE_STORE ? "the store" : "the API",
		    fact->fetched_at == 0 ? -1 : now - fact->fetched_at);
		if (fact->state != OG_FACT_FOUND &&
		    fact->state != OG_FACT_ABSENT)
			continue;
		if (now - fact->fetched_at > gate->answer->age)
			gate->answer->age = now - fact->fetched_at;
	}
}

static enum og_reason
evaluate(struct gate *gate)
{
	int64_t now;

	if (og_check_new(&gate->check, gate->conf, gate->policy,
	    &gate->answer->subject, gate->store, gate->log) != OG_OK)
		return OG_NO_MEMORY;
	now = og_clock_wall();
	while (og_check_step(gate->check, now) == OG_STEP_WANT) {
		fetch(gate);
		now = og_clock_wall();
	}
	gate->answer->cache = og_cache_word(og_check_cache(gate->check));
	review_facts(gate, now);
	return og_check_decision(gate->check)->reason;
}

/* After the decision, which it cannot change: io/tally_file.h. Who is exempt
 * was judged before the store was opened. */
static void
count(struct gate *gate)
{
	const char *policy;
	unsigned int cache;
	struct og_message ignored;

	if (gate->store == NULL && gate->conf != NULL && geteuid() == 0)
		(void)og_store_open(&gate->store, gate->conf->directory, 0,
		    gate->conf, NULL, &ignored);
	if (gate->store == NULL)
		return;
	policy = gate->policy != NULL ? gate->policy->name : NULL;
	cache = OG_TALLY_NO_CACHE;
	if (gate->check != NULL)
		cache = (unsigned int)og_check_cache(gate->check);
	og_tally_file_count(gate->store, policy, OG_DOOR_PAM,
	    gate->answer->reason, cache);
}

void
gate_decide(struct gate_answer *answer, const struct gate_question *question,
    const struct og_log *log)
{
	struct gate gate;
	enum og_reason reason;

	memset(&gate, 0, sizeof(gate));
	gate.question = question;
	gate.answer = answer;
	gate.log = log;
	gate.deadline_ms = og_clock_mono();
	memset(answer, 0, sizeof(*answer));
	answer->age = -1;

	reason = prepare(&gate);
	if (reason == OG_GO_ON)
		reason = evaluate(&gate);
	answer->reason = reason;
	count(&gate);

	og_check_free(gate.check);
	og_store_free(gate.store);
	og_config_free(gate.conf);
}
