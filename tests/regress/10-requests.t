#!/usr/bin/python3
"""Few requests: what a decision costs, read from the simulator's log."""

import contextlib
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

from gate import CACHE, CLI, DIRECTORY, Gate, install
from nginx import Nginx
from sim import Simulator
from tap import done_testing, is_, note, ok
from wait import until

POLICIES = {
    "any": {"role": "owner reader"},
    "web": {"role": "owner reader", "project": "proj_web"},
    "either": {"project": "proj_web proj_data"},
    "oncall": {"role": "owner reader", "group": "group_01J8ONCALL7Q2M"},
    "big": {"project": "proj_big"},
}

WEB = "/organization/projects/proj_web/users"


def check(user, policy):
    done = subprocess.run([CLI, "check", "--json", "--policy", policy, user],
                          capture_output=True, text=True, timeout=60, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"verdict": "none", "reason": done.stderr, "facts": []}


def words(user, policy):
    answer = check(user, policy)
    return f"{answer['verdict']} {answer['reason']}"


def together(people, policy):
    """Checks all at once; the words of each."""
    answers = {}

    def one(person):
        answers[person] = words(person, policy)

    threads = [threading.Thread(target=one, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def sent(sim):
    """The requests so far, shortly."""
    lines = []
    for line in sim.requests():
        query = "?emails" if "emails" in line["query"] else "?after" if "after=" in line["query"] else ""
        lines.append(line["endpoint"] + query)
    return lines


def small(sim, gate):
    is_(words("ann@example.com", "any"), "allow ok", "the first who asks is allowed")
    is_(sent(sim), ["users"], "... for one list request")
    is_(words("ben@example.com", "any"), "allow ok", "the next is allowed")
    is_(words("ANN@example.com", "any"), "allow ok", "an address in capital letters is the same")
    is_(words("bob.banned@example.com", "any"), "deny account-disabled", "a banned one is denied")
    is_(words("robot@example.com", "any"), "deny service-account", "so is a service account")
    is_(words("norah.norole@example.com", "any"), "deny role", "and a member without a role")
    is_(sent(sim), ["users"], "... without any further request")
    is_(words("stranger@example.org", "any"), "deny not-a-member", "a stranger is denied")
    is_(words("ivan.invited@example.com", "any"), "deny invite-pending", "an invited one is told so")
    is_(words("other@example.org", "any"), "deny not-a-member", "another stranger is denied")
    is_(sent(sim), ["users", "invites"], "... for the list of invitations, once")

    gate.forget()
    sim.clear_requests()
    is_(words("wendy.web@example.com", "web"), "allow ok", "role and project: allowed")
    is_(words("ben@example.com", "web"), "deny project", "... or not")
    is_(words("wendy.web@example.com", "either"), "allow ok", "one of two projects, the first known: allowed")
    is_(sorted(sent(sim)), ["project-users", "users"], "... for one request per list")
    is_(words("ben@example.com", "either"), "allow ok", "the second of two projects")
    is_(words("olivia.owner@example.com", "oncall"), "allow ok", "a group")
    is_(words("ann@example.com", "oncall"), "deny group", "... or not in it")
    is_(sorted(sent(sim)), ["group-users", "project-users", "project-users", "users"], "... one more list each")

    gate.forget()
    sim.clear_requests()
    is_(words("norah.norole@example.com", "web"), "deny role", "denied by role with a cold store")
    before = len(sent(sim))
    is_(words("norah.norole@example.com", "web"), "deny role", "... and again")
    is_(len(sent(sim)), before, "... for nothing")


def at_once(sim, gate):
    sim.fault("silence", path="users")
    gate.forget()
    sim.clear_requests()
    asking = subprocess.Popen([CLI, "check", "--policy", "web", "ann@example.com"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    came = sim.wait_requests(2)
    is_(sorted(line["endpoint"] for line in came), ["project-users", "users"],
        "both lists are asked for in one round trip: the second while the first is silent")
    is_(asking.wait(30), 2, "silence is no denial")
    sim.clear_faults()


def crowd(sim, gate):
    people = ["ann@example.com", "ben@example.com", "wendy.web@example.com", "bob.banned@example.com",
              "olivia.owner@example.com"]
    gate.forget()
    sim.clear_requests()
    sim.fault("delay", ms=300)
    crowd_of = [f"{person[0].upper() * (turn % 2)}{person[turn % 2:]}" for turn in range(6) for person in people]
    answers = together(crowd_of, "web")
    sim.clear_faults()
    ok(all(answer in ("allow ok", "deny project", "deny account-disabled") for answer in answers.values()),
       f"{len(crowd_of)} at once, cold: all are decided")
    is_(sorted(sent(sim)), ["project-users", "users"], "... by one request per list")

    gate.forget()
    sim.clear_requests()
    sim.fault(503)
    answers = together(people, "any")
    sim.clear_faults()
    is_(set(answers.values()), {"unavailable server-error"}, "a broken API: nobody is denied, nobody passes")
    note(f"{len(sent(sim))} requests")
    ok(len(sent(sim)) <= 6, "... and the requests stay within the pace")


def pages(endpoint, count):
    """The requests for so many pages of a list."""
    return [endpoint] + [f"{endpoint}?after"] * (count - 1)


def generated(sim, count):
    """An organization of so many people, all but the first in a project."""
    sim.organization({
        "admin_key": sim.admin_key,
        "users": [],
        "generate": [{"users": count, "pattern": "user%04d@example.com", "projects": {"proj_big": "member"}}],
        "projects": [{"id": "proj_big", "name": "Big", "members": {"user0001@example.com": None}}],
    })


def middle(sim, gate):
    gate.forget()
    generated(sim, 250)
    sim.clear_requests()
    is_(words("user0240@example.com", "any"), "allow ok", "250 people: one on the third page is found")
    is_(words("user0003@example.com", "any"), "allow ok", "one on the first page")
    is_(words("nobody@example.com", "any"), "deny not-a-member", "who is on no page is denied")
    is_(sent(sim), [*pages("users", 3), "invites"], "... all by three pages, and the invitations")
    is_(words("user0244@example.com", "big"), "allow ok", "a project of 250: a member on its third page")
    is_(words("user0001@example.com", "big"), "deny project", "one who is not in it")
    is_(sent(sim)[4:], pages("project-users", 3), "... by three pages")

    # 400: who stood at the end of the first page is gone, and the cursor with him.
    for fault in (503, 400):
        gate.forget()
        sim.clear_requests()
        sim.fault(fault, path="users", query="after=")
        is_(words("user0003@example.com", "any"), "allow ok", f"the second page fails, {fault}: who is on the first is known")
        is_(words("user0150@example.com", "any"), "allow ok", "... and the others are asked for by address")
        is_(sent(sim), [*pages("users", 2), "users?emails"], "... without beginning the list again at once")
        sim.clear_faults()

    # The same of a project, where the first page's 400 says that it is archived.
    gate.forget()
    sim.clear_requests()
    sim.fault(400, path="project-users", query="after=")
    is_(words("user0003@example.com", "big"), "allow ok", "the second page of a project fails, 400: who is on the first is known")
    is_(words("user0150@example.com", "big"), "allow ok", "... and the others are asked for by id")
    is_(words("user0001@example.com", "big"), "deny project", "... also who is not in it")
    is_(sent(sim).count("project-users?after"), 1, "... without beginning the list again at once")
    sim.clear_faults()

    gate.forget()
    gate.configure(cache={"negative_ttl": "0"})
    is_(words("user0003@example.com", "any"), "allow ok", "a complete list in the store")
    sim.fault(503, path="users", query="after=")
    is_(words("nobody@example.com", "any"), "deny not-a-member", "... which cannot be read again whole")
    sim.fault(503)
    is_(words("user0240@example.com", "any"), "allow ok", "... stays, the part does not take its place")
    sim.clear_faults()
    gate.configure(cache={"negative_ttl": "1m"})


def large(sim, gate):
    gate.forget()
    generated(sim, 1250)
    sim.clear_requests()
    start = pages("users", 5)
    is_(words("user1240@example.com", "any"), "allow ok", "1250 people: one on the last page is found")
    is_(sent(sim), [*start, "users?emails"], "... by the first five pages and his address")
    is_(words("user0403@example.com", "any"), "allow ok", "one on the fifth page")
    is_(sent(sim)[6:], [], "... is known from it")
    is_(words("user0650@example.com", "any"), "allow ok", "another from another page")
    is_(sent(sim)[6:], ["users?emails"], "... costs one request of his own")
    is_(words("user0650@example.com", "any"), "allow ok", "... and none the second time")
    is_(words("nobody@example.com", "any"), "deny not-a-member", "who is on no page is denied")
    is_(sent(sim)[7:], ["users?emails", "invites"], "... for his address and the invitations")

    gate.forget()
    sim.clear_requests()
    is_(words("user1244@example.com", "big"), "allow ok", "a project of 1250: a member on its last page")
    is_(sorted(sent(sim)), ["project-user", *pages("project-users", 5), *start, "users?emails"],
        "... by the first pages, his address, his membership")
    is_(words("user0001@example.com", "big"), "deny project", "one who is not in it")
    is_(sent(sim)[12:], ["project-user"], "... costs his membership alone")
    is_(words("user0001@example.com", "big"), "deny project", "... once")
    is_(len(sent(sim)), 13, "... and is remembered")


def batches(sim, gate):
    gate.forget()
    is_(words("user0001@example.com", "any"), "allow ok", "the organization is known to be large")
    sim.clear_requests()
    sim.fault("delay", ms=700, query="emails")
    people = [f"user{number:04d}@example.com" for number in range(620, 640)]
    answers = together(people, "any")
    sim.clear_faults()
    is_(set(answers.values()), {"allow ok"}, "20 people of a large organization at once")
    note(f"{len(sent(sim))} requests")
    ok(len(sent(sim)) <= 4, "... share a few requests, many addresses in each")


@contextlib.contextmanager
def held(cache):
    """Nobody asks for addresses meanwhile; who wants one says so and waits."""
    name = hashlib.sha256(b"users?email=*").hexdigest()
    with open(f"{cache}/locks/{name}", "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def wanted(cache):
    return [name for name in os.listdir(f"{cache}/wants") if os.path.getsize(f"{cache}/wants/{name}") > 0]


def gathered(people, ask, cache):
    """Asks for all at once, when each waits for the same request; the answer of each."""
    answers = {}
    threads = [threading.Thread(target=lambda person=person: answers.update({person: ask(person)})) for person in people]
    with held(cache):
        for thread in threads:
            thread.start()
        until(lambda: len(wanted(cache)) == len(people))
    for thread in threads:
        thread.join()
    return answers


def count_emails(sim):
    """How many addresses each request had, and whether it was refused."""
    return [(line["query"].count("emails%5B%5D"), line["status"] == 400) for line in sim.requests()]


ODD = "odd;name@example.com"
HTTP = f"""
    openai_gate_config {DIRECTORY}/gate.conf;
    server {{
        listen 127.0.0.1:8080;
        location / {{ openai_gate any; openai_gate_identity $http_x_user; }}
    }}
"""


def refused(sim, gate):
    """An address that the API takes for none: it answers whoever names it with 400."""
    gate.forget()
    # Long enough that nobody grows tired of waiting for the request.
    gate.configure(api={"timeout": "30s"})
    is_(words("user0600@example.com", "any"), "allow ok", "the organization is known to be large")
    sim.fault(400, path="users", query="odd")
    people = [f"user{number:04d}@example.com" for number in range(700, 707)]
    good = {person: "allow ok" for person in people}
    sim.clear_requests()
    answers = gathered([*people[:3], ODD, *people[3:]], lambda person: words(person, "any"), CACHE)
    is_(answers, {**good, ODD: "unavailable protocol"}, "eight wait for one request, which is refused: the odd one bears it")
    note(f"{count_emails(sim)}")
    is_(count_emails(sim)[0], (8, True), "... all were in it")
    is_(count_emails(sim).count((1, True)), 1, "... the odd one was asked for alone, once")
    ok(len(sim.requests()) <= 6, "... by a few requests more")

    people = [f"user{number:04d}@example.com" for number in range(710, 713)]
    sim.clear_requests()
    with held(CACHE):
        asking = [subprocess.Popen([CLI, "check", "--policy", "any", person], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL) for person in (ODD, *people)]
        until(lambda: len(wanted(CACHE)) == len(people))
    is_([process.wait(30) for process in asking], [2, 0, 0, 0], "it comes again")
    is_(sorted(count_emails(sim)), [(1, True), (3, False)], "... and nobody shares a request with it")

    # Nor is it an address, where the path leads nowhere: that fails all at once.
    sim.fault(404, path="users")
    people = [f"user{number:04d}@example.com" for number in range(730, 738)]
    sim.clear_requests()
    answers = gathered(people, lambda person: words(person, "any"), CACHE)
    is_(answers, dict.fromkeys(people, "unavailable protocol"), "eight wait for one request, which is not found: all fail")
    note(f"{count_emails(sim)}")
    is_(len(sim.requests()), 1, "... with it, without another")
    sim.clear_faults()
    sim.fault(400, path="users", query="odd")

    with Nginx(HTTP, workers=1) as nginx:
        is_(nginx.get("/", user="user0600@example.com").status, 200, "nginx knows that it is large")
        people = [f"user{number:04d}@example.com" for number in range(720, 727)]
        sim.clear_requests()
        answers = gathered([*people[:3], ODD, *people[3:]], lambda person: nginx.get("/", user=person).status, nginx.cache)
        is_(answers, {**dict.fromkeys(people, 200), ODD: 503}, "eight wait in one process: the same")
        note(f"{count_emails(sim)}")
        is_(count_emails(sim)[0], (8, True), "... all were in it")
        is_(count_emails(sim).count((1, True)), 1, "... the odd one was asked for alone, once")
        ok(len(sim.requests()) <= 9, "... by no more requests than there are people")
        is_(nginx.complaints(), [], "... and nginx has nothing to complain of")
    sim.clear_faults()
    gate.configure(api={"timeout": "10s"})


def ignored(sim, gate):
    sim.change(emails_filter="ignored")
    gate.forget()
    gate.configure(api={"requests_per_minute": "600"})
    sim.clear_requests()
    is_(words("user1240@example.com", "any"), "allow ok", "the emails[] filter ignored: found on the last page all the same")
    is_(sent(sim), [*pages("users", 5), "users?emails", *pages("users", 13)], "... by reading all pages")
    is_(words("nobody@example.com", "any"), "deny not-a-member", "... and who is on none is denied")
    is_([line for line in sent(sim)[19:] if line != "invites"], [], "... from the same list")

    gate.forget()
    sim.fault("more-without-cursor", path="users")
    is_(words("user1240@example.com", "any"), "unavailable protocol", "a list cut short is unavailable, not a denial")
    sim.clear_faults()
    for kind in ("repeated-cursor", "repeated-row", "cut", "truncated"):
        gate.forget()
        sim.fault(kind, path="users", query="after=")
        is_(words("user1240@example.com", "any"), "unavailable protocol", f"... nor is one that goes wrong on a later page: {kind}")
        sim.clear_faults()
    gate.forget()
    sim.clear_requests()
    sim.fault("circle", path="users")
    is_(words("user1240@example.com", "any"), "unavailable protocol", "... nor is one whose pages go round in a circle")
    ok(len(sim.requests()) <= 5 + 1 + 3 * 5, f"... which is seen after a few of them ({len(sim.requests())})")
    sim.clear_faults()


def main():
    install()
    with Simulator("/run/sim") as sim:
        gate = Gate(sim, POLICIES, identity={"email": "%u", "map_file": ""},
                    api={"timeout": "10s", "requests_per_minute": "60"})
        small(sim, gate)
        at_once(sim, gate)
        crowd(sim, gate)
        middle(sim, gate)
        large(sim, gate)
        batches(sim, gate)
        refused(sim, gate)
        ignored(sim, gate)
        is_(sim.errors(), "", "the simulator has nothing to complain of")
    done_testing()


main()
