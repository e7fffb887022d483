#include "client/sync_private.h"

#include <string.h>
#include <syslog.h>

#include "io/pace.h"
#include "io/store_write.h"
#include "value/clock.h"

#define PAGE_TIMEOUT_MS	30000
#define FAILURES_MAX	8	/* in a row; with back-off some three minutes */

/* Without a pace to keep: a second of each endpoint's between two. */
#define UNPACED_MAX	16

static void
end(struct og_sync_list *list, enum og_reason reason)
{
	struct og_sync *sync;

	sync = list->sync;
	og_journal_close(list->journal);
	list->journal = NULL;
	list->done = true;
	list->result.list = &list->list;
	list->result.reason = reason;
	sync->events->ended(sync->events->arg, &list->result);
}

static void
tell(const struct og_sync_list *list, int64_t wait_ms, enum og_reason why)
{
	const struct og_journal_state *state;
	struct og_sync_progress progress;

	state = og_journal_state(list->journal);
	progress = (struct og_sync_progress){
		.list = &list->list,
		.pages = state->pages,
		.rows = state->rows,
		.expected = list->expected,
		.wait_ms = wait_ms,
		.why = why,
	};
	list->sync->events->progress(list->sync->events->arg, &progress);
}

/* ---- the end: from the journal into the store ---- */

struct merge {
	struct og_list_writer *writer;
	struct og_snapshot *younger;	/* rows that were read later; or NULL */
	enum og_error error;		/* of add_missing ... */
	uint64_t missing;		/* ... and what it has added */
};

static enum og_error
add_row(void *arg, const struct og_record *record)
{
	const struct merge *merge;
	struct og_record later;

	merge = arg;
	if (merge->younger != NULL &&
	    og_snapshot_find(merge->younger, record->id, &later))
		record = &later;
	return og_list_add(merge->writer, record);
}

/* Of somebody who came on a page that had been read. */
static enum og_error
add_missing(void *arg, const struct og_record *record)
{
	struct merge *merge;
	bool found;

	merge = arg;
	merge->error = og_list_has(merge->writer, record->id, &found);
	if (merge->error == OG_OK && !found) {
		merge->error = og_list_add(merge->writer, record);
		merge->missing += merge->error == OG_OK;
	}
	return merge->error;
}

static enum og_error
write_list(struct og_sync_list *list, struct og_snapshot *younger)
{
	const struct og_journal_state *state;
	struct merge merge;
	enum og_error error;

	state = og_journal_state(list->journal);
	merge.younger = younger;
	merge.error = OG_OK;
	merge.missing = 0;
	error = og_list_begin(&merge.writer, list->sync->store, &list->list);
	if (error != OG_OK)
		return error;
	error = og_journal_read(list->journal, add_row, &merge);
	if (error == OG_OK && younger != NULL) {
		/* What is damaged there says nothing. */
		(void)og_snapshot_each(younger, add_missing, &merge);
		error = merge.error;
		list->result.rows += merge.missing;
	}
	if (error == OG_OK)
		return og_list_commit(merge.writer, state->fetched_at,
		    state->boot_ms, OG_LIST_COMPLETE, list->flushes);
	og_list_abort(merge.writer);
	return error;
}

static enum og_error
compare(struct og_sync_list *list, struct og_snapshot *before)
{
	const struct og_sync_events *events;
	struct og_snapshot *after;
	enum og_error error;

	events = list->sync->events;
	error = og_snapshot_take(&after, list->sync->store, &list->list,
	    og_clock_wall());
	if (error != OG_OK || after == NULL)
		return error;
	error = og_snapshot_compare(before, after, events->changed,
	    events->arg);
	og_snapshot_free(after);
	return error;
}

/* Nothing is left to do: somebody else has read that list, whole, since. */
static void
be_fresh(struct og_sync_list *list, const struct og_list_info *known)
{
	list->result.fresh = true;
	list->result.rows = known->rows;
	list->result.age = og_clock_wall() - known->fetched_at;
}

/* Older facts never take the place of newer ones: a whole list that somebody
 * else has read since stays, and of a part the rows do. */
