#include "io/http_head.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "meaning/api.h"
#include "value/log.h"
#include "value/text.h"

#define VALUE_MAX	128	/* bytes; nothing read here is longer */

void
og_http_head_init(struct og_http_head *head)
{
	memset(head, 0, sizeof(*head));
	head->retry_after_ms = -1;
}

static int64_t
bounded(int64_t ms)
{
	return ms > OG_API_RETRY_MAX_MS ? OG_API_RETRY_MAX_MS : ms;
}

/* "7" or "7.5", the fraction dropped; -1 when it is no such number. */
static int64_t
read_number(const char *text, int64_t unit_ms)
{
	int64_t ms;

	if (*text < '0' || *text > '9')
		return -1;
	for (ms = 0; *text >= '0' && *text <= '9'; text++)
		ms = bounded(ms * 10 + (*text - '0') * unit_ms);
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789");
	return *text == '\0' ? ms : -1;
}

/*
 * RFC 9110 section 5.6.7, in the one form that may still be generated, as Unix
 * time; -1: it is none. Not strptime(3), which obeys the host's locale.
 */
static int64_t
read_date(const char *text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char month[4];
	const char *at;
	struct tm tm;
	int used;

	memset(&tm, 0, sizeof(tm));
	used = 0;
	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n",
	    &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour, &tm.tm_min,
	    &tm.tm_sec, &used) != 6 || used == 0 || text[used] != '\0')
		return -1;
	at = strlen(month) == 3 ? strstr(months, month) : NULL;
	if (at == NULL || (at - months) % 3 != 0 || tm.tm_year < 1970)
		return -1;
	tm.tm_mon = (int)((at - months) / 3);
	tm.tm_year -= 1900;
	return (int64_t)timegm(&tm);
}

/* A date as the delay from now. */
static int64_t
read_delay(const char *text, int64_t now)
{
	int64_t when;

	when = read_date(text);
	if (when < 0)
		return -1;
	if (when <= now)
		return 0;
	return when - now > OG_API_RETRY_MAX_MS / 1000 ?
	    OG_API_RETRY_MAX_MS : (when - now) * 1000;
}

/* The first number of a list, cut to the limit (RFC 9111 section 1.2.2);
 * -1: it is none. */
static int64_t
read_age(const char *text)
{
	int64_t age;

	if (*text < '0' || *text > '9')
		return -1;
	for (age = 0; *text >= '0' && *text <= '9'; text++) {
		age = age * 10 + (*text - '0');
		if (age > OG_API_AGE_MAX)
			age = OG_API_AGE_MAX;
	}
	text += strspn(text, " \t");
	return *text == '\0' || *text == ',' ? age : -1;
}

/* Unix time as nginx writes $msec, "1795514400.123"; -1: it is none. */
static int64_t
read_unix_time(const char *text)
{
	int64_t seconds;
	size_t len;

	len = strspn(text, "0123456789");
	if (len == 0 || len > 12)
		return -1;
	for (seconds = 0; *text >= '0' && *text <= '9'; text++)
		seconds = seconds * 10 + (*text - '0');
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789");
	return *text == '\0' && seconds > 0 ? seconds : -1;
}

/* Of several of a kind the older counts, and a garbled one most of all: an
 * answer is never taken for younger than it is. */
static void
take_age(struct og_http_head *head, const char *value)
{
	int64_t age;

	age = read_age(value);
	if (age > head->age)
		head->age = age;
}

static void
take_asked_at(struct og_http_head *head, const char *value)
{
	int64_t asked_at;

	asked_at = read_unix_time(value);
	if (head->asked_at == 0 || asked_at < head->asked_at)
		head->asked_at = asked_at;
}

int64_t
og_http_head_age(const struct og_http_head *head)
{
	int64_t age;

	age = head->age;
	if (head->asked_at != 0) {
		if (head->asked_at < 0 || head->date < head->asked_at)
			return -1;
		age += head->date - head->asked_at;
	}
	return age > OG_API_AGE_MAX ? OG_API_AGE_MAX : age;
}

/* RFC 9112 section 6.3: two lengths that differ spoil the whole answer. */
static bool
take_length(struct og_http_head *head, const char *value)
{
	if (head->length[0] != '\0')
		return strcmp(head->length, value) == 0;
	return og_copy(head->length, sizeof(head->length), value,
	    strlen(value));
}

static bool
is_name(const char *name, size_t len, const char *wanted)
{
	return len == strlen(wanted) && strncasecmp(name, wanted, len) == 0;
}

static bool
take(struct og_http_head *head, const char *name, size_t name_len,
    const char *value, int64_t now)
{
	int64_t ms;

	if (is_name(name, name_len, "content-length"))
		return take_length(head, value);
	if (is_name(name, name_len, "x-request-id")) {
		og_log_clean(head->request_id, sizeof(head->request_id),
		    value);
	} else if (is_name(name, name_len, "retry-after-ms")) {
		ms = read_number(value, 1);
		if (ms >= 0) {
			head->retry_after_ms = ms;
			head->in_ms = true;
		}
	} else if (is_name(name, name_len, "retry-after") && !head->in_ms) {
		ms = read_number(value, 1000);
		head->retry_after_ms = ms >= 0 ? ms : read_delay(value, now);
	} else if (is_name(name, name_len, "date")) {
		head->date = read_date(value);
		if (head->date < 0)
			head->date = 0;
	} else if (is_name(name, name_len, "age")) {
		take_age(head, value);
	} else if (is_name(name, name_len, "gate-asked-at")) {
		take_asked_at(head, value);
	}
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* RFC 9112 section 4, and HTTP/2 as libcurl words it: "HTTP/2 200". */
static bool
has_status(const char *line, size_t len)
{
	const char *status;
	size_t left;

	status = memchr(line, ' ', len);
	if (status == NULL)
		return false;
	status++;
	left = len - (size_t)(status - line);
	return left >= 3 && status[0] >= '1' && status[0] <= '9' &&
	    status[1] >= '0' && status[1] <= '9' &&
	    status[2] >= '0' && status[2] <= '9' &&
	    (left == 3 || is_blank(status[3]));
}

bool
og_http_head_line(struct og_http_head *head, const char *line, size_t len,
    int64_t now)
{
	char value[VALUE_MAX];
	const char *colon;
	size_t name_len;

	if (len >= 5 && strncmp(line, "HTTP/", 5) == 0) {
		og_http_head_init(head);
		return has_status(line, len);
	}
	colon = memchr(line, ':', len);
	if (colon == NULL)
		return true;
	name_len = (size_t)(colon - line);
	while (len > name_len + 1 && is_blank(line[len - 1]))
		len--;
	colon++;
	while (colon < line + len && is_blank(*colon))
		colon++;
	/* One that is too long or holds NUL is empty then: garbled, which is not
	 * the same as not said. */
	(void)og_copy(value, sizeof(value), colon, (size_t)(line + len - colon));
	return take(head, line, name_len, value, now);
}
