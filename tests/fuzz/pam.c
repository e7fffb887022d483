/*
 * The PAM module, whole: arguments, gate.conf, map, store, helper and clock
 * from the input, and up to three calls of libc that fail as it says
 * (kit/libc.h). libpam is ours as well. PAM_SUCCESS comes only when the
 * oracle allows on the facts given, PAM_IGNORE only for who is exempt; when
 * nothing fails, the code is the very one. Whatever happens: no crash, no
 * leak, no descriptor and no child left behind, signals as they were.
 */
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "client/remote.h"
#include "io/helper.h"
#include "kit/cabinet.h"
#include "kit/libc.h"
#include "kit/oracle.h"
#include "meaning/config.h"
#include "value/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
enum og_error __real_og_helper_run(struct og_buffer *, const char *,
    char *const[], int64_t, struct og_message *);
enum og_error __wrap_og_helper_run(struct og_buffer *, const char *,
    char *const[], int64_t, struct og_message *);

#define CONF	"/etc/openai-gate/gate.conf"
#define MAP	"/etc/openai-gate/users.map"

enum file { FILE_CONF, FILE_MAP, FILE_HELPER };

static struct {
	struct world world;
	struct cabinet cabinet;
	struct og_buffer conf, map, reply;
	const char *argv[8];
	int argc;
	int flags;
	const char *user, *service, *policy;
	bool bad_argument, quiet, never_asks, tampered;
	bool bad_file[FILE_HELPER + 1];
	unsigned int tamper_at, tamper_by;
	const char *exempt_user, *ignored_service, *exempt_group;
	int64_t min_uid;
	unsigned int told;
} turn;

/* ---- libpam ---- */

int
pam_get_item(const pam_handle_t *pamh, int type, const void **item)
{
	(void)pamh;
	*item = type == PAM_USER ? turn.user : turn.service;
	REQUIRE(type == PAM_USER || type == PAM_SERVICE);
	return *item != NULL ? PAM_SUCCESS : PAM_BAD_ITEM;
}

static void check_line(const char *, va_list)
    __attribute__((format(printf, 1, 0)));

static void
check_line(const char *fmt, va_list args)
{
	char line[2048];
	const char *p;
	bool active;

	active = libc.active;
	libc.active = false;
	REQUIRE((size_t)vsnprintf(line, sizeof(line), fmt, args) <
	    sizeof(line));
	for (p = line; *p != '\0'; p++)
		REQUIRE((unsigned char)*p >= ' ' && *p != 0x7f);
	libc.active = active;
}

void
pam_syslog(const pam_handle_t *pamh, int level, const char *fmt, ...)
{
	va_list args;

	(void)pamh;
	REQUIRE(level >= LOG_ALERT && level <= LOG_DEBUG);
	va_start(args, fmt);
	check_line(fmt, args);
	va_end(args);
}

int
pam_prompt(pam_handle_t *pamh, int style, char **response, const char *fmt,
    ...)
{
	va_list args;

	(void)pamh;
	REQUIRE(style == PAM_ERROR_MSG && response == NULL);
	REQUIRE(!turn.quiet && ((unsigned int)turn.flags & PAM_SILENT) == 0);
	va_start(args, fmt);
	check_line(fmt, args);
	va_end(args);
	turn.told++;
	return PAM_CONV_ERR;
}

/* ---- store and helper ---- */

static bool
stored(const char *name, struct libc_file *file)
{
	bool there;

	libc.active = false;
	there = cabinet_open(&turn.cabinet, name, file);
	libc.active = true;
	return there;
}

/* What the directory says, fact by fact, as the helper would. */
static void
say(struct og_buffer *reply, const char *text)
{
	const struct told *told;
	struct og_fact fact;
	unsigned int place;

	memset(&fact, 0, sizeof(fact));
	REQUIRE(og_query_parse(&fact.query, text) == OG_OK);
	place = world_place(&turn.world, &fact.query);
	REQUIRE(place < PLACES);
	told = &turn.world.api[place];
	fact.fetched_at = LIBC_WALL;
	fact.record = told->row;
	fact.state = told->says == SAYS_ROW ? OG_FACT_FOUND :
	    told->says == SAYS_NOBODY ? OG_FACT_ABSENT : OG_FACT_FAILED;
	fact.failure = told->says == SAYS_FAILED ? told->failure : OG_NETWORK;
	if (og_wire_put_fact(reply, &fact) == OG_OK)
		return;
	fact.failure = OG_SERVER_ERROR;
	REQUIRE(og_wire_put_fact(reply, &fact) == OG_OK);
}

