#!/usr/bin/python3
"""What was asked for earlier and answered later: it takes the place of nothing
that is younger, and nothing of it is left after a flush."""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

from gate import CLI, Gate, install
from sim import EXAMPLE, Simulator
from tap import done_testing, is_, like
from wait import until

POLICIES = {"any": {"role": "owner reader"}, "web": {"role": "owner reader", "project": "proj_web"}}


def words(user, policy="any"):
    done = subprocess.run([CLI, "check", "--json", "--policy", policy, user], capture_output=True, text=True, timeout=60,
                          check=False)
    answer = json.loads(done.stdout)
    return f"{answer['verdict']} {answer['reason']}"


class Late:
    """Somebody whose answer is under way, and old by the time it comes."""

    def __init__(self, sim, *command, query=None):
        sim.clear_requests()
        sim.fault("late", path="users", query=query, times=1)
        self.sim = sim
        self.process = subprocess.Popen([CLI, *command], stdout=subprocess.PIPE, text=True)

    def wait_until_asked(self, count=1):
        self.sim.wait_requests(count)

    def end(self):
        self.sim.clear_faults()
        said, _ = self.process.communicate(timeout=60)
        return self.process.returncode, said


def flush_a_list(sim, gate):
    gate.forget()
    sim.set_role("ann@example.com", "none")
    late = Late(sim, "check", "--policy", "any", "wendy.web@example.com")
    late.wait_until_asked()
    sim.set_role("ann@example.com", "reader")
    is_(gate.cli("cache", "flush", "ann@example.com").returncode, 0, "a flush while a list is under way")
    is_(late.end()[0], 0, "... who waits for it is answered")
    is_(words("ann@example.com"), "allow ok", "... and what it says of others is not kept")
    is_(words("wendy.web@example.com"), "allow ok", "... a list that was asked for afterwards is")
    is_(len(sim.requests(endpoint="users")), 2, "... by two requests in all")


def flush_a_person(sim, gate):
    gate.forget()
    large(sim)
    is_(words("user00001@example.com"), "allow ok", "an organization too large for a list")
    late = Late(sim, "check", "--policy", "any", "user00800@example.com", query="emails")
    late.wait_until_asked()
    sim.set_role("user00800@example.com", "none")
    is_(gate.cli("cache", "flush", "user00800@example.com").returncode, 0, "a flush while one person is asked for")
    is_(late.end()[0], 0, "... who waits is answered as it was")
    is_(words("user00800@example.com"), "deny role", "... and the next one as it is")


def sync_of_a_large_one(sim, gate):
    """A sync is dated by its first page; who has been asked for since is known
    better."""
    gate.forget()
    large(sim)
    late = Late(sim, "sync", query="after=")
    until(lambda: len(sim.requests(endpoint="users")) == 2)
    wait_a_second()
    sim.remove_user("user00010@example.com")
    sim.set_role("user00020@example.com", "none")
    is_(words("user00010@example.com"), "deny not-a-member", "who is removed during a sync is out")
    is_(words("user00020@example.com"), "deny role", "who loses his role is out")
    is_(words("user00030@example.com"), "allow ok", "... and others are in")
    is_(late.end()[0], 0, "the sync ends")
    sim.clear_requests()
    is_(words("user00010@example.com"), "deny not-a-member", "... and he is still out")
    is_(words("user00020@example.com"), "deny role", "... and he too")
    is_(words("user00030@example.com"), "allow ok", "... others are in")
    is_(words("user00840@example.com"), "allow ok", "... of all pages")
    is_(sim.requests(), [], "... and nobody is asked")
    gate.configure(cache={"ttl": "1h", "negative_ttl": "0"})
    is_(words("user00010@example.com"), "deny not-a-member", "when the answer of one person has served its time")
    is_(len(sim.requests(endpoint="users")), 1, "... the older list does not serve instead")
    gate.configure(cache={"negative_ttl": "1m"})


