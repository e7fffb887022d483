#include "io/store_private.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "value/text.h"
#include "value/wire.h"

static const char magic[8] = { 'O', 'G', 'F', 'A', 'C', 'T', '2', '\n' };

#define HEAD_SIZE	(sizeof(magic) + sizeof(struct og_print) + sizeof(uint64_t))
#define SUM_SIZE	sizeof(uint64_t)

enum og_error
og_single_encode(struct og_buffer *buffer, const struct og_single_head *head,
    const struct og_fact *fact)
{
	enum og_error error;
	uint64_t boot_ms, sum;
	size_t start;

	start = buffer->len;
	error = og_buffer_add(buffer, magic, sizeof(magic));
	if (error == OG_OK)
		error = og_buffer_add(buffer, &head->print,
		    sizeof(head->print));
	boot_ms = htole64((uint64_t)head->boot_ms);
	if (error == OG_OK)
		error = og_buffer_add(buffer, &boot_ms, sizeof(boot_ms));
	if (error == OG_OK)
		error = og_wire_put_fact(buffer, fact);
	if (error != OG_OK)
		return error;
	sum = htole64(og_fnv1a(OG_FNV_START, buffer->data + start,
	    buffer->len - start));
	return og_buffer_add(buffer, &sum, sizeof(sum));
}

const char *
og_single_decode(struct og_fact *fact, struct og_single_head *head,
    const void *data, size_t len)
{
	const unsigned char *p;
	uint64_t boot_ms, sum;
	size_t used;

	memset(fact, 0, sizeof(*fact));
	p = data;
	if (len < HEAD_SIZE + SUM_SIZE)
		return "cut short; not used";
	if (memcmp(p, magic, sizeof(magic)) != 0)
		return "not a fact of this version; not used";
	memcpy(&sum, p + len - SUM_SIZE, sizeof(sum));
	if (le64toh(sum) != og_fnv1a(OG_FNV_START, p, len - SUM_SIZE))
		return "damaged; not used";
	memcpy(&head->print, p + sizeof(magic), sizeof(head->print));
	memcpy(&boot_ms, p + sizeof(magic) + sizeof(head->print),
	    sizeof(boot_ms));
	head->boot_ms = (int64_t)le64toh(boot_ms);
	if (og_wire_get_fact(fact, p + HEAD_SIZE, len - HEAD_SIZE - SUM_SIZE,
	    &used) != OG_OK || used != len - HEAD_SIZE - SUM_SIZE)
		return "damaged; not used";
	return NULL;
}

enum og_error
og_single_load(struct og_store *store, const char *name,
    unsigned char data[OG_SINGLE_MAX], size_t *len)
{
	enum og_error error;
	struct stat st;
	ssize_t n;
	int fd;

	*len = 0;
	error = og_store_open_file(store, OG_INNER_SINGLES, name, &fd, &st);
	if (error != OG_OK)
		return error;
	if (st.st_size > OG_SINGLE_MAX) {
		og_store_say(store, LOG_WARNING, name,
		    "larger than any fact; not used");
		error = OG_ERR_CORRUPT;
		goto out;
	}
	do
		n = read(fd, data, OG_SINGLE_MAX);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		og_store_say(store, LOG_WARNING, name, strerror(errno));
		error = OG_ERR_SYSTEM;
	} else {
		*len = (size_t)n;
	}
out:
	close(fd);
	return error;
}

static const char *
single_trouble(const struct og_store *store, const struct og_print *print,
    const struct og_fact *found, const struct og_query *query, int64_t now)
{
	const char *trouble;

	if (!og_query_equal(&found->query, query))
		return OG_TROUBLE_QUERY;
	if (found->state == OG_FACT_FAILED || (found->state == OG_FACT_FOUND &&
	    !og_store_is_subject(&found->record, query)))
		return "not an answer to its own query; not used";
	trouble = og_store_foreign(store, print);
	if (trouble == NULL)
		trouble = og_store_untimely(found->fetched_at, now);
	return trouble;
}

void
og_store_get_single(struct og_store *store, struct og_fact *fact,
    const struct og_query *query, int64_t now)
{
	char name[OG_STORE_NAME_MAX], text[OG_QUERY_TEXT_MAX];
	unsigned char data[OG_SINGLE_MAX];
	struct og_single_head head;
	struct og_fact found;
	const char *trouble;
	size_t len;

	og_store_wanted(fact, query);
	if (query->subject_kind == OG_SUBJECT_LIST)
		return;
	og_query_text(query, text);
	og_store_name(name, OG_INNER_SINGLES, text);
	if (og_single_load(store, name, data, &len) != OG_OK)
		return;
	trouble = og_single_decode(&found, &head, data, len);
	if (trouble == NULL)
		trouble = single_trouble(store, &head.print, &found, query,
		    now);
	if (trouble != NULL) {
		og_store_say(store, LOG_WARNING, name, trouble);
		return;
	}
	fact->record = found.record;
	og_store_answered(fact, found.state, og_store_date(found.fetched_at,
	    head.boot_ms, now));
}
