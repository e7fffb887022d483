#include "io/load.h"

#include <string.h>
#include <unistd.h>

enum og_reason
og_load_config(struct og_config **conf, const char *path,
    struct og_message *message)
{
	struct og_buffer text;
	enum og_error error;

	*conf = NULL;
	message->text[0] = '\0';
	og_buffer_init(&text, OG_CONF_FILE_MAX);
	error = og_file_read(&text, path, OG_TRUST_ROOT, message);
	if (error == OG_OK)
		error = og_config_parse(conf, path, text.data, text.len,
		    message);
	og_buffer_free(&text);
	return og_reason_of(error, OG_CONFIG);
}

enum og_reason
og_load_map(struct og_buffer *map, const char *path,
    struct og_message *message)
{
	message->text[0] = '\0';
	og_buffer_init(map, OG_MAP_FILE_MAX);
	return og_reason_of(og_file_read(map, path, OG_TRUST_ROOT, message),
	    OG_CONFIG);
}

enum og_reason
og_load_subject(struct og_subject *subject, const struct og_config *conf,
    const struct og_policy *policy, const char *name, size_t name_len,
    struct og_message *message)
{
	const char *path, *template;
	struct og_buffer map;
	enum og_reason reason;

	memset(subject, 0, sizeof(*subject));
	message->text[0] = '\0';
	if (!og_name_valid(name, name_len))
		return OG_BAD_NAME;
	template = policy->email != NULL ? policy->email : conf->email;
	path = policy->map_file != NULL ? policy->map_file : conf->map_file;
	if (path == NULL)
		return og_identity_find(subject, name, name_len, template,
		    NULL, NULL, 0, message);
	reason = og_load_map(&map, path, message);
	if (reason == OG_GO_ON)
		reason = og_identity_find(subject, name, name_len, template,
		    path, map.data, map.len, message);
	og_buffer_free(&map);
	return reason;
}

static enum og_reason
check_key(const char *key, size_t len, const char *path,
    struct og_message *message)
{
	size_t i;

	if (len > OG_KEY_MAX) {
		og_message_set(message, "%s: longer than %d bytes; it must "
		    "hold one line, the admin key", path, OG_KEY_MAX);
		return OG_CONFIG;
	}
	if (len == 0) {
		og_message_set(message, "%s: empty; it must hold one line, the "
		    "admin key", path);
		return OG_CONFIG;
	}
	for (i = 0; i < len; i++) {
		if (key[i] > 0x20 && key[i] < 0x7f)
			continue;
		og_message_set(message, "%s: byte %zu is %s; the file must "
		    "hold one line, the admin key and nothing else", path,
		    i + 1, key[i] == '\n' ? "the end of the first line" :
		    key[i] == ' ' || key[i] == '\t' ? "a blank" :
		    key[i] == '\r' ? "a carriage return (save it with Unix "
		    "line ends)" : "not printable ASCII");
		return OG_CONFIG;
	}
	if (strncmp(key, "sk-proj-", 8) == 0 ||
	    strncmp(key, "sk-svcacct-", 11) == 0) {
		og_message_set(message, "%s: this is a project's key, which "
		    "the Administration API refuses; make an admin key "
		    "(sk-admin-...) with the permission \"Read only\" at "
		    "https://platform.openai.com/settings/organization/"
		    "admin-keys", path);
		return OG_CREDENTIAL;
	}
	return OG_GO_ON;
}

enum og_reason
og_load_key(struct og_buffer *key, const char *path,
    struct og_message *message)
{
	enum og_reason reason;

	message->text[0] = '\0';
	og_buffer_init(key, OG_KEY_MAX + 1);	/* the newline */
	reason = og_reason_of(og_file_read(key, path, OG_TRUST_KEY, message),
	    OG_CONFIG);
	if (reason == OG_GO_ON) {
		if (key->len > 0 && key->data[key->len - 1] == '\n')
			key->data[--key->len] = '\0';
		reason = check_key(key->data, key->len, path, message);
	}
	if (reason != OG_GO_ON)
		og_buffer_free(key);
	return reason;
}

#define PEM_MAX (4 * 1024 * 1024)	/* bytes of a file of certificates */

enum og_reason
og_load_code(const char *path, struct og_message *message)
{
	enum og_error error;
	int fd;

	error = og_file_open(&fd, path, OG_TRUST_ROOT, message);
	if (error == OG_OK)
		close(fd);
	return og_reason_of(error, OG_CONFIG);
}

void
og_credentials_init(struct og_credentials *credentials)
{
	og_buffer_init(&credentials->key, OG_KEY_MAX + 1);
	og_buffer_init(&credentials->ca, PEM_MAX);
	og_buffer_init(&credentials->cert, PEM_MAX);
	og_buffer_init(&credentials->cert_key, PEM_MAX);
}

void
og_credentials_free(struct og_credentials *credentials)
{
	og_buffer_free(&credentials->key);
	og_buffer_free(&credentials->ca);
	og_buffer_free(&credentials->cert);
	og_buffer_free(&credentials->cert_key);
}

static enum og_reason
load_pem(struct og_buffer *pem, const char *path, struct og_trust trust,
    struct og_message *message)
{
	enum og_reason reason;

	if (path == NULL)
		return OG_GO_ON;
	reason = og_reason_of(og_file_read(pem, path, trust, message),
	    OG_CONFIG);
	if (reason == OG_GO_ON && pem->len == 0) {
		/* An empty ca_file must not mean the system's authorities. */
		og_message_set(message, "%s: the file is empty", path);
		return OG_CONFIG;
	}
	return reason;
}

enum og_reason
og_load_credentials(struct og_credentials *credentials,
    const struct og_config *conf, struct og_message *message)
{
	enum og_reason reason;

	message->text[0] = '\0';
	if (conf->base_url == NULL)
		return OG_GO_ON;
	reason = OG_GO_ON;
	if (conf->key_file != NULL)
		reason = og_load_key(&credentials->key, conf->key_file,
		    message);
	if (reason == OG_GO_ON)
		reason = load_pem(&credentials->ca, conf->ca_file,
		    OG_TRUST_ROOT, message);
	if (reason == OG_GO_ON)
		reason = load_pem(&credentials->cert, conf->client_cert,
		    OG_TRUST_ROOT, message);
	if (reason == OG_GO_ON)
		reason = load_pem(&credentials->cert_key, conf->client_key,
		    OG_TRUST_KEY, message);
	if (reason != OG_GO_ON)
		og_credentials_free(credentials);
	return reason;
}
