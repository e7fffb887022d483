#!/usr/bin/python3
"""Every fault of the simulated API gives what its name says."""

import errno
import gzip
import http.client
import json
import os
import select
import socket
import ssl
import sys
import tempfile
import time
import urllib.parse

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(_HERE, "..", "lib"))

from apiclient import Client
from sim import Simulator, SimulatorError
from tap import done_testing, is_, ok

KEY = "sk-admin-TestKeyThatMustNotShow0001"
USERS = "/organization/users"


def quiet(sock):
    """Nothing more comes (TLS session tickets aside, which select would see)."""
    sock.settimeout(0.3)
    try:
        return sock.recv(1) is None
    except TimeoutError:
        return True


# Faults. Each checks what its name says; none may be without a check.

def fault_checks():
    """{kind: [(parameters, target, check(sim, client, target))]}"""
    checks = {}

    def fault(kind, target=USERS + "?limit=100", **params):
        def register(check):
            checks.setdefault(kind, []).append((params, target, check))
            return check
        return register

    def rows(expression, kind, target=USERS + "?limit=100"):
        @fault(kind, target)
        def _(sim, client, target):
            status, document = client.get(target)
            return status == 200 and expression(document)

    _wire_faults(fault)
    _slow_faults(fault)
    _refusing_faults(fault)
    _broken_bodies(fault)
    _wrong_shapes(rows)
    _contradictions(fault, rows)
    return checks


def _wire_faults(fault):
    @fault("silence")
    def _(sim, client, target):
        with client.send(target) as sock:
            came = sim.wait_requests(1)
            return came[0]["status"] is None and quiet(sock)

    @fault("reset")
    def _(sim, client, target):
        return _end_of(client, target) == errno.ECONNRESET

    @fault("close")
    def _(sim, client, target):
        return _end_of(client, target) == 0 and client.raw(target) == b""

    @fault("garbage")
    def _(sim, client, target):
        text = client.raw(target)
        return text and not text.startswith(b"HTTP/")

    @fault("truncated")
    def _(sim, client, target):
        try:
            client.ask(target)
        except http.client.IncompleteRead as error:
            return error.expected > 0 and len(error.partial) > 0
        return False

    @fault("unframed")
    def _(sim, client, target):
        _, headers, body = client.ask(target)
        return ("Content-Length" not in headers and "Transfer-Encoding" not in headers
                and body.startswith(b'{"object": "list"') and not body.endswith(b"}"))

    @fault("close-after")
    def _(sim, client, target):
        head, _, body = client.raw(target).partition(b"\r\n\r\n")
        return len(json.loads(body)["data"]) == 100 and b"close" not in head.lower()

    @fault("tls-silence")
    def _(sim, client, target):
        with socket.create_connection(("127.0.0.1", sim.port), 0.3) as sock:
            try:
                client.context.wrap_socket(sock, server_hostname="127.0.0.1")
            except TimeoutError:
                return True
        return False

    @fault("tls-reset")
    def _(sim, client, target):
        try:
            client.socket()
        except ConnectionResetError:
            return True
        return False

    @fault("tls-garbage")
    def _(sim, client, target):
        try:
            client.socket()
        except ssl.SSLError as error:
            return error.reason == "WRONG_VERSION_NUMBER" or str(error)
        return False

    @fault("tls-cut")
    def _(sim, client, target):
        try:
            client.socket()
        except ssl.SSLError as error:
            return error.reason == "UNEXPECTED_EOF_WHILE_READING" or str(error)
        return False

    @fault("oversized", bytes=3000000)
    def _(sim, client, target):
        _, headers, body = client.ask(target)
        return (headers["Content-Length"] == "3000000" and len(body) == 3000000
                and len(json.loads(body)["data"]) == 100)

    @fault("oversized", bytes=3000000, chunked=True)
    def _(sim, client, target):
        _, headers, body = client.ask(target)
        return "Content-Length" not in headers and len(body) == 3000000

    @fault("header-flood", bytes=100000)
    def _(sim, client, target):
        text, _ = _until(client, target, b'"has_more"')
        return len(text.partition(b"\r\n\r\n")[0]) >= 100000


    @fault("half-head")
    def _(sim, client, target):
        with client.send(target) as sock:
            text = sock.recv(65536)
            return text.startswith(b"HTTP/1.1 200 ") and b"\r\n\r\n" not in text and quiet(sock)

    @fault("interim", status=102, count=2)
    def _(sim, client, target):
        text, _ = _until(client, target, b'"has_more"')
        return text.startswith(b"HTTP/1.1 102 Interim\r\n") and text.count(b"HTTP/1.1 ") == 3

    @fault("gzip", bytes=1000000)
    def _(sim, client, target):
        _, headers, body = client.ask(target)
        return (headers["Content-Encoding"] == "gzip" and len(body) < 100000
                and len(gzip.decompress(body)) > 1000000)

    @fault("two-lengths")
    def _(sim, client, target):
        text, _ = _until(client, target, b'"has_more"')
        return text.count(b"Content-Length: ") == 2

    @fault("two-framings")
    def _(sim, client, target):
        text, _ = _until(client, target, b"\r\n0\r\n\r\n")
        return b"Transfer-Encoding: chunked\r\n" in text and b"Content-Length: 1\r\n" in text


