"""The log's line about a decision, read as strictly as pam_openai(8) describes it.

    logline.parse('deny role: user=ann service=sshd policy=ssh …', logline.PAM)
    {"enforced": True, "verdict": "deny", "reason": "role", "user": "ann", …}

Anything that the manual does not promise is a ValueError: another key or
order, a blank too many, an escape that is none.
"""

import re

PAM = ("user", "service", "policy", "identity", "cache", "age")
NGINX = ("user", "policy", "cache")

REASONS = {
    "allow": "ok",
    "deny": "not-a-member role project project-role group account-disabled service-account invite-pending "
            "no-identity bad-name",
    "unavailable": "timeout network rate-limited server-error protocol store",
    "misconfigured": "config no-policy unsafe-file credential",
    "exempt": "exempt-user exempt-group min-uid service-ignored",
    "out-of-memory": "out-of-memory",
}

_HEAD = re.compile(r"(not enforced: would be )?([a-z-]+) ([a-z-]+): (?=user=)")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|([\"\\]))")
# No control character, and none of C1.
_WORD = re.compile(r"(?:[^\x00-\x1f\x7f-\x9f =\"\\]|\\x[0-9a-f]{2})+")
_QUOTED = re.compile(r"(?:[^\x00-\x1f\x7f-\x9f\"\\]|\\x[0-9a-f]{2}|\\[\"\\])+")
_VALUES = {"cache": "hit|stale|miss|refresh|-", "age": r"\d+s|-", "policy": r"[A-Za-z0-9_.-]+"}


def starts(text):
    """Is this a decision's line at all?"""
    return _HEAD.match(text) is not None


def parse(text, keys):
    head = _HEAD.match(text)
    if not head or head[3] not in REASONS.get(head[2], "").split():
        raise ValueError(f"no decision begins so: {text!r}")
    found = {"enforced": head[1] is None, "verdict": head[2], "reason": head[3]}
    at = head.end()
    for key in keys:
        if not text.startswith(f"{key}=", at):
            raise ValueError(f"{key}= is missing at {text[at:]!r}")
        at += len(key) + 1
        end = text.find(" ", at) if " " in text[at:] else len(text)
        found[key] = _value(key, text[at:end])
        at = end + 1
    if at <= len(text):
        rest = re.fullmatch(rf'message="({_QUOTED.pattern})"', text[at:])
        if not rest:
            raise ValueError(f"no pair ends the line: {text[at:]!r}")
        found["message"] = unescape(rest[1])
    return found


def _value(key, text):
    if not _WORD.fullmatch(text) or not re.fullmatch(_VALUES.get(key, ".+"), text):
        raise ValueError(f"{key}: no value: {text!r}")
    return None if text == "-" else unescape(text)


def unescape(text):
    """A value as it was before it was written."""
    raw = bytearray()
    at = 0
    for match in _ESCAPE.finditer(text):
        raw += text[at:match.start()].encode()
        raw += bytes([int(match[1], 16)]) if match[1] else match[2].encode()
        at = match.end()
    return (raw + text[at:].encode()).decode(errors="backslashreplace")
