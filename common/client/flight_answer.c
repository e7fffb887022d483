#include "client/flight.h"

#include <string.h>
#include <syslog.h>

#include "client/lookup.h"
#include "io/lock.h"
#include "io/pace.h"
#include "value/clock.h"
#include "value/text.h"

static bool
row_is(const struct og_record *row, const struct og_query *query)
{
	if (query->subject_kind == OG_SUBJECT_ID)
		return strcmp(row->id, query->subject) == 0;
	return og_equal_folded(row->email, query->subject);
}

/* False: the same row came twice, so the pages contradict each other. */
static bool
match_row(struct og_waiter *waiter, const struct og_record *row)
{
	if (!row_is(row, &waiter->query))
		return true;
	if (waiter->matches++ == 0) {
		waiter->answer.record = *row;
		return true;
	}
	if (strcmp(waiter->answer.record.id, row->id) == 0)
		return false;
	waiter->answer.record.ambiguous = true;
	return true;
}

static void
answer_with(const struct og_flight *flight, struct og_waiter *waiter,
    enum og_fact_state state)
{
	waiter->answer.state = state;
	waiter->answer.source = OG_SOURCE_API;
	waiter->answer.fetched_at = flight->sent_at;
}

static void
not_kept(const struct og_flight *flight, enum og_error error)
{
	char text[OG_QUERY_TEXT_MAX];

	/* Flushed meanwhile: as it should be. */
	if (error == OG_ERR_MISSING)
		return;
	og_query_text(&flight->query, text);
	og_log(flight->fetch->log, LOG_ERR,
	    "the store cannot keep the answer to %s: %s (%m)", text,
	    og_strerror(error));
}

static void
contradiction(struct og_flight *flight, const char *what)
{
	char text[OG_QUERY_TEXT_MAX];

	og_query_text(&flight->query, text);
	og_log(flight->fetch->log, LOG_WARNING, "%s: %s", text, what);
	og_flight_fail(flight, OG_PROTOCOL, -1);
}

/* False: the rows cannot all be true. A store that cannot be written only
 * means that the list is not kept. */
static bool
take_rows(struct og_flight *flight, const struct og_page *page)
{
	struct og_waiter *waiter;
	enum og_error error;
	size_t i;

	if (flight->pages == 0 && flight->fetch->store != NULL) {
		error = og_list_begin(&flight->writer, flight->fetch->store,
		    &flight->query);
		if (error != OG_OK)
			not_kept(flight, error);
	}
	for (i = 0; i < page->count; i++) {
		TAILQ_FOREACH(waiter, &flight->waiters, next) {
			if (!match_row(waiter, &page->row[i]))
				return false;
		}
		if (flight->writer == NULL)
			continue;
		error = og_list_add(flight->writer, &page->row[i]);
		if (error == OG_ERR_PROTOCOL)
			return false;
		if (error != OG_OK) {
			not_kept(flight, error);
			og_list_abort(flight->writer);
			flight->writer = NULL;
		}
	}
	return true;
}

static void
keep_list(struct og_flight *flight, enum og_list_state state)
{
	enum og_error error;

	if (flight->writer == NULL)
		return;
	error = og_list_commit(flight->writer, flight->sent_at,
	    flight->sent_boot_ms, state, flight->flushes);
	flight->writer = NULL;
	if (error != OG_OK)
		not_kept(flight, error);
	og_store_sweep(flight->fetch->store, og_clock_wall());
}

/* What is older does not take the place of what is younger, nor a part that of
 * the whole, while that may serve. */
static bool
is_worth_keeping(const struct og_flight *flight, enum og_list_state state)
{
	const struct og_fetch *fetch;
	struct og_list_info list;
	int64_t now;

	fetch = flight->fetch;
	if (flight->writer == NULL)
		return false;
	now = og_clock_wall();
	list = og_store_list(fetch->store, &flight->query, now);
	if (list.state == OG_LIST_NONE)
		return true;
	if (list.fetched_at > flight->sent_at)
		return false;
	return list.state == OG_LIST_PARTIAL || state == OG_LIST_COMPLETE ||
	    flight->pages >= og_list_pages(fetch->conf) ||
	    now - list.fetched_at >= og_config_limit(fetch->conf);
}

static void
end_list(struct og_flight *flight, enum og_list_state state)
{
	struct og_waiter *waiter, *next;

	if (is_worth_keeping(flight, state))
		keep_list(flight, state);
	for (waiter = TAILQ_FIRST(&flight->waiters); waiter != NULL;
	    waiter = next) {
		next = TAILQ_NEXT(waiter, next);
		if (waiter->matches > 0)
			answer_with(flight, waiter, OG_FACT_FOUND);
		else if (state == OG_LIST_COMPLETE)
			answer_with(flight, waiter, OG_FACT_ABSENT);
		else
			continue;
		og_flight_land(waiter, OG_LANDED);
	}
	og_flight_end(flight, OG_LANDED_PARTIAL);
}