def _end_of(client, target):
    """The socket's own error once the other side has ended it. Python's TLS
    reads the end of a file from either."""
    with client.send(target) as sock:
        poller = select.poll()
        poller.register(sock, select.POLLRDHUP)
        if not poller.poll(10000):
            return "nothing happened"
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def _until(client, target, mark):
    """(what came up to the mark, number of pieces)."""
    text, count = b"", 0
    with client.send(target) as sock:
        while mark not in text:
            piece = sock.recv(65536)
            if not piece:
                break
            text += piece
            count += 1
    return text, count


def _slow_faults(fault):
    @fault("delay", ms=300)
    def _(sim, client, target):
        begun = time.monotonic()
        return client.status(target) == 200 and time.monotonic() - begun >= 0.3

    @fault("drip", target="/organization/groups/group_a", ms=1)
    def _(sim, client, target):
        text, count = _until(client, target, b"group_type")
        return count > len(text) / 2

    @fault("late")
    def _(sim, client, target):
        with client.send(target) as sock:
            sim.wait_requests(1)
            held = quiet(sock)
            sim.clear_faults()
            return held and sock.recv(100).startswith(b"HTTP/1.1 200 ")

    @fault("stall", bytes=10)
    def _(sim, client, target):
        with client.send(target) as sock:
            text = b""
            while piece := not text.endswith(b'{"object":') and sock.recv(65536):
                text += piece
            return text.endswith(b'{"object":') and quiet(sock)


def _refusing_faults(fault):
    for status in (400, 401, 403, 404, 408, 409, 418, 500, 502, 503):
        @fault(status)
        def _(sim, client, target, status=status):
            got, document = client.get(target)
            return got == status and isinstance(document["error"]["message"], str)

    @fault(429, style="retry-after", seconds=7)
    def _(sim, client, target):
        status, headers, _ = client.ask(target)
        return status == 429 and headers["Retry-After"] == "7"

    @fault(429, style="text", seconds=6.937)
    def _(sim, client, target):
        status, headers, body = client.ask(target)
        return (status == 429 and "Retry-After" not in headers
                and b"try again after 6.937 seconds" in body)

    @fault(429, style="none")
    def _(sim, client, target):
        status, headers, body = client.ask(target)
        return status == 429 and "Retry-After" not in headers and b"seconds" not in body

    @fault("status", status=503, headers={"Retry-After": "9"}, body="upstream down")
    def _(sim, client, target):
        status, headers, body = client.ask(target)
        return (status, headers["Retry-After"], body) == (503, "9", b"upstream down")

    for status in (401, 403):
        @fault("missing-scope", status=status)
        def _(sim, client, target, status=status):
            got, document = client.get(target)
            return got == status and "Missing scopes" in document["error"]["message"]

    @fault("string-error")
    def _(sim, client, target):
        status, document = client.get(target)
        return status == 401 and isinstance(document["error"], str)

    @fault("number-error")
    def _(sim, client, target):
        status, document = client.get(target)
        return status == 404 and document["code"] == 404 and "error" not in document

    @fault("redirect", location="https://127.0.0.1:1/elsewhere", status=307)
    def _(sim, client, target):
        status, headers, _ = client.ask(target)
        return (status, headers["Location"]) == (307, "https://127.0.0.1:1/elsewhere")

    for status in (200, 503):
        @fault("html", status=status)
        def _(sim, client, target, status=status):
            got, headers, body = client.ask(target)
            return got == status and "html" in headers["Content-Type"] and b"<html>" in body


