#include "helper/http_part.h"

__attribute__((visibility("default")))
const struct og_http_part og_http_part = {
	.headers = OG_HEADERS,
	.make = og_http_new,
	.free = og_http_free,
	.fd = og_http_fd,
	.timeout = og_http_timeout,
	.run = og_http_run,
	.get = og_http_get,
};
