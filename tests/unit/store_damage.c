/*
 * Damaged, foreign, misplaced and hostile files in a store: a miss or the
 * right answer, never a wrong one, and never a harm to the reader.
 */
#include "store_kit.h"

#include <errno.h>
#include <sys/wait.h>

#define STRANGER 12345

/* A few persons of a list of `rows`, and one who is not there. Counts the
 * answers that are not misses. */
static size_t
never_wrong(struct og_store *store, const struct og_query *list,
    unsigned int rows, int64_t fetched_at)
{
	struct og_query query;
	struct og_fact fact;
	unsigned int i, who;
	size_t answers;

	answers = 0;
	for (i = 0; i < 8; i++) {
		who = i / 2 < 3 ? i / 2 * (rows / 3) : rows + 5;
		query = i % 2 == 0 ? by_id(list, who) : by_email(list, who);
		fact = listed(store, query, NOW);
		if (fact.state == OG_FACT_WANTED)
			continue;
		answers++;
		assert_int_equal(fact.fetched_at, fetched_at);
		assert_int_equal(fact.state,
		    who < rows ? OG_FACT_FOUND : OG_FACT_ABSENT);
		if (who < rows)
			assert_true(is_person(&fact.record, who));
	}
	return answers;
}

/* Each reader over one state of the file. */
static size_t
both_readers(unsigned int rows)
{
	struct og_store *store;
	size_t answers;

	store = kit_store(NULL);
	answers = never_wrong(store, &users, rows, NOW - 1);
	og_store_hold(store);
	answers += never_wrong(store, &users, rows, NOW - 1);
	og_store_free(store);
	return answers;
}

static unsigned char *
fresh_list(unsigned int rows, char path[PATH_MAX], size_t *len)
{
	struct og_store *store;
	unsigned char *data;

	store = kit_store(NULL);
	assert_int_equal(put_list(store, &users, 0, rows, NOW - 1,
	    OG_LIST_COMPLETE), OG_OK);
	og_store_free(store);
	only_file(path, "lists");
	data = get_file(path, len);
	assert_non_null(data);
	assert_int_equal(both_readers(rows), 16);
	return data;
}

static void
overwrite(const char *path, size_t at, const void *data, size_t len)
{
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, (off_t)at), (ssize_t)len);
	close(fd);
}

/* A list that is read at once, and one that is read piece by piece. */
static void
turned_bits(void **state)
{
	static const unsigned int sizes[] = { 3, 1000 };
	char path[PATH_MAX];
	unsigned char *data, byte;
	size_t at, i, len, step;

	(void)state;
	for (i = 0; i < COUNT(sizes); i++) {
		data = fresh_list(sizes[i], path, &len);
		step = sizes[i] < 100 ? 1 : 97;
		for (at = 0; at < len; at += step) {
			byte = data[at] ^ (unsigned char)(1U << at % 8);
			overwrite(path, at, &byte, 1);
			/* Somebody's answer is gone: the absent one's. */
			assert_in_range(both_readers(sizes[i]), 0, 14);
			overwrite(path, at, &data[at], 1);
		}
		assert_int_equal(both_readers(sizes[i]), 16);
		free(data);
	}
}

/* What a power cut or a bad disk leaves: blocks of zeros, or of noise. */
static void
lost_blocks(void **state)
{
	unsigned char block[512], *data;
	char path[PATH_MAX];
	size_t at, i, len, n;

	(void)state;
	data = fresh_list(1000, path, &len);
	for (at = 0; at < len; at += sizeof(block)) {
		n = len - at < sizeof(block) ? len - at : sizeof(block);
		for (i = 0; i < 2; i++) {
			memset(block, i == 0 ? 0 : 0xa5, sizeof(block));
			if (memcmp(block, data + at, n) == 0)
				continue;
			overwrite(path, at, block, n);
			assert_in_range(both_readers(1000), 0, 14);
		}
		overwrite(path, at, data + at, n);
	}
	free(data);
}

