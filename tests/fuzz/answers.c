/*
 * Answers of the directory, through the whole fetcher: what it asks for,
 * page by page and person by person, is answered by a small directory of the
 * input's, with pages that contradict each other, filters that are ignored,
 * rows of other people, failures. HTTP and the clock are ours; there is no
 * store. Whoever is found was on a page of that very list or row, and is the
 * one who was asked for; whoever is not there was on none,
 * when he alone was asked for.
 */
#include <string.h>
#include <strings.h>

#include "client/fetch.h"
#include "io/http.h"
#include "kit/input.h"
#include "value/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define QUEUE_MAX	64
#define SEEN_MAX	512
#define REQUESTS_MAX	60

static const char *const queries[][2] = {
	/* what is asked, and the path of its list */
	{ "users?email=ann@example.com", "/organization/users" },
	{ "users/user-1", "/organization/users" },
	{ "projects/proj_a/users?email=ann@example.com",
	    "/organization/projects/proj_a/users" },
	{ "projects/proj_a/users/user-1",
	    "/organization/projects/proj_a/users" },
	{ "groups/group_1/users?email=ann@example.com",
	    "/organization/groups/group_1/users" },
	{ "groups/group_1/users/user-1",
	    "/organization/groups/group_1/users" },
	{ "invites?email=ann@example.com", "/organization/invites" },
	{ "users?email=bob@example.com", "/organization/users" },
	{ "projects/proj_b/users?email=ann@example.com",
	    "/organization/projects/proj_b/users" },
	{ "projects/proj_a/users?email=bob@example.com",
	    "/organization/projects/proj_a/users" },
};
#define QUERIES (sizeof(queries) / sizeof(queries[0]))

static const char *const ids[] = {
	"user-1", "user-2", "user-3", "USER-1",
};
static const char *const emails[] = {
	"ann@example.com", "ANN@example.com", "bob@example.com",
	"eve@example.com", "", "ann@example.comm",
};
static const char *const roles[] = { "owner", "reader", "member", "" };

struct row {
	char list[64];		/* the path it came from, without its end */
	bool asked_for;		/* by id or address: not a page of the list */
	unsigned int id, email, role;
};

struct og_http {
	struct request {
		char path[512];
		void (*done)(void *, const struct og_reply *);
		void *arg;
	} queue[QUEUE_MAX];
	size_t queued;
	size_t sent;
};

static struct {
	struct og_http http;
	struct input *input;
	struct row seen[SEEN_MAX];
	size_t seen_count;
	bool ended[QUERIES];	/* the list of that query, once to its end */
	int64_t mono;
	bool finished;
	size_t asked;
	struct og_query query[QUERIES];
	const char *list[QUERIES];
} turn;

int64_t
og_clock_mono(void)
{
	return turn.mono;
}

int64_t
og_clock_boot(void)
{
	return turn.mono;
}

int64_t
og_clock_wall(void)
{
	return 1700000000 + turn.mono / 1000;
}

enum og_error
og_http_new(struct og_http **http, const struct og_config *conf,
    const struct og_credentials *credentials, const struct og_log *log)
{
	(void)conf;
	(void)credentials;
	(void)log;
	*http = &turn.http;
	return OG_OK;
}

void
og_http_free(struct og_http *http)
{
	http->queued = 0;
}

int
og_http_fd(const struct og_http *http)
{
	(void)http;
	return -1;
}

int
og_http_timeout(const struct og_http *http)
{
	return http->queued > 0 ? 0 : -1;
}

size_t
og_http_pending(const struct og_http *http)
{
	return http->queued;
}

enum og_error
og_http_get(struct og_http *http, const char *path, int64_t deadline_ms,
    void (*done)(void *arg, const struct og_reply *), void *arg)
{
	struct request *request;

	if (deadline_ms <= turn.mono)
		return OG_ERR_TIMEOUT;
	if (http->queued >= QUEUE_MAX || http->sent >= REQUESTS_MAX)
		return OG_ERR_SYSTEM;
	http->sent++;
	request = &http->queue[http->queued++];
	REQUIRE((size_t)snprintf(request->path, sizeof(request->path), "%s",
	    path) < sizeof(request->path));
	request->done = done;
	request->arg = arg;
	return OG_OK;
}

static void
add(struct og_buffer *body, const char *text)
{
	REQUIRE(og_buffer_add(body, text, strlen(text)) == OG_OK);
}

static void
add_member(struct og_buffer *body, const char *key, const char *value)
{
	REQUIRE(og_buffer_addf(body, ",\"%s\":\"%s\"", key, value) == OG_OK);
}

