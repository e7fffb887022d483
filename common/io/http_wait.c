/* Of no use of its own but to whoever has og_http_fd and the rest: libcurl, or
 * what the helper loads later. */
#include "io/http.h"

#include <poll.h>

void
og_http_wait(struct og_http *http, const bool *finished)
{
	struct pollfd pfd;

	while (!*finished) {
		pfd.fd = og_http_fd(http);
		pfd.events = POLLIN;
		pfd.revents = 0;
		(void)poll(&pfd, 1, og_http_timeout(http));
		og_http_run(http);
	}
}
