#include "client/sync.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "client/sync_private.h"
#include "io/store_write.h"
#include "value/clock.h"

#define TELL_MS	1000		/* how often a wait is told of */

struct plan {
	struct og_sync_list *list;
	size_t count;
	size_t size;
};

static bool
add(struct plan *plan, struct og_sync *sync, enum og_query_kind kind,
    const char *container)
{
	struct og_sync_list *larger;
	struct og_query query;
	size_t i, size;

	memset(&query, 0, sizeof(query));
	query.kind = kind;
	memcpy(query.container, container, strlen(container) + 1);
	for (i = 0; i < plan->count; i++) {
		if (og_query_equal(&plan->list[i].list, &query))
			return true;
	}
	if (plan->count == plan->size) {
		size = plan->size > 0 ? plan->size * 2 : 16;
		larger = reallocarray(plan->list, size, sizeof(*larger));
		if (larger == NULL)
			return false;
		plan->list = larger;
		plan->size = size;
	}
	memset(&plan->list[plan->count], 0, sizeof(plan->list[0]));
	plan->list[plan->count].sync = sync;
	plan->list[plan->count++].list = query;
	return true;
}

static bool
add_lines(struct plan *plan, struct og_sync *sync, enum og_query_kind kind,
    const struct og_words *line, size_t lines)
{
	size_t i, j;

	for (i = 0; i < lines; i++) {
		for (j = 0; j < line[i].count; j++) {
			if (!add(plan, sync, kind, line[i].item[j]))
				return false;
		}
	}
	return true;
}

/* Each list once, however many policies name it. */
static bool
make_plan(struct plan *plan, struct og_sync *sync)
{
	const struct og_policy *policy;
	size_t i;

	if (!add(plan, sync, OG_QUERY_USER, ""))
		return false;
	for (i = 0; i < sync->conf->policy_count; i++) {
		policy = &sync->conf->policies[i];
		if (!add_lines(plan, sync, OG_QUERY_PROJECT_USER,
		    policy->project, policy->project_count) ||
		    !add_lines(plan, sync, OG_QUERY_GROUP_USER, policy->group,
		    policy->group_count))
			return false;
	}
	return add(plan, sync, OG_QUERY_INVITE, "");
}

static struct og_sync_list *
next_of(const struct plan *plan, enum og_endpoint endpoint)
{
	size_t i;

	for (i = 0; i < plan->count; i++) {
		if (!plan->list[i].done &&
		    og_api_endpoint(&plan->list[i].list) == endpoint)
			return &plan->list[i];
	}
	return NULL;
}

/*
 * One list of each endpoint is under way: each endpoint has a pace of its own,
 * and while one has to wait another need not. Returns -1 when all have ended.
 */
static int64_t
step(struct plan *plan)
{
	struct og_sync_list *list;
	enum og_endpoint endpoint;
	int64_t soonest, wait;

	soonest = -1;
	for (endpoint = 0; endpoint < OG_ENDPOINT_COUNT; endpoint++) {
		list = next_of(plan, endpoint);
		if (list == NULL)
			continue;
		wait = og_sync_step(list);
		if (soonest < 0 || wait < soonest)
			soonest = wait;
	}
	return soonest;
}

static enum og_reason
run(struct plan *plan)
{
	int64_t wait;
	size_t i;

	while ((wait = step(plan)) >= 0) {
		if (wait > 0)
			(void)poll(NULL, 0, (int)(wait < TELL_MS ? wait :
			    TELL_MS));
	}
	for (i = 0; i < plan->count; i++) {
		if (plan->list[i].result.reason != OG_GO_ON)
			return plan->list[i].result.reason;
	}
	return OG_GO_ON;
}

static enum og_reason
open_journals(struct og_sync *sync)
{
	enum og_error error;

	/* What was read before could not serve any more. */
	error = og_journals_open(&sync->journals, sync->store,
	    og_clock_wall(), og_config_limit(sync->conf));
	if (error == OG_OK)
		return OG_GO_ON;
	if (error == OG_ERR_BUSY)
		og_log(sync->log, LOG_ERR, "another sync of %s is under way",
		    sync->conf->directory);
	return og_reason_of(error, OG_STORE);
}

enum og_reason
og_sync_run(const struct og_config *conf, struct og_store *store,
    struct og_http *http, struct og_tally *tally, const struct og_log *log,
    const struct og_sync_events *events)
{
	enum og_reason reason;
	struct og_sync sync;
	struct plan plan;

	sync = (struct og_sync){ conf, store, http, tally, log, events, NULL,
	    0 };
	memset(&plan, 0, sizeof(plan));
	reason = open_journals(&sync);
	if (reason == OG_GO_ON && !make_plan(&plan, &sync))
		reason = OG_NO_MEMORY;
	if (reason == OG_GO_ON)
		reason = run(&plan);
	if (reason == OG_GO_ON)
		og_journals_finish(sync.journals);
	else
		og_journals_close(sync.journals);
	og_store_sweep(store, og_clock_wall());
	free(plan.list);
	return reason;
}
