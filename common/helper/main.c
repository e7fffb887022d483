/*
 * openai-gate-fetch: what pam_openai.so executes on a miss, so that neither
 * the admin key nor TLS ever enters sshd's or sudo's memory. It takes queries
 * in its arguments and writes facts to its standard output: client/remote.h.
 *
 * Not setuid, and of no use to anybody but root.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "client/fetch.h"
#include "client/lookup.h"
#include "client/remote.h"
#include "helper/confine.h"
#include "io/helper.h"
#include "io/load.h"
#include "io/store_write.h"
#include "io/tally_write.h"
#include "value/clock.h"
#include "value/text.h"

#define TIME_MAX_MS	120000

struct request {
	const char *conf_path;
	int64_t time_ms;
	struct og_facts wanted;
	struct og_fact room[OG_REMOTE_QUERIES_MAX];
};

struct session {
	struct og_config *conf;
	struct og_store *store;
	struct og_credentials credentials;
	struct og_fetch *fetch;
	struct og_tally *tally;		/* our own; NULL: not counted */
	struct og_log log;
	bool finished;
	struct request *request;
	enum og_error replied;
};

static void
to_syslog(void *arg, int level, const char *line)
{
	(void)arg;
	syslog(level, "%s", line);
}

/*
 * The caller of sudo can stop, limit or kill his own processes. Whoever
 * executes us resets what he can; this is the second belt, and it also holds
 * when an administrator runs us by hand.
 */
static void
harden(int64_t time_ms)
{
	struct rlimit none = { 0, 0 };

	clearenv();
	umask(077);
	/* Executed by descriptor, it would be called "3" in ps(1). */
	(void)prctl(PR_SET_NAME, "openai-gate-fetch", 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)setrlimit(RLIMIT_MEMLOCK, &none);
	(void)setrlimit(RLIMIT_MSGQUEUE, &none);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	/* Nobody may be left to kill us: a deadline of our own. */
	(void)signal(SIGALRM, SIG_DFL);
	(void)alarm((unsigned int)(time_ms / 1000) + 2);
}

static bool
parse_time(const char *text, int64_t *time_ms)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || n < 1 ||
	    n > TIME_MAX_MS)
		return false;
	*time_ms = n;
	return true;
}

/* As og_identity_find makes them: printable UTF-8 without blanks, folded. */
static bool
is_address(const char *text)
{
	size_t len, n;

	if (strchr(text, '@') == NULL)
		return false;
	for (len = strlen(text); len > 0; text += n, len -= n) {
		n = og_plain_length(text, len);
		if (n == 0 || *text == ' ' || (*text >= 'A' && *text <= 'Z'))
			return false;
	}
	return true;
}

/* Validated by the module, and again: anybody can write arguments. */
static bool
is_valid(const struct og_query *query)
{
	if (query->container[0] != '\0' && !og_id_valid(query->container))
		return false;
	switch (query->subject_kind) {
	case OG_SUBJECT_EMAIL:
		return is_address(query->subject);
	case OG_SUBJECT_ID:
		return og_id_valid(query->subject);
	case OG_SUBJECT_LIST:
		break;
	}
	return false;
}

/* "1 CONF MILLISECONDS QUERY...": see client/remote.h. */
static bool
parse_request(struct request *request, int argc, char **argv)
{
	struct og_query query;
	int i;

	memset(request, 0, sizeof(*request));
	request->wanted.item = request->room;
	request->wanted.size = OG_REMOTE_QUERIES_MAX;
	if (argc < 5 || argc - 4 > OG_REMOTE_QUERIES_MAX ||
	    strcmp(argv[1], "1") != 0 || argv[2][0] != '/' ||
	    !parse_time(argv[3], &request->time_ms))
		return false;
	request->conf_path = argv[2];
	for (i = 4; i < argc; i++) {
		if (og_query_parse(&query, argv[i]) != OG_OK ||
		    !is_valid(&query) ||
		    og_facts_get(&request->wanted, &query) == NULL)
			return false;
	}
	/* A query named twice would make the reply one fact short. */
	return request->wanted.count == (size_t)(argc - 4);
}

static void
reply(void *arg, const struct og_fact *answer, size_t count)
{
	struct session *session;
	struct og_buffer bytes;

	session = arg;
	session->finished = true;
	og_buffer_init(&bytes, OG_HELPER_REPLY_MAX);
	session->replied = og_remote_reply(&bytes, answer, count);
	if (session->replied == OG_OK &&
	    write(STDOUT_FILENO, bytes.data, bytes.len) != (ssize_t)bytes.len)
		session->replied = OG_ERR_SYSTEM;
	og_buffer_free(&bytes);
}

