#!/usr/bin/python3
"""openai-gate sync: every list that the policies need, whole, at the shared
pace, resumable, atomic; and doors that answer from such a store alone."""

import json
import os
import pty
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

from gate import CACHE, CLI, CONF, DIRECTORY, Gate, install
from sim import Simulator
from tap import done_testing, is_, like, note, ok

POLICIES = {
    "any": {"role": "owner reader"},
    "web": {"role": "owner reader", "project": "proj_web proj_data"},
    "again": {"project": "proj_web"},
    "oncall": {"group": "group_01J8ONCALL7Q2M"},
}
# And when the key expires.
LISTS = ["admin-keys", "group-users", "invites", "project-users", "project-users", "users"]


def sync(*options):
    return subprocess.run([CLI, "sync", *options], capture_output=True, text=True, timeout=300, check=False)


def words(user, policy="any"):
    done = subprocess.run([CLI, "check", "--json", "--policy", policy, user], capture_output=True, text=True, timeout=60,
                          check=False)
    answer = json.loads(done.stdout)
    return f"{answer['verdict']} {answer['reason']}"


def endpoints(sim):
    return sorted(line["endpoint"] for line in sim.requests())


def generated(sim, count):
    sim.organization({
        "admin_key": sim.admin_key,
        "users": [],
        "generate": [{"users": count, "pattern": "user%05d@example.com", "projects": {"proj_web": "member"}}],
        "projects": [{"id": "proj_web", "name": "Web"}],
    })


def small(sim, gate):
    done = sync()
    is_((done.returncode, done.stderr), (0, ""), "a sync of the example organization")
    is_(endpoints(sim), LISTS, "... asks for each list that the policies name, once")
    like(done.stdout, r"(?m)^users: \d+ rows, 1 request, for the first time$", "... says what it read")
    like(done.stdout, r"(?m)^sync complete: 5 lists, ", "... and that it is complete")
    ok("\033" not in done.stdout, "... in plain lines where there is no terminal")
    sim.clear_requests()
    is_(words("norah.norole@example.com", "web"), "deny role", "a decision afterwards")
    is_(words("wendy.web@example.com", "web"), "allow ok", "... and another")
    is_(words("olivia.owner@example.com", "oncall"), "allow ok", "... by a group")
    is_(words("ivan.invited@example.com"), "deny invite-pending", "... by the invitations")
    is_(endpoints(sim), [], "... ask nobody")

    sim.add_user("new.nora@example.com", role="reader")
    sim.remove_user("ben@example.com")
    sim.set_role("ann@example.com", "owner")
    done = sync()
    like(done.stdout, r"(?m)^users: \d+ rows, 1 request: 1 joined, 1 left, 1 changed role$", "a second one says what has changed")
    like(done.stdout, r"(?m)^  joined   new\.nora@example\.com \(reader\)$", "... who joined")
    like(done.stdout, r"(?m)^  left     ben@example\.com$", "... who left")
    like(done.stdout, r"(?m)^  role     ann@example\.com: owner, was reader$", "... whose role it is")
    is_(words("ben@example.com"), "deny not-a-member", "who left is out")
    is_(sync("--quiet").stdout, "", "--quiet says nothing")
    is_(sync("--bogus").returncode, 64, "an unknown option is refused")

    master, slave = pty.openpty()
    with subprocess.Popen([CLI, "sync"], stdout=slave, stderr=slave) as process:
        os.close(slave)
        shown = b""
        try:
            while piece := os.read(master, 4096):
                shown += piece
        except OSError:
            pass
        is_(process.wait(60), 0, "on a terminal")
    os.close(master)
    like(shown.decode(), r"\[[#.]{24}\] \d+ of some \d+", "... there is a bar")
    like(shown.decode(), r"\r\033\[K", "... which gives way to the result")