void
og_flight_give_up(struct og_flight *flight, enum og_reason reason)
{
	if (flight->kind == OG_FLIGHT_LIST && flight->pages > 0)
		end_list(flight, OG_LIST_PARTIAL);
	else
		og_flight_end_failed(flight, reason);
}

static void
take_list(struct og_flight *flight, const struct og_answer *answer)
{
	/* ABSENT: no such project or group, or an archived one: a complete list
	 * of nobody, and page is empty. Not so a later page: that is the cursor,
	 * as in has_another_question. */
	if (flight->pages > 0 &&
	    (answer->refused || answer->state == OG_FACT_ABSENT)) {
		og_flight_give_up(flight, OG_PROTOCOL);
		return;
	}
	if (!take_rows(flight, &answer->page)) {
		contradiction(flight, "the same row came twice");
		return;
	}
	flight->pages++;
	if (!answer->page.has_more) {
		end_list(flight, OG_LIST_COMPLETE);
		return;
	}
	if (flight->kind == OG_FLIGHT_LIST &&
	    flight->pages >= og_list_pages(flight->fetch->conf)) {
		end_list(flight, OG_LIST_PARTIAL);
		return;
	}
	if (strcmp(flight->cursor, answer->page.cursor) == 0 ||
	    og_circle_closes(&flight->circle, answer->page.cursor)) {
		contradiction(flight, "the same cursor came twice");
		return;
	}
	if (flight->pages >= OG_API_PAGES_MAX) {
		contradiction(flight, "the list does not end");
		return;
	}
	memcpy(flight->cursor, answer->page.cursor, sizeof(flight->cursor));
	flight->phase = OG_PHASE_PACE;
	flight->wake = og_clock_mono();
}

static void
keep_single(struct og_flight *flight, const struct og_query *query,
    const struct og_record *record)
{
	struct og_fact fact;
	enum og_error error;

	if (flight->fetch->store == NULL)
		return;
	og_store_get_single(flight->fetch->store, &fact, query,
	    og_clock_wall());
	if (fact.state != OG_FACT_WANTED && fact.fetched_at > flight->sent_at)
		return;
	memset(&fact, 0, sizeof(fact));
	fact.query = *query;
	fact.fetched_at = flight->sent_at;
	fact.state = OG_FACT_ABSENT;
	if (record != NULL) {
		fact.state = OG_FACT_FOUND;
		fact.record = *record;
	}
	error = og_store_put_single(flight->fetch->store, &fact,
	    flight->sent_boot_ms, flight->flushes);
	if (error != OG_OK)
		not_kept(flight, error);
	og_store_sweep(flight->fetch->store, og_clock_wall());
}

static void
land_email(struct og_flight *flight, const char *email,
    enum og_fact_state state, const struct og_record *row)
{
	struct og_waiter *waiter, *next;

	for (waiter = TAILQ_FIRST(&flight->waiters); waiter != NULL;
	    waiter = next) {
		next = TAILQ_NEXT(waiter, next);
		if (strcmp(waiter->query.subject, email) != 0)
			continue;
		if (row != NULL)
			waiter->answer.record = *row;
		waiter->answer.failure = OG_PROTOCOL;
		answer_with(flight, waiter, state);
		og_flight_land(waiter, OG_LANDED);
	}
}

static void
set_apart(const struct og_flight *flight, size_t from, size_t to)
{
	if (flight->fetch->store == NULL)
		return;
	for (; from < to; from++)
		og_wants_set_apart(flight->fetch->store, flight->email[from]);
}

/* Those that were not asked for are next, or the rest of them. */
static void
go_on_with_emails(struct og_flight *flight)
{
	if (TAILQ_EMPTY(&flight->waiters)) {
		og_flight_end(flight, OG_LANDED);
		return;
	}
	flight->phase = OG_PHASE_PACE;
	flight->wake = og_clock_mono();
}

/*
 * The API takes one of the addresses for no address, and does not say which:
 * it may not decide for the others. The first half of them is asked for, until
 * that does, and what is left of the last refused one by one; an address that
 * is refused alone is the one.
 */
static void
refuse_emails(struct og_flight *flight)
{
	flight->refused = flight->email_count;
	if (flight->email_count > 1) {
		flight->email_count /= 2;
		flight->email_max = flight->email_count;
	} else {
		og_log(flight->fetch->log, LOG_WARNING,
		    "the API refuses the address %s", flight->email[0]);
		land_email(flight, flight->email[0], OG_FACT_FAILED, NULL);
		set_apart(flight, 0, 1);
		flight->refused = 0;
	}
	go_on_with_emails(flight);
}

/*
 * The question is at fault, not the API, and another may do. No address makes
 * the path lead nowhere. Who stood at the end of the last page may be gone, and
 * with him the cursor: what was read is true, and the others can be asked for.
 */