def joined_during_a_sync(sim, gate):
    """On a page that the sync has read before, and that a door reads since."""
    gate.forget()
    large(sim)
    late = Late(sim, "sync", query="after=")
    until(lambda: len(sim.requests(endpoint="users")) == 2)
    wait_a_second()
    large(sim, "nora.new@example.com")
    is_(words("nora.new@example.com"), "allow ok", "who joins during a sync is in")
    status, said = late.end()
    is_(status, 0, "the sync ends")
    like(said, r"(?m)^users: 901 rows, ", "... and counts her")
    like(gate.cli("cache", "list").stdout, r"(?m)^users .* all 901 rows$", "... as the store does")
    sim.clear_requests()
    is_(words("nora.new@example.com"), "allow ok", "... and she is still in")
    is_(words("user00840@example.com"), "allow ok", "... others too, of all pages")
    is_(sim.requests(), [], "... and nobody is asked")


def read_during_a_sync(sim, gate):
    """Whole, by a door: the sync's own, which is older, is of no use."""
    gate.forget()
    people(sim, 150)
    late = Late(sim, "sync", query="after=")
    until(lambda: len(sim.requests(endpoint="users")) == 2)
    wait_a_second()
    people(sim, 150, "nora.new@example.com")
    is_(words("nora.new@example.com"), "allow ok", "who joins during a sync of a list that a door reads whole")
    status, said = late.end()
    is_(status, 0, "the sync ends")
    like(said, r"(?m)^users: 151 rows, read since this sync began$", "... and speaks of the list that the door has read")


def slow_list(sim, gate):
    """Read before another's, and kept after it."""
    gate.forget()
    sim.organization(json.load(open(EXAMPLE, encoding="utf-8")) | {"admin_key": sim.admin_key})
    late = Late(sim, "check", "--policy", "any", "wendy.web@example.com")
    late.wait_until_asked()
    wait_a_second()
    sim.remove_user("ann@example.com")
    is_(gate.cli("sync").returncode, 0, "a sync while a login waits for its list")
    is_(words("ann@example.com"), "deny not-a-member", "who was removed before it is out")
    is_(late.end()[0], 0, "the login ends")
    is_(words("ann@example.com"), "deny not-a-member", "... and its older list is not kept")


def slow_answer(sim, gate):
    """Nobody waits for another's request longer than half his time."""
    gate.forget()
    large(sim)
    is_(words("user00001@example.com"), "allow ok", "a large organization again")
    gate.configure(api={"timeout": "4s"})
    late = Late(sim, "check", "--policy", "any", "user00800@example.com", query="emails")
    late.wait_until_asked()
    sim.set_role("user00800@example.com", "none")
    is_(words("user00800@example.com"), "deny role", "one answer overtakes another")
    late.end()
    is_(words("user00800@example.com"), "deny role", "... which is not kept")


def wait_a_second():
    """Facts are dated by the second."""
    now = int(time.time())
    until(lambda: int(time.time()) > now)


def people(sim, count, *first):
    sim.organization({"admin_key": sim.admin_key, "users": [{"email": email, "role": "reader"} for email in first], "projects": [],
                      "generate": [{"users": count, "pattern": "user%05d@example.com"}]})


def large(sim, *first):
    people(sim, 900, *first)


install()
with Simulator("/run/sim") as simulator:
    the_gate = Gate(simulator, POLICIES, identity={"email": "%u"}, api={"requests_per_minute": "6000", "timeout": "30s"})
    flush_a_list(simulator, the_gate)
    flush_a_person(simulator, the_gate)
    sync_of_a_large_one(simulator, the_gate)
    joined_during_a_sync(simulator, the_gate)
    read_during_a_sync(simulator, the_gate)
    slow_list(simulator, the_gate)
    slow_answer(simulator, the_gate)
    is_(simulator.errors(), "", "the simulator had no trouble")
done_testing()