enum og_error
__wrap_og_helper_run(struct og_buffer *reply, const char *path,
    char *const argv[], int64_t deadline_ms, struct og_message *message)
{
	static const char head[12] = { 'O', 'G', 'F', 'R', 1 };
	size_t at, i, len;

	libc.active = false;
	REQUIRE(!turn.never_asks && strcmp(argv[2], CONF) == 0);
	og_buffer_reset(&turn.reply);
	REQUIRE(og_buffer_add(&turn.reply, head, sizeof(head)) == OG_OK);
	for (i = 4; argv[i] != NULL; i++)
		say(&turn.reply, argv[i]);
	len = turn.reply.len - sizeof(head);
	turn.reply.data[8] = (char)len;
	turn.reply.data[9] = (char)(len >> 8);
	at = turn.tamper_at % turn.reply.len;
	turn.reply.data[at] = (char)(turn.reply.data[at] ^
	    (char)turn.tamper_by);
	libc.helper.reply = turn.reply.data;
	libc.helper.len = turn.reply.len;
	libc.active = true;
	return __real_og_helper_run(reply, path, argv, deadline_ms, message);
}

/* ---- what is given ---- */

static void
make_arguments(struct input *input)
{
	static const char *const policies[] = { NULL, "p", "open", "none" };
	static char policy[4][16];
	unsigned int bits;

	bits = take(input);
	turn.policy = policies[bits & 3];
	if (turn.policy != NULL) {
		snprintf(policy[bits & 3], sizeof(policy[0]), "policy=%s",
		    turn.policy);
		turn.argv[turn.argc++] = policy[bits & 3];
	}
	if ((bits & 4) != 0)
		turn.argv[turn.argc++] = "debug";
	if ((bits & 8) != 0)
		turn.argv[turn.argc++] = "quiet";
	turn.quiet = (bits & 8) != 0;
	if ((bits & 16) != 0)
		turn.argv[turn.argc++] = "conf=" CONF;
	turn.flags = (bits & 32) != 0 ? (int)PAM_SILENT : 0;
	turn.bad_argument = (bits >> 6) == 3;
	if (turn.bad_argument) {
		static const char *const bad[] = { "nonsense", "conf=gate.conf",
		    "policy=", "Quiet" };
		turn.argv[turn.argc++] = bad[pick(input, 4)];
	}
}

static void
make_file(enum file which, const char *path, const struct og_buffer *text,
    struct input *input)
{
	struct libc_file *file = &libc.file[which];
	unsigned int how;

	how = pick(input, 16);
	file->path = how == 1 ? NULL : path;
	file->data = text != NULL ? text->data : "";
	file->len = text != NULL ? text->len : 0;
	file->uid = how == 2 ? 1000 : 0;
	file->mode = how == 3 ? S_IFREG | 0757 : how == 4 ? S_IFLNK | 0777 :
	    how == 5 ? S_IFIFO | 0600 : S_IFREG | 0755;
	if (which == FILE_HELPER && how == 6)
		file->mode = S_IFREG | 0644;
	turn.bad_file[which] = how >= 1 && how <= 5 + (which == FILE_HELPER);
}

static void
make_pam_section(struct input *input)
{
	static const char *const users[] = { "root", "ann", "bob", "Ann" };
	static const char *const services[] = { "cron", "atd", "ssh" };
	static const char *const exempt[] = { NULL, "wheel", "adm", "none" };
	static const gid_t gids[] = { 1000, 10, 11, 12 };
	unsigned int bits;

	bits = take(input);
	turn.exempt_user = users[bits & 3];
	turn.ignored_service = services[(bits >> 2 & 3) % 3];
	turn.exempt_group = exempt[bits >> 4 & 3];
	turn.min_uid = (bits & 64) != 0 ? 1000 + (bits >> 7) : 0;
	bits = take(input);
	libc.user_gid = gids[bits & 3];
	libc.user_uid = (bits & 4) != 0 ? 999 : 1000;
	libc.user_missing = (bits & 24) == 24;
	REQUIRE(og_buffer_addf(&turn.conf, "[pam]\nexempt_users = %s\n"
	    "ignore_services = %s\nexempt_groups = %s\nmin_uid = %d\n",
	    turn.exempt_user, turn.ignored_service,
	    turn.exempt_group != NULL ? turn.exempt_group : "",
	    (int)turn.min_uid) == OG_OK);
}

