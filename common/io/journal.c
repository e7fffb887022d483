#include "io/journal_private.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "value/text.h"
#include "value/wire.h"

#define ROW_KEY		"row"
#define PAGE_BYTES_MAX	(16 * 1024 * 1024)
#define PAGE_MAGIC	UINT32_C(0x45474150)	/* "PAGE" */

/* Before each page; cursor and rows follow, each row after its length. */
struct page {
	uint32_t magic;
	uint32_t count;
	uint32_t len;			/* of the rows */
	uint32_t cursor_len;
	uint64_t fetched_at;
	uint64_t boot_ms;
	uint64_t sum;			/* of all above, cursor and rows */
};
_Static_assert(sizeof(struct page) == 40, "a page's head has holes");

struct og_journal {
	struct og_journals *journals;	/* borrowed */
	char name[OG_STORE_NAME_MAX];
	char query[OG_LIST_TEXT_MAX];
	FILE *file;
	struct og_buffer buffer;
	struct og_journal_state state;
};

const struct og_journal_state *
og_journal_state(const struct og_journal *journal)
{
	return &journal->state;
}

static uint64_t
page_sum(const struct page *page, const void *rest, size_t len)
{
	return htole64(og_fnv1a(og_fnv1a(OG_FNV_START, page,
	    offsetof(struct page, sum)), rest, len));
}

/* The next page into journal->buffer. False: there is none that is whole. */
static bool
read_page(struct og_journal *journal, struct page *page)
{
	size_t len;

	if (fread(page, sizeof(*page), 1, journal->file) != 1 ||
	    le32toh(page->magic) != PAGE_MAGIC ||
	    le32toh(page->len) > PAGE_BYTES_MAX ||
	    le32toh(page->cursor_len) >= sizeof(journal->state.cursor))
		return false;
	len = (size_t)le32toh(page->len) + le32toh(page->cursor_len);
	og_buffer_reset(&journal->buffer);
	for (size_t n; len > 0; len -= n) {
		char chunk[4096];

		n = len < sizeof(chunk) ? len : sizeof(chunk);
		if (fread(chunk, n, 1, journal->file) != 1 ||
		    og_buffer_add(&journal->buffer, chunk, n) != OG_OK)
			return false;
	}
	return page->sum == page_sum(page, journal->buffer.data,
	    journal->buffer.len);
}

static void
note_page(struct og_journal_state *state, const struct page *page,
    const char *cursor)
{
	int64_t fetched_at;

	fetched_at = (int64_t)le64toh(page->fetched_at);
	if (state->pages++ == 0 || fetched_at < state->fetched_at) {
		state->fetched_at = fetched_at;
		state->boot_ms = (int64_t)le64toh(page->boot_ms);
	}
	state->rows += le32toh(page->count);
	state->complete = page->cursor_len == 0;
	og_copy(state->cursor, sizeof(state->cursor), cursor,
	    le32toh(page->cursor_len));
}

enum og_error
og_journal_restart(struct og_journal *journal)
{
	struct og_journal_head head;

	memset(&journal->state, 0, sizeof(journal->state));
	head = journal->journals->head;
	og_copy(head.query, sizeof(head.query), journal->query,
	    strlen(journal->query));
	head.sum = og_journal_head_sum(&head);
	/* Not rewind(3), which drops what could not be written without a word. */
	if (fseek(journal->file, 0, SEEK_SET) != 0 ||
	    og_journal_write_head(fileno(journal->file), &head) != OG_OK ||
	    fseek(journal->file, 0, SEEK_END) != 0)
		return og_journal_failed(journal->journals->store, journal->name);
	return OG_OK;
}

/* Of this sync, and not of one that nobody finished. */
static bool
is_ours(struct og_journal *journal, int64_t now)
{
	const struct og_journals *journals;
	struct og_journal_head head;

	journals = journal->journals;
	return fread(&head, sizeof(head), 1, journal->file) == 1 &&
	    og_journal_head_fits(&head, journals->store, journal->query, now) &&
	    head.begun_at == journals->head.begun_at &&
	    head.boot_ms == journals->head.boot_ms;
}

static enum og_error
take_up_list(struct og_journal *journal, int64_t now)
{
	struct page page;
	long end;

	if (!is_ours(journal, now))
		return og_journal_restart(journal);
	for (end = sizeof(struct og_journal_head); !journal->state.complete &&
	    read_page(journal, &page); end = ftell(journal->file))
		note_page(&journal->state, &page, journal->buffer.data);
	if (ferror(journal->file) || ftruncate(fileno(journal->file), end) !=
	    0 || fseek(journal->file, end, SEEK_SET) != 0)
		return og_journal_failed(journal->journals->store, journal->name);
	return OG_OK;
}

enum og_error
og_journal_open(struct og_journal **out, struct og_journals *journals,
    const struct og_query *list, int64_t now)
{
	char text[OG_QUERY_TEXT_MAX];
	struct og_journal *journal;
	enum og_error error;
	int fd;

	*out = NULL;
	journal = calloc(1, sizeof(*journal));
	if (journal == NULL)
		return OG_ERR_NOMEM;
	journal->journals = journals;
	og_buffer_init(&journal->buffer, PAGE_BYTES_MAX + 1024);
	og_query_text(list, text);
	og_copy(journal->query, sizeof(journal->query), text, strlen(text));
	og_store_name(journal->name, OG_INNER_SYNC, text);
	error = OG_ERR_SYSTEM;
	fd = og_journal_open_file(journals->store, journal->name);
	if (fd < 0)
		goto out;
	journal->file = fdopen(fd, "r+");
	if (journal->file == NULL) {
		close(fd);
		error = OG_ERR_NOMEM;
		goto out;
	}
	/* Nothing may be left in a buffer when a write has failed. */
	setvbuf(journal->file, NULL, _IONBF, 0);
	error = take_up_list(journal, now);
	if (error == OG_OK) {
		*out = journal;
		journal = NULL;
	}
out:
	og_journal_close(journal);
	return error;
}