static bool
has_another_question(const struct og_flight *flight,
    const struct og_answer *answer)
{
	if (flight->kind == OG_FLIGHT_EMAILS)
		return answer->refused && !answer->not_found;
	return answer->refused && flight->kind == OG_FLIGHT_LIST &&
	    flight->pages > 0;
}

static const enum og_fact_state picked[] = {
	[OG_PICK_FOUND] = OG_FACT_FOUND,
	[OG_PICK_ABSENT] = OG_FACT_ABSENT,
	[OG_PICK_AMBIGUOUS] = OG_FACT_FAILED,
	[OG_PICK_IGNORED] = OG_FACT_FAILED,
};

static void
take_emails(struct og_flight *flight, const struct og_answer *answer)
{
	const char *email[OG_API_EMAILS_MAX];
	const struct og_record *row[OG_API_EMAILS_MAX];
	enum og_pick pick[OG_API_EMAILS_MAX];
	struct og_query query;
	size_t count, i;

	count = flight->email_count;
	for (i = 0; i < count; i++)
		email[i] = flight->email[i];
	for (i = 0; i < count; i++) {
		row[i] = NULL;
		pick[i] = og_page_pick(&answer->page, email, count, email[i],
		    &row[i]);
		if (pick[i] == OG_PICK_IGNORED) {
			og_log(flight->fetch->log, LOG_WARNING,
			    "the API ignored the emails[] filter: "
			    "reading all pages");
			og_flight_end(flight, OG_LANDED_IGNORED);
			return;
		}
	}
	for (i = 0; i < count; i++) {
		query = flight->query;
		memcpy(query.subject, flight->email[i], sizeof(query.subject));
		if (pick[i] == OG_PICK_FOUND || pick[i] == OG_PICK_ABSENT)
			keep_single(flight, &query,
			    pick[i] == OG_PICK_FOUND ? row[i] : NULL);
		else
			og_log(flight->fetch->log, LOG_WARNING,
			    "two people have the address %s", email[i]);
	}
	for (i = 0; i < count; i++)
		land_email(flight, email[i], picked[pick[i]],
		    pick[i] == OG_PICK_FOUND ? row[i] : NULL);
	/* One of these it is. */
	set_apart(flight, count, flight->refused);
	flight->refused = 0;
	flight->email_max *= 2;
	if (flight->email_max > OG_API_EMAILS_MAX)
		flight->email_max = OG_API_EMAILS_MAX;
	go_on_with_emails(flight);
}

static void
take_row(struct og_flight *flight, const struct og_answer *answer)
{
	struct og_waiter *waiter;
	struct og_record *row;

	row = NULL;
	if (answer->state == OG_FACT_FOUND) {
		row = &answer->page.row[0];
		/* Asked for by the id that belongs to the address. */
		if (flight->query.subject_kind == OG_SUBJECT_EMAIL &&
		    row->email[0] == '\0')
			memcpy(row->email, flight->query.subject,
			    sizeof(row->email));
		if (flight->query.subject_kind == OG_SUBJECT_EMAIL &&
		    !og_equal_folded(row->email, flight->query.subject)) {
			contradiction(flight,
			    "the row asked for has another e-mail address");
			return;
		}
	}
	keep_single(flight, &flight->query, row);
	TAILQ_FOREACH(waiter, &flight->waiters, next) {
		if (row != NULL)
			waiter->answer.record = *row;
		answer_with(flight, waiter,
		    row != NULL ? OG_FACT_FOUND : OG_FACT_ABSENT);
	}
	og_flight_end(flight, OG_LANDED);
}

void
og_flight_take(struct og_flight *flight, struct og_answer *answer)
{
	struct og_fetch *fetch;

	fetch = flight->fetch;
	if (answer->message.text[0] != '\0')
		og_log(fetch->log, answer->state == OG_FACT_FAILED &&
		    answer->failure == OG_CREDENTIAL ? LOG_ALERT : LOG_WARNING,
		    "%s", answer->message.text);
	if (answer->state == OG_FACT_FAILED &&
	    !has_another_question(flight, answer)) {
		og_flight_fail(flight, answer->failure, answer->retry_after_ms);
		return;
	}
	/* Who answers is there: nobody needs to wait because of it. */
	if (fetch->store != NULL)
		og_pace_succeed(fetch->store, og_flight_endpoint(flight));
	switch (flight->kind) {
	case OG_FLIGHT_LIST:
	case OG_FLIGHT_WALK:
		take_list(flight, answer);
		return;
	case OG_FLIGHT_EMAILS:
		if (answer->refused)
			refuse_emails(flight);
		else
			take_emails(flight, answer);
		return;
	case OG_FLIGHT_ROW:
		take_row(flight, answer);
		return;
	}
}