/* A row, and that it was shown: where it stands in the list. */
static void
add_row(struct og_buffer *body, const char *list, const char *own_id,
    bool asked_for)
{
	unsigned int bits, i;
	struct row *row;

	bits = take(turn.input);
	REQUIRE(turn.seen_count < SEEN_MAX);
	row = &turn.seen[turn.seen_count++];
	snprintf(row->list, sizeof(row->list), "%s", list);
	row->asked_for = asked_for;
	row->id = bits & 3;
	row->email = (bits >> 2 & 7) % 6;
	row->role = bits >> 5 & 3;
	/* A person asked for by id is mostly answered with himself. */
	for (i = 0; own_id != NULL && (bits & 128) == 0 && i < 4; i++) {
		if (strcmp(ids[i], own_id) == 0)
			row->id = i;
	}
	add(body, "{\"object\":\"");
	add(body, strstr(list, "invites") != NULL ? "organization.invite" :
	    strstr(list, "projects") != NULL ? "organization.project.user" :
	    strstr(list, "groups") != NULL ? "group.user" :
	    "organization.user");
	add(body, "\"");
	add_member(body, "id", ids[row->id]);
	if (emails[row->email][0] != '\0')
		add_member(body, "email", emails[row->email]);
	if (roles[row->role][0] != '\0')
		add_member(body, "role", roles[row->role]);
	add_member(body, "status", "pending");
	add(body, "}");
}

static void
add_page(struct og_buffer *body, const char *list, bool filtered)
{
	unsigned int bits, i;

	bits = take(turn.input);
	add(body, "{\"object\":\"list\",\"data\":[");
	for (i = 0; i < (bits & 3) && turn.seen_count < SEEN_MAX; i++) {
		if (i > 0)
			add(body, ",");
		add_row(body, list, NULL, filtered);
	}
	add(body, "],\"has_more\":");
	add(body, (bits & 4) != 0 ? "true" : "false");
	if ((bits & 4) != 0) {
		add_member(body, "last_id", (bits & 8) != 0 ? "c" : "d");
		add_member(body, "next", (bits & 8) != 0 ? "c" : "d");
	}
	add(body, "}");
}

/* A reply that can prove that somebody is not on the list. */
static void
note_end(const char *list)
{
	size_t i;

	for (i = 0; i < turn.asked; i++) {
		if (strcmp(turn.list[i], list) == 0 ||
		    strcmp(list, "/organization/users") == 0)
			turn.ended[i] = true;
	}
}

/* One request: its path says whether a list or one person is asked for. */
static void
answer(struct request *request)
{
	static const long statuses[] = { 404, 500, 429, 401, 400, 403, 302 };
	char list[128], *id, *end;
	struct og_reply reply;
	struct og_buffer body;
	unsigned int how;

	memset(&reply, 0, sizeof(reply));
	reply.detail = "";
	reply.retry_after_ms = -1;
	reply.status = 200;
	snprintf(list, sizeof(list), "%s", request->path);
	list[strcspn(list, "?")] = '\0';
	end = strstr(list, "/users");
	id = end != NULL && end[6] == '/' ? end + 7 : NULL;
	if (id != NULL)
		id[-1] = '\0';
	og_buffer_init(&body, 65536);
	how = take(turn.input);
	turn.mono += how >> 5;
	if ((how & 7) == 7)
		reply.status = statuses[(how >> 3) % 7];
	else if ((how & 7) == 6)
		reply.error = (how & 8) != 0 ? OG_ERR_TIMEOUT : OG_ERR_NETWORK;
	else if (id != NULL)
		add_row(&body, list, id, true);
	else
		add_page(&body, list, strstr(request->path, "emails") != NULL);
	if (reply.status == 404 || reply.status == 400 ||
	    strstr(body.data, "\"has_more\":false") != NULL)
		note_end(list);
	reply.body = body.data;
	reply.len = body.len;
	request->done(request->arg, &reply);
	og_buffer_free(&body);
}

void
og_http_run(struct og_http *http)
{
	struct request request;
	size_t which;

	if (http->queued == 0)
		return;
	which = pick(turn.input, (unsigned int)http->queued);
	request = http->queue[which];
	http->queue[which] = http->queue[--http->queued];
	answer(&request);
}

/* The row tells of the one that the query asks for: by his own key. */
static bool
shows(const struct row *row, size_t i)
{
	const struct og_query *query = &turn.query[i];

	if (strcmp(row->list, turn.list[i]) != 0)
		return false;
	if (query->subject_kind == OG_SUBJECT_ID)
		return strcmp(ids[row->id], query->subject) == 0;
	return strcasecmp(emails[row->email], query->subject) == 0;
}

/*
 * A member looked up by id has no address in the row, perhaps; then the id
 * is that of the person's row in the organization.
 */
