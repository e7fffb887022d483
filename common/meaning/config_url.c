#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meaning/config_parse.h"
#include "value/text.h"

/* RFC 1035: a host name has at most 253 characters. */
#define HOST_MAX 253

static bool
only(const char *text, size_t len, const char *allowed)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (!((text[i] >= 'a' && text[i] <= 'z') ||
		    (text[i] >= 'A' && text[i] <= 'Z') ||
		    (text[i] >= '0' && text[i] <= '9') ||
		    (text[i] != '\0' && strchr(allowed, text[i]) != NULL)))
			return false;
	}
	return true;
}

/* Port 1 to 65535. */
static bool
port_valid(const char *port, size_t len)
{
	unsigned int number;
	size_t i;

	if (len == 0 || len > 5)
		return false;
	number = 0;
	for (i = 0; i < len; i++) {
		if (port[i] < '0' || port[i] > '9')
			return false;
		number = number * 10 + (unsigned int)(port[i] - '0');
	}
	return number > 0 && number <= 65535;
}

static bool
host_valid(const char *host)
{
	struct in6_addr address;
	char inner[INET6_ADDRSTRLEN];
	size_t len;

	len = strlen(host);
	if (host[0] == '[') {
		if (len < 3 || host[len - 1] != ']' ||
		    !og_copy(inner, sizeof(inner), host + 1, len - 2))
			return false;
		return inet_pton(AF_INET6, inner, &address) == 1;
	}
	return len > 0 && host[0] != '-' && host[0] != '.' &&
	    strstr(host, "..") == NULL && only(host, len, "-._");
}

/* Addresses that never leave this machine. */
static bool
host_is_loopback(const char *host)
{
	struct in_addr address;

	if (og_equal_folded(host, "localhost") || strcmp(host, "[::1]") == 0)
		return true;
	/* inet_pton takes four decimal numbers only: "127.1" and
	 * "127.0.0.1.example.com" are names. */
	return inet_pton(AF_INET, host, &address) == 1 &&
	    ntohl(address.s_addr) >> 24 == 127;
}

/* "host" or "host:port"; sets *port_len to 0 where there is none. */
static const char *
refuse_authority(const char *text, size_t len, char host[HOST_MAX + 1],
    size_t *port_len)
{
	const char *colon, *end;

	end = len > 0 && text[0] == '[' ? memchr(text, ']', len) : text;
	colon = end != NULL ? memchr(end, ':', len - (size_t)(end - text)) :
	    NULL;
	*port_len = colon != NULL ? len - (size_t)(colon + 1 - text) : 0;
	if (colon != NULL && !port_valid(colon + 1, *port_len))
		return "the port is not a number from 1 to 65535";
	if (colon != NULL)
		len = (size_t)(colon - text);
	if (!og_copy(host, HOST_MAX + 1, text, len) || !host_valid(host))
		return "the host is not a name, an IPv4 address or an IPv6 "
		    "address in brackets";
	return NULL;
}

/* "", "/" or "/…" without an empty or a dot segment, which curl resolves; a
 * slash at the end is fine. */
static bool
prefix_valid(const char *path)
{
	const char *next;
	size_t len;

	for (; *path == '/'; path = next) {
		path++;
		next = strchrnul(path, '/');
		len = (size_t)(next - path);
		if (len == 0 && *next == '\0')
			return true;
		if (!only(path, len, "-._~") || len == 0 ||
		    strncmp(path, ".", len) == 0 ||
		    strncmp(path, "..", len) == 0)
			return false;
	}
	return true;
}

