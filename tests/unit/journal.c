/* What a sync keeps of its pages, and what it makes of damaged ones. */
#include "store_kit.h"

#include <sys/file.h>
#include <sys/wait.h>

#include "io/journal.h"
#include "io/snapshot.h"
#include "io/store_private.h"

#define DAY 86400

static struct og_store *store;
static struct og_journals *journals;

static int
make(void **state)
{
	if (before(state) != 0)
		return 1;
	store = kit_store(NULL);
	return og_journals_open(&journals, store, NOW, DAY) != OG_OK;
}

static int
drop(void **state)
{
	og_journals_close(journals);
	og_store_free(store);
	return kit_clear(state);
}

static struct og_journal *
open_users(void)
{
	struct og_journal *journal;

	assert_int_equal(og_journal_open(&journal, journals, &users, NOW),
	    OG_OK);
	return journal;
}

/* Persons first … first + rows - 1. */
static void
add(struct og_journal *journal, unsigned int first, unsigned int rows,
    const char *cursor)
{
	struct og_journal_page page;
	struct og_record row[100];
	unsigned int i;

	for (i = 0; i < rows; i++)
		row[i] = person(first + i);
	page = (struct og_journal_page){ row, rows, cursor, NOW + first, 77 };
	assert_int_equal(og_journal_add(journal, &page), OG_OK);
}

static enum og_error
in_order(void *arg, const struct og_record *record)
{
	unsigned int *next;

	next = arg;
	assert_true(is_person(record, *next));
	++*next;
	return OG_OK;
}

static unsigned int
read_all(struct og_journal *journal)
{
	unsigned int next;

	next = 1;
	assert_int_equal(og_journal_read(journal, in_order, &next), OG_OK);
	return next - 1;
}

static void
again(void)
{
	og_journals_close(journals);
	assert_int_equal(og_journals_open(&journals, store, NOW + 5, DAY),
	    OG_OK);
}

static void
pages_stay(void **state)
{
	const struct og_journal_state *now;
	struct og_journal *journal;

	(void)state;
	journal = open_users();
	assert_int_equal(og_journal_state(journal)->pages, 0);
	add(journal, 1, 100, "a");
	add(journal, 101, 50, "b");
	og_journal_close(journal);
	again();
	journal = open_users();
	now = og_journal_state(journal);
	assert_int_equal(now->pages, 2);
	assert_int_equal(now->rows, 150);
	assert_string_equal(now->cursor, "b");
	assert_false(now->complete);
	assert_int_equal(now->fetched_at, NOW + 1);
	assert_int_equal(now->boot_ms, 77);
	assert_int_equal(read_all(journal), 150);
	/* It can be gone on with after it was read. */
	add(journal, 151, 0, "");
	assert_true(og_journal_state(journal)->complete);
	assert_int_equal(read_all(journal), 150);
	assert_int_equal(og_journal_restart(journal), OG_OK);
	assert_int_equal(og_journal_state(journal)->pages, 0);
	assert_int_equal(read_all(journal), 0);
	og_journal_close(journal);
	assert_int_equal(said.lines, 0);
}

/* Whatever single byte is wrong: pages are dropped from there on, and no row
 * is ever another than it was. */
static void
damage(void **state)
{
	const struct og_journal_state *now;
	struct og_journal *journal;
	unsigned char *data;
	char path[PATH_MAX], name[OG_STORE_NAME_MAX];
	size_t at, len, whole;

	(void)state;
	journal = open_users();
	add(journal, 1, 3, "a");
	add(journal, 4, 2, "b");
	og_journal_close(journal);
	og_store_name(name, OG_INNER_SYNC, "users");
	snprintf(path, sizeof(path), "%s/store/%s", scratch, name);
	data = get_file(path, &len);
	assert_non_null(data);
	whole = 0;
	for (at = 0; at < len; at++) {
		data[at] ^= 0x21;
		assert_true(put_file(path, data, len, 0600));
		data[at] ^= 0x21;
		journal = open_users();
		now = og_journal_state(journal);
		assert_true(now->pages < 2);
		assert_int_equal(read_all(journal), now->rows);
		assert_int_equal(now->rows, now->pages == 1 ? 3 : 0);
		whole += now->pages;
		og_journal_close(journal);
	}
	assert_in_range(whole, 1, len);
	for (at = 0; at < len; at += 3) {
		assert_true(put_file(path, data, at, 0600));
		journal = open_users();
		now = og_journal_state(journal);
		assert_true(now->pages < 2);
		/* What was cut off is gone for good: the next page is whole. */
		add(journal, now->pages == 1 ? 4 : 1, 1, "c");
		og_journal_close(journal);
		journal = open_users();
		assert_string_equal(og_journal_state(journal)->cursor, "c");
		assert_int_equal(read_all(journal),
		    og_journal_state(journal)->rows);
		og_journal_close(journal);
	}
	free(data);
}

