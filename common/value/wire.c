#include "value/wire.h"

#include <string.h>

#include "value/text.h"

/*
 * A fact:	'F', version, length of the whole (16 bits), state, failure,
 *		kind, subject kind, time (64 bits), container, subject, flags,
 *		id, e-mail, role, checksum (64 bits)
 * A row:	'R', version, length of the whole (16 bits), flags, id, e-mail,
 *		role, checksum (64 bits)
 *
 * Text is its length (16 bits) and its bytes.
 */
#define VERSION		1
#define SUM_SIZE	8

#define FLAG_DISABLED	0x01
#define FLAG_SERVICE	0x02
#define FLAG_AMBIGUOUS	0x04

/* Bytes being written to memory that is large enough by construction. */
struct out {
	unsigned char data[OG_WIRE_FACT_MAX];
	size_t len;
	bool bad;		/* a value that nobody could read back */
};

/* Bytes being read; `bad` once they ran out or broke a rule. */
struct in {
	const unsigned char *data;
	size_t len;
	size_t at;
	bool bad;
};

static void
put_number(struct out *out, uint64_t value, size_t bytes)
{
	size_t i;

	if (bytes > sizeof(out->data) - out->len) {
		out->bad = true;
		return;
	}
	for (i = 0; i < bytes; i++)
		out->data[out->len++] = (unsigned char)(value >> (8 * i));
}

static uint64_t
get_number(struct in *in, size_t bytes)
{
	uint64_t value;
	size_t i;

	if (bytes > in->len - in->at) {
		in->bad = true;
		return 0;
	}
	value = 0;
	for (i = 0; i < bytes; i++)
		value |= (uint64_t)in->data[in->at++] << (8 * i);
	return value;
}

static bool
utf8_valid(const char *text, size_t len)
{
	size_t n;

	for (; len > 0; text += n, len -= n) {
		n = og_utf8_length(text, len);
		if (n == 0)
			return false;
	}
	return true;
}

static void
put_text(struct out *out, const char *text)
{
	size_t len;

	len = strlen(text);
	if (!utf8_valid(text, len) || len + 2 > sizeof(out->data) - out->len) {
		out->bad = true;
		return;
	}
	put_number(out, len, 2);
	memcpy(out->data + out->len, text, len);
	out->len += len;
}

static void
get_text(struct in *in, char *text, size_t size)
{
	const char *data;
	size_t len;

	len = (size_t)get_number(in, 2);
	if (in->bad || len > in->len - in->at) {
		in->bad = true;
		return;
	}
	data = (const char *)in->data + in->at;
	if (!og_copy(text, size, data, len) || !utf8_valid(text, len))
		in->bad = true;
	in->at += len;
}

static void
put_record(struct out *out, const struct og_record *record)
{
	put_number(out, (record->disabled ? FLAG_DISABLED : 0U) |
	    (record->service_account ? FLAG_SERVICE : 0U) |
	    (record->ambiguous ? FLAG_AMBIGUOUS : 0U), 1);
	put_text(out, record->id);
	put_text(out, record->email);
	put_text(out, record->role);
}

static void
get_record(struct in *in, struct og_record *record)
{
	uint64_t flags;

	flags = get_number(in, 1);
	if (flags > (FLAG_DISABLED | FLAG_SERVICE | FLAG_AMBIGUOUS))
		in->bad = true;
	record->disabled = (flags & FLAG_DISABLED) != 0;
	record->service_account = (flags & FLAG_SERVICE) != 0;
	record->ambiguous = (flags & FLAG_AMBIGUOUS) != 0;
	get_text(in, record->id, sizeof(record->id));
	get_text(in, record->email, sizeof(record->email));
	get_text(in, record->role, sizeof(record->role));
}

static void
put_head(struct out *out, char form)
{
	memset(out, 0, sizeof(*out));
	put_number(out, (unsigned char)form, 1);
	put_number(out, VERSION, 1);
	put_number(out, 0, 2);		/* the length, once it is known */
}

/* Ends what put_head began and appends it. */
static enum og_error
put_tail(struct og_buffer *buffer, struct out *out, uint64_t seed)
{
	size_t len;

	len = out->len + SUM_SIZE;
	out->data[2] = (unsigned char)len;
	out->data[3] = (unsigned char)(len >> 8);
	put_number(out, og_fnv1a(seed, out->data, out->len), SUM_SIZE);
	if (out->bad)
		return OG_ERR_SYNTAX;
	return og_buffer_add(buffer, out->data, out->len);
}

/* Form, version, length and checksum; afterwards `in` ends at the checksum. */
static bool
get_head(struct in *in, char form, uint64_t seed, const void *data, size_t len)
{
	size_t whole;
	struct in sum;

	memset(in, 0, sizeof(*in));
	in->data = data;
	in->len = len;
	if (get_number(in, 1) != (unsigned char)form ||
	    get_number(in, 1) != VERSION)
		return false;
	whole = (size_t)get_number(in, 2);
	if (in->bad || whole < in->at + SUM_SIZE || whole > len)
		return false;
	sum = (struct in){ in->data, whole, whole - SUM_SIZE, false };
	in->len = whole - SUM_SIZE;
	return get_number(&sum, SUM_SIZE) == og_fnv1a(seed, data, in->len);
}

