#include "io/http_model.h"

#include <dirent.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "io/file.h"
#include "meaning/api.h"

#define CA_DIRECTORY	"/etc/ssl/certs"
#define HEADER_MAX	4096			/* bytes of a header line of ours */

static bool
is_loopback(const struct sockaddr *address)
{
	const struct sockaddr_in6 *in6;
	const struct sockaddr_in *in;

	switch (address->sa_family) {
	case AF_INET:
		in = (const struct sockaddr_in *)(const void *)address;
		return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	case AF_INET6:
		in6 = (const struct sockaddr_in6 *)(const void *)address;
		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	}
	return false;
}

/* The configuration judged a name; only here is there an address. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	const struct og_http_model *model;

	(void)purpose;
	model = arg;
	if (model->cleartext && !is_loopback(&address->addr)) {
		og_log(model->log, LOG_ALERT, "%s leads to another machine: "
		    "http would show the key to the network; write https",
		    model->conf->base_url);
		return CURL_SOCKET_BAD;
	}
	/* libcurl asks for O_NONBLOCK later, and goes on when it is refused. */
	return socket(address->family,
	    address->socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    address->protocol);
}

static const struct {
	CURLoption option;
	long value;
} fixed[] = {
	{ CURLOPT_HTTPGET, 1 },
	{ CURLOPT_NOSIGNAL, 1 },	/* no SIGALRM in a host's process */
	{ CURLOPT_NOPROGRESS, 1 },
	/* Else a DNS server that hangs holds up whoever frees a transfer:
	 * libcurl joins its resolver's thread. */
	{ CURLOPT_QUICK_EXIT, 1 },
	{ CURLOPT_FOLLOWLOCATION, 0 },
	{ CURLOPT_UNRESTRICTED_AUTH, 0 },
	{ CURLOPT_DISALLOW_USERNAME_IN_URL, 1 },
	{ CURLOPT_PATH_AS_IS, 1 },
	{ CURLOPT_NETRC, CURL_NETRC_IGNORED },
	{ CURLOPT_HTTPAUTH, (long)CURLAUTH_NONE },
	{ CURLOPT_HEADEROPT, CURLHEADER_SEPARATE },	/* no key for a proxy */
	{ CURLOPT_SUPPRESS_CONNECT_HEADERS, 1 },
	{ CURLOPT_HTTP09_ALLOWED, 0 },
	{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS },
	{ CURLOPT_FORBID_REUSE, 1 },	/* until it is seen to be HTTP/2 */
	{ CURLOPT_TCP_KEEPALIVE, 1 },
	/* A session that libcurl 7.88.1 cannot keep, out of memory, it frees
	 * twice. HTTP/2 keeps its connection; sessions would save little. */
	{ CURLOPT_SSL_SESSIONID_CACHE, 0 },
	{ CURLOPT_SSL_VERIFYPEER, 1 },
	{ CURLOPT_SSL_VERIFYHOST, 2 },
	{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
	{ CURLOPT_PROXY_SSL_VERIFYPEER, 1 },
	{ CURLOPT_PROXY_SSL_VERIFYHOST, 2 },
	{ CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
};

static CURLcode
set_fixed(CURL *easy)
{
	CURLcode code;
	size_t i;

	code = CURLE_OK;
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		code = curl_easy_setopt(easy, fixed[i].option, fixed[i].value);
		if (code != CURLE_OK)
			break;
	}
	return code;
}

/*
 * With an explicit proxy, be it "", and an explicit list of exceptions libcurl
 * reads no variable of the environment for either. A key in clear is not for
 * a proxy's eyes.
 */
static CURLcode
set_route(const struct og_http_model *model)
{
	const char *proxy;
	CURLcode code;

	proxy = model->conf->proxy;
	if (proxy == NULL || model->cleartext)
		proxy = "";
	code = curl_easy_setopt(model->easy, CURLOPT_PROXY, proxy);
	if (code == CURLE_OK)
		code = curl_easy_setopt(model->easy, CURLOPT_NOPROXY, "");
	if (code == CURLE_OK)
		code = curl_easy_setopt(model->easy, CURLOPT_PROTOCOLS_STR,
		    model->cleartext ? "http" : "https");
	if (code == CURLE_OK)
		code = curl_easy_setopt(model->easy,
		    CURLOPT_OPENSOCKETFUNCTION, open_socket);
	if (code == CURLE_OK)
		code = curl_easy_setopt(model->easy, CURLOPT_OPENSOCKETDATA,
		    model);
	return code;
}

static CURLcode
set_blob(CURL *easy, CURLoption option, const struct og_buffer *buffer)
{
	struct curl_blob blob;

	if (buffer->len == 0)
		return CURLE_OK;
	blob.data = buffer->data;
	blob.len = buffer->len;
	blob.flags = CURL_BLOB_NOCOPY;
	return curl_easy_setopt(easy, option, &blob);
}

/*
 * In each copy and not in the model: of a copy for which there is no memory,
 * libcurl 7.88.1 frees the model's blobs.
 */
static CURLcode
set_blobs(const struct og_http_model *model, CURL *easy)
{
	const struct og_credentials *credentials;
	CURLcode code;

	credentials = model->credentials;
	code = set_blob(easy, CURLOPT_CAINFO_BLOB, &credentials->ca);
	if (code == CURLE_OK)
		code = set_blob(easy, CURLOPT_PROXY_CAINFO_BLOB,
		    &credentials->ca);
	if (code == CURLE_OK)
		code = set_blob(easy, CURLOPT_SSLCERT_BLOB,
		    &credentials->cert);
	if (code == CURLE_OK)
		code = set_blob(easy, CURLOPT_SSLKEY_BLOB,
		    &credentials->cert_key);
	return code;
}

static CURLcode
copy(const struct og_http_model *model, CURL **easy)
{
	CURLcode code;

	*easy = curl_easy_duphandle(model->easy);
	if (*easy == NULL)
		return CURLE_OUT_OF_MEMORY;
	code = set_blobs(model, *easy);
	if (code != CURLE_OK) {
		curl_easy_cleanup(*easy);
		*easy = NULL;
	}
	return code;
}

CURL *
og_http_model_copy(const struct og_http_model *model)
{
	CURL *easy;

	(void)copy(model, &easy);
	return easy;
}

/* As c_rehash(1) and update-ca-certificates(8) name their links. */
static bool
is_hashed_directory(const char *path)
{
	struct dirent *entry;
	bool hashed;
	DIR *dir;

	dir = opendir(path);
	if (dir == NULL)
		return false;
	hashed = false;
	while (!hashed && (entry = readdir(dir)) != NULL)
		hashed = strspn(entry->d_name, "0123456789abcdef") == 8 &&
		    strcmp(entry->d_name + 8, ".0") == 0;
	closedir(dir);
	return hashed;
}

/*
 * Who is trusted: ca_file and nobody else, or the system's authorities. Of
 * those a hashed directory costs nothing until one of them is needed; the
 * bundle that libcurl would take instead is parsed whole, some 20 ms.
 */
static CURLcode
set_trust(const struct og_http_model *model)
{
	static const struct {
		CURLoption file, directory;
	} who[] = {
		{ CURLOPT_CAINFO, CURLOPT_CAPATH },
		{ CURLOPT_PROXY_CAINFO, CURLOPT_PROXY_CAPATH },
	};
	const char *directory;
	CURLcode code;
	size_t i;

	directory = NULL;
	if (model->credentials->ca.len == 0) {
		if (!is_hashed_directory(CA_DIRECTORY))
			return CURLE_OK;
		directory = CA_DIRECTORY;
	}
	code = CURLE_OK;
	for (i = 0; i < 2 && code == CURLE_OK; i++) {
		code = curl_easy_setopt(model->easy, who[i].file, NULL);
		if (code == CURLE_OK)
			code = curl_easy_setopt(model->easy, who[i].directory,
			    directory);
	}
	return code;
}

static enum og_error
set_options(struct og_http_model *model)
{
	CURLcode code;
	CURL *easy;

	model->easy = curl_easy_init();
	if (model->easy == NULL)
		return OG_ERR_NOMEM;
	code = set_fixed(model->easy);
	if (code == CURLE_OK)
		code = set_route(model);
	if (code == CURLE_OK)
		code = set_trust(model);
	/* "" and not nothing, for which OpenSSL would ask the terminal for an
	 * encrypted key's pass phrase, and wait. */
	if (code == CURLE_OK)
		code = curl_easy_setopt(model->easy, CURLOPT_KEYPASSWD, "");
	if (code == CURLE_OK)
		code = curl_easy_setopt(model->easy, CURLOPT_USERAGENT,
		    "openai-gate");
	if (code == CURLE_OK)
		code = curl_easy_setopt(model->easy, CURLOPT_HTTPHEADER,
		    model->headers);
	if (code == CURLE_OK)
		code = curl_easy_setopt(model->easy,
		    CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)OG_API_BODY_MAX);
	if (code == CURLE_OK)
		code = copy(model, &easy);
	if (code == CURLE_OK) {
		curl_easy_cleanup(easy);
		return OG_OK;
	}
	/* An option that this libcurl lacks is a protection that it lacks. */
	og_log(model->log, LOG_ERR, "libcurl: %s", curl_easy_strerror(code));
	return code == CURLE_OUT_OF_MEMORY ? OG_ERR_NOMEM : OG_ERR_SYSTEM;
}