static void
make_helper(struct input *input)
{
	static const int statuses[] = { 0, 1 << 8, 126 << 8, 127 << 8, 9 };
	unsigned int how;

	how = take(input);
	if ((how & 7) == 1)
		libc.helper.status = statuses[1 + pick(input, 4)];
	libc.helper.hangs = (how & 7) == 2;
	libc.helper.stolen = (how & 7) == 3;
	libc.helper.dribbles = (how & 8) != 0;
	if ((how & 7) == 4) {
		turn.tamper_at = take(input) << 8 | take(input);
		turn.tamper_by = 1 + pick(input, 255);
	}
}

static void
make_host(struct input *input)
{
	static const char *const services[] = { "sshd", "other", "cron", "",
	    "ssh", NULL };
	static const int64_t steps[] = { 0, -60, -3600, 7200, -1, 1 };
	unsigned int bits;

	bits = take(input);
	turn.service = services[(bits & 7) % 6];
	turn.user = (bits & 24) == 24 ? NULL : turn.world.name;
	libc.not_root = (bits & 0xe0) == 0xe0;
	bits = take(input);
	if ((bits & 7) == 7)
		libc.directory_uid = 1000;
	if ((bits & 56) == 56)
		libc.directory_mode = S_IFDIR | 0777;
	turn.never_asks = (bits & 0xc0) == 0xc0;
	turn.world.rules.never_asks = turn.never_asks;
	libc.step_at = pick(input, 5);
	libc.step_ms = steps[pick(input, 6)] * 1000;
}

static void
make(struct input *input)
{
	world_make(&turn.world, input);
	cabinet_make(&turn.cabinet, &turn.world, input);
	make_arguments(input);
	make_host(input);
	REQUIRE(og_buffer_addf(&turn.conf, "[api]\n%s",
	    turn.never_asks ? "base_url = none\n" : "timeout = 2s\n") ==
	    OG_OK);
	make_pam_section(input);
	world_print(&turn.world, &turn.conf,
	    turn.world.map != 0 ? MAP : NULL);
	world_print_map(&turn.world, &turn.map);
	make_file(FILE_CONF, CONF, &turn.conf, input);
	make_file(FILE_MAP, MAP, &turn.map, input);
	make_file(FILE_HELPER, OG_HELPER_PATH, NULL, input);
	make_helper(input);
	libc_make_faults(input);
	libc.stored = stored;
}

/* ---- what is right ---- */

static bool
is_refused(const char *name)
{
	return name == NULL || name[0] == '\0' || name[0] == '-' ||
	    strpbrk(name, " /%\n\xff") != NULL;
}

static bool
is_exempt(void)
{
	if (turn.service != NULL &&
	    strcmp(turn.service, turn.ignored_service) == 0)
		return true;
	if (strcmp(turn.user, turn.exempt_user) == 0)
		return true;
	if (libc.user_missing)
		return false;
	if (libc.user_uid < turn.min_uid)
		return true;
	if (turn.exempt_group == NULL)
		return false;
	return (strcmp(turn.exempt_group, "wheel") == 0 &&
	    libc.user_gid == 10) ||
	    (strcmp(turn.exempt_group, "adm") == 0 && libc.user_gid == 11);
}

/* The policy that decides; false: there is none. */
static bool
choose_policy(void)
{
	struct rules *rules = &turn.world.rules;
	const char *name;

	name = turn.policy;
	if (name == NULL && turn.service != NULL)
		name = strcmp(turn.service, "sshd") == 0 ? "p" :
		    strcmp(turn.service, "other") == 0 ? "open" : NULL;
	if (name == NULL || strcmp(name, "none") == 0)
		return false;
	if (strcmp(name, "open") == 0) {
		rules->role = (1U << ROLE_WORDS) - 1;
		rules->project_lines = rules->group_lines = 0;
		rules->service_accounts = false;
	}
	return true;
}

