#!/usr/bin/python3
"""The simulated Administration API: rows, pages, refusals, changes, the log."""

import http.client
import json
import os
import select
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.parse

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(_HERE, "..", "lib"))
sys.path.append(os.path.join(_HERE, "..", "sim"))

from apiclient import Client
from rate import Limiter
from sim import EXAMPLE, Simulator, SimulatorError
from tap import done_testing, is_, like, ok, unlike

KEY = "sk-admin-TestKeyThatMustNotShow0001"
USERS = "/organization/users"

BIG = {
    "name": "Big", "admin_key": KEY,
    "users": [{"email": "Plus+Tag@Example.com", "role": "owner"},
              {"email": "user0007@example.com", "role": "owner"}],
    "generate": [{"users": 250, "pattern": "user%04d@example.com",
                  "projects": {"proj_big": "member"}, "groups": ["group_big", "group_twin"],
                  "without": ["user0100@example.com"]}],
    "projects": [{"id": "proj_big", "name": "Big"},
                 {"id": "proj_all", "members": {"*": "viewer",
                                                "user0003@example.com": None}},
                 {"id": "proj_old", "archived": True,
                  "members": {"user0001@example.com": "owner"}}],
    "groups": [{"id": "group_big"}, {"id": "group_twin"}, {"id": "group_none"}],
}


# The directory.

def example_organization(directory):
    with Simulator(directory) as sim:
        client, key = Client(sim, KEY), sim.admin_key
        status, page = client.get(USERS + "?limit=100", key=key)
        is_(status, 200, "the example organization is served")
        rows = {row["email"]: row for row in page["data"]}
        is_(rows["olivia.owner@example.com"]["role"], "owner", "it has an owner")
        ok(rows["norah.norole@example.com"]["role"] is None, "somebody has no role")
        ok(None in rows, "somebody has no address")
        is_(rows["bob.banned@example.com"]["user"]["banned"], True, "somebody is banned")
        ok(rows["robot@example.com"]["is_service_account"], "one is a service account")
        ok("user" not in rows["ann@example.com"]
           and "is_service_account" not in rows["ann@example.com"],
           "fields that the organization does not name are absent")
        is_(client.get("/organization/invites", key=key)[1]["data"][0]["status"],
            "pending", "somebody is invited")
        with open(EXAMPLE, encoding="utf-8") as file:
            is_(sim.organization(), json.load(file), "the control shows the document")
        mode = os.stat(sim.key_file(f"{directory}/admin.key")).st_mode
        is_(mode & 0o777, 0o600, "the key file is for its owner alone")


def organization_mistakes(directory):
    def refused(document):
        try:
            with Simulator(directory, document):
                return "accepted"
        except SimulatorError as error:
            return str(error)
    like(refused({"admin_key": KEY, "user": []}), "unknown key 'user'",
         "a misspelt key of the document is refused, not ignored")
    like(refused({"admin_key": KEY, "projects": [
        {"id": "proj_x", "members": {"nobody@example.com": "member"}}]}),
        "nobody here is 'nobody@example.com'", "a member who is nobody is refused")
    like(refused({"admin_key": "sk-proj-1"}), "sk-admin-", "a key of another kind is refused")


def pages_of_dialect_a(client):
    rows, pages = client.walk(USERS + "?limit=100", "last_id")
    is_(pages, 3, "251 users are three pages of 100")
    is_((len(rows), len({row["id"] for row in rows})), (250, 250),
        "everybody once, and not the one who has left")
    is_(sum(row["role"] == "owner" for row in rows), 2,
        "a generated person who is named again is there once, as named")
    is_(len(client.get(USERS)[1]["data"]), 20, "a page has 20 rows by default")
    _, page = client.get(USERS + "?limit=2")
    is_((page["first_id"], page["last_id"]), (rows[0]["id"], rows[1]["id"]),
        "first_id and last_id are the page's own")
    for limit in ("0", "101", "-1", "ten", ""):
        is_(client.status(f"{USERS}?limit={limit}"), 400, f"limit={limit} is refused")
    is_(client.status(USERS + "?after=user-Nobody"), 400, "an unknown cursor is refused")
    rows, pages = client.walk("/organization/projects/proj_big/users?limit=100", "last_id")
    is_((len(rows), pages), (249, 3), "a project of 249 is three pages")
    is_({row["role"] for row in rows}, {"member"}, "with the role of the project")
    rows, _ = client.walk("/organization/projects/proj_all/users?limit=100", "last_id")
    is_(len(rows), 249, "\"*\" is everybody but the one excepted")