static void
cut_lists(void **state)
{
	static const unsigned int sizes[] = { 3, 1000 };
	char path[PATH_MAX];
	unsigned char *data;
	size_t i, len, n, step;

	(void)state;
	for (i = 0; i < COUNT(sizes); i++) {
		data = fresh_list(sizes[i], path, &len);
		step = sizes[i] < 100 ? 1 : 131;
		for (n = 0; n < len; n += step) {
			assert_true(put_file(path, data, n, 0600));
			assert_int_equal(both_readers(sizes[i]), 0);
		}
		/* Longer than it says, in bytes or in zeros. */
		assert_true(put_file(path, data, len, 0600));
		assert_int_equal(truncate(path, (off_t)len + 1), 0);
		assert_int_equal(both_readers(sizes[i]), 0);
		assert_int_equal(truncate(path, (off_t)len + 100000), 0);
		assert_int_equal(both_readers(sizes[i]), 0);
		free(data);
	}
}

static void
damaged_singles(void **state)
{
	struct og_record record;
	struct og_store *store;
	struct og_fact fact;
	unsigned char *data;
	char path[PATH_MAX];
	size_t bit, len, n;

	(void)state;
	store = kit_store(NULL);
	record = person(1);
	assert_int_equal(put_single(store, by_email(&users, 1), OG_FACT_FOUND,
	    &record, NOW), OG_OK);
	only_file(path, "singles");
	data = get_file(path, &len);
	assert_non_null(data);
	for (bit = 0; bit < len * 8; bit++) {
		data[bit / 8] ^= (unsigned char)(1U << bit % 8);
		assert_true(put_file(path, data, len, 0600));
		data[bit / 8] ^= (unsigned char)(1U << bit % 8);
		memset(&said, 0, sizeof(said));
		fact = single(store, by_email(&users, 1), NOW);
		assert_int_equal(fact.state, OG_FACT_WANTED);
		assert_int_equal(said.lines, 1);
		assert_int_equal(said.level, LOG_WARNING);
		assert_said(path);
	}
	for (n = 0; n < len; n++) {
		assert_true(put_file(path, data, n, 0600));
		assert_int_equal(single(store, by_email(&users, 1), NOW).state,
		    OG_FACT_WANTED);
	}
	assert_true(put_file(path, data, len, 0600));
	assert_int_equal(single(store, by_email(&users, 1), NOW).state,
	    OG_FACT_FOUND);
	assert_int_equal(truncate(path, (off_t)len + 1), 0);
	assert_int_equal(single(store, by_email(&users, 1), NOW).state,
	    OG_FACT_WANTED);
	assert_int_equal(truncate(path, 1 << 20), 0);
	memset(&said, 0, sizeof(said));
	assert_int_equal(single(store, by_email(&users, 1), NOW).state,
	    OG_FACT_WANTED);
	assert_said("larger than any fact");
	free(data);
	og_store_free(store);
}

/* Bob's answer under Alice's name, one project's list under another's. */
static void
misplaced_files(void **state)
{
	struct og_query other;
	struct og_record record;
	struct og_store *store;
	char kept[PATH_MAX], mine[PATH_MAX];
	int holding;

	(void)state;
	store = kit_store(NULL);
	record = person(1);
	assert_int_equal(put_single(store, by_email(&users, 1), OG_FACT_FOUND,
	    &record, NOW), OG_OK);
	only_file(kept, "singles");
	assert_int_equal(rename(kept, in_scratch("single")), 0);
	assert_int_equal(put_single(store, by_email(&users, 2), OG_FACT_ABSENT,
	    NULL, NOW), OG_OK);
	only_file(mine, "singles");
	assert_int_equal(rename(in_scratch("single"), mine), 0);
	assert_int_equal(single(store, by_email(&users, 2), NOW).state,
	    OG_FACT_WANTED);
	assert_said("something else than its name says");
	assert_int_equal(unlink(mine), 0);

	other = of_project("proj_b");
	assert_int_equal(put_list(store, &other, 0, 5, NOW, OG_LIST_COMPLETE),
	    OG_OK);
	only_file(kept, "lists");
	assert_int_equal(rename(kept, in_scratch("list")), 0);
	assert_int_equal(put_list(store, &users, 50, 5, NOW, OG_LIST_COMPLETE),
	    OG_OK);
	only_file(mine, "lists");
	assert_int_equal(rename(in_scratch("list"), mine), 0);
	for (holding = 0; holding < 2; holding++) {
		if (holding == 1)
			og_store_hold(store);
		assert_int_equal(listed(store, by_id(&users, 1), NOW).state,
		    OG_FACT_WANTED);
		assert_said("something else than its name says");
		assert_int_equal(listed(store, by_id(&users, 50), NOW).state,
		    OG_FACT_WANTED);
		assert_int_equal(og_store_list(store, &users, NOW).state,
		    OG_LIST_NONE);
		memset(&said, 0, sizeof(said));
	}
	og_store_free(store);
}

