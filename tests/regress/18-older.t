#!/usr/bin/python3
"""What was asked for earlier and answered later: it takes the place of nothing
that is younger, and nothing of it is left after a flush."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

from gate import CLI, Gate, install
from sim import Simulator
from tap import done_testing, is_, ok

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


def large(sim):
    sim.organization({"admin_key": sim.admin_key, "users": [], "projects": [],
                      "generate": [{"users": 900, "pattern": "user%05d@example.com"}]})


install()
with Simulator("/run/sim") as simulator:
    the_gate = Gate(simulator, POLICIES, identity={"email": "%u"}, api={"requests_per_minute": "6000", "timeout": "30s"})
    flush_a_list(simulator, the_gate)
    flush_a_person(simulator, the_gate)
    is_(simulator.errors(), "", "the simulator had no trouble")
done_testing()