def _broken_bodies(fault):
    def not_json(body):
        try:
            json.loads(body)
        except ValueError:
            return True
        return False

    @fault("body", status=200, body="{}")
    def _(sim, client, target):
        return client.ask(target)[2] == b"{}"

    @fault("empty")
    def _(sim, client, target):
        status, headers, body = client.ask(target)
        return (status, headers["Content-Length"], body) == (200, "0", b"")

    @fault("cut")
    def _(sim, client, target):
        status, headers, body = client.ask(target)
        return (status == 200 and int(headers["Content-Length"]) == len(body)
                and body.startswith(b'{"object": "list"') and not_json(body))

    @fault("trailing")
    def _(sim, client, target):
        body = client.ask(target)[2]
        return not_json(body) and body.endswith(b"} {}")

    @fault("duplicate-key")
    def _(sim, client, target):
        return client.ask(target)[2].count(b'"has_more"') == 3

    @fault("deep", depth=5000)
    def _(sim, client, target):
        return b"[" * 5000 + b"]" * 5000 in client.ask(target)[2]

    @fault("invalid-utf8")
    def _(sim, client, target):
        body = client.ask(target)[2]
        try:
            body.decode()
        except UnicodeDecodeError:
            return json.loads(body.decode("latin-1"))["data"][0]["id"][6] == "\xff"
        return False

    @fault("nul")
    def _(sim, client, target):
        return "\0" in client.get(target)[1]["data"][0]["id"]


def _wrong_shapes(rows):
    def each(test):
        return lambda page: len(page["data"]) == 100 and all(map(test, page["data"]))
    rows(each(lambda row: row["role"] == 1), "role-number")
    rows(each(lambda row: isinstance(row["role"], dict)), "role-object")
    rows(each(lambda row: row["id"] == 7), "id-number")
    rows(each(lambda row: row["id"] is None), "id-null")
    rows(each(lambda row: row["id"] == ""), "id-empty")
    rows(each(lambda row: "id" not in row), "id-missing")
    rows(each(lambda row: row["email"] == 7), "email-number")
    rows(each(lambda row: row["user"]["banned"] == "no"), "banned-string")
    rows(each(lambda row: row["user"] == "banned"), "user-string")
    rows(each(lambda row: row["is_service_account"] == "no"), "service-account-string")
    rows(lambda page: page["data"] == ["user-abc"], "row-string")
    rows(lambda page: isinstance(page["data"], dict), "data-object")
    rows(lambda page: "data" not in page, "data-missing")
    rows(lambda page: page["has_more"] == "false", "has-more-string")
    rows(lambda page: "has_more" not in page, "has-more-missing")
    rows(lambda page: page["has_more"] is True and page["last_id"] == 7, "cursor-number")
    rows(lambda page: isinstance(page, list) and page[0]["data"], "top-array")