static void
another_sync(void **state)
{
	struct og_journals *other;
	struct og_journal *journal;
	struct og_list_info list;

	(void)state;
	assert_int_equal(og_journals_open(&other, store, NOW, DAY),
	    OG_ERR_BUSY);
	journal = open_users();
	add(journal, 1, 3, "a");
	og_journal_close(journal);
	memset(&list, 0, sizeof(list));
	list.fetched_at = NOW + 1;
	assert_false(og_journals_since(journals, &list));
	again();
	assert_true(og_journals_since(journals, &list));
	list.fetched_at = NOW - 1;
	assert_false(og_journals_since(journals, &list));
	/* Too old, it is begun anew, and knows nothing of what was. */
	og_journals_close(journals);
	assert_int_equal(og_journals_open(&journals, store, NOW + DAY + 1,
	    DAY), OG_OK);
	assert_int_equal(og_journal_open(&journal, journals, &users,
	    NOW + DAY + 1), OG_OK);
	assert_int_equal(og_journal_state(journal)->pages, 0);
	add(journal, 1, 3, "a");
	og_journal_close(journal);
	/* So does the one that follows a complete one. */
	og_journals_finish(journals);
	assert_int_equal(count_files("sync"), 1);
	assert_int_equal(og_journals_open(&journals, store, NOW + DAY + 2,
	    DAY), OG_OK);
	list.fetched_at = NOW + 2 * DAY;
	assert_false(og_journals_since(journals, &list));
	assert_int_equal(said.lines, 0);
}

/* What was flushed must not come back. */
static void
flushed(void **state)
{
	struct og_journal *journal;
	unsigned int next;
	size_t removed;

	(void)state;
	journal = open_users();
	add(journal, 1, 3, "");
	assert_int_equal(og_store_flush(store, NULL, &removed), OG_OK);
	assert_int_equal(removed, 0);
	next = 1;
	assert_int_equal(og_journal_read(journal, in_order, &next),
	    OG_ERR_CORRUPT);
	og_journal_close(journal);
	journal = open_users();
	assert_int_equal(og_journal_state(journal)->pages, 0);
	og_journal_close(journal);
}

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);

static unsigned int flushes_left;

/* A flush between a file's open and the look at it. */
int
__wrap_fstat(int fd, struct stat *st)
{
	char path[PATH_MAX], name[OG_STORE_NAME_MAX];

	if (flushes_left > 0) {
		flushes_left--;
		og_store_name(name, OG_INNER_SYNC, "users");
		snprintf(path, sizeof(path), "%s/store/%s", scratch, name);
		(void)unlink(path);
	}
	return __real_fstat(fd, st);
}

static void
flushed_while_opened(void **state)
{
	struct og_journal *journal;

	(void)state;
	flushes_left = 3;
	journal = open_users();
	assert_int_equal(flushes_left, 0);
	add(journal, 1, 3, "");
	og_journal_close(journal);
	/* Endless flushing is not endless work. */
	flushes_left = 1000;
	assert_int_equal(og_journal_open(&journal, journals, &users, NOW),
	    OG_ERR_SYSTEM);
	assert_true(flushes_left > 900);
	flushes_left = 0;
}

