/* Whom the HTTP client trusts, and whose certificate it shows. */
#include "http_client.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "scratch.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define KEY_TYPE	"-newkey", "ec", "-pkeyopt", \
			"ec_paramgen_curve:prime256v1"

struct program {
	pid_t pid;
	int out;	/* what it prints */
};

static void
start(struct program *program, const char *const argv[])
{
	int fd[2], null;

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	program->out = fd[0];
	program->pid = fork();
	assert_true(program->pid >= 0);
	if (program->pid > 0) {
		close(fd[1]);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(fd[1], 1) < 0 ||
	    dup2(null, 2) < 0)
		_exit(126);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static int
finish(struct program *program)
{
	int status;

	close(program->out);
	assert_int_equal(waitpid(program->pid, &status, 0), program->pid);
	return status;
}

static void
openssl(const char *const argv[])
{
	struct program program;

	start(&program, argv);
	assert_int_equal(finish(&program), 0);
}

/* Makes NAME.pem and NAME.key: an authority, or signed by ca. */
static void
make_authority(const char *name)
{
	const char *const argv[] = { "/usr/bin/openssl", "req", "-x509",
	    KEY_TYPE, "-nodes", "-days", "2", "-subj", "/CN=authority",
	    "-keyout", in_scratch("%s.key", name),
	    "-out", in_scratch("%s.pem", name), NULL };

	openssl(argv);
}

static void
make_certificate(const char *name, const char *subject_name)
{
	const char *const argv[] = { "/usr/bin/openssl", "req", "-x509",
	    KEY_TYPE, "-nodes", "-days", "2", "-subj", "/CN=leaf",
	    "-addext", subject_name,
	    "-CA", in_scratch("ca.pem"), "-CAkey", in_scratch("ca.key"),
	    "-keyout", in_scratch("%s.key", name),
	    "-out", in_scratch("%s.pem", name), NULL };

	openssl(argv);
}

static void
encrypt_key(const char *from, const char *to)
{
	const char *const argv[] = { "/usr/bin/openssl", "pkcs8", "-topk8",
	    "-passout", "pass:secret", "-in", in_scratch("%s", from),
	    "-out", in_scratch("%s", to), NULL };

	openssl(argv);
}

/* A page for whoever gets through the handshake. Returns the port. */
static int
start_server(struct program *program, const char *name, const char *verify)
{
	const char *const argv[] = { "/usr/bin/openssl", "s_server", "-www",
	    "-accept", "127.0.0.1:0", "-cert", in_scratch("%s.pem", name),
	    "-key", in_scratch("%s.key", name),
	    verify == NULL ? NULL : "-Verify", verify, "-verify_return_error",
	    "-CAfile", in_scratch("ca.pem"), NULL };
	char text[256];
	size_t len;
	char *at;

	start(program, argv);
	for (len = 0; len < sizeof(text) - 1; len++) {
		if (read(program->out, text + len, 1) != 1)
			break;
		text[len + 1] = '\0';
		at = text[len] == '\n' ? strstr(text, "ACCEPT 127.0.0.1:") :
		    NULL;
		if (at != NULL)
			return (int)strtol(strrchr(at, ':') + 1, NULL, 10);
	}
	fail_msg("openssl s_server does not start");
	return -1;
}

static void
stop_server(struct program *program)
{
	kill(program->pid, SIGKILL);
	(void)finish(program);
}

static char *
file(const char *name)
{
	return (char *)(uintptr_t)(name != NULL ? in_scratch("%s", name) :
	    NULL);
}

struct trust_row {
	const char *server;	/* its certificate */
	const char *verify;	/* "1": it wants one too */
	const char *ca_file;
	const char *client_cert;
	const char *client_key;
	const char *detail;	/* of the failure; NULL: it works */
};

static const struct trust_row trust[] = {
	{ "server", NULL, "ca.pem", NULL, NULL, NULL },
	/* The system's authorities do not know ours, whatever the
	 * environment says. */
	{ "server", NULL, NULL, NULL, NULL, "certificate" },
	{ "server", NULL, "other.pem", NULL, NULL, "certificate" },
	/* No authority in the file means nobody, not everybody. */
	{ "server", NULL, "garbage.pem", NULL, NULL, "" },
	{ "stranger", NULL, "ca.pem", NULL, NULL, "127.0.0.1" },
	{ "server", "1", "ca.pem", "client.pem", "client.key", NULL },
	{ "server", "1", "ca.pem", NULL, NULL, "" },
	{ "server", "1", "ca.pem", "client.pem", "server.key", "" },
	/* Nobody is there to be asked for the pass phrase. */
	{ "server", "1", "ca.pem", "client.pem", "encrypted.key", "" },
};

/* Whatever its owner: whom a file may belong to is judged elsewhere. */
static void
take_file(struct og_buffer *buffer, const char *name)
{
	unsigned char *data;
	size_t len;

	if (name == NULL)
		return;
	data = get_file(in_scratch("%s", name), &len);
	assert_non_null(data);
	assert_int_equal(og_buffer_add(buffer, data, len), OG_OK);
	free(data);
}

static void
test_trust(void **state)
{
	struct program program;
	struct outcome outcome;
	struct client client;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(trust); i++) {
		client_init(&client, "https", start_server(&program,
		    trust[i].server, trust[i].verify));
		take_file(&client.credentials.ca, trust[i].ca_file);
		take_file(&client.credentials.cert, trust[i].client_cert);
		take_file(&client.credentials.cert_key, trust[i].client_key);
		client_open(&client);
		client_ask(&client, "/", PATIENCE_MS, &outcome);
		client_close(&client);
		stop_server(&program);
		if (outcome.error != (trust[i].detail == NULL ? OG_OK :
		    OG_ERR_NETWORK))
			fail_msg("row %zu: %s: %s", i,
			    og_strerror(outcome.error), outcome.detail);
		if (trust[i].detail == NULL)
			assert_int_equal(outcome.status, 200);
		else if (strstr(outcome.detail, trust[i].detail) == NULL)
			fail_msg("row %zu: %s", i, outcome.detail);
	}
}