static bool
shows_by_id(const struct row *row, size_t i)
{
	const struct row *user;
	size_t j;

	if (strcmp(row->list, turn.list[i]) != 0 ||
	    emails[row->email][0] != '\0' ||
	    turn.query[i].subject_kind == OG_SUBJECT_ID)
		return false;
	for (j = 0; j < turn.seen_count; j++) {
		user = &turn.seen[j];
		if (strcmp(user->list, "/organization/users") == 0 &&
		    user->id == row->id && strcasecmp(emails[user->email],
		    turn.query[i].subject) == 0)
			return true;
	}
	return false;
}

static void
check(const struct og_fact *fact, size_t i)
{
	const struct row *row;
	bool shown, this_one;
	size_t j;

	shown = this_one = false;
	for (j = 0; j < turn.seen_count; j++) {
		row = &turn.seen[j];
		if (!shows(row, i) && !shows_by_id(row, i))
			continue;
		/* Who is on no list of the organization is nobody, even when
		 * a project's row of another question has his address; and a
		 * page whose filter was ignored proves nothing. */
		shown = shown || (shows(row, i) && !row->asked_for);
		if (strcmp(fact->record.id, ids[row->id]) == 0 &&
		    (turn.query[i].kind == OG_QUERY_GROUP_USER ||
		    strcmp(fact->record.role, roles[row->role]) == 0))
			this_one = true;
	}
	switch (fact->state) {
	case OG_FACT_FOUND:
		REQUIRE(this_one);
		if (turn.query[i].subject_kind == OG_SUBJECT_ID)
			REQUIRE(strcmp(fact->record.id,
			    turn.query[i].subject) == 0);
		else
			REQUIRE(strcasecmp(fact->record.email,
			    turn.query[i].subject) == 0);
		REQUIRE(fact->source == OG_SOURCE_API);
		break;
	case OG_FACT_ABSENT:
		REQUIRE(turn.ended[i]);
		/* Of several questions, each may get a page of its own. */
		REQUIRE(!shown || turn.asked > 1);
		break;
	case OG_FACT_FAILED:
		REQUIRE(og_reason_verdict(fact->failure) != OG_ALLOW &&
		    og_reason_verdict(fact->failure) != OG_DENY &&
		    og_reason_verdict(fact->failure) != OG_EXEMPT);
		break;
	case OG_FACT_WANTED:
		REQUIRE(fact->state != OG_FACT_WANTED);
	}
}

static void
done(void *arg, const struct og_fact *answer_, size_t count)
{
	size_t i;

	(void)arg;
	REQUIRE(!turn.finished && count == turn.asked);
	turn.finished = true;
	for (i = 0; i < count; i++) {
		REQUIRE(og_query_equal(&answer_[i].query, &turn.query[i]));
		check(&answer_[i], i);
	}
}

static void
ask(struct og_fetch *fetch, struct input *input)
{
	struct og_fact wanted[QUERIES];
	struct og_facts facts = { wanted, 0, QUERIES };
	unsigned int bits, i;

	memset(wanted, 0, sizeof(wanted));
	bits = take(input) | take(input) << 8;
	for (i = 0; i < QUERIES; i++) {
		if ((bits & 1U << i) == 0)
			continue;
		REQUIRE(og_query_parse(&wanted[facts.count].query,
		    queries[i][0]) == OG_OK);
		turn.query[facts.count] = wanted[facts.count].query;
		turn.list[facts.count++] = queries[i][1];
	}
	turn.asked = facts.count;
	REQUIRE(og_fetch_ask(fetch, &facts, turn.mono + 5000, done, NULL) !=
	    NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] = "[api]\nbase_url = https://e.example/v1\n"
	    "[policy p]\nrole = owner\n";
	struct input input = { data, size };
	struct og_message message;
	struct og_config *conf;
	struct og_fetch *fetch;
	unsigned int rounds;

	memset(&turn.http, 0, sizeof(turn.http));
	turn.input = &input;
	turn.seen_count = 0;
	memset(turn.ended, 0, sizeof(turn.ended));
	turn.mono = 1000;
	turn.finished = false;
	REQUIRE(og_config_parse(&conf, "f", text, sizeof(text) - 1,
	    &message) == OG_OK);
	REQUIRE(og_fetch_new(&fetch, conf, NULL, NULL, NULL,
	    NULL) == OG_OK);
	ask(fetch, &input);
	for (rounds = 0; !turn.finished; rounds++) {
		REQUIRE(rounds < 1000);
		og_fetch_run(fetch);
	}
	og_fetch_free(fetch);
	og_config_free(conf);
	return 0;
}