static enum og_error
replace(struct og_sync_list *list)
{
	struct og_snapshot *before;
	struct og_list_info known;
	enum og_error error;
	bool younger;

	memset(&known, 0, sizeof(known));
	error = og_snapshot_take(&before, list->sync->store, &list->list,
	    og_clock_wall());
	if (error != OG_OK)
		return error;
	if (before != NULL)
		known = og_snapshot_info(before);
	list->result.known = known.state == OG_LIST_COMPLETE;
	younger = known.fetched_at >
	    og_journal_state(list->journal)->fetched_at;
	if (list->result.known && younger) {
		be_fresh(list, &known);
		goto out;
	}
	error = write_list(list, younger ? before : NULL);
	/* What cannot be compared stands all the same. */
	if (error == OG_OK && list->result.known &&
	    compare(list, before) != OG_OK)
		list->result.known = false;
out:
	og_snapshot_free(before);
	return error;
}

/* The pages cannot all be true, and none of them is of use to the next sync:
 * once more from the first. */
static void
contradiction(struct og_sync_list *list, const char *what)
{
	char text[OG_QUERY_TEXT_MAX];

	og_query_text(&list->list, text);
	og_log(list->sync->log, LOG_WARNING, "%s: %s", text, what);
	if (og_journal_restart(list->journal) != OG_OK)
		end(list, OG_STORE);
	else if (list->restarted)
		end(list, OG_PROTOCOL);
	list->restarted = true;
	memset(&list->circle, 0, sizeof(list->circle));
}

static void
finish(struct og_sync_list *list)
{
	const struct og_journal_state *state;
	enum og_error error;

	state = og_journal_state(list->journal);
	list->result.rows = state->rows;
	list->result.age = og_clock_wall() - state->fetched_at;
	error = replace(list);
	switch (error) {
	case OG_OK:
		end(list, OG_GO_ON);
		break;
	case OG_ERR_PROTOCOL:
		contradiction(list, "the same row came twice");
		break;
	case OG_ERR_CORRUPT:
	case OG_ERR_MISSING:
		/* Damaged, or flushed while we read: begin anew. */
		og_journal_close(list->journal);
		list->journal = NULL;
		break;
	default:
		end(list, og_reason_of(error, OG_STORE));
		break;
	}
}

/* ---- one page ---- */

static void
arrived(void *arg, const struct og_reply *reply)
{
	struct og_sync_list *list;

	list = arg;
	list->arrived = true;
	list->age = reply->age;
	og_api_read(&list->answer, &list->list, reply);
	og_tally_fetched(list->sync->tally, og_api_endpoint(&list->list),
	    og_api_outcome(reply, &list->answer));
}

static bool
may_be_over_soon(enum og_reason reason)
{
	return reason == OG_NETWORK || reason == OG_TIMEOUT ||
	    reason == OG_SERVER_ERROR || reason == OG_RATE_LIMITED;
}

static void
take_failure(struct og_sync_list *list)
{
	enum og_reason reason;

	reason = list->answer.failure;
	if (list->answer.message.text[0] != '\0')
		og_log(list->sync->log, reason == OG_CREDENTIAL ? LOG_ALERT :
		    LOG_WARNING, "%s", list->answer.message.text);
	og_pace_fail(list->sync->store, og_api_endpoint(&list->list), reason,
	    list->answer.retry_after_ms);
	if (!may_be_over_soon(reason) || ++list->failures == FAILURES_MAX)
		end(list, reason);
}

static void
keep_page(struct og_sync_list *list, int64_t sent_at, int64_t sent_boot_ms)
{
	struct og_journal_page page;
	enum og_error error;

	page = (struct og_journal_page){
		.row = list->answer.page.row,
		.count = list->answer.page.count,
		.cursor = list->answer.page.has_more ?
		    list->answer.page.cursor : "",
		.fetched_at = sent_at,
		.boot_ms = sent_boot_ms,
	};
	error = og_journal_add(list->journal, &page);
	if (error != OG_OK)
		end(list, error == OG_ERR_LIMIT ? OG_PROTOCOL :
		    og_reason_of(error, OG_STORE));
	else
		tell(list, 0, OG_GO_ON);
}