def failing(sim, gate):
    gate.configure(api={"requests_per_minute": "6000"})
    before = words("ann@example.com")
    sim.fault(403, path="group-users")
    done = sync()
    is_(done.returncode, 3, "a group that the key may not read: misconfigured")
    like(done.stdout, r"(?m)^groups/\S+: FAILED, credential; what was known stays$", "... is said")
    like(done.stdout, r"(?m)^sync incomplete \(credential\): 1 of 5 lists failed", "... and the others are read all the same")
    sim.clear_faults()
    is_(words("ann@example.com"), before, "nothing is taken away")
    is_(words("olivia.owner@example.com", "oncall"), "allow ok", "... not even what could not be read")
    sim.clear_requests()
    is_(sync().returncode, 0, "the next one")
    is_(endpoints(sim), ["admin-keys", "group-users"], "... goes on with what was missing")

    for kind in ("more-without-cursor", "truncated", 302, 404):
        sim.fault(kind, path="users")
        done = sync()
        is_(done.returncode, 2, f"{kind}: unavailable")
        like(done.stdout, r"(?m)^users: FAILED, protocol; what was known stays$", "... the list is not replaced")
        sim.clear_faults()
        is_(words("ann@example.com"), before, "... and decisions stand")
        is_(sync().returncode, 0, "... and the next sync mends it")

    sim.fault(503, times=2, path="users")
    is_(sync().returncode, 0, "a short outage is waited for")
    holder = os.open(f"{CACHE}/sync/begun", os.O_RDWR)
    import fcntl
    fcntl.flock(holder, fcntl.LOCK_EX)
    done = sync()
    is_(done.returncode, 2, "a second sync at the same time")
    like(done.stderr, "another sync of /var/cache/openai-gate is under way", "... is told so")
    os.close(holder)


def stopped(sim, gate):
    """5,000 people, 100 pages at 900 a minute, of which a sync takes 600."""
    gate.forget()
    generated(sim, 5000)
    gate.configure(api={"requests_per_minute": "900"}, policies={"any": {"role": "reader"}, "web": {"project": "proj_web"}})
    sim.clear_requests()
    sim.fault("delay", ms=20)
    with subprocess.Popen([CLI, "sync"], stdout=subprocess.PIPE, text=True) as process:
        sim.wait_requests(30)
        process.send_signal(signal.SIGKILL)
        process.wait()
    sim.clear_faults()
    first = [line["query"] for line in sim.requests(endpoint="users") if line["status"] == 200]
    is_(words("user00001@example.com", "web"), "allow ok", "while a list is only half read, people are asked for")
    before = len(sim.requests(endpoint="users"))
    done = sync()
    is_(done.returncode, 0, "a sync that was killed goes on")
    second = [line["query"] for line in sim.requests(endpoint="users")[before:]]
    note(f"{len(first)} pages, then {len(second)}")
    # The page under way when it was killed may have been answered, and lost.
    ok(len(set(first) & set(second)) <= 1, "... without asking again for the pages that it had")
    ok(50 <= len(first) + len(second) <= 51, "... until all 50 are there")
    like(done.stdout, r"(?m)^users: 5000 rows, \d+ requests after \d+ pages of an earlier run", "... and says so")
    is_(os.listdir(f"{CACHE}/sync"), ["begun"], "nothing of it stays behind")
    sim.clear_requests()
    is_(words("user04999@example.com", "web"), "allow ok", "the last of 5,000 is known")
    is_(words("nobody@example.com", "web"), "deny not-a-member", "who is none of them too")
    is_(endpoints(sim), [], "... without a request")

    sim.fault("delay", ms=20)
    sim.clear_requests()
    with subprocess.Popen([CLI, "sync"], stdout=subprocess.DEVNULL) as process:
        sim.wait_requests(20)
        process.send_signal(signal.SIGTERM)
        process.wait()
    sim.clear_faults()
    is_(words("user04999@example.com", "web"), "allow ok", "a half-read list does not take the place of the old one")
    name = sorted(os.listdir(f"{CACHE}/sync"))[0]
    with open(f"{CACHE}/sync/{name}", "r+b") as file:
        file.truncate(os.path.getsize(file.name) - 7)
    is_(sync().returncode, 0, "a page that was cut off by a crash is asked for again")
    for kind in ("repeated-row", "repeated-cursor"):
        sim.fault(kind, path="users", query="after=")
        done = sync()
        is_(done.returncode, 2, f"a later page that contradicts the first: {kind}")
        like(done.stderr, "came twice", "... is said")
        sim.clear_faults()
        is_(words("user04999@example.com", "web"), "allow ok", "... and the old list stays")
    sim.fault(400, path="users", query="after=", times=1)
    done = sync()
    is_(done.returncode, 0, "a cursor that is not taken any more: from the first page")
    like(done.stderr, "users: the API refuses its own cursor", "... is said")
    sim.fault("circle", path="users")
    before = len(sim.requests(endpoint="users"))
    done = sync()
    is_(done.returncode, 2, "pages that go round in a circle")
    like(done.stderr, "users: the same cursor came twice", "... are seen to")
    like(done.stdout, r"(?m)^users: FAILED, protocol; what was known stays$", "... and end the list")
    asked = len(sim.requests(endpoint="users")) - before
    ok(asked <= 2 * 3 * 5, f"... after a few requests, twice ({asked})")
    sim.clear_faults()
    is_(words("user04999@example.com", "web"), "allow ok", "... and the old list stays")
    with subprocess.Popen([CLI, "sync"], stdout=subprocess.PIPE, text=True) as process:
        sim.fault("delay", ms=20)
        sim.wait_requests(len(sim.requests()) + 10)
        is_(gate.cli("cache", "flush").returncode, 0, "a flush in the middle of a sync")
        sim.clear_faults()
        is_(process.wait(120), 0, "... which begins anew")
    is_(words("user04999@example.com", "web"), "allow ok", "... and completes")