/* The helper says nothing that counts. */
static bool
is_helpless(void)
{
	return turn.never_asks || turn.bad_file[FILE_HELPER] ||
	    libc.helper.status != 0 || libc.helper.hangs ||
	    libc.helper.stolen || turn.tamper_by != 0;
}

/* All that comes before the facts: PAM_SUCCESS, go on. */
static int
right_before_facts(void)
{
	bool unsafe;

	unsafe = libc.directory_uid != 0 ||
	    libc.directory_mode != (S_IFDIR | 0755);
	if (turn.bad_argument)
		return PAM_SERVICE_ERR;
	if (is_refused(turn.user))
		return PAM_USER_UNKNOWN;
	if (unsafe || turn.bad_file[FILE_CONF] ||
	    !oracle_policy_valid(&turn.world.rules))
		return libc.not_root ? PAM_AUTHINFO_UNAVAIL : PAM_SERVICE_ERR;
	if (is_exempt())
		return PAM_IGNORE;
	if (!choose_policy())
		return PAM_SERVICE_ERR;
	if (libc.not_root)
		return PAM_AUTHINFO_UNAVAIL;
	if (turn.world.map != 0 && turn.bad_file[FILE_MAP])
		return PAM_SERVICE_ERR;
	return turn.world.known ? PAM_SUCCESS : PAM_USER_UNKNOWN;
}

static void
check_calm(int code)
{
	unsigned int i;

	if (is_helpless()) {
		for (i = 0; i < PLACES; i++)
			turn.world.api[i].says = SAYS_NOTHING;
	}
	switch (oracle_judge(&turn.world)) {
	case YES:
		REQUIRE(code == PAM_SUCCESS);
		break;
	case NO:
		REQUIRE(code == PAM_PERM_DENIED);
		break;
	case UNKNOWN:
		REQUIRE(code == PAM_AUTHINFO_UNAVAIL ||
		    code == PAM_SERVICE_ERR || code == PAM_BUF_ERR);
		break;
	}
}

static void
check(int code)
{
	int64_t slack;
	bool calm;
	int before;

	cabinet_judge(&turn.cabinet);
	before = right_before_facts();
	calm = libc.failed == 0;
	if (before != PAM_SUCCESS) {
		REQUIRE(code != PAM_SUCCESS);
		REQUIRE(!calm || code == before);
		REQUIRE(code != PAM_IGNORE || before == PAM_IGNORE);
		return;
	}
	REQUIRE(code != PAM_IGNORE);
	slack = libc.step_at != 0 && libc.step_ms < 0 ? -libc.step_ms / 1000 :
	    0;
	if (code == PAM_SUCCESS)
		REQUIRE(oracle_possible(&turn.world, slack));
	if (calm && !turn.cabinet.vague &&
	    (libc.step_at == 0 || libc.step_ms == 0))
		check_calm(code);
}

static void
check_left(int code)
{
	libc.active = false;
	REQUIRE(libc.open == 0);
	REQUIRE(!libc.masked && libc.child_handled);
	REQUIRE(!libc.helper_ran || libc.helper_gone || libc.helper_killed);
	REQUIRE(turn.told <= 1);
	REQUIRE(turn.told == 0 || (code != PAM_SUCCESS &&
	    code != PAM_IGNORE));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int (*const entry[])(pam_handle_t *, int, int, const char **) = {
		pam_sm_acct_mgmt, pam_sm_authenticate, pam_sm_open_session,
	};
	struct input input = { data, size };
	unsigned int which;
	int code;

	memset(&turn, 0, sizeof(turn));
	libc_reset();
	og_buffer_init(&turn.conf, OG_CONF_FILE_MAX);
	og_buffer_init(&turn.map, OG_CONF_FILE_MAX);
	og_buffer_init(&turn.reply, OG_HELPER_REPLY_MAX);
	make(&input);
	which = pick(&input, 3);
	libc.active = true;
	code = entry[which]((pam_handle_t *)&turn, turn.flags, turn.argc,
	    turn.argv);
	check_left(code);
	check(code);
	og_buffer_free(&turn.conf);
	og_buffer_free(&turn.map);
	og_buffer_free(&turn.reply);
	return 0;
}