/* One bad byte could end this line and begin another. */
static bool
is_header_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text <= 0x20 || *text >= 0x7f)
			return false;
	}
	return true;
}

static enum og_error
add_header(struct og_http_model *model, const char *name, const char *value)
{
	struct curl_slist *headers;
	struct og_buffer line;
	enum og_error error;

	if (!is_header_text(value)) {
		og_log(model->log, LOG_ALERT, "what stands behind \"%s\" in "
		    "a request may hold printable ASCII without blanks only",
		    name);
		return OG_ERR_SYNTAX;
	}
	og_buffer_init(&line, HEADER_MAX);
	error = og_buffer_addf(&line, "%s%s", name, value);
	if (error == OG_OK) {
		headers = curl_slist_append(model->headers, line.data);
		if (headers == NULL)
			error = OG_ERR_NOMEM;
		else
			model->headers = headers;
	}
	og_buffer_free(&line);
	return error;
}

static enum og_error
add_headers(struct og_http_model *model, const char *key)
{
	enum og_error error;

	/* Without one a gateway knows us by our certificate. */
	error = OG_OK;
	if (key[0] != '\0')
		error = add_header(model, "Authorization: Bearer ", key);
	if (error == OG_OK && model->conf->organization != NULL)
		error = add_header(model, "OpenAI-Organization: ",
		    model->conf->organization);
	if (error == OG_OK)
		error = add_header(model, "Accept: ", "application/json");
	return error;
}