/* Whoever may write the file or the directory may say who is an owner. */
static void
untrusted_files(void **state)
{
	static const mode_t modes[] = { 0620, 0602, 0666 };
	struct og_record record;
	struct og_store *store;
	char list[PATH_MAX], one[PATH_MAX];
	size_t i;

	(void)state;
	store = kit_store(NULL);
	record = person(1);
	assert_int_equal(put_list(store, &users, 0, 3, NOW, OG_LIST_COMPLETE),
	    OG_OK);
	assert_int_equal(put_single(store, by_id(&users, 1), OG_FACT_FOUND,
	    &record, NOW), OG_OK);
	only_file(list, "lists");
	only_file(one, "singles");
	for (i = 0; i < COUNT(modes); i++) {
		chmod(list, modes[i]);
		chmod(one, modes[i]);
		assert_int_equal(listed(store, by_id(&users, 1), NOW).state,
		    OG_FACT_WANTED);
		assert_said("lets others write");
		assert_int_equal(single(store, by_id(&users, 1), NOW).state,
		    OG_FACT_WANTED);
		assert_said("lets others write");
	}
	chmod(list, 0600);
	chmod(one, 0600);
	if (geteuid() == 0) {
		assert_int_equal(chown(list, STRANGER, 0), 0);
		assert_int_equal(chown(one, STRANGER, 0), 0);
		assert_int_equal(listed(store, by_id(&users, 1), NOW).state,
		    OG_FACT_WANTED);
		assert_said("owned by uid 12345; not used");
		assert_int_equal(single(store, by_id(&users, 1), NOW).state,
		    OG_FACT_WANTED);
		assert_said("owned by uid 12345; not used");
		assert_int_equal(chown(list, 0, 0), 0);
		assert_int_equal(chown(one, 0, 0), 0);
	}
	assert_int_equal(listed(store, by_id(&users, 1), NOW).state,
	    OG_FACT_FOUND);
	og_store_free(store);
	assert_int_equal(chmod(in_scratch("store/lists"), 0777), 0);
	assert_int_equal(chmod(in_scratch("store/singles"), 01777), 0);
	store = kit_store(NULL);
	assert_int_equal(listed(store, by_id(&users, 1), NOW).state,
	    OG_FACT_WANTED);
	assert_said("store/lists: mode 0777 lets others write");
	assert_int_equal(single(store, by_id(&users, 1), NOW).state,
	    OG_FACT_WANTED);
	assert_said("store/singles: mode 1777 lets others write");
	assert_int_equal(put_list(store, &users, 0, 3, NOW, OG_LIST_COMPLETE),
	    OG_ERR_UNSAFE);
	og_store_free(store);
}