def pages_of_dialect_b(client):
    path = "/organization/groups/group_big/users"
    rows, pages = client.walk(path + "?limit=100", "next")
    is_((len(rows), pages), (249, 3), "a group of 249 is three pages")
    is_(set(rows[0]), {"id", "name", "email"}, "with the fields of a GroupUser")
    forward, _ = client.walk(path + "?limit=100&order=asc", "next")
    is_(forward, rows[::-1], "the order is descending unless asked")
    status, page = client.get(path + "?limit=1000")
    is_((status, len(page["data"]), page["next"]), (200, 249, None),
        "up to 1000 rows come on one page, and no cursor")
    is_(client.status(path + "?limit=1001"), 400, "a limit over 1000 is refused")
    is_(client.get(path + "?limit=0")[1]["has_more"], False,
        "a limit of 0 does not promise what has no cursor")
    _, page = client.get(path + "?limit=2")
    for character in "+/=":
        ok(character in page["next"], f"the cursor holds {character}")
    is_(client.status(f"{path}?limit=2&after={page['next']}"), 400,
        "so it must be percent-encoded")
    is_(client.status(f"{path}?limit=2&after={page['data'][-1]['id']}"), 400,
        "an id is no cursor")
    quoted = urllib.parse.quote(page["next"], safe="")
    is_(client.status(f"{path}?limit=2&after={quoted}"), 200, "then it is taken")
    is_(client.status(f"/organization/groups/group_twin/users?after={quoted}"), 400,
        "a cursor of another list with the same people is refused")
    is_(client.status(f"{path}?limit=2&order=asc&after={quoted}"), 400,
        "and one of the other order")
    is_(client.get("/organization/groups/group_none/users")[1],
        {"object": "list", "data": [], "has_more": False, "next": None},
        "an empty group")


def filter_by_address(client):
    def found(query):
        return [row["email"] for row in client.get(f"{USERS}?{query}&limit=100")[1]["data"]]
    is_(found("emails[]=user0042@example.com"), ["user0042@example.com"],
        "emails[] finds one")
    is_(found("emails%5B%5D=user0042%40example.com&emails%5B%5D=user0001@example.com"),
        ["user0042@example.com", "user0001@example.com"], "emails%5B%5D finds two")
    is_(found("emails[]=USER0042@EXAMPLE.COM"), ["user0042@example.com"],
        "case is folded by default")
    is_(found("emails[]=plus%2Btag@example.com"), ["Plus+Tag@Example.com"],
        "a plus sign is found as %2B")
    is_(found("emails[]=plus+tag@example.com"), [], "and is a blank as it stands")
    is_(found("emails[]=user0100@example.com"), [], "who has left is not found")
    is_(found("emails[]=nobody@example.com"), [], "nobody is an empty page")
    for query in ("emails=user0042@example.com", "email[]=user0042@example.com",
                  "emails[0]=user0042@example.com", "emails%5B=user0042@example.com"):
        is_(len(found(query)), 100, f"{query} is ignored: a page of everybody")


def single_rows(client, sim):
    ident = sim.id_of("user0042@example.com")
    is_(client.get(f"{USERS}/{ident}")[1]["email"], "user0042@example.com", "a person by id")
    is_(client.status(f"{USERS}/user0042@example.com"), 404, "an address is no id")
    is_(client.status(f"{USERS}/user-Nobody"), 404, "nobody")
    is_(client.get(f"/organization/projects/proj_big/users/{ident}")[1]["role"],
        "member", "a membership")
    plus = sim.id_of("Plus+Tag@Example.com")
    is_(client.status(f"/organization/projects/proj_big/users/{plus}"), 404, "not a member")
    is_(client.status(f"/organization/projects/proj_none/users/{ident}"), 404,
        "a member of no project")
    _, row = client.get(f"/organization/groups/group_big/users/{ident}")
    is_((row["user_type"], row["is_service_account"]), ("user", False), "a GroupMemberUser")
    is_(client.status(f"/organization/groups/group_none/users/{ident}"), 404,
        "not in the group")
    is_(client.get("/organization/groups/group_big")[1]["group_type"], "group", "a group")
    is_(client.status("/organization/groups/group_x"), 404, "no such group")