static void
hostile_files(void **state)
{
	char path[PATH_MAX], name[OG_STORE_NAME_MAX];
	struct og_journal *journal;
	int kind;

	(void)state;
	og_store_name(name, OG_INNER_SYNC, "users");
	snprintf(path, sizeof(path), "%s/store/%s", scratch, name);
	for (kind = 0; kind < 4; kind++) {
		if (kind == 0)
			assert_int_equal(symlink("/etc/passwd", path), 0);
		else if (kind == 1)
			assert_int_equal(mkfifo(path, 0600), 0);
		else if (kind == 2)
			assert_int_equal(mkdir(path, 0700), 0);
		else
			assert_true(put_file(path, "", 0, 0644));
		memset(&said, 0, sizeof(said));
		assert_int_equal(og_journal_open(&journal, journals, &users,
		    NOW), OG_ERR_SYSTEM);
		assert_said(name);
		remove(path);
	}
}

struct changes {
	unsigned int count[OG_CHANGE_ACCOUNT + 1];
};

static void
changed(void *arg, enum og_change change, const struct og_record *was,
    const struct og_record *is)
{
	struct changes *changes;

	changes = arg;
	changes->count[change]++;
	assert_true((was == NULL) == (change == OG_CHANGE_JOINED));
	assert_true((is == NULL) == (change == OG_CHANGE_LEFT));
	if (was != NULL && is != NULL)
		assert_string_equal(was->id, is->id);
}

/* 1 … 9 become 3 … 12; 4 and 5 with another role, 6 disabled. */
static void
differences(void **state)
{
	struct og_snapshot *was, *is;
	struct og_list_writer *writer;
	struct changes changes;
	struct og_record record;
	unsigned int i;

	(void)state;
	assert_int_equal(og_snapshot_take(&was, store, &users, NOW), OG_OK);
	assert_null(was);
	assert_int_equal(put_list(store, &users, 1, 9, NOW, OG_LIST_COMPLETE),
	    OG_OK);
	assert_int_equal(og_snapshot_take(&was, store, &users, NOW), OG_OK);
	assert_int_equal(og_snapshot_info(was).rows, 9);
	assert_int_equal(og_list_begin(&writer, store, &users), OG_OK);
	for (i = 3; i <= 12; i++) {
		record = person(i);
		if (i == 4 || i == 5)
			snprintf(record.role, sizeof(record.role), "other");
		if (i == 6)
			record.disabled = !record.disabled;
		assert_int_equal(og_list_add(writer, &record), OG_OK);
	}
	assert_int_equal(og_list_commit(writer, NOW, 0,
	    OG_LIST_COMPLETE, 0), OG_OK);
	assert_int_equal(og_snapshot_take(&is, store, &users, NOW), OG_OK);
	memset(&changes, 0, sizeof(changes));
	assert_int_equal(og_snapshot_compare(was, is, changed, &changes),
	    OG_OK);
	assert_int_equal(changes.count[OG_CHANGE_JOINED], 3);
	assert_int_equal(changes.count[OG_CHANGE_LEFT], 2);
	assert_int_equal(changes.count[OG_CHANGE_ROLE], 2);
	assert_int_equal(changes.count[OG_CHANGE_ACCOUNT], 1);
	memset(&changes, 0, sizeof(changes));
	assert_int_equal(og_snapshot_compare(is, is, changed, &changes),
	    OG_OK);
	for (i = 0; i <= OG_CHANGE_ACCOUNT; i++)
		assert_int_equal(changes.count[i], 0);
	og_snapshot_free(was);
	og_snapshot_free(is);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pages_stay, make, drop),
		cmocka_unit_test_setup_teardown(damage, make, drop),
		cmocka_unit_test_setup_teardown(another_sync, make, drop),
		cmocka_unit_test_setup_teardown(flushed, make, drop),
		cmocka_unit_test_setup_teardown(flushed_while_opened, make,
		    drop),
		cmocka_unit_test_setup_teardown(hostile_files, make, drop),
		cmocka_unit_test_setup_teardown(differences, make, drop),
	};
	int failed;

	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("journal", tests, NULL, NULL);
	scratch_clear(scratch);
	return failed;
}
