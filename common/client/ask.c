#include "client/ask.h"

#include <stdlib.h>
#include <string.h>

#include "client/flight.h"
#include "client/lookup.h"
#include "value/clock.h"

/* After a refresh that came to nothing. */
#define REFRESH_QUIET_MS 5000

struct item {
	struct og_waiter waiter;
	struct og_ask *ask;
	bool needs_id;		/* waits for the person's row, to know his id */
	bool done;
};

/*
 * items 0 … asked-1 are what was asked for. A membership in a large project
 * or group can be asked for by user id only, so one more item for each person
 * may look up the person himself.
 */
struct og_ask {
	TAILQ_ENTRY(og_ask) next;
	struct og_fetch *fetch;
	int64_t deadline;
	bool background;
	void (*done)(void *arg, const struct og_fact *answer, size_t count);
	void *arg;
	struct og_fact *answer;		/* asked of them */
	size_t asked;
	size_t count;			/* of asked … 2 * asked */
	struct item item[];
};

/* ---- one item: which request answers it ---- */

static void item_single(struct item *);
static void user_known(struct item *);

static void
item_done(struct item *item)
{
	item->done = true;
	item->needs_id = false;
	if (item->waiter.query.kind == OG_QUERY_USER)
		user_known(item);
}

static void
item_fail(struct item *item, enum og_reason reason)
{
	item->waiter.answer.state = OG_FACT_FAILED;
	item->waiter.answer.failure = reason;
	item_done(item);
}

static void
item_join(struct item *item, enum og_flight_kind kind,
    const struct og_query *path)
{
	if (og_flight_join(item->ask->fetch, &item->waiter, kind, path,
	    item->ask->deadline) != OG_OK)
		item_fail(item, OG_NO_MEMORY);
}

/* A row of `user`'s, by his id: or nothing, when he is not there at all. */
static void
item_by_id(struct item *item, const struct og_fact *user)
{
	struct og_query path;

	item->needs_id = false;
	if (user->state == OG_FACT_ABSENT) {
		/* Project users are organization users (CONTRACT section 1.3). */
		item->waiter.answer.state = OG_FACT_ABSENT;
		item->waiter.answer.source = user->source;
		item->waiter.answer.fetched_at = user->fetched_at;
		item_done(item);
		return;
	}
	if (user->state != OG_FACT_FOUND) {
		item_fail(item, user->failure);
		return;
	}
	if (user->record.ambiguous) {
		item_fail(item, OG_PROTOCOL);
		return;
	}
	path = item->waiter.query;
	path.subject_kind = OG_SUBJECT_ID;
	memset(path.subject, 0, sizeof(path.subject));
	memcpy(path.subject, user->record.id, sizeof(user->record.id));
	item_join(item, OG_FLIGHT_ROW, &path);
}

static bool
same_person(const struct og_query *a, const struct og_query *b)
{
	return a->subject_kind == b->subject_kind &&
	    strcmp(a->subject, b->subject) == 0;
}

static void
user_known(struct item *user)
{
	struct og_ask *ask;
	size_t i;

	ask = user->ask;
	for (i = 0; i < ask->count; i++) {
		if (ask->item[i].needs_id && same_person(
		    &ask->item[i].waiter.query, &user->waiter.query))
			item_by_id(&ask->item[i], &user->waiter.answer);
	}
}

static void
item_landed(struct og_waiter *waiter, enum og_landing landing)
{
	struct item *item;

	item = waiter->owner;
	switch (landing) {
	case OG_LANDED:
		item_done(item);
		break;
	case OG_LANDED_PARTIAL:
		item_single(item);
		break;
	case OG_LANDED_IGNORED:
		item_join(item, OG_FLIGHT_WALK, NULL);
		break;
	}
}

/* List first: it answers for everybody. One known to be too large for that is
 * not begun again; the person is asked for himself. */