def projects(client, sim):
    def listed(query):
        return [row["id"] for row in client.get("/organization/projects" + query)[1]["data"]]
    is_(listed(""), ["proj_big", "proj_all"], "archived projects are not listed")
    is_(listed("?include_archived=true"), ["proj_big", "proj_all", "proj_old"],
        "unless asked for")
    is_(client.get("/organization/projects/proj_old")[1]["status"], "archived",
        "an archived project says so")
    is_(client.status("/organization/projects/proj_old/users"), 400,
        "an archived project's users are a 400")
    ident = sim.id_of("user0001@example.com")
    is_(client.status(f"/organization/projects/proj_old/users/{ident}"), 404,
        "it has no members")
    is_(client.status("/organization/projects/proj_x/users"), 404, "no such project")


def refusals(client):
    status, _, body = client.ask(USERS, key=None)
    is_(status, 401, "no key: 401")
    status, document = client.get(USERS, key="sk-admin-WrongKey000000000000000wxyz")
    is_((status, document["error"]["code"]), (401, "invalid_api_key"), "a wrong key: 401")
    like(document["error"]["message"], r"sk-admin\*+wxyz", "which echoes a part of it")
    status, document = client.get(USERS, key="sk-proj-abc")
    is_((status, document["error"]["code"]), (401, None), "a project key: 401")
    like(document["error"]["message"], "Missing scopes", "for want of a scope")
    is_(client.status(USERS, headers={"OpenAI-Organization": "org-other"}), 401,
        "another organization: 401")
    is_(client.status("/organization/nothing"), 404, "an unknown path: 404")
    for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD"):
        is_(client.status(USERS, method=method), 405, f"{method}: 405")
    with client.socket() as sock:
        sock.sendall(b"POST /v1/organization/users HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Length: 2\r\n\r\n{}")
        text = b""
        while piece := sock.recv(65536):
            text += piece
    is_((text.count(b"HTTP/1.1 "), b"Connection: close" in text), (1, True),
        "its body is not taken for a request: the connection is closed")


def rate_limit(sim, client):
    sim.rate(2, "retry-after")
    is_([client.status(USERS) for _ in range(3)], [200, 200, 429], "2 a minute, the third not")
    is_(client.status("/organization/groups"), 200, "another endpoint has its own budget")
    _, headers, body = client.ask(USERS)
    like(headers["Retry-After"], r"^([1-9]|[1-5][0-9]|60)$", "Retry-After: whole seconds")
    unlike(body.decode(), "after [0-9]", "and no seconds in the text")
    sim.rate(1, "text")
    client.status(USERS)
    _, headers, body = client.ask(USERS)
    ok("Retry-After" not in headers, "style text: no header")
    like(body.decode(), r"try again after [0-9]+\.[0-9]{3} seconds", "but the text says it")
    sim.rate(1, "none")
    client.status(USERS)
    status, headers, body = client.ask(USERS)
    is_((status, "Retry-After" in headers), (429, False), "style none: no header")
    unlike(body.decode(), "[0-9] seconds", "and nothing in the text")
    sim.rate(0)
    is_(client.status(USERS), 200, "no limit")

    now = [1000.0]
    limiter = Limiter(lambda: now[0])
    limiter.set(1, "retry-after", 60)
    limiter.take("users")
    now[0] += 59.5
    is_(limiter.take("users")[0], {"Retry-After": "1"}, "a window lasts its time")
    now[0] += 0.5
    is_(limiter.take("users"), None, "and then all is free again")


# What tests change while it runs.