/* Every query with one answer: why nothing can be asked. */
static void
reply_failed(struct session *session, enum og_reason why)
{
	struct og_fact answer[OG_REMOTE_QUERIES_MAX];
	size_t i;

	for (i = 0; i < session->request->wanted.count; i++) {
		answer[i] = session->request->wanted.item[i];
		answer[i].state = OG_FACT_FAILED;
		answer[i].failure = why;
	}
	reply(session, answer, i);
}

/* A store that cannot be had is a pity, an unsafe one a misconfiguration. */
static enum og_reason
open_store(struct session *session)
{
	struct og_message message;
	enum og_error error;

	error = og_store_create(session->conf->directory, &message);
	/* A full disk: what is there can be read all the same. */
	if (error == OG_ERR_SYSTEM) {
		og_log(&session->log, LOG_ERR, "%s", message.text);
		error = OG_OK;
	}
	if (error == OG_OK)
		error = og_store_open(&session->store,
		    session->conf->directory, 0, session->conf, &session->log,
		    &message);
	if (error == OG_OK)
		return OG_GO_ON;
	og_log(&session->log, error == OG_ERR_UNSAFE ? LOG_ALERT : LOG_ERR,
	    "%s", message.text);
	return og_reason_of(error, OG_GO_ON);
}

/* Who asked us may serve a stale answer when the API fails, so that nobody has
 * to wait for more than one attempt. */
static void
mark_stale(struct session *session)
{
	struct og_facts *wanted;
	struct og_fact known;
	size_t i;

	wanted = &session->request->wanted;
	for (i = 0; i < wanted->count; i++)
		wanted->item[i].stale = og_lookup(session->store,
		    session->conf, &wanted->item[i].query, og_clock_wall(),
		    &known) == OG_AGE_STALE;
}

static enum og_reason
prepare(struct session *session)
{
	struct og_message message;
	enum og_reason reason;
	enum og_error error;

	reason = og_load_config(&session->conf, session->request->conf_path,
	    &message);
	if (reason == OG_GO_ON)
		reason = og_load_credentials(&session->credentials,
		    session->conf, &message);
	if (reason == OG_GO_ON)
		reason = og_load_code(OG_HTTP_PATH, &message);
	if (reason != OG_GO_ON) {
		og_log(&session->log, LOG_ALERT, "%s", message.text);
		return reason;
	}
	reason = open_store(session);
	if (reason != OG_GO_ON)
		return reason;
	mark_stale(session);
	og_confine(session->conf->directory, &session->log);
	session->tally = og_tally_new(session->conf);
	error = og_fetch_new(&session->fetch, session->conf, session->store,
	    &session->credentials, session->tally, &session->log);
	/* Its copy is wiped once it stands in the header. */
	og_buffer_free(&session->credentials.key);
	if (error != OG_OK)
		og_log(&session->log, LOG_ERR, "cannot prepare a request: %s",
		    og_strerror(error));
	return og_reason_of(error, OG_NETWORK);
}

static int
serve(struct request *request)
{
	struct session session;
	enum og_reason reason;
	int64_t deadline;

	memset(&session, 0, sizeof(session));
	deadline = og_clock_mono() + request->time_ms;
	og_credentials_init(&session.credentials);
	session.request = request;
	session.log.emit = to_syslog;
	session.log.max_level = LOG_INFO;
	reason = prepare(&session);
	if (reason != OG_GO_ON)
		reply_failed(&session, reason);
	else if (og_fetch_ask(session.fetch, &request->wanted, deadline, reply,
	    &session) == NULL)
		reply_failed(&session, OG_NO_MEMORY);
	else
		og_fetch_wait(session.fetch, &session.finished);
	og_fetch_free(session.fetch);
	if (session.store != NULL && session.tally != NULL)
		(void)og_tally_write(session.store, session.conf,
		    session.tally);
	free(session.tally);
	og_store_free(session.store);
	og_credentials_free(&session.credentials);
	og_config_free(session.conf);
	return session.replied == OG_OK ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct request request;

	if (!parse_request(&request, argc, argv)) {
		fprintf(stderr, "openai-gate-fetch is run by pam_openai.so: "
		    "see openai-gate(8) for what an administrator runs\n");
		return 2;
	}
	harden(request.time_ms);
	openlog("openai-gate-fetch", LOG_PID, LOG_AUTHPRIV);
	if (getuid() != 0 || geteuid() != 0) {
		fprintf(stderr, "openai-gate-fetch: must be run by root\n");
		return 2;
	}
	return serve(&request);
}