/* Files that must not be used at all. */
struct file_row {
	const char *ca_file;
	const char *client_cert;
	const char *client_key;
	enum og_reason reason;
	const char *blamed;
};

static const struct file_row files[] = {
	{ "none.pem", NULL, NULL, OG_CONFIG, "none.pem" },
	{ "open.pem", NULL, NULL, OG_UNSAFE_FILE, "open.pem" },
	{ "empty.pem", NULL, NULL, OG_CONFIG, "empty.pem" },
	{ "link.pem", NULL, NULL, OG_UNSAFE_FILE, "link.pem" },
	{ NULL, "open.pem", "client.key", OG_UNSAFE_FILE, "open.pem" },
	{ NULL, "client.pem", "open.key", OG_UNSAFE_FILE, "open.key" },
	{ NULL, "client.pem", "none.key", OG_CONFIG, "none.key" },
	{ NULL, "client.pem", "empty.key", OG_CONFIG, "empty.key" },
};

static void
test_files(void **state)
{
	struct og_credentials credentials;
	struct og_message message;
	struct client client;
	size_t i;

	(void)state;
	if (!as_root("test_files"))
		return;
	client_init(&client, "https", 9);
	client.conf.key_file = file("admin.key");
	og_credentials_init(&credentials);
	assert_int_equal(og_load_credentials(&credentials, &client.conf,
	    &message), OG_GO_ON);
	og_credentials_free(&credentials);
	/* A gateway's client: its certificate, and no key. */
	client.conf.key_file = NULL;
	client.conf.client_cert = file("client.pem");
	client.conf.client_key = file("client.key");
	assert_int_equal(og_load_credentials(&credentials, &client.conf,
	    &message), OG_GO_ON);
	assert_int_equal(credentials.key.len, 0);
	assert_true(credentials.cert.len > 0);
	og_credentials_free(&credentials);
	for (i = 0; i < COUNT(files); i++) {
		client.conf.key_file = file("admin.key");
		client.conf.ca_file = file(files[i].ca_file);
		client.conf.client_cert = file(files[i].client_cert);
		client.conf.client_key = file(files[i].client_key);
		if (og_load_credentials(&credentials, &client.conf,
		    &message) != files[i].reason)
			fail_msg("row %zu: %s", i, message.text);
		assert_non_null(strstr(message.text, files[i].blamed));
		/* All or nothing. */
		assert_int_equal(credentials.key.len, 0);
	}
	client_close(&client);
}

static int
make_files(void **state)
{
	(void)state;
	make_authority("ca");
	make_authority("other");
	make_certificate("server", "subjectAltName=IP:127.0.0.1");
	make_certificate("stranger", "subjectAltName=IP:127.0.0.2");
	make_certificate("client", "extendedKeyUsage=clientAuth");
	encrypt_key("client.key", "encrypted.key");
	if (!put_file(in_scratch("garbage.pem"), "no PEM\n", 7, 0644) ||
	    !put_file(in_scratch("admin.key"), "sk-admin-x\n", 11, 0600) ||
	    !put_file(in_scratch("empty.pem"), "", 0, 0644) ||
	    !put_file(in_scratch("empty.key"), "", 0, 0600) ||
	    !put_file(in_scratch("open.pem"), "x\n", 2, 0666) ||
	    !put_file(in_scratch("open.key"), "x\n", 2, 0640) ||
	    symlink("ca.pem", in_scratch("link.pem")) != 0)
		return -1;
	/* As OpenSSL itself would read them, if anybody asked it to. */
	setenv("SSL_CERT_FILE", in_scratch("ca.pem"), 1);
	setenv("CURL_CA_BUNDLE", in_scratch("ca.pem"), 1);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, before, after)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_trust),
		TEST(test_files),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	umask(077);
	if (!scratch_make())
		return 0;
	failed = cmocka_run_group_tests_name("http_tls", tests, make_files,
	    NULL);
	scratch_clear(scratch);
	return failed;
}