def changes(sim, client):
    def members(path):
        return [row["email"] for row in client.get(path + "/users?limit=100")[1]["data"]]
    web, group = "/organization/projects/proj_web", "/organization/groups/group_a"
    sim.add_user("ann@example.com", role="reader")
    sim.add_user("ben@example.com")
    sim.add_project("proj_web", name="Web")
    sim.add_group("group_a")
    sim.add_member("proj_web", "Ann@example.com", "owner")
    sim.add_member("proj_web", sim.id_of("ben@example.com"))
    sim.add_group_member("group_a", "ann@example.com")
    is_(members(web), ["ann@example.com", "ben@example.com"], "members come")
    sim.remove_member("proj_web", "ben@example.com")
    is_(members(web), ["ann@example.com"], "and go")
    is_(members(group), ["ann@example.com"], "into a group too")
    before = sim.id_of("ann@example.com")
    sim.change_user("ann@example.com", email="ann.new@example.com")
    is_(sim.id_of("ann.new@example.com"), before, "a new address, the same person")
    is_((members(web), members(group)), (["ann.new@example.com"],) * 2, "still a member")
    sim.set_role("ann.new@example.com", None)
    is_(client.get(f"{USERS}/{before}")[1]["role"], None, "a role goes")
    sim.ban("ann.new@example.com")
    is_(client.get(f"{USERS}/{before}")[1]["user"]["banned"], True, "a ban comes")
    sim.remove_user("ann.new@example.com")
    is_((client.status(f"{USERS}/{before}"), members(web), members(group)),
        (404, [], []), "a person leaves with every membership")
    sim.set_role("user0042@example.com", "owner")
    row = client.get(f"{USERS}/{sim.id_of('user0042@example.com')}")[1]
    is_(row["role"], "owner", "a generated person's role changes")
    sim.remove_user("user0042@example.com")
    is_(client.get(USERS + "?emails[]=user0042@example.com")[1]["data"], [],
        "a generated person leaves")
    sim.remove_member("proj_big", "user0041@example.com")
    gone = sim.id_of("user0041@example.com")
    is_(client.status(f"/organization/projects/proj_big/users/{gone}"), 404,
        "and leaves a project only")
    sim.archive_project("proj_web")
    is_(client.status(web + "/users"), 400, "a project is archived")
    sim.invite("ivan@example.com", status="pending")
    is_(len(client.get("/organization/invites")[1]["data"]), 1, "an invitation comes")
    sim.remove_invite("ivan@example.com")
    is_(client.get("/organization/invites")[1]["data"], [], "and goes")
    sim.change(admin_key="sk-admin-Another0000000000000000")
    is_(client.status(USERS), 401, "a revoked key is refused")
    try:
        sim.set_role("nobody@example.com", "owner")
        ok(False, "a change of nobody is an error")
    except SimulatorError as error:
        like(str(error), "nobody here", "a change of nobody is an error")


def file_changes(directory):
    path = os.path.join(directory, "watched.json")

    def write(text):
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)

    write(json.dumps({"admin_key": KEY, "users": [{"email": "a@example.com"}]}))
    with Simulator(directory, path) as sim:
        client = Client(sim, KEY)
        is_(len(client.get(USERS)[1]["data"]), 1, "the file's one person")
        write(json.dumps({"admin_key": KEY, "users": [
            {"email": "a@example.com"}, {"email": "b@example.com"}]}))
        is_(len(client.get(USERS)[1]["data"]), 2, "a changed file counts at once")
        write("{ half a docu")
        is_(len(client.get(USERS)[1]["data"]), 2, "a broken file changes nothing")
        like(sim.errors(), "last good organization stays", "and is told")


def other_settings(directory):
    document = {"admin_key": KEY, "emails_filter": "exact", "owners_in_projects": True,
                "users": [{"email": "Ann@example.com", "role": "owner"},
                          {"email": "bare@example.com", "omit": ["role", "name"],
                           "extra": {"technical_level": "high"}}],
                "projects": [{"id": "proj_a"}]}
    with Simulator(directory, document) as sim:
        client = Client(sim, KEY)
        is_(client.get(USERS + "?emails[]=ann@example.com")[1]["data"], [],
            "emails_filter exact: case counts")
        is_(len(client.get(USERS + "?emails[]=Ann@example.com")[1]["data"]), 1,
            "and the same spelling is found")
        is_(client.get("/organization/projects/proj_a/users")[1]["data"][0]["role"],
            "owner", "owners_in_projects: an owner is everywhere")
        row = client.get(f"{USERS}/{sim.id_of('bare@example.com')}")[1]
        is_((set(row), row["technical_level"]),
            ({"object", "id", "email", "added_at", "technical_level"}, "high"),
            "fields are left out and added")
        sim.change(emails_filter="ignored")
        is_(len(client.get(USERS + "?emails[]=no@example.com")[1]["data"]), 2,
            "emails_filter ignored: everybody")


def million(directory):
    document = {"admin_key": KEY, "generate": [
        {"users": 1000000, "pattern": "u%07d@example.com", "role": None}]}
    with Simulator(directory, document) as sim:
        client = Client(sim, KEY)
        row = client.get(USERS + "?emails[]=u0987654@example.com")[1]["data"][0]
        is_((row["email"], row["role"]), ("u0987654@example.com", None),
            "one of a million by address")
        _, page = client.get(f"{USERS}?limit=100&after={row['id']}")
        is_(page["data"][99]["email"], "u0987754@example.com", "and a page far inside")


# The log, many clients, and the end.