static void
item_start(struct item *item)
{
	struct og_fetch *fetch;
	struct og_list_info list;
	struct og_query query;
	int64_t now;

	fetch = item->ask->fetch;
	if (fetch->http == NULL) {
		item_fail(item, fetch->grounded);
		return;
	}
	if (item->waiter.query.kind == OG_QUERY_INVITE) {
		/* Can be neither filtered nor asked for by person. */
		item_join(item, OG_FLIGHT_WALK, NULL);
		return;
	}
	if (fetch->store != NULL) {
		now = og_clock_wall();
		query = og_query_list(&item->waiter.query);
		list = og_store_list(fetch->store, &query, now);
		if (og_list_is_large(fetch->conf, &list, query.kind, now)) {
			item_single(item);
			return;
		}
	}
	item_join(item, OG_FLIGHT_LIST, NULL);
}

static void
item_init(struct item *item, struct og_ask *ask, const struct og_query *query)
{
	item->ask = ask;
	item->waiter.query = *query;
	item->waiter.answer.query = *query;
	item->waiter.background = ask->background;
	item->waiter.land = item_landed;
	item->waiter.owner = item;
}

/* The ask's own item for the person, made when it has none. */
static struct item *
user_item(struct og_ask *ask, const struct og_query *member)
{
	struct og_query query;
	struct item *item;
	size_t i;

	for (i = 0; i < ask->count; i++) {
		if (ask->item[i].waiter.query.kind == OG_QUERY_USER &&
		    same_person(&ask->item[i].waiter.query, member))
			return &ask->item[i];
	}
	query = *member;
	query.kind = OG_QUERY_USER;
	memset(query.container, 0, sizeof(query.container));
	item = &ask->item[ask->count++];
	item_init(item, ask, &query);
	/* A stale id is as good: ids do not change. */
	if (og_lookup(ask->fetch->store, ask->fetch->conf, &query,
	    og_clock_wall(), &item->waiter.answer) != OG_AGE_EXPIRED)
		item_done(item);
	else
		item_start(item);
	return item;
}

static void
item_single(struct item *item)
{
	const struct og_query *query;
	struct item *user;

	query = &item->waiter.query;
	if (query->subject_kind == OG_SUBJECT_ID) {
		item_join(item, OG_FLIGHT_ROW, query);
		return;
	}
	if (query->kind == OG_QUERY_USER) {
		item_join(item, OG_FLIGHT_EMAILS, NULL);
		return;
	}
	user = user_item(item->ask, query);
	if (user->done)
		item_by_id(item, &user->waiter.answer);
	else
		item->needs_id = true;
}

/* ---- asks ---- */

static void
ask_free(struct og_ask *ask)
{
	size_t i;

	TAILQ_REMOVE(&ask->fetch->asks, ask, next);
	for (i = 0; i < ask->count; i++)
		og_flight_leave(&ask->item[i].waiter);
	free(ask->answer);
	free(ask);
}

static struct og_ask *
ask_new(struct og_fetch *fetch, size_t asked, int64_t deadline_ms)
{
	struct og_ask *ask;

	ask = calloc(1, sizeof(*ask) + 2 * asked * sizeof(ask->item[0]));
	if (ask == NULL)
		return NULL;
	ask->answer = calloc(asked > 0 ? asked : 1, sizeof(*ask->answer));
	if (ask->answer == NULL) {
		free(ask);
		return NULL;
	}
	ask->fetch = fetch;
	ask->deadline = deadline_ms;
	ask->asked = asked;
	ask->count = asked;
	TAILQ_INSERT_TAIL(&fetch->asks, ask, next);
	return ask;
}

