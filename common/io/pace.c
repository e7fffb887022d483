#include "io/pace.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "io/store_private.h"
#include "value/clock.h"
#include "value/text.h"

#define FILE_NAME	"pace"
#define LOCK_WAIT_MS	100
#define LOCK_TRY_MS	2
#define SLOTS		16		/* room for endpoints to come */
#define MAGIC		UINT32_C(0x3243504f)	/* "OPC2" */
#define BOOT_ID		"/proc/sys/kernel/random/boot_id"
#define BUSY_MS		1000		/* for whom nobody waits */
#define DOOR_SHARE	3		/* of the pace, one part in so many */

/* One endpoint's budget in the file, little-endian. Zeroed: never used. */
struct slot {
	uint32_t magic;
	uint32_t failures;
	uint64_t boot;		/* which: the times are of its clock */
	uint64_t wall_ms;	/* at updated_ms */
	uint64_t updated_ms;
	uint64_t not_before_ms;
	uint64_t probe_ms;
	uint32_t last_failure;
	uint16_t spent[OG_BUDGET_SECONDS];
	uint32_t zero[2];
	uint64_t sum;
};
_Static_assert(sizeof(struct slot) == 192, "a slot of pace has holes");
_Static_assert(OG_ENDPOINT_COUNT <= SLOTS, "more endpoints than slots");

static int64_t
wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* 0: unknown, and so any boot is taken for the same. */
static uint64_t
boot_id(void)
{
	char text[64];
	ssize_t n;
	int fd;

	fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text));
	close(fd);
	return n > 0 ? og_fnv1a(OG_FNV_START, text, (size_t)n) : 0;
}

/* Whose budget it is goes in, so that another organization starts anew. */
static uint64_t
slot_sum(const struct og_store *store, const struct slot *slot)
{
	return og_fnv1a(og_fnv1a(OG_FNV_START, &store->print,
	    sizeof(store->print)), slot, offsetof(struct slot, sum));
}

static bool
lock(int fd)
{
	int64_t until;

	until = og_clock_mono() + LOCK_WAIT_MS;
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return false;
		if (og_clock_mono() >= until)
			return false;
		poll(NULL, 0, LOCK_TRY_MS);
	}
	return true;
}

static const char *
trouble_of(const struct og_store *store, const struct stat *st)
{
	if (S_ISREG(st->st_mode) && (st->st_mode & 022) == 0 &&
	    (st->st_uid == 0 || st->st_uid == store->trust.owner))
		return NULL;
	return "not a file of ours (type, owner or mode); remove it, it is "
	    "made anew";
}

/* The file, locked and fit to be trusted; -1, and *why (NULL: not there). */
static int
try_locked(struct og_store *store, int flags, const char **why)
{
	struct stat st;
	int fd;

	*why = NULL;
	fd = openat(store->dir, FILE_NAME, flags | O_NOFOLLOW | O_CLOEXEC |
	    O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0 && errno == ENOENT && (flags & O_CREAT) == 0)
		return -1;
	if (fd < 0) {
		*why = strerror(errno);
		/* A link, a directory, a socket: that says more. */
		if (fstatat(store->dir, FILE_NAME, &st,
		    AT_SYMLINK_NOFOLLOW) == 0 && trouble_of(store, &st) != NULL)
			*why = trouble_of(store, &st);
		return -1;
	}
	*why = fstat(fd, &st) != 0 ? strerror(errno) : trouble_of(store, &st);
	if (*why == NULL && !lock(fd))
		*why = "locked for too long";
	if (*why == NULL)
		return fd;
	close(fd);
	return -1;
}

/* The same, and said why. */
static int
open_locked(struct og_store *store, int flags)
{
	const char *why;
	int fd;

	fd = try_locked(store, flags, &why);
	if (why != NULL)
		og_store_say(store, LOG_WARNING, FILE_NAME, why);
	return fd;
}

/* The times of another boot, as this one's clock would have shown them: wall
 * time is what the two have in common. */
static void
carry_over(struct og_budget *budget, int64_t written_ms)
{
	int64_t since;

	since = wall_ms() - written_ms;
	if (since < 0)
		since = 0;
	og_budget_shift(budget, og_clock_boot() - since - budget->updated_ms);
}

static void
take_slot(struct og_budget *budget, const struct slot *slot)
{
	size_t i;

	budget->updated_ms = (int64_t)le64toh(slot->updated_ms);
	budget->not_before_ms = (int64_t)le64toh(slot->not_before_ms);
	budget->probe_ms = (int64_t)le64toh(slot->probe_ms);
	budget->failures = le32toh(slot->failures);
	budget->last_failure = (enum og_reason)le32toh(slot->last_failure);
	for (i = 0; i < OG_BUDGET_SECONDS; i++)
		budget->spent[i] = le16toh(slot->spent[i]);
	if (le64toh(slot->boot) != boot_id())
		carry_over(budget, (int64_t)le64toh(slot->wall_ms));
}

/* False: nothing is on record, or nothing that can be used. */
static bool
read_slot(struct og_store *store, int fd, enum og_endpoint endpoint,
    struct og_budget *budget)
{
	static const struct slot unused;
	struct slot slot;

