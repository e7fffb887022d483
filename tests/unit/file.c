/*
 * Trusted files: what is read, what is refused, and what the administrator
 * is told.
 */
#include "io/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "scratch.h"

#define STRANGER 12345
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct og_message message;

static struct og_trust
ours(mode_t forbidden)
{
	return (struct og_trust){ geteuid(), forbidden };
}

static enum og_error
try_open(const char *path, struct og_trust trust)
{
	enum og_error error;
	int fd;

	message.text[0] = '\0';
	error = og_file_open(&fd, path, trust, &message);
	if (error == OG_OK) {
		assert_true(fd >= 0);
		close(fd);
	} else {
		assert_int_equal(fd, -1);
	}
	return error;
}

static void
assert_said(const char *fragment)
{
	if (strstr(message.text, fragment) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", message.text, fragment);
}

static void
reads_whole_files(void **state)
{
	static const size_t size[] = { 0, 1, 4095, 4096, 262143, 262144,
	    262145, 700000 };
	struct og_buffer buffer;
	const char *path;
	char *data;
	size_t i, k;

	(void)state;
	path = in_scratch("sized");
	data = malloc(700001);
	for (k = 0; k < 700001; k++)
		data[k] = (char)(k * 7 + k / 251);
	for (i = 0; i < COUNT(size); i++) {
		assert_true(put_file(path, data, size[i], 0600));
		og_buffer_init(&buffer, size[i] + 3);
		assert_int_equal(og_buffer_add(&buffer, "abc", 3), OG_OK);
		assert_int_equal(og_file_read(&buffer, path, ours(077),
		    &message), OG_OK);
		assert_int_equal(buffer.len, size[i] + 3);
		assert_memory_equal(buffer.data, "abc", 3);
		assert_memory_equal(buffer.data + 3, data, size[i]);
		og_buffer_free(&buffer);
		if (size[i] == 0)
			continue;
		og_buffer_init(&buffer, size[i] + 2);
		og_buffer_add(&buffer, "abc", 3);
		assert_int_equal(og_file_read(&buffer, path, ours(077),
		    &message), OG_ERR_LIMIT);
		assert_said(path);
		assert_string_equal(buffer.data, "abc");
		og_buffer_free(&buffer);
	}
	free(data);
}

static void
judges_the_mode(void **state)
{
	static const struct {
		mode_t mode, forbidden;
		const char *said;	/* NULL: trusted */
	} cases[] = {
		{ 0400, 077, NULL }, { 0600, 077, NULL }, { 0700, 077, NULL },
		{ 0644, 022, NULL }, { 0444, 022, NULL }, { 0755, 022, NULL },
		{ 0664, 022, "mode 0664 lets others write; chmod go-w " },
		{ 0646, 022, "mode 0646 lets others write; chmod go-w " },
		{ 0602, 022, "mode 0602 lets others write" },
		{ 0640, 077, "mode 0640 lets others read; chmod go-rwx " },
		{ 0604, 077, "mode 0604 lets others read; chmod go-rwx " },
		{ 0601, 077, "chmod go-rwx " },
		{ 0620, 077, "mode 0620 lets others write; chmod go-rwx " },
	};
	const char *path;
	size_t i;

	(void)state;
	path = in_scratch("mode");
	for (i = 0; i < COUNT(cases); i++) {
		unlink(path);
		assert_true(put_file(path, "x", 1, cases[i].mode));
		assert_int_equal(try_open(path, ours(cases[i].forbidden)),
		    cases[i].said == NULL ? OG_OK : OG_ERR_UNSAFE);
		if (cases[i].said == NULL)
			continue;
		assert_said(cases[i].said);
		assert_int_equal(strncmp(message.text, path, strlen(path)), 0);
		assert_string_equal(message.text + strlen(message.text) -
		    strlen(path), path);
	}
}

static void
judges_the_owner(void **state)
{
	const char *path;

	(void)state;
	if (!as_root(__func__))
		return;
	path = in_scratch("owned");
	assert_true(put_file(path, "x", 1, 0600));
	assert_int_equal(chown(path, STRANGER, 0), 0);
	assert_int_equal(try_open(path, OG_TRUST_ROOT), OG_ERR_UNSAFE);
	assert_said("owned by uid 12345, not by root; chown root ");
	assert_int_equal(try_open(path, (struct og_trust){ 54321, 022 }),
	    OG_ERR_UNSAFE);
	assert_said("not by root or uid 54321; chown 54321 ");
	assert_int_equal(try_open(path, (struct og_trust){ STRANGER, 022 }),
	    OG_OK);
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(try_open(path, (struct og_trust){ STRANGER, 022 }),
	    OG_OK);
}

static void
make_socket(const char *path)
{
	struct sockaddr_un name;
	int fd;

	memset(&name, 0, sizeof(name));
	name.sun_family = AF_UNIX;
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	close(fd);
}

/* A FIFO without a writer would hold an open back for ever. */
static void
takes_regular_files_only(void **state)
{
	(void)state;
	assert_true(put_file(in_scratch("real"), "x", 1, 0600));
	assert_int_equal(symlink(in_scratch("real"), in_scratch("link")), 0);
	assert_int_equal(symlink("nothing", in_scratch("dangling")), 0);
	assert_int_equal(mkfifo(in_scratch("fifo"), 0600), 0);
	assert_int_equal(mkdir(in_scratch("dir"), 0700), 0);
	make_socket(in_scratch("socket"));
	alarm(20);
	assert_int_equal(try_open(in_scratch("link"), ours(022)),
	    OG_ERR_UNSAFE);
	assert_said("is a symbolic link");
	assert_int_equal(try_open(in_scratch("dangling"), ours(022)),
	    OG_ERR_UNSAFE);
	assert_said("is a symbolic link");
	assert_int_equal(try_open(in_scratch("fifo"), ours(022)),
	    OG_ERR_UNSAFE);
	assert_said("is a FIFO");
	assert_int_equal(try_open(in_scratch("dir"), ours(022)),
	    OG_ERR_UNSAFE);
	assert_said("is a directory");
	assert_int_equal(try_open(in_scratch("socket"), ours(022)),
	    OG_ERR_UNSAFE);
	assert_said("is a socket");
	assert_int_equal(try_open("/dev/null", ours(022)), OG_ERR_UNSAFE);
	assert_said("/dev/null: is a device");
	assert_int_equal(try_open(in_scratch("none"), ours(022)),
	    OG_ERR_MISSING);
	assert_said("none: No such file or directory");
	assert_int_equal(try_open(in_scratch("nowhere/x"), ours(022)),
	    OG_ERR_MISSING);
	assert_int_equal(try_open(in_scratch("real/x"), ours(022)),
	    OG_ERR_UNSAFE);
	assert_said("real: is a regular file, not a directory");
	assert_int_equal(try_open("gate.conf", ours(022)), OG_ERR_UNSAFE);
	assert_said("gate.conf: not an absolute path");
	assert_int_equal(try_open("", ours(022)), OG_ERR_UNSAFE);
	alarm(0);
}

/* safe/f, open/f (open is 0777), sticky/f (01777), and links to them. */
static void
judges_the_parents(void **state)
{
	static const struct {
		const char *path;
		enum og_error error;
		const char *said;
	} cases[] = {
		{ "safe/f", OG_OK, NULL },
		{ "safe/./f", OG_OK, NULL },
		{ "safe//f", OG_OK, NULL },
		{ "safe/deep/../f", OG_OK, NULL },
		{ "open/f", OG_ERR_UNSAFE, "/open: mode 0777 lets others "
		    "write; chmod go-w " },
		{ "sticky/f", OG_ERR_UNSAFE, "/sticky: mode 1777 lets" },
		{ "open/inner/f", OG_ERR_UNSAFE, "/open: mode 0777" },
		{ "to-safe/f", OG_OK, NULL },
		{ "to-safe-above/f", OG_OK, NULL },
		{ "to-open/f", OG_ERR_UNSAFE, "/open: mode 0777" },
		{ "to-inner/f", OG_ERR_UNSAFE, "/open: mode 0777" },
		/* A link in an unsafe place to a safe one. */
		{ "open/to-safe/f", OG_ERR_UNSAFE, "/open: mode 0777" },
		{ "loop/f", OG_ERR_SYSTEM, "symbolic links" },
		{ "safe/f/../f", OG_ERR_UNSAFE, "not a directory" },
	};
	size_t i;

	(void)state;
	assert_int_equal(mkdir(in_scratch("safe"), 0755), 0);
	assert_int_equal(mkdir(in_scratch("safe/deep"), 0755), 0);
	assert_int_equal(mkdir(in_scratch("open"), 0700), 0);
	assert_int_equal(mkdir(in_scratch("open/inner"), 0700), 0);
	assert_int_equal(mkdir(in_scratch("sticky"), 0700), 0);
	assert_int_equal(symlink(in_scratch("safe"), in_scratch("to-safe")), 0);
	assert_int_equal(symlink("safe/deep/..",
	    in_scratch("to-safe-above")), 0);
	assert_int_equal(symlink("open", in_scratch("to-open")), 0);
	assert_int_equal(symlink("open/inner", in_scratch("to-inner")), 0);
	assert_int_equal(symlink("../safe", in_scratch("open/to-safe")), 0);
	assert_int_equal(symlink("loop", in_scratch("loop")), 0);
	assert_true(put_file(in_scratch("safe/f"), "x", 1, 0600));
	assert_true(put_file(in_scratch("open/f"), "x", 1, 0600));
	assert_true(put_file(in_scratch("open/inner/f"), "x", 1, 0600));
	assert_true(put_file(in_scratch("sticky/f"), "x", 1, 0600));
	assert_int_equal(chmod(in_scratch("open"), 0777), 0);
	assert_int_equal(chmod(in_scratch("sticky"), 01777), 0);
	for (i = 0; i < COUNT(cases); i++) {
		if (try_open(in_scratch("%s", cases[i].path), ours(022)) !=
		    cases[i].error)
			fail_msg("%s: %s", cases[i].path, message.text);
		if (cases[i].said != NULL)
			assert_said(cases[i].said);
	}
}

/* Who may replace a link in a parent may choose the file. */
static void
judges_owners_of_parents(void **state)
{
	(void)state;
	if (!as_root(__func__))
		return;
	assert_int_equal(mkdir(in_scratch("theirs"), 0755), 0);
	assert_true(put_file(in_scratch("theirs/f"), "x", 1, 0600));
	assert_int_equal(chown(in_scratch("theirs"), STRANGER, 0), 0);
	assert_int_equal(try_open(in_scratch("theirs/f"), OG_TRUST_ROOT),
	    OG_ERR_UNSAFE);
	assert_said("/theirs: owned by uid 12345, not by root");
	assert_int_equal(try_open(in_scratch("theirs/f"),
	    (struct og_trust){ STRANGER, 022 }), OG_OK);
	assert_int_equal(mkdir(in_scratch("mine"), 0755), 0);
	assert_true(put_file(in_scratch("mine/f"), "x", 1, 0600));
	assert_int_equal(symlink("mine", in_scratch("their-link")), 0);
	assert_int_equal(lchown(in_scratch("their-link"), STRANGER, 0), 0);
	assert_int_equal(try_open(in_scratch("their-link/f"), OG_TRUST_ROOT),
	    OG_ERR_UNSAFE);
	assert_said("/their-link: owned by uid 12345");
}

static void
opens_directories(void **state)
{
	static const struct {
		const char *path;
		enum og_error error;
	} cases[] = {
		{ "store", OG_OK }, { "store/", OG_OK },
		{ "store-link", OG_OK }, { "open-store", OG_ERR_UNSAFE },
		{ "open-link", OG_ERR_UNSAFE }, { "no-store", OG_ERR_MISSING },
		{ "file", OG_ERR_UNSAFE }, { "file-link", OG_ERR_UNSAFE },
	};
	enum og_error error;
	struct stat st;
	size_t i;
	int fd;

	(void)state;
	assert_int_equal(mkdir(in_scratch("store"), 0700), 0);
	assert_int_equal(mkdir(in_scratch("open-store"), 0700), 0);
	assert_int_equal(chmod(in_scratch("open-store"), 0770), 0);
	assert_true(put_file(in_scratch("file"), "x", 1, 0600));
	assert_int_equal(symlink("store", in_scratch("store-link")), 0);
	assert_int_equal(symlink("open-store", in_scratch("open-link")), 0);
	assert_int_equal(symlink("file", in_scratch("file-link")), 0);
	for (i = 0; i < COUNT(cases); i++) {
		error = og_file_open_directory(&fd,
		    in_scratch("%s", cases[i].path), ours(022), &message);
		if (error != cases[i].error)
			fail_msg("%s: %s", cases[i].path, message.text);
		if (error != OG_OK) {
			assert_int_equal(fd, -1);
			assert_said(scratch);
			continue;
		}
		assert_int_equal(fstat(fd, &st), 0);
		assert_true(S_ISDIR(st.st_mode));
		assert_int_equal(close(fd), 0);
	}
}

static void
refuses_long_paths(void **state)
{
	char path[2 * PATH_MAX];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(try_open(path, ours(022)), OG_ERR_SYSTEM);
	assert_said("File name too long");
	path[PATH_MAX - 1] = '\0';
	assert_int_equal(try_open(path, ours(022)), OG_ERR_SYSTEM);
	path[300] = '/';
	path[310] = '\0';
	assert_int_equal(try_open(path, ours(022)), OG_ERR_SYSTEM);
	assert_said("File name too long");
}

static void
judges_the_root(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (!as_root(__func__))
		return;
	assert_int_equal(mkdir(in_scratch("root"), 0700), 0);
	assert_true(put_file(in_scratch("root/f"), "x", 1, 0600));
	pid = fork();
	if (pid == 0) {
		if (chroot(in_scratch("root")) != 0 || chdir("/") != 0 ||
		    try_open("/f", OG_TRUST_ROOT) != OG_OK ||
		    chmod("/", 0777) != 0)
			_exit(2);
		_exit(try_open("/f", OG_TRUST_ROOT) == OG_ERR_UNSAFE &&
		    strstr(message.text, "/: mode 0777") != NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* As an ordinary user. */
static void
says_why_not(void **state)
{
	enum og_error error;
	int status;
	pid_t pid;

	(void)state;
	if (!as_root(__func__))
		return;
	assert_true(put_file(in_scratch("secret"), "x", 1, 0600));
	assert_int_equal(chmod(scratch, 0755), 0);
	pid = fork();
	if (pid == 0) {
		if (setresgid(STRANGER, STRANGER, STRANGER) != 0 ||
		    setresuid(STRANGER, STRANGER, STRANGER) != 0)
			_exit(2);
		error = try_open(in_scratch("secret"), OG_TRUST_KEY);
		_exit(error == OG_ERR_SYSTEM && strstr(message.text,
		    "secret: Permission denied") != NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_whole_files, before,
		    after),
		cmocka_unit_test_setup_teardown(judges_the_mode, before,
		    after),
		cmocka_unit_test_setup_teardown(judges_the_owner, before,
		    after),
		cmocka_unit_test_setup_teardown(takes_regular_files_only,
		    before, after),
		cmocka_unit_test_setup_teardown(judges_the_parents, before,
		    after),
		cmocka_unit_test_setup_teardown(judges_owners_of_parents,
		    before, after),
		cmocka_unit_test_setup_teardown(judges_the_root, before,
		    after),
		cmocka_unit_test_setup_teardown(opens_directories, before,
		    after),
		cmocka_unit_test_setup_teardown(refuses_long_paths, before,
		    after),
		cmocka_unit_test_setup_teardown(says_why_not, before, after),
	};
	int failed;

	if (!scratch_make())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("file", tests, NULL, NULL);
	scratch_clear(scratch);
	return failed;
}