def _contradictions(fault, rows):
    for target, cursor in ((USERS, "last_id"), ("/organization/groups", "next")):
        rows(lambda page, cursor=cursor: page["has_more"] is True and page[cursor] is None,
             "more-without-cursor", target)

        @fault("repeated-cursor", target)
        def _(sim, client, target, cursor=cursor):
            first = client.get(target)[1]
            after = urllib.parse.quote(first[cursor])
            return first["has_more"] and client.get(f"{target}?after={after}")[1] == first

    @fault("circle")
    def _(sim, client, target):
        pages = [client.get(target)[1]]
        for _ in range(7):
            pages.append(client.get(f"{target}&after={pages[-1]['last_id']}")[1])
        return ([page["last_id"] for page in pages] == list("ABCDECDE") and all(page["has_more"] for page in pages)
                and len({page["data"][0]["id"] for page in pages}) == 8)

    @fault("repeated-row")
    def _(sim, client, target):
        first = client.get(target)[1]
        second = client.get(f"{target}&after={first['last_id']}")[1]
        once = [row["id"] for row in first["data"]]
        return len(once) == len(set(once)) and second["data"][-1] == first["data"][0]

    rows(lambda page: page["data"][-1] == page["data"][0], "row-twice")
    rows(lambda page: page["data"][0]["email"] != page["data"][-1]["email"]
         and page["data"][0]["email"].lower() == page["data"][-1]["email"].lower()
         and page["data"][0]["id"] != page["data"][-1]["id"], "folded-twins",
         USERS + "?emails[]=user0001@example.com")
    rows(lambda page: len(page["data"]) == 20, "filter-ignored",
         USERS + "?emails[]=user0001@example.com")
    rows(lambda page: [row["email"] for row in page["data"]] == ["somebody.else@example.com"],
         "other-row", USERS + "?emails[]=user0001@example.com")

    @fault("other-row", "/organization/projects/proj_big/users/ID")
    def _(sim, client, target):
        ident = sim.id_of("user0001@example.com")
        status, row = client.get(target.replace("ID", ident))
        return status == 200 and row["id"] != ident


def faults(sim, client):
    checks, before = fault_checks(), sim.user("user0001@example.com")
    named = {kind for kind in checks if isinstance(kind, str)} | {"status"}
    is_(named, set(sim.manual()), "every fault has a check")
    for kind, cases in checks.items():
        for params, target, check in cases:
            sim.clear_faults()
            sim.clear_requests()
            client.connection.close()
            sim.fault(kind, **params)
            is_(bool(check(sim, client, target)), True, f"fault {kind} {params or ''}")
    sim.clear_faults()
    is_(client.status(USERS), 200, "no fault when all are cleared")
    is_(sim.user("user0001@example.com"), before,
        "faults leave the organization as it is")


def aiming_faults(sim, client):
    sim.fault(503, times=2)
    is_([client.status(USERS) for _ in range(3)], [503, 503, 200], "for two requests only")
    sim.fault(503, path="groups")
    is_((client.status(USERS), client.status("/organization/groups"),
         client.status("/organization/groups/group_a")), (200, 503, 200),
        "for one endpoint only")
    sim.clear_faults()
    sim.fault(500, path="/organization/projects/*/users")
    is_((client.status("/organization/projects"),
         client.status("/organization/projects/proj_big/users")), (200, 500),
        "for a path pattern only")
    sim.clear_faults()
    sim.fault(500, query="after=")
    ident = sim.id_of("user0001@example.com")
    is_((client.status(USERS), client.status(f"{USERS}?after={ident}")), (200, 500),
        "for a second page only")
    sim.clear_faults()
    sim.fault("delay", ms=1, times=1)
    sim.fault(500, times=1)
    is_((client.status(USERS), sim.faults()), (500, []), "a delay adds to another fault")
    for wrong in ({"kind": "slience"}, {"kind": "delay"}, {"kind": "html", "sttus": 1},
                  {"kind": 500, "times": 0}):
        try:
            sim.fault(**wrong)
            ok(False, f"{wrong} is refused")
        except SimulatorError:
            ok(True, f"{wrong} is refused")


def main():
    document = {
        "name": "Big", "admin_key": KEY,
        "users": [{"email": "user0001@example.com", "role": "reader"}],
        "generate": [{"users": 250, "projects": {"proj_big": "member"}}],
        "projects": [{"id": "proj_big"}],
        "groups": [{"id": "group_a"}, {"id": "group_b"}],
    }
    with tempfile.TemporaryDirectory(prefix="gate-sim-") as directory, \
            Simulator(directory, document) as sim:
        client = Client(sim, KEY)
        faults(sim, client)
        aiming_faults(sim, client)
        is_(sim.errors(), "", "nothing on standard error")
    done_testing()


main()
