/*
 * A single's file in the store, with every field, its place, its reader and
 * the clock from the input. The file opened is ours (the linker's --wrap). A
 * fact comes back only when the file is sound, is for this organization and
 * endpoint, speaks of the query, at a time that has been, and its row is the
 * person's; else nothing is known.
 */
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/store_private.h"
#include "kit/input.h"
#include "value/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
enum og_error __wrap_og_store_open_file(struct og_store *, enum og_inner,
    const char *, int *, struct stat *);

#define NOW	INT64_C(1700000000)
#define HEAD	48		/* magic, both prints, no known boot */
#define SUM	8

static const char *const texts[] = {
	"users?email=ann@example.com", "users/user-1",
	"projects/proj_a/users?email=ann@example.com",
	"projects/proj_b/users?email=ann@example.com",
	"groups/group_1/users/user-1", "invites?email=ann@example.com",
	"users?email=bob@example.com", "users/user-2",
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

static const char *const ids[] = { "user-1", "user-2", "USER-1", "" };
static const char *const emails[] = {
	"ann@example.com", "Ann@Example.COM", "bob@example.com", "",
};

static struct {
	uint8_t data[OG_SINGLE_MAX + 64];
	size_t len;
} file;

enum og_error
__wrap_og_store_open_file(struct og_store *store, enum og_inner inner,
    const char *name, int *fd, struct stat *st)
{
	(void)store;
	REQUIRE(inner == OG_INNER_SINGLES && og_store_name_valid(name));
	*fd = memfd_create("single", MFD_CLOEXEC);
	REQUIRE(*fd >= 0);
	REQUIRE(write(*fd, file.data, file.len) == (ssize_t)file.len);
	REQUIRE(lseek(*fd, 0, SEEK_SET) == 0);
	memset(st, 0, sizeof(*st));
	st->st_size = (off_t)file.len;
	return OG_OK;
}

static uint64_t
fnv1a(const uint8_t *data, size_t len)
{
	uint64_t sum;

	sum = UINT64_C(0xcbf29ce484222325);
	for (; len > 0; data++, len--)
		sum = (sum ^ *data) * UINT64_C(0x100000001b3);
	return sum;
}

static void
put_sum(uint8_t *end, const uint8_t *start)
{
	uint64_t sum;
	size_t i;

	sum = fnv1a(start, (size_t)(end - start));
	for (i = 0; i < SUM; i++)
		end[i] = (uint8_t)(sum >> 8 * i);
}

static void
make_print(struct og_print *print, unsigned int bits)
{
	memset(print, 0, sizeof(*print));
	print->endpoint[bits >> 2 & 15] = bits & 1;
	print->organization[bits >> 2 & 15] = bits >> 1 & 1;
}

static void
make_fact(struct og_fact *fact, struct input *input)
{
	static const int64_t times[] = {
		0, -1, -2, -3, 600, 86400, -86400, NOW, NOW + 1, INT64_MIN / 2,
		INT64_MAX - NOW,
	};
	unsigned int bits;

	memset(fact, 0, sizeof(*fact));
	REQUIRE(og_query_parse(&fact->query, texts[pick(input, TEXTS)]) ==
	    OG_OK);
	bits = take(input);
	fact->fetched_at = NOW - times[bits % 11];
	bits = take(input);
	fact->state = (enum og_fact_state)(1 + (bits & 3) % 3);
	if (fact->state == OG_FACT_FAILED)
		fact->failure = OG_NETWORK;
	if (fact->state != OG_FACT_FOUND)
		return;
	snprintf(fact->record.id, sizeof(fact->record.id), "%s",
	    ids[bits >> 2 & 3]);
	snprintf(fact->record.email, sizeof(fact->record.email), "%s",
	    emails[bits >> 4 & 3]);
	fact->record.disabled = (bits & 64) != 0;
	fact->record.ambiguous = (bits & 128) != 0;
	snprintf(fact->record.role, sizeof(fact->record.role), "%.*s",
	    (int)pick(input, 6), "owner");
}

static void
write_file(const struct og_print *print, const struct og_fact *fact)
{
	struct og_buffer wire;

	og_buffer_init(&wire, OG_WIRE_FACT_MAX);
	REQUIRE(og_wire_put_fact(&wire, fact) == OG_OK);
	memset(file.data, 0, HEAD);
	memcpy(file.data, "OGFACT2\n", 8);
	memcpy(file.data + 8, print->endpoint, 16);
	memcpy(file.data + 24, print->organization, 16);
	memcpy(file.data + HEAD, wire.data, wire.len);
	file.len = HEAD + wire.len + SUM;
	put_sum(file.data + HEAD + wire.len, file.data);
	og_buffer_free(&wire);
}

enum spoilt {
	SOUND = 0,
	DAMAGED,	/* no checksum holds */
	OTHER		/* other bytes, whose sums are right */
};

static enum spoilt
spoil(struct input *input)
{
	size_t at;

	switch (pick(input, 8)) {
	case 1:
		at = (take(input) << 8 | take(input)) % file.len;
		file.data[at] ^= (uint8_t)(1 + pick(input, 255));
		return DAMAGED;
	case 2:
		file.len = (take(input) << 8 | take(input)) % file.len;
		return DAMAGED;
	case 3:	/* something behind it, summed or not */
		file.data[file.len++] = (uint8_t)take(input);
		if (pick(input, 2) == 0)
			return DAMAGED;
		put_sum(file.data + file.len - SUM, file.data);
		return OTHER;
	case 4:	/* as large as no fact is */
		memset(file.data + file.len, 0, sizeof(file.data) - file.len);
		file.len = sizeof(file.data);
		return DAMAGED;
	case 5:	/* any bytes, both sums right */
		file.len = HEAD + 16 + input->left % 1024 + 2 * SUM;
		memset(file.data + HEAD + 4, 0, file.len - HEAD - 4);
		memcpy(file.data + HEAD + 4, input->data, input->left % 1024);
		file.data[HEAD + 2] = (uint8_t)(file.len - HEAD - SUM);
		file.data[HEAD + 3] = (uint8_t)((file.len - HEAD - SUM) >> 8);
		put_sum(file.data + file.len - 2 * SUM, file.data + HEAD);
		put_sum(file.data + file.len - SUM, file.data);
		return OTHER;
	default:
		return SOUND;
	}
}

/* ASCII case alone, and an id is never an address. */
static bool
is_own(const struct og_query *query, const struct og_record *row)
{
	return query->subject_kind == OG_SUBJECT_ID ?
	    strcmp(query->subject, row->id) == 0 :
	    strcasecmp(query->subject, row->email) == 0;
}

static bool
counts(const struct og_store *store, const struct og_print *print,
    const struct og_fact *fact, const struct og_query *query, int64_t now)
{
	if (memcmp(print->organization, store->print.organization, 16) != 0)
		return false;
	if (!store->any_endpoint &&
	    memcmp(print->endpoint, store->print.endpoint, 16) != 0)
		return false;
	if (fact->fetched_at <= 0 || fact->fetched_at > now + 2)
		return false;
	if (!og_query_equal(&fact->query, query))
		return false;
	return fact->state == OG_FACT_ABSENT || (fact->state ==
	    OG_FACT_FOUND && is_own(query, &fact->record));
}

/* Whatever the bytes were. */
static void
check_any(const struct og_fact *got, const struct og_query *query, int64_t now)
{
	static const struct og_record nobody;

	REQUIRE(og_query_equal(&got->query, query) && !got->stale);
	if (got->state == OG_FACT_WANTED) {
		REQUIRE(got->fetched_at == 0);
		REQUIRE(got->source == OG_SOURCE_NONE);
	} else {
		REQUIRE(got->fetched_at > 0 && got->fetched_at <= now);
		REQUIRE(got->source == OG_SOURCE_STORE);
	}
	REQUIRE(got->state != OG_FACT_FAILED);
	if (got->state == OG_FACT_FOUND)
		REQUIRE(is_own(query, &got->record));
	else
		REQUIRE(memcmp(&got->record, &nobody, sizeof(nobody)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct og_fact fact, got;
	struct og_store store;
	struct og_print print;
	struct og_query query;
	enum spoilt spoilt;
	unsigned int bits;
	int64_t now;

	memset(&store, 0, sizeof(store));
	bits = take(&input);
	make_print(&store.print, bits & 63);
	store.any_endpoint = (bits & 64) != 0;
	now = (bits & 128) != 0 ? NOW - 1 : NOW;
	bits = take(&input);
	make_print(&print, bits & 63);
	REQUIRE(og_query_parse(&query, texts[(bits >> 6) == 3 ?
	    pick(&input, TEXTS) : 0]) == OG_OK);
	make_fact(&fact, &input);
	if ((bits & 64) != 0)
		query = fact.query;
	write_file(&print, &fact);
	spoilt = spoil(&input);
	og_store_get_single(&store, &got, &query, now);
	check_any(&got, &query, now);
	REQUIRE(spoilt != DAMAGED || got.state == OG_FACT_WANTED);
	if (spoilt != SOUND)
		return 0;
	if (!counts(&store, &print, &fact, &query, now)) {
		REQUIRE(got.state == OG_FACT_WANTED);
		return 0;
	}
	REQUIRE(got.state == fact.state);
	REQUIRE(memcmp(&got.record, &fact.record, sizeof(fact.record)) == 0);
	REQUIRE(got.fetched_at == (fact.fetched_at < now ? fact.fetched_at :
	    now));
	return 0;
}
