#include "io/store_write.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/store_private.h"
#include "value/clock.h"
#include "value/text.h"

struct visitor {
	struct og_store *store;
	void (*visit)(void *, const struct og_store_entry *);
	void *arg;
	int64_t now;
};

/* The query's own words must lead to the file. */
static const char *
check_name(const char *name, enum og_inner inner, const char *text)
{
	char should[OG_STORE_NAME_MAX];

	og_store_name(should, inner, text);
	return strcmp(name, should) == 0 ? NULL : OG_TROUBLE_QUERY;
}

static const char *
usable(const struct visitor *visitor, const struct og_print *print,
    int64_t fetched_at)
{
	const char *trouble;

	trouble = og_store_foreign(visitor->store, print);
	return trouble != NULL ? trouble :
	    og_store_untimely(fetched_at, visitor->now);
}

static const char *
read_single(struct visitor *visitor, const char *name, struct og_fact *fact)
{
	char text[OG_QUERY_TEXT_MAX];
	unsigned char data[OG_SINGLE_MAX];
	struct og_single_head head;
	const char *trouble;
	size_t len;

	if (og_single_load(visitor->store, name, data, &len) != OG_OK)
		return "cannot be read, or must not be trusted (owner, mode)";
	trouble = og_single_decode(fact, &head, data, len);
	if (trouble != NULL)
		return trouble;
	fact->source = OG_SOURCE_STORE;
	og_query_text(&fact->query, text);
	trouble = check_name(name, OG_INNER_SINGLES, text);
	if (trouble == NULL)
		trouble = usable(visitor, &head.print, fact->fetched_at);
	fact->fetched_at = og_store_date(fact->fetched_at, head.boot_ms,
	    visitor->now);
	return trouble;
}

static const char *
read_list(struct visitor *visitor, const char *name, struct og_fact *fact,
    struct og_list_head *head)
{
	const char *trouble;
	struct og_list list;
	struct stat st;
	int fd;

	if (og_store_open_file(visitor->store, OG_INNER_LISTS, name, &fd,
	    &st) != OG_OK)
		return "cannot be read, or must not be trusted (owner, mode)";
	trouble = "damaged; not used";
	if (og_list_open(&list, fd, (uint64_t)st.st_size) == OG_OK &&
	    og_list_verify(&list) == OG_OK &&
	    og_query_parse(&fact->query, list.head.query) == OG_OK) {
		*head = list.head;
		fact->source = OG_SOURCE_STORE;
		fact->fetched_at = og_store_date(head->fetched_at,
		    head->boot_ms, visitor->now);
		trouble = check_name(name, OG_INNER_LISTS, head->query);
		if (trouble == NULL)
			trouble = usable(visitor, &head->print,
			    head->fetched_at);
	}
	og_list_close(&list);
	close(fd);
	return trouble;
}

static enum og_error
each_visit(void *arg, enum og_inner inner, const char *name,
    const struct stat *st)
{
	struct og_store_entry entry;
	struct og_list_head head;
	struct visitor *visitor;
	struct og_fact fact;

	visitor = arg;
	memset(&entry, 0, sizeof(entry));
	memset(&fact, 0, sizeof(fact));
	memset(&head, 0, sizeof(head));
	entry.path = name;
	entry.rows = -1;
	entry.size = (uint64_t)st->st_size;
	if (!og_store_name_valid(name))
		entry.trouble = "temporary or unknown";
	else if (inner == OG_INNER_LISTS)
		entry.trouble = read_list(visitor, name, &fact, &head);
	else
		entry.trouble = read_single(visitor, name, &fact);
	if (entry.trouble == NULL) {
		entry.fact = &fact;
		if (inner == OG_INNER_LISTS) {
			entry.list = head.state;
			entry.rows = (int64_t)head.rows;
		}
	}
	visitor->visit(visitor->arg, &entry);
	return OG_OK;
}

enum og_error
og_store_visit(struct og_store *store,
    void (*visit)(void *arg, const struct og_store_entry *), void *arg)
{
	const struct og_log *log;
	struct visitor visitor;
	enum og_error error;

	visitor = (struct visitor){ store, visit, arg, og_clock_wall() };
	og_store_say_unsafe(store);
	/* The visitor is told; the log need not be. */
	log = store->log;
	store->log = NULL;
	error = og_inner_scan(store, OG_INNER_LISTS, each_visit, &visitor);
	if (error == OG_OK)
		error = og_inner_scan(store, OG_INNER_SINGLES, each_visit,
		    &visitor);
	store->log = log;
	return error;
}