static void
take_page(struct og_sync_list *list, int64_t sent_at, int64_t sent_boot_ms)
{
	const struct og_journal_state *state;
	const struct og_page *page;

	state = og_journal_state(list->journal);
	page = &list->answer.page;
	/* Who stood at the end of the last page may be gone, and with him the
	 * cursor; the next sync would begin with it, too. */
	if (list->answer.refused && state->pages > 0) {
		contradiction(list, "the API refuses its own cursor");
		return;
	}
	if (list->answer.state == OG_FACT_FAILED) {
		take_failure(list);
		return;
	}
	og_pace_succeed(list->sync->store, og_api_endpoint(&list->list));
	list->failures = 0;
	/* ABSENT: nobody is in it, or it is no more. As a list: of nobody. */
	if (list->answer.state == OG_FACT_ABSENT && state->pages > 0)
		contradiction(list, "a page of the list is not there");
	else if (page->has_more && (strcmp(page->cursor, state->cursor) == 0 ||
	    og_circle_closes(&list->circle, page->cursor)))
		contradiction(list, "the same cursor came twice");
	else if (state->pages >= OG_API_PAGES_MAX * 100)
		contradiction(list, "the list does not end");
	else
		keep_page(list, sent_at, sent_boot_ms);
}

static void
ask(struct og_sync_list *list)
{
	const struct og_journal_state *state;
	int64_t sent_at, sent_boot_ms;
	struct og_buffer path;
	enum og_error error;

	state = og_journal_state(list->journal);
	memset(&list->answer, 0, sizeof(list->answer));
	list->arrived = false;
	sent_at = og_clock_wall();
	sent_boot_ms = og_clock_boot();
	og_buffer_init(&path, OG_API_PATH_MAX);
	error = og_api_path(&path, &list->list, state->cursor[0] != '\0' ?
	    state->cursor : NULL);
	if (error == OG_OK)
		error = og_http_get(list->sync->http, path.data,
		    og_clock_mono() + PAGE_TIMEOUT_MS, arrived, list);
	og_buffer_free(&path);
	if (error != OG_OK) {
		end(list, og_reason_of(error, OG_NETWORK));
		return;
	}
	list->result.requests++;
	og_http_wait(list->sync->http, &list->arrived);
	/* Kept since before the boot: at least as old as this boot is. */
	sent_at -= list->age;
	sent_boot_ms -= list->age * 1000;
	take_page(list, sent_at, sent_boot_ms > 0 ? sent_boot_ms : 1);
	og_page_free(&list->answer.page);
}

/* False: it has ended. */
static bool
begin(struct og_sync_list *list)
{
	struct og_list_info known;
	enum og_error error;
	int64_t now;

	now = og_clock_wall();
	known = og_store_list(list->sync->store, &list->list, now);
	list->expected = known.state == OG_LIST_COMPLETE ? known.rows : 0;
	if (known.state == OG_LIST_COMPLETE &&
	    og_journals_since(list->sync->journals, &known)) {
		be_fresh(list, &known);
		end(list, OG_GO_ON);
		return false;
	}
	/* Before the journal, which a flush takes away. */
	list->flushes = og_store_flushes(list->sync->store);
	error = og_journal_open(&list->journal, list->sync->journals,
	    &list->list, now);
	if (error != OG_OK) {
		end(list, og_reason_of(error, OG_STORE));
		return false;
	}
	list->result.resumed = og_journal_state(list->journal)->pages;
	memset(&list->circle, 0, sizeof(list->circle));
	return true;
}

/* The milliseconds to wait for the pace; -1: it cannot be had, nor for any
 * other list. */
static int64_t
wait_for_pace(struct og_sync_list *list, enum og_reason *why)
{
	struct og_sync *sync;
	unsigned int rpm;
	int64_t wait;

	sync = list->sync;
	rpm = sync->conf->requests_per_minute;
	wait = og_pace_take(sync->store, og_api_endpoint(&list->list), rpm,
	    og_pace_reserve(rpm), why);
	if (wait == 0 || *why != OG_STORE)
		sync->unpaced = 0;
	else if (++sync->unpaced >= UNPACED_MAX)
		return -1;
	return wait;
}

int64_t
og_sync_step(struct og_sync_list *list)
{
	enum og_reason why;
	int64_t wait;

	if (list->journal == NULL && !begin(list))
		return 0;
	if (og_journal_state(list->journal)->complete) {
		finish(list);
		return 0;
	}
	wait = wait_for_pace(list, &why);
	if (wait < 0) {
		end(list, OG_STORE);
		return 0;
	}
	if (wait > 0) {
		tell(list, wait, why);
		return wait;
	}
	ask(list);
	return 0;
}
