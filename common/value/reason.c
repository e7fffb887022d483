#include "value/reason.h"

#include <stddef.h>

struct reason {
	enum og_verdict verdict;
	const char *word;
	const char *sentence;
};

static const struct reason reasons[OG_REASON_COUNT] = {
	[OG_NOT_A_MEMBER] = { OG_DENY, "not-a-member",
	    "You are not a member of the organization." },
	[OG_ROLE] = { OG_DENY, "role",
	    "Your role in the organization does not allow this." },
	[OG_PROJECT] = { OG_DENY, "project",
	    "You are not a member of a project that allows this." },
	[OG_PROJECT_ROLE] = { OG_DENY, "project-role",
	    "Your role in the project does not allow this." },
	[OG_GROUP] = { OG_DENY, "group",
	    "You are not a member of a group that allows this." },
	[OG_ACCOUNT_DISABLED] = { OG_DENY, "account-disabled",
	    "Your account in the organization is disabled." },
	[OG_SERVICE_ACCOUNT] = { OG_DENY, "service-account",
	    "Service accounts may not use this." },
	[OG_INVITE_PENDING] = { OG_DENY, "invite-pending",
	    "You have not accepted your invitation to the organization yet." },
	[OG_NO_IDENTITY] = { OG_DENY, "no-identity",
	    "Your local name belongs to nobody in the organization." },
	[OG_BAD_NAME] = { OG_DENY, "bad-name",
	    "Your user name cannot be accepted." },
	[OG_TIMEOUT] = { OG_UNAVAILABLE, "timeout",
	    "The directory did not answer in time; try again." },
	[OG_NETWORK] = { OG_UNAVAILABLE, "network",
	    "The directory cannot be reached; try again." },
	[OG_RATE_LIMITED] = { OG_UNAVAILABLE, "rate-limited",
	    "The directory is being asked too often; try again in a minute." },
	[OG_SERVER_ERROR] = { OG_UNAVAILABLE, "server-error",
	    "The directory reports an error; try again." },
	[OG_PROTOCOL] = { OG_UNAVAILABLE, "protocol",
	    "The directory gave an answer that cannot be trusted." },
	[OG_STORE] = { OG_UNAVAILABLE, "store",
	    "Nothing is known about you here yet." },
	[OG_CONFIG] = { OG_MISCONFIGURED, "config",
	    "Access control is misconfigured; tell your administrator." },
	[OG_NO_POLICY] = { OG_MISCONFIGURED, "no-policy",
	    "Access control has no policy for this; tell your administrator." },
	[OG_UNSAFE_FILE] = { OG_MISCONFIGURED, "unsafe-file",
	    "Access control is misconfigured; tell your administrator." },
	[OG_CREDENTIAL] = { OG_MISCONFIGURED, "credential",
	    "Access control cannot ask the directory; tell your administrator." },
	[OG_EXEMPT_USER] = { OG_EXEMPT, "exempt-user",
	    "You are exempt from this check." },
	[OG_EXEMPT_GROUP] = { OG_EXEMPT, "exempt-group",
	    "You are exempt from this check." },
	[OG_MIN_UID] = { OG_EXEMPT, "min-uid",
	    "You are exempt from this check." },
	[OG_SERVICE_IGNORED] = { OG_EXEMPT, "service-ignored",
	    "This service is exempt from this check." },
	[OG_NO_MEMORY] = { OG_OUT_OF_MEMORY, "out-of-memory",
	    "The machine is out of memory; try again." },
	[OG_PASS] = { OG_ALLOW, "ok",
	    "You may pass." },
};

static const struct reason *
find(enum og_reason reason)
{
	if ((unsigned int)reason >= OG_REASON_COUNT)
		return &reasons[OG_NOT_A_MEMBER];
	return &reasons[reason];
}

enum og_verdict
og_reason_verdict(enum og_reason reason)
{
	return find(reason)->verdict;
}

const char *
og_reason_word(enum og_reason reason)
{
	return find(reason)->word;
}

const char *
og_reason_sentence(enum og_reason reason)
{
	return find(reason)->sentence;
}

const char *
og_verdict_word(enum og_verdict verdict)
{
	switch (verdict) {
	case OG_DENY:
		return "deny";
	case OG_ALLOW:
		return "allow";
	case OG_UNAVAILABLE:
		return "unavailable";
	case OG_MISCONFIGURED:
		return "misconfigured";
	case OG_EXEMPT:
		return "exempt";
	case OG_OUT_OF_MEMORY:
		return "out-of-memory";
	}
	return "deny";
}

enum og_reason
og_reason_of(enum og_error error, enum og_reason otherwise)
{
	if (error == OG_OK)
		return OG_GO_ON;
	if (error == OG_ERR_NOMEM)
		return OG_NO_MEMORY;
	return error == OG_ERR_UNSAFE ? OG_UNSAFE_FILE : otherwise;
}