def request_log(sim, client):
    sim.clear_requests()
    client.status(USERS + "?limit=1&emails%5B%5D=a@example.com",
                  headers={"OpenAI-Organization": "org-other", "User-Agent": "gate/1"})
    client.status("/organization/groups/group_big", key="sk-proj-1")
    client.status(USERS, key=None, method="POST")
    client.status(USERS + "?key=" + KEY)
    came = sim.requests()
    is_([(r["method"], r["path"], r["query"], r["status"], r["endpoint"], r["key"])
         for r in came[:3]],
        [("GET", "/v1" + USERS, "limit=1&emails%5B%5D=a@example.com", 401, "users", "admin"),
         ("GET", "/v1/organization/groups/group_big", "", 401, "group", "project"),
         ("POST", "/v1" + USERS, "", 405, "users", "absent")],
        "the log says what came and what it got")
    is_((came[0]["headers"]["openai-organization"], came[0]["headers"]["user-agent"]),
        ("org-other", "gate/1"), "with the headers that matter")
    is_(came[3]["query"], "key=(the key)", "the key is struck out of a URL")
    is_(came[0]["connection"], came[1]["connection"], "one connection served both")
    is_(len(sim.requests(endpoint="users", status=405)), 1, "the log can be searched")
    with open(sim.log_file, encoding="utf-8") as file:
        text = file.read()
    is_([json.loads(line) for line in text.splitlines()][-4:], came, "the file says the same")
    ok(KEY not in text, "the key is nowhere in the file")


def many_clients(sim):
    sim.clear_requests()
    gate = threading.Barrier(200)
    statuses = []

    def work():
        one = Client(sim, KEY)
        one.connection.connect()
        gate.wait(60)
        statuses.extend(one.status(USERS + "?limit=1") for _ in range(3))
        one.connection.close()

    threads = [threading.Thread(target=work) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    is_(statuses, [200] * 600, "200 connections at once, three requests each")
    is_(len(sim.requests()), 600, "all 600 are in the log")


def tls(directory):
    for certificate in ("wrong-name", "other-ca", "expired"):
        with Simulator(directory, BIG, certificate=certificate) as sim:
            try:
                Client(sim, KEY).status(USERS)
                ok(False, f"certificate {certificate} is not trusted")
            except ssl.SSLCertVerificationError as error:
                ok(True, f"certificate {certificate} is not trusted: {error.verify_message}")
            is_(sim.requests(), [], "and no request was made")
    with Simulator(directory, BIG, clients="certificate") as sim:
        client = Client(sim, KEY)
        try:
            got = client.status(USERS)
        except (OSError, http.client.HTTPException):
            got = "refused"
        is_(got, "refused", "a client without the certificate asked for")
        client = Client(sim, KEY)
        client.context.load_cert_chain(sim.client_cert, sim.client_key)
        is_(client.status(USERS), 200, "and with it")
    with Simulator(directory, BIG, scheme="http", prefix="") as sim:
        plain = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=30)
        plain.request("GET", USERS, headers={"Authorization": f"Bearer {KEY}"})
        is_(plain.getresponse().status, 200, "without TLS and without a prefix")
        is_(sim.url, f"http://127.0.0.1:{sim.port}", "and the URL says so")


def the_end(directory):
    sim = Simulator(directory, BIG)
    sim.fault("silence")
    client = Client(sim, KEY)
    with client.send(USERS):
        sim.wait_requests(1)
        os.kill(sim.pid, signal.SIGTERM)
        is_(sim._process.wait(10), 0, "it ends at once, a request pending")
    sim.stop()

    # A parent that is killed, and so cannot clean up.
    program = (f"import sys; sys.path.insert(0, {os.path.join(_HERE, '..', 'lib')!r})\n"
               "from sim import Simulator\n"
               f"sim = Simulator({directory!r})\n"
               "print(sim.pid, flush=True)\nsys.stdin.read()\n")
    with subprocess.Popen([sys.executable, "-c", program], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        descriptor = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
        ended = select.select([descriptor], [], [], 10)[0]
        os.close(descriptor)
    ok(ended, "it ends with its parent")


def main():
    with tempfile.TemporaryDirectory(prefix="gate-sim-") as directory:
        example_organization(directory)
        organization_mistakes(directory)
        with Simulator(directory, BIG) as sim:
            client = Client(sim, KEY)
            pages_of_dialect_a(client)
            pages_of_dialect_b(client)
            filter_by_address(client)
            single_rows(client, sim)
            projects(client, sim)
            refusals(client)
            rate_limit(sim, client)
            request_log(sim, client)
            many_clients(sim)
            changes(sim, client)
            is_(sim.errors(), "", "nothing on standard error")
        file_changes(directory)
        other_settings(directory)
        million(directory)
        tls(directory)
        the_end(directory)
    done_testing()


main()