static const char *
refuse_base_url(const char *url)
{
	const char *complaint, *start;
	char host[HOST_MAX + 1];
	size_t len, port_len;
	bool tls;

	tls = strncmp(url, "https://", 8) == 0;
	if (!tls && strncmp(url, "http://", 7) != 0)
		return "write https://HOST[:PORT][/PREFIX], or none";
	if (strchr(url, '@') != NULL)
		return "no user name or password may stand in it; the key "
		    "comes from key_file";
	if (strpbrk(url, "?#") != NULL)
		return "no query (?) and no fragment (#) may stand in it";
	start = url + (tls ? 8 : 7);
	len = strcspn(start, "/");
	complaint = refuse_authority(start, len, host, &port_len);
	if (complaint != NULL)
		return complaint;
	if (!prefix_valid(start + len))
		return "the prefix after the host may hold letters, digits and "
		    "-._~ between single slashes";
	if (!tls && !host_is_loopback(host))
		return "http would show the key to the network; write https "
		    "(http only for localhost, 127.0.0.0/8 and [::1])";
	return NULL;
}

enum og_error
og_value_base_url(struct og_parse *parse, char **out, const char *value)
{
	const char *complaint;
	enum og_error error;
	char *url;
	size_t len;

	if (strcmp(value, "none") == 0)
		return og_value_text(parse, out, "");
	url = NULL;
	error = og_value_text(parse, &url, value);
	if (error != OG_OK)
		return error;
	complaint = refuse_base_url(url);
	if (complaint != NULL) {
		error = og_parse_fail(parse, OG_ERR_SYNTAX, "'%s': %s",
		    og_quote(value).text, complaint);
		free(url);
		return error;
	}
	len = strlen(url);
	if (url[len - 1] == '/')
		url[len - 1] = '\0';
	free(*out);
	*out = url;
	return OG_OK;
}

static const char *
refuse_proxy(const char *url)
{
	static const char *const scheme[] = {
		"http://", "https://", "socks5://", "socks5h://"
	};
	const char *at, *complaint;
	char host[HOST_MAX + 1];
	size_t i, port_len;

	for (i = 0; i < sizeof(scheme) / sizeof(scheme[0]); i++) {
		if (strncmp(url, scheme[i], strlen(scheme[i])) == 0)
			break;
	}
	if (i == sizeof(scheme) / sizeof(scheme[0]))
		return "write http://HOST:PORT, or with https, socks5 or "
		    "socks5h before ://";
	url += strlen(scheme[i]);
	at = strrchr(url, '@');
	if (at != NULL) {
		if (!only(url, (size_t)(at - url), "-._~%!$&'()*+,;=:"))
			return "percent-encode what is not a letter or digit "
			    "in user name and password";
		url = at + 1;
	}
	complaint = refuse_authority(url, strlen(url), host, &port_len);
	if (complaint != NULL)
		return complaint;
	/* curl would silently take 1080, also for an HTTP proxy. */
	return port_len > 0 ? NULL : "name the port too, as in HOST:3128";
}

/* The value is never quoted: it may hold a password. */
enum og_error
og_value_proxy(struct og_parse *parse, char **out, const char *value)
{
	const char *complaint;

	complaint = *value != '\0' ? refuse_proxy(value) : NULL;
	if (complaint != NULL)
		return og_parse_fail(parse, OG_ERR_SYNTAX, "%s", complaint);
	return og_value_text(parse, out, value);
}

enum og_error
og_config_hide(struct og_config *conf)
{
	const char *at, *colon, *user;
	char *shown;

	at = conf->proxy != NULL ? strrchr(conf->proxy, '@') : NULL;
	user = conf->proxy != NULL ? strstr(conf->proxy, "://") : NULL;
	if (at == NULL || user == NULL)
		return OG_OK;
	user += strlen("://");
	colon = memchr(user, ':', (size_t)(at - user));
	if (colon == NULL)
		return OG_OK;
	if (asprintf(&shown, "%.*s:***%s", (int)(colon - conf->proxy),
	    conf->proxy, at) == -1)
		return OG_ERR_NOMEM;
	explicit_bzero(conf->proxy, strlen(conf->proxy));
	free(conf->proxy);
	conf->proxy = shown;
	return OG_OK;
}