/* Nothing but a regular file, and no waiting for what a FIFO might say. */
static void
not_even_files(void **state)
{
	struct og_record record;
	struct og_store *store;
	char list[PATH_MAX], one[PATH_MAX];
	int kind, holding;

	(void)state;
	store = kit_store(NULL);
	record = person(1);
	assert_int_equal(put_list(store, &users, 0, 3, NOW, OG_LIST_COMPLETE),
	    OG_OK);
	assert_int_equal(put_single(store, by_id(&users, 1), OG_FACT_FOUND,
	    &record, NOW), OG_OK);
	only_file(list, "lists");
	only_file(one, "singles");
	assert_int_equal(rename(list, in_scratch("list")), 0);
	assert_int_equal(rename(one, in_scratch("one")), 0);
	alarm(20);
	for (kind = 0; kind < 4; kind++) {
		if (kind == 0) {
			assert_int_equal(symlink(in_scratch("list"), list), 0);
			assert_int_equal(symlink(in_scratch("one"), one), 0);
		} else if (kind == 1) {
			assert_int_equal(mkfifo(list, 0600), 0);
			assert_int_equal(mkfifo(one, 0600), 0);
		} else if (kind == 2) {
			assert_int_equal(mkdir(list, 0700), 0);
			assert_int_equal(mkdir(one, 0700), 0);
		} else if (geteuid() == 0) {
			/* /dev/zero would never end. */
			assert_int_equal(mknod(list, S_IFCHR | 0600, 0x105), 0);
			assert_int_equal(mknod(one, S_IFCHR | 0600, 0x105), 0);
		}
		for (holding = 0; holding < 2; holding++) {
			og_store_free(store);
			store = kit_store(NULL);
			if (holding == 1)
				og_store_hold(store);
			assert_int_equal(listed(store, by_id(&users, 1),
			    NOW).state, OG_FACT_WANTED);
			if (kind < 3 || geteuid() == 0)
				assert_said(kind == 0 ? "a symbolic link; "
				    "not used" : "not a regular file; not used");
			assert_int_equal(single(store, by_id(&users, 1),
			    NOW).state, OG_FACT_WANTED);
			if (kind < 3 || geteuid() == 0)
				assert_said(kind == 0 ? "a symbolic link; "
				    "not used" : "not a regular file; not used");
		}
		remove(list);
		remove(one);
	}
	alarm(0);
	og_store_free(store);
}

/* Cut or overwritten under the reader's feet: in a child, since a signal
 * would be the end of it. */
static void
changed_while_held(void **state)
{
	struct og_store *store;
	char path[PATH_MAX];
	unsigned char noise[4096];
	int status;
	pid_t pid;

	(void)state;
	store = kit_store(NULL);
	assert_int_equal(put_list(store, &users, 0, 1000, NOW - 1,
	    OG_LIST_COMPLETE), OG_OK);
	only_file(path, "lists");
	og_store_hold(store);
	assert_int_equal(never_wrong(store, &users, 1000, NOW - 1), 8);
	pid = fork();
	if (pid == 0) {
		memset(noise, 0x5a, sizeof(noise));
		if (truncate(path, 0) != 0 ||
		    never_wrong(store, &users, 1000, NOW - 1) != 8 ||
		    truncate(path, 300000) != 0)
			_exit(1);
		overwrite(path, 0, noise, sizeof(noise));
		if (never_wrong(store, &users, 1000, NOW - 1) != 8)
			_exit(2);
		/* Looked at again, it is damaged: once said, a miss. */
		memset(&said, 0, sizeof(said));
		og_store_look_again(store);
		if (never_wrong(store, &users, 1000, NOW - 1) != 0 ||
		    said.lines != 1)
			_exit(3);
		og_store_look_again(store);
		if (never_wrong(store, &users, 1000, NOW - 1) != 0 ||
		    said.lines != 1)
			_exit(4);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	og_store_free(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(turned_bits, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(lost_blocks, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(cut_lists, before, kit_clear),
		cmocka_unit_test_setup_teardown(damaged_singles, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(misplaced_files, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(untrusted_files, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(not_even_files, before,
		    kit_clear),
		cmocka_unit_test_setup_teardown(changed_while_held, before,
		    kit_clear),
	};
	int failed;

	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("store_damage", tests, NULL,
	    NULL);
	scratch_clear(scratch);
	return failed;
}
