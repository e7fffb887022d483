#!/usr/bin/python3
"""The fault matrix, its network half: what DNS, TCP, TLS, HTTP and the API can do
wrong, at each door, with an empty and with a stale store, for who may pass and
for who must not. Who must not never does; who may does by what was known.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import matrix
from gate import install
from journal import Journal
from matrix import Lane, Row
from nameserver import Nameserver
from tap import diag, done_testing, failed, is_

LANES = 4

TIMEOUT, NETWORK, PROTOCOL = "unavailable timeout", "unavailable network", "unavailable protocol"
SERVER, RATE = "unavailable server-error", "unavailable rate-limited"
CREDENTIAL, HARMLESS = "misconfigured credential", "allow ok"


def api(name, kind, words, patient=False, eve=None, states=("cold", "warm"), **params):
    """A fault of the simulator's."""
    return Row(name, words, lambda lane: lane.simulator.fault(kind, **params),
               lambda lane: lane.simulator.clear_faults(), patient=patient, eve=eve, states=states,
               # A connection that is kept has no handshake.
               renew=str(kind).startswith("tls-"))


def status(number, words):
    return api(f"status {number}", number, words)


def dns(behaviour, words):
    return Row(f"DNS: {behaviour}", words, lambda lane: lane.names.set(lane.host, behaviour),
               lambda lane: lane.names.set(lane.host, "address"), renew=True)


def certificate(name):
    return Row(f"TLS: {name}", NETWORK, lambda lane: lane.another_simulator(certificate=name),
               lambda lane: lane.another_simulator(), renew=True)


ROWS = [
    dns("missing", NETWORK), dns("late", HARMLESS), dns("hole", TIMEOUT), dns("broken", NETWORK), dns("refused", NETWORK),
    dns("nothing", NETWORK), dns("garbage", TIMEOUT), dns("stranger", TIMEOUT), dns("loop", NETWORK), dns("cut", NETWORK),
    Row("nobody listens", NETWORK, lambda lane: lane.simulator.stop(), lambda lane: lane.another_simulator(), patient=True),
    certificate("expired"), certificate("wrong-name"), certificate("other-ca"),
    Row("TLS: a server that waits for a plain request", TIMEOUT, lambda lane: lane.another_simulator(scheme="http"),
        lambda lane: lane.another_simulator(), renew=True),
    Row("TLS: a certificate of ours is wanted", NETWORK, lambda lane: lane.another_simulator(clients="certificate"),
        lambda lane: lane.another_simulator(), renew=True),
    api("TLS: silent after the connect", "tls-silence", TIMEOUT),
    api("TLS: reset", "tls-reset", NETWORK),
    api("TLS: garbage", "tls-garbage", NETWORK),
    api("TLS: the handshake is cut short", "tls-cut", NETWORK),
    api("silent after the request", "silence", TIMEOUT, patient=True),
    api("silent in the head", "half-head", TIMEOUT),
    api("silent before the body", "stall", TIMEOUT, bytes=0),
    api("silent in the body", "stall", TIMEOUT),
    api("a slow drip", "drip", TIMEOUT, ms=50),
    api("late", "delay", HARMLESS, ms=300),
    api("too late", "delay", TIMEOUT, ms=15000),
    api("reset after the request", "reset", NETWORK, patient=True),
    api("closed after the request", "close", NETWORK),
    api("closed after the answer", "close-after", HARMLESS),
    api("no HTTP", "garbage", PROTOCOL),
    api("cut off in the body", "truncated", PROTOCOL),
    api("cut off in a body without length", "unframed", PROTOCOL),
    api("a huge body", "oversized", PROTOCOL, states=("cold",), bytes=34_000_000),
    api("a huge body in chunks", "oversized", PROTOCOL, states=("cold",), bytes=34_000_000, chunked=True),
    api("a huge head", "header-flood", PROTOCOL),
    api("a head of some size", "header-flood", HARMLESS, bytes=20000),
    api("packed", "gzip", PROTOCOL),
    api("packed, a bomb", "gzip", PROTOCOL, bytes=20_000_000),
    api("two lengths", "two-lengths", PROTOCOL),
    api("a length and chunks", "two-framings", HARMLESS),
    api("100 first", "interim", HARMLESS, status=100),
    api("102 and 102 first", "interim", HARMLESS, status=102, count=2),
    api("103 first", "interim", HARMLESS, status=103),
    api("103 without end", "interim", PROTOCOL, status=103, count=10000),
    api("429, Retry-After", 429, RATE, seconds=2, patient=True),
    api("429, in words", 429, RATE, style="text", seconds=2, patient=True),
    api("429, silent about it", 429, RATE, style="none", patient=True),
    api("429, an hour", 429, RATE, seconds=3600),
    api("redirect", "redirect", PROTOCOL),
    api("redirect to itself", "redirect", PROTOCOL, location="/v1/organization/users"),
    api("redirect to a file", "redirect", PROTOCOL, location="file:///etc/passwd"),
    api("a key without scope, 401", "missing-scope", CREDENTIAL, status=401),
    api("a key without scope, 403", "missing-scope", CREDENTIAL),
    api("an error that is a string", "string-error", CREDENTIAL),
    api("a web page", "html", PROTOCOL),
    api("a web page, 503", "html", SERVER, status=503),
    api("a web page, 403", "html", CREDENTIAL, status=403),
    *[status(number, CREDENTIAL) for number in (401, 403)],
    *[status(number, SERVER) for number in (500, 502, 503, 504, 507, 520, 599)],
    *[status(number, PROTOCOL) for number in (201, 202, 204, 206, 299, 300, 301, 302, 303, 304, 307, 308, 400, 402, 405,
                                              406, 410, 418, 422, 451, 499, 600, 700, 999)],
    # An answer that goes before another one, which never comes.
    status(101, TIMEOUT), status(404, PROTOCOL), status(408, SERVER), status(409, SERVER),
    *[api(f"body: {kind}", kind, PROTOCOL) for kind in (
        "empty", "cut", "trailing", "duplicate-key", "deep", "invalid-utf8", "nul", "role-number", "role-object", "id-number",
        "id-null", "id-empty", "id-missing", "email-number", "banned-string", "user-string", "service-account-string",
        "row-string", "data-object", "data-missing", "has-more-string", "has-more-missing", "cursor-number", "top-array",
        "more-without-cursor", "row-twice", "number-error")],
    *[api(f"body: {text!r}", "body", PROTOCOL, body=text) for text in (
        "{}", "[]", "null", "0", "\"\"", "\ufeff{}", "{\"data\": []}", "{\"data\": null, \"has_more\": false}", "\0", "NaN")],
    api("body: somebody else's row", "other-row", "deny not-a-member"),
    api("body: two that fold to one address, of another", "folded-twins", HARMLESS),
    api("body: the first page again and again", "repeated-cursor", PROTOCOL),
]

journal = Journal()
install()
names = Nameserver()
lanes = [Lane(number, journal, names) for number in range(LANES)]
matrix.run(ROWS, lanes)
is_(len(ROWS) >= 100, True, f"{len(ROWS)} faults")
if failed():
    diag(journal.text(pattern=" (err|alert|crit|emerg) "))
done_testing()