struct og_ask *
og_fetch_ask(struct og_fetch *fetch, const struct og_facts *wanted,
    int64_t deadline_ms,
    void (*done)(void *arg, const struct og_fact *answer, size_t count),
    void *arg)
{
	struct og_ask *ask;
	size_t i, n;

	for (i = n = 0; i < wanted->count; i++) {
		if (wanted->item[i].state == OG_FACT_WANTED)
			n++;
	}
	ask = ask_new(fetch, n, deadline_ms);
	if (ask == NULL)
		return NULL;
	ask->done = done;
	ask->arg = arg;
	/* All are there before the first starts: it may need another's answer. */
	for (i = n = 0; i < wanted->count; i++) {
		if (wanted->item[i].state != OG_FACT_WANTED)
			continue;
		item_init(&ask->item[n], ask, &wanted->item[i].query);
		ask->item[n].waiter.has_stale = wanted->item[i].stale;
		n++;
	}
	for (i = 0; i < n; i++)
		item_start(&ask->item[i]);
	return ask;
}

void
og_ask_cancel(struct og_ask *ask)
{
	ask_free(ask);
}

static void
refreshed(void *arg, const struct og_fact *answer, size_t count)
{
	struct og_fetch *fetch;

	fetch = arg;
	if (count == 0 || answer->state == OG_FACT_FAILED)
		fetch->quiet_until = og_clock_mono() + REFRESH_QUIET_MS;
}

void
og_fetch_refresh(struct og_fetch *fetch, const struct og_query *query,
    int64_t deadline_ms)
{
	struct og_query list, other;
	struct og_ask *ask;

	if (fetch->http == NULL || og_clock_mono() < fetch->quiet_until)
		return;
	list = og_query_list(query);
	TAILQ_FOREACH(ask, &fetch->asks, next) {
		if (!ask->background)
			continue;
		other = og_query_list(&ask->item[0].waiter.query);
		if (og_query_equal(&other, &list))
			return;
	}
	ask = ask_new(fetch, 1, deadline_ms);
	if (ask == NULL)
		return;
	ask->background = true;
	ask->done = refreshed;
	ask->arg = fetch;
	item_init(&ask->item[0], ask, query);
	item_start(&ask->item[0]);
}

static bool
ask_ready(const struct og_ask *ask)
{
	size_t i;

	for (i = 0; i < ask->asked; i++) {
		if (!ask->item[i].done)
			return false;
	}
	return true;
}

static void
ask_finish(struct og_ask *ask)
{
	struct og_fact *answer;
	size_t i, count;
	void (*done)(void *, const struct og_fact *, size_t);
	void *arg;

	for (i = 0; i < ask->asked; i++) {
		if (!ask->item[i].done)
			item_fail(&ask->item[i], OG_TIMEOUT);
		ask->answer[i] = ask->item[i].waiter.answer;
	}
	answer = ask->answer;
	ask->answer = NULL;
	count = ask->asked;
	done = ask->done;
	arg = ask->arg;
	ask_free(ask);
	done(arg, answer, count);
	free(answer);
}

static struct og_ask *
next_finished(struct og_fetch *fetch, int64_t now_ms)
{
	struct og_ask *ask;

	TAILQ_FOREACH(ask, &fetch->asks, next) {
		if (ask_ready(ask) || ask->deadline <= now_ms)
			return ask;
	}
	return NULL;
}

void
og_asks_finish(struct og_fetch *fetch)
{
	struct og_ask *ask;

	while ((ask = next_finished(fetch, og_clock_mono())) != NULL)
		ask_finish(ask);
}

int64_t
og_asks_wake(const struct og_fetch *fetch)
{
	const struct og_ask *ask;
	int64_t wake;

	wake = OG_NEVER;
	TAILQ_FOREACH(ask, &fetch->asks, next) {
		if (ask_ready(ask))
			return 0;
		if (ask->deadline < wake)
			wake = ask->deadline;
	}
	return wake;
}

void
og_asks_free(struct og_fetch *fetch)
{
	struct og_ask *ask;

	while ((ask = TAILQ_FIRST(&fetch->asks)) != NULL)
		ask_free(ask);
}
