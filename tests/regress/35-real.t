#!/usr/bin/python3
"""make demo REAL=1, with the simulator in the place of the real API: it shows
what an installed configuration decides about users of this machine."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import people
from gate import CACHE, CONF, Gate, guard
from sim import Simulator
from tap import diag, done_testing, failed, is_, like, ok, unlike

POLICIES = {
    "ssh": {"pam_services": "sshd", "role": "owner reader"},
    "admin": {"pam_services": "sudo su su-l", "role": "owner"},
    "web": {"project": ["proj_web", "proj_data"]},
}
said = []


def demo(**environment):
    done = subprocess.run([os.path.join(jail.REPOSITORY, "tests/demo/demo")], env=os.environ | {"REAL": "1"} | environment,
                          capture_output=True, text=True, timeout=120, check=False)
    said.append(done.stdout + done.stderr)
    return done.returncode, said[-1]


status, text = demo()
is_(status, 1, "nothing is installed: it fails")
like(text, rf"{CONF}: there is none", "and says so")

people.add("olivia", "ann", "bob", "zoe")
simulator = Simulator("/var/tmp/sim")
gate = Gate(simulator, POLICIES, {"olivia": "olivia.owner@example.com", "ann": "ann@example.com", "bob": "bob.banned@example.com",
                                  "elsewhere": "ben@example.com"})
guard("sshd")
status, text = demo()
is_(status, 0, "each mapped user has a decision")
ROWS = [
    ("ann", "ssh", "sshd", "yes", "ann@example.com", "allow ok"),
    ("ann", "admin", "sudo", "no", "ann@example.com", "deny role"),
    ("ann", "admin", "su-l", "no", "ann@example.com", "deny role"),
    ("ann", "web", "-", "yes", "ann@example.com", "allow ok"),
    ("bob", "ssh", "sshd", "no", "bob.banned@example.com", "deny account-disabled"),
    ("olivia", "admin", "sudo", "yes", "olivia.owner@example.com", "allow ok"),
    ("olivia", "admin", "su", "yes", "olivia.owner@example.com", "allow ok"),
    ("olivia", "web", "-", "no", "olivia.owner@example.com", "deny project"),
]
for row in ROWS:
    like(text, "(?m)^" + " +".join(row) + "$", " ".join(row))
like(text, "no user elsewhere", "a mapped name that is no user here is named")
like(text, "/etc/pam.d/sudo has no line of the gate", "a file without the gate's line is named")
unlike(text, "/etc/pam.d/sshd has no line", "one with it is not")
unlike(text, "sk-admin", "the key is not shown")

status, text = demo(DEMO_USERS="zoe root")
is_(status, 0, "users by name")
like(text, r"(?m)^zoe +ssh +sshd +no +- +deny no-identity$", "one whom no map knows")
like(text, r"(?m)^root +admin +sudo +yes +- +exempt exempt-user$", "root")
unlike(text, r"(?m)^ann ", "and nobody else")

simulator.fault(401)
gate.forget()
status, text = demo(DEMO_USERS="ann")
is_(status, 1, "a refused key: it fails")
like(text, r"(?m)^ann +ssh +sshd +no .*misconfigured credential$", "the decision says why")
like(text, r"HTTP 401", "and what the directory said")
simulator.clear_faults()

gate.configure(api={"colour": "red"})
status, text = demo()
is_(status, 1, "a mistake in gate.conf: it fails")
like(text, r"gate\.conf:\d+: .*colour", "with file, line and key")
del gate.sections["api"]["colour"]
gate.configure(users={})
status, text = demo()
is_(status, 1, "nobody is mapped: it fails")
like(text, "DEMO_USERS=", "and says how to name somebody")
ok(os.path.isdir(CACHE), "the store is there")

is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag("\n".join(said))
done_testing()