	memset(budget, 0, sizeof(*budget));
	memset(&slot, 0, sizeof(slot));
	if (pread(fd, &slot, sizeof(slot), (off_t)endpoint *
	    (off_t)sizeof(slot)) < 0) {
		og_store_say(store, LOG_WARNING, FILE_NAME, strerror(errno));
		return false;
	}
	if (memcmp(&slot, &unused, sizeof(slot)) == 0)
		return false;
	if (le32toh(slot.magic) != MAGIC ||
	    le64toh(slot.sum) != slot_sum(store, &slot)) {
		og_store_say(store, LOG_WARNING, FILE_NAME, "damaged, or of "
		    "another organization or endpoint; starting anew");
		return false;
	}
	take_slot(budget, &slot);
	return true;
}

static void
write_slot(struct og_store *store, int fd, enum og_endpoint endpoint,
    const struct og_budget *budget)
{
	static const struct slot unused[SLOTS];
	struct slot slot;
	struct stat st;
	size_t i;

	memset(&slot, 0, sizeof(slot));
	slot.magic = htole32(MAGIC);
	slot.failures = htole32(budget->failures);
	slot.boot = htole64(boot_id());
	slot.wall_ms = htole64((uint64_t)(wall_ms() - og_clock_boot() +
	    budget->updated_ms));
	slot.updated_ms = htole64((uint64_t)budget->updated_ms);
	slot.not_before_ms = htole64((uint64_t)budget->not_before_ms);
	slot.probe_ms = htole64((uint64_t)budget->probe_ms);
	slot.last_failure = htole32((uint32_t)budget->last_failure);
	for (i = 0; i < OG_BUDGET_SECONDS; i++)
		slot.spent[i] = htole16(budget->spent[i]);
	slot.sum = htole64(slot_sum(store, &slot));
	/* All its blocks at once: later writes need no room on the disk. */
	if (fstat(fd, &st) == 0 && st.st_size < (off_t)sizeof(unused) &&
	    pwrite(fd, &unused[st.st_size / (off_t)sizeof(slot)],
	    sizeof(unused) - (size_t)st.st_size, st.st_size) < 0)
		goto bad;
	if (pwrite(fd, &slot, sizeof(slot), (off_t)endpoint *
	    (off_t)sizeof(slot)) == (ssize_t)sizeof(slot))
		return;
bad:
	og_store_say(store, LOG_WARNING, FILE_NAME, strerror(errno));
}

unsigned int
og_pace_reserve(unsigned int per_minute)
{
	return per_minute >= DOOR_SHARE ? per_minute / DOOR_SHARE : 1;
}

int64_t
og_pace_take(struct og_store *store, enum og_endpoint endpoint,
    unsigned int per_minute, unsigned int reserve, enum og_reason *why)
{
	struct og_budget budget;
	int64_t wait;
	int fd;

	memset(&budget, 0, sizeof(budget));
	fd = open_locked(store, O_RDWR | O_CREAT);
	/* What was spent is not known: people at the door come first. */
	if (fd < 0 && reserve > 0) {
		*why = OG_STORE;
		return BUSY_MS;
	}
	if (fd >= 0)
		read_slot(store, fd, endpoint, &budget);
	wait = og_budget_take(&budget, og_clock_boot(), per_minute, reserve,
	    why);
	if (fd >= 0) {
		write_slot(store, fd, endpoint, &budget);
		close(fd);
	}
	return wait;
}

void
og_pace_succeed(struct og_store *store, enum og_endpoint endpoint)
{
	struct og_budget budget;
	int fd;

	fd = open_locked(store, O_RDWR | O_CREAT);
	if (fd < 0)
		return;
	read_slot(store, fd, endpoint, &budget);
	og_budget_succeed(&budget, og_clock_boot());
	write_slot(store, fd, endpoint, &budget);
	close(fd);
}

void
og_pace_fail(struct og_store *store, enum og_endpoint endpoint,
    enum og_reason why, int64_t retry_after_ms)
{
	struct og_budget budget;
	uint32_t random;
	int fd;

	fd = open_locked(store, O_RDWR | O_CREAT);
	if (fd < 0)
		return;
	/* Jitter only: without entropy there is none. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(random))
		random = 0;
	read_slot(store, fd, endpoint, &budget);
	og_budget_fail(&budget, og_clock_boot(), why, retry_after_ms,
	    random);
	write_slot(store, fd, endpoint, &budget);
	close(fd);
}

bool
og_pace_usable(struct og_store *store, struct og_message *message)
{
	const char *why;
	int fd;

	fd = try_locked(store, O_RDWR, &why);
	if (fd >= 0)
		close(fd);
	if (why == NULL)
		return true;
	og_message_set(message, "%s/" FILE_NAME ": %s", store->path, why);
	return false;
}

void
og_pace_show_all(struct og_store *store,
    struct og_budget budget[OG_ENDPOINT_COUNT])
{
	unsigned int endpoint;
	int fd;

	memset(budget, 0, OG_ENDPOINT_COUNT * sizeof(*budget));
	fd = open_locked(store, O_RDONLY);
	if (fd < 0)
		return;
	for (endpoint = 0; endpoint < OG_ENDPOINT_COUNT; endpoint++)
		(void)read_slot(store, fd, (enum og_endpoint)endpoint,
		    &budget[endpoint]);
	close(fd);
}

bool
og_pace_show(struct og_store *store, enum og_endpoint endpoint,
    struct og_budget *budget)
{
	bool found;
	int fd;

	memset(budget, 0, sizeof(*budget));
	fd = open_locked(store, O_RDONLY);
	if (fd < 0)
		return false;
	found = read_slot(store, fd, endpoint, budget);
	close(fd);
	return found;
}