/* Debian's libcurl resolves names in a thread; one that does not stops the
 * whole process for as long as a DNS server is silent. */
static void
warn_of_blocking(const struct og_log *log)
{
	const curl_version_info_data *version;

	version = curl_version_info(CURLVERSION_NOW);
	if ((version->features & CURL_VERSION_ASYNCHDNS) == 0)
		og_log(log, LOG_WARNING, "libcurl %s was built without "
		    "asynchronous name resolution: no time limit holds while "
		    "a DNS server is silent", version->version);
}

enum og_error
og_http_model_init(struct og_http_model *model, const struct og_config *conf,
    const struct og_credentials *credentials, const struct og_log *log)
{
	enum og_error error;

	memset(model, 0, sizeof(*model));
	model->conf = conf;
	model->log = log;
	model->cleartext = strncmp(conf->base_url, "http:", 5) == 0;
	model->credentials = credentials;
	warn_of_blocking(log);
	error = add_headers(model, credentials->key.data);
	if (error == OG_OK)
		error = set_options(model);
	return error;
}

void
og_http_model_free(struct og_http_model *model)
{
	struct curl_slist *header;

	curl_easy_cleanup(model->easy);
	for (header = model->headers; header != NULL; header = header->next)
		explicit_bzero(header->data, strlen(header->data));
	curl_slist_free_all(model->headers);
	model->easy = NULL;
	model->headers = NULL;
}