def unpaced(sim, gate):
    """Without a pace it would ask as fast as it can: it ends instead, and not only when it is killed."""
    gate.forget()
    sim.clear_requests()
    os.mkdir(f"{CACHE}/pace")
    done = sync()
    is_(done.returncode, 2, "a pace that cannot be used: unavailable")
    like(done.stdout, r"(?m)^users: FAILED, store; (.*\n)*sync incomplete \(store\): 5 of 5 lists failed", "... is said")
    like(done.stderr, rf"{CACHE}/pace: .*; remove it", "... with the file and the mend")
    is_(endpoints(sim), [], "... and nobody is asked")
    for slow in "2", "1":
        gate.configure(api={"requests_per_minute": slow})
        is_(sync().returncode, 2, f"... also where it is {slow} a minute")
        is_(endpoints(sim), [], "... and nobody is asked")
    gate.configure(api={"requests_per_minute": "60"})
    os.rmdir(f"{CACHE}/pace")
    is_(sync().returncode, 0, "... until it is mended")


def paced(sim, gate):
    """The simulator refuses the eighth request of a minute: nobody sends it."""
    gate.forget()
    generated(sim, 650)
    sim.clear_requests()
    sim.rate(7)
    gate.configure(api={"requests_per_minute": "7"}, policies={"any": {"role": "reader"}})
    with subprocess.Popen([CLI, "sync"], stdout=subprocess.PIPE, text=True) as process:
        sim.wait_requests(6)
        is_(words("user00001@example.com"), "allow ok", "people at the door need not wait for a sync")
        process.send_signal(signal.SIGKILL)
        process.wait()
    is_([line for line in sim.requests() if line["status"] == 429], [], "never more than the pace")
    sim.rate(0)


def mirror(sim, gate):
    gate.forget()
    gate.configure(api={"base_url": "none", "key_file": "/nonexistent", "requests_per_minute": "6000"},
                   policies={"any": {"role": "reader"}}, cache={"negative_ttl": "0"})
    is_(words("user00001@example.com"), "unavailable store", "mirror mode with an empty store: nothing is known")
    done = sync()
    is_(done.returncode, 3, "a sync that is not told whom to ask")
    like(done.stderr, "base_url = none, so there is nobody to ask; give --base-url", "... says so")
    done = sync("--base-url", "ftp://example.com", "--key-file", f"{DIRECTORY}/admin.key")
    is_(done.returncode, 3, "a bad URL")
    like(done.stderr, r"command line:1: base_url: ", "... is named")
    done = sync("--base-url", sim.url, "--key-file", f"{DIRECTORY}/admin.key")
    is_((done.returncode, done.stderr), (0, ""), "told whom to ask")
    sim.clear_requests()
    is_(words("user00001@example.com"), "allow ok", "... the doors know, without a key")
    is_(words("nobody@example.com"), "deny not-a-member", "... and who is not there: for as long")
    is_(endpoints(sim), [], "... asking nobody")
    ok(re.search("(?m)^base_url = none", open(CONF, encoding="utf-8").read()), "that was mirror mode")


def main():
    install()
    with Simulator("/run/sim") as sim:
        gate = Gate(sim, POLICIES, identity={"email": "%u", "map_file": ""}, api={"timeout": "10s", "requests_per_minute": "60"})
        small(sim, gate)
        failing(sim, gate)
        unpaced(sim, gate)
        stopped(sim, gate)
        paced(sim, gate)
        mirror(sim, gate)
        is_(sim.errors(), "", "the simulator has nothing to complain of")
    done_testing()


main()