static bool
query_valid(const struct og_query *query)
{
	bool in_container;

	in_container = query->kind == OG_QUERY_PROJECT_USER ||
	    query->kind == OG_QUERY_GROUP_USER;
	return (unsigned int)query->kind <= OG_QUERY_INVITE &&
	    (unsigned int)query->subject_kind <= OG_SUBJECT_ID &&
	    (query->container[0] != '\0') == in_container &&
	    (query->subject[0] != '\0') ==
	    (query->subject_kind != OG_SUBJECT_LIST);
}

/* A failure may be anything but a verdict about the person. */
static bool
state_valid(enum og_fact_state state, enum og_reason failure)
{
	switch (state) {
	case OG_FACT_FOUND:
	case OG_FACT_ABSENT:
		return true;
	case OG_FACT_FAILED:
		break;
	case OG_FACT_WANTED:
	default:
		return false;
	}
	if ((unsigned int)failure >= OG_REASON_COUNT)
		return false;
	switch (og_reason_verdict(failure)) {
	case OG_UNAVAILABLE:
	case OG_MISCONFIGURED:
	case OG_OUT_OF_MEMORY:
		return true;
	case OG_DENY:
	case OG_ALLOW:
	case OG_EXEMPT:
		break;
	}
	return false;
}

enum og_error
og_wire_put_fact(struct og_buffer *buffer, const struct og_fact *fact)
{
	static const struct og_record nobody;
	struct out out;

	if (!state_valid(fact->state, fact->failure) ||
	    !query_valid(&fact->query))
		return OG_ERR_SYNTAX;
	put_head(&out, 'F');
	put_number(&out, fact->state, 1);
	put_number(&out, fact->state == OG_FACT_FAILED ? fact->failure : 0U, 1);
	put_number(&out, fact->query.kind, 1);
	put_number(&out, fact->query.subject_kind, 1);
	put_number(&out, (uint64_t)fact->fetched_at, 8);
	put_text(&out, fact->query.container);
	put_text(&out, fact->query.subject);
	put_record(&out, fact->state == OG_FACT_FOUND ? &fact->record : &nobody);
	return put_tail(buffer, &out, OG_FNV_START);
}

/* Nothing stands where the state says that nothing does. */
static bool
is_plain(const struct og_fact *fact)
{
	static const struct og_record nobody;

	return (fact->state == OG_FACT_FOUND ||
	    memcmp(&fact->record, &nobody, sizeof(nobody)) == 0) &&
	    (fact->state == OG_FACT_FAILED || (int)fact->failure == 0);
}

enum og_error
og_wire_get_fact(struct og_fact *fact, const void *data, size_t len,
    size_t *used)
{
	struct in in;

	memset(fact, 0, sizeof(*fact));
	*used = 0;
	if (!get_head(&in, 'F', OG_FNV_START, data, len))
		return OG_ERR_CORRUPT;
	fact->state = (enum og_fact_state)get_number(&in, 1);
	fact->failure = (enum og_reason)get_number(&in, 1);
	fact->query.kind = (enum og_query_kind)get_number(&in, 1);
	fact->query.subject_kind = (enum og_subject_kind)get_number(&in, 1);
	fact->fetched_at = (int64_t)get_number(&in, 8);
	get_text(&in, fact->query.container, sizeof(fact->query.container));
	get_text(&in, fact->query.subject, sizeof(fact->query.subject));
	get_record(&in, &fact->record);
	if (in.bad || in.at != in.len || !is_plain(fact) ||
	    !state_valid(fact->state, fact->failure) ||
	    !query_valid(&fact->query)) {
		memset(fact, 0, sizeof(*fact));
		return OG_ERR_CORRUPT;
	}
	*used = in.len + SUM_SIZE;
	return OG_OK;
}

/* Where a row stands, with the NUL bytes that keep the two texts apart. */
static uint64_t
row_seed(const char *list, const char *key)
{
	return og_fnv1a(og_fnv1a(OG_FNV_START, list, strlen(list) + 1),
	    key, strlen(key) + 1);
}

enum og_error
og_wire_put_row(struct og_buffer *buffer, const char *list, const char *key,
    const struct og_record *record)
{
	struct out out;

	put_head(&out, 'R');
	put_record(&out, record);
	return put_tail(buffer, &out, row_seed(list, key));
}

enum og_error
og_wire_get_row(struct og_record *record, const char *list, const char *key,
    const void *data, size_t len)
{
	struct in in;

	memset(record, 0, sizeof(*record));
	if (!get_head(&in, 'R', row_seed(list, key), data, len) ||
	    in.len + SUM_SIZE != len)
		return OG_ERR_CORRUPT;
	get_record(&in, record);
	if (in.bad || in.at != in.len) {
		memset(record, 0, sizeof(*record));
		return OG_ERR_CORRUPT;
	}
	return OG_OK;
}
