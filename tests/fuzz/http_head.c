/* Header lines of an answer: a delay and an age within their bounds, an id
 * that may be logged. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/http_head.h"
#include "meaning/api.h"
#include "value/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char *const starts[] = {
	"", "Retry-After: ", "retry-after-ms: ", "x-request-id: ", "HTTP/1.1 ",
	"Retry-After: Sun, 06 Nov 1994 ", "Age: ", "Gate-Asked-At: ",
	"Gate-Asked-At: 784111", "Date: Sun, 06 Nov 1994 08:49:",
};

static void
check(const struct og_http_head *head)
{
	const char *text;
	size_t left, n;
	int64_t age;

	age = og_http_head_age(head);
	assert(age >= -1 && age <= OG_API_AGE_MAX);
	assert(age == -1 || age >= head->age);
	/* Only what was said by the gateway can make an answer unusable. */
	assert(age >= 0 || head->asked_at != 0);
	assert(head->retry_after_ms >= -1);
	assert(head->retry_after_ms <= OG_API_RETRY_MAX_MS);
	text = head->request_id;
	for (left = strlen(text); left > 0; left -= n, text += n) {
		n = og_utf8_length(text, left);
		assert(n > 0 && (unsigned char)*text >= 0x20);
	}
}

/* Lines end with LF; the first byte of each chooses its start. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct og_http_head head;
	const uint8_t *end;
	const char *start;
	size_t len, used;
	char *line;

	og_http_head_init(&head);
	while (size > 0) {
		end = memchr(data, '\n', size);
		used = end != NULL ? (size_t)(end - data) + 1 : size;
		start = starts[data[0] % (sizeof(starts) / sizeof(starts[0]))];
		len = strlen(start) + used - 1;
		line = malloc(len > 0 ? len : 1);
		if (line == NULL)
			abort();
		memcpy(line, start, strlen(start));
		memcpy(line + strlen(start), data + 1, used - 1);
		(void)og_http_head_line(&head, line, len, 784111777);
		check(&head);
		free(line);
		data += used;
		size -= used;
	}
	return 0;
}
