#include "io/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/store_private.h"
#include "value/text.h"

struct og_snapshot {
	struct og_list list;
};

struct comparison {
	struct og_list *other;
	void (*changed)(void *arg, enum og_change, const struct og_record *,
	    const struct og_record *);
	void *arg;
};

enum og_error
og_snapshot_take(struct og_snapshot **out, struct og_store *store,
    const struct og_query *list, int64_t now)
{
	char name[OG_STORE_NAME_MAX];
	struct og_snapshot *snapshot;

	*out = NULL;
	snapshot = calloc(1, sizeof(*snapshot));
	if (snapshot == NULL)
		return OG_ERR_NOMEM;
	if (!og_store_open_list(store, &snapshot->list, name, list, now)) {
		free(snapshot);
		return OG_OK;
	}
	*out = snapshot;
	return OG_OK;
}

void
og_snapshot_free(struct og_snapshot *snapshot)
{
	if (snapshot == NULL)
		return;
	og_store_close_list(&snapshot->list);
	free(snapshot);
}

struct og_list_info
og_snapshot_info(const struct og_snapshot *snapshot)
{
	return (struct og_list_info){
		.state = snapshot->list.head.state,
		.fetched_at = snapshot->list.head.fetched_at,
		.boot_ms = snapshot->list.head.boot_ms,
		.rows = snapshot->list.head.rows,
	};
}

static enum og_error
find(struct og_list *list, const char *id, struct og_record *record,
    bool *found)
{
	char key[OG_LIST_KEY_MAX];

	snprintf(key, sizeof(key), "i%s", id);
	return og_list_find(list, key, record, found);
}

bool
og_snapshot_find(struct og_snapshot *snapshot, const char *id,
    struct og_record *record)
{
	bool found;

	return find(&snapshot->list, id, record, &found) == OG_OK && found &&
	    strcmp(record->id, id) == 0;
}

enum og_error
og_snapshot_each(const struct og_snapshot *snapshot,
    enum og_error (*each)(void *arg, const struct og_record *), void *arg)
{
	return og_list_each(&snapshot->list, each, arg);
}

static enum og_error
look_back(void *arg, const struct og_record *after)
{
	const struct comparison *comparison;
	struct og_record before;
	enum og_error error;
	bool found;

	comparison = arg;
	error = find(comparison->other, after->id, &before, &found);
	if (error != OG_OK)
		return error;
	if (!found)
		comparison->changed(comparison->arg, OG_CHANGE_JOINED, NULL,
		    after);
	else if (strcmp(before.role, after->role) != 0)
		comparison->changed(comparison->arg, OG_CHANGE_ROLE, &before,
		    after);
	else if (before.disabled != after->disabled ||
	    before.service_account != after->service_account ||
	    !og_equal_folded(before.email, after->email))
		comparison->changed(comparison->arg, OG_CHANGE_ACCOUNT,
		    &before, after);
	return OG_OK;
}

static enum og_error
look_ahead(void *arg, const struct og_record *before)
{
	const struct comparison *comparison;
	struct og_record after;
	enum og_error error;
	bool found;

	comparison = arg;
	error = find(comparison->other, before->id, &after, &found);
	if (error == OG_OK && !found)
		comparison->changed(comparison->arg, OG_CHANGE_LEFT, before,
		    NULL);
	return error;
}

enum og_error
og_snapshot_compare(struct og_snapshot *before, struct og_snapshot *after,
    void (*changed)(void *arg, enum og_change, const struct og_record *before,
    const struct og_record *after), void *arg)
{
	struct comparison comparison;
	enum og_error error;

	comparison = (struct comparison){ &before->list, changed, arg };
	error = og_list_each(&after->list, look_back, &comparison);
	if (error != OG_OK)
		return error;
	comparison.other = &after->list;
	return og_list_each(&before->list, look_ahead, &comparison);
}