void
og_journal_close(struct og_journal *journal)
{
	if (journal == NULL)
		return;
	if (journal->file != NULL)
		fclose(journal->file);
	og_buffer_free(&journal->buffer);
	free(journal);
}

/* Cursor and rows as they lie in the file. */
static enum og_error
encode(struct og_journal *journal, const struct og_journal_page *page)
{
	struct og_buffer *buffer;
	enum og_error error;
	uint16_t len;
	size_t i, at;

	buffer = &journal->buffer;
	og_buffer_reset(buffer);
	error = og_buffer_add(buffer, page->cursor, strlen(page->cursor));
	for (i = 0; i < page->count && error == OG_OK; i++) {
		at = buffer->len;
		error = og_buffer_add(buffer, &len, sizeof(len));
		if (error == OG_OK)
			error = og_wire_put_row(buffer, journal->query,
			    ROW_KEY, &page->row[i]);
		if (error == OG_OK) {
			len = htole16((uint16_t)(buffer->len - at -
			    sizeof(len)));
			memcpy(buffer->data + at, &len, sizeof(len));
		}
	}
	if (error == OG_OK && buffer->len > PAGE_BYTES_MAX)
		error = OG_ERR_LIMIT;
	return error;
}

enum og_error
og_journal_add(struct og_journal *journal, const struct og_journal_page *added)
{
	const struct og_buffer *buffer;
	enum og_error error;
	struct page page;
	size_t cursor_len;
	long end;

	buffer = &journal->buffer;
	error = encode(journal, added);
	if (error != OG_OK)
		return error;
	cursor_len = strlen(added->cursor);
	memset(&page, 0, sizeof(page));
	page.magic = htole32(PAGE_MAGIC);
	page.count = htole32((uint32_t)added->count);
	page.len = htole32((uint32_t)(buffer->len - cursor_len));
	page.cursor_len = htole32((uint32_t)cursor_len);
	page.fetched_at = htole64((uint64_t)added->fetched_at);
	page.boot_ms = htole64((uint64_t)added->boot_ms);
	page.sum = page_sum(&page, buffer->data, buffer->len);
	end = ftell(journal->file);
	if (end < 0 || fwrite(&page, sizeof(page), 1, journal->file) != 1 ||
	    (buffer->len > 0 &&
	    fwrite(buffer->data, buffer->len, 1, journal->file) != 1) ||
	    fflush(journal->file) != 0 || fsync(fileno(journal->file)) != 0) {
		(void)og_journal_failed(journal->journals->store, journal->name);
		/* A half page would hide the ones that follow it. */
		if (end >= 0 && ftruncate(fileno(journal->file), end) == 0)
			(void)fseek(journal->file, end, SEEK_SET);
		return OG_ERR_SYSTEM;
	}
	note_page(&journal->state, &page, added->cursor);
	return OG_OK;
}

/* The rows behind the cursor in journal->buffer. */
static enum og_error
each_row(const struct og_journal *journal, const struct page *page,
    enum og_error (*each)(void *arg, const struct og_record *), void *arg)
{
	struct og_record record;
	enum og_error error;
	const char *p, *end;
	uint16_t len;
	uint32_t i;

	p = journal->buffer.data + le32toh(page->cursor_len);
	end = journal->buffer.data + journal->buffer.len;
	for (i = 0; i < le32toh(page->count); i++, p += len) {
		if ((size_t)(end - p) < sizeof(len))
			return OG_ERR_CORRUPT;
		memcpy(&len, p, sizeof(len));
		len = le16toh(len);
		p += sizeof(len);
		if ((size_t)(end - p) < len ||
		    og_wire_get_row(&record, journal->query, ROW_KEY, p,
		    len) != OG_OK)
			return OG_ERR_CORRUPT;
		error = each(arg, &record);
		if (error != OG_OK)
			return error;
	}
	return p == end ? OG_OK : OG_ERR_CORRUPT;
}

enum og_error
og_journal_read(struct og_journal *journal,
    enum og_error (*each)(void *arg, const struct og_record *), void *arg)
{
	enum og_error error;
	struct page page;
	struct stat st;
	unsigned int i;

	error = OG_OK;
	/* Taken away meanwhile: what it says is to be asked for again. */
	if (fstat(fileno(journal->file), &st) == 0 && st.st_nlink == 0)
		return OG_ERR_CORRUPT;
	if (fseek(journal->file, sizeof(struct og_journal_head), SEEK_SET) != 0)
		return og_journal_failed(journal->journals->store, journal->name);
	for (i = 0; i < journal->state.pages && error == OG_OK; i++)
		error = read_page(journal, &page) ?
		    each_row(journal, &page, each, arg) : OG_ERR_CORRUPT;
	if (fseek(journal->file, 0, SEEK_END) != 0 && error == OG_OK)
		error = og_journal_failed(journal->journals->store, journal->name);
	return error;
}
