#!/usr/bin/python3
"""Two hundred at once, and nothing known yet: everybody gets the right answer,
and the directory is asked once."""

import collections
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import people
from doors import Sshd
from gate import Gate, decisions, guard, helpers, install
from journal import Journal
from sim import Simulator
from tap import diag, done_testing, failed, is_, ok
from wait import until

CROWD = 200
LOGINS = 40  # each with an ssh client beside it
POLICY = {"all": {"pam_services": "su sshd", "role": "owner reader", "project": "proj_web proj_data"}}
USERS = {"ann": ("ann@example.com", "allow ok"), "ben": ("ben@example.com", "allow ok"),
         "wendy": ("wendy.web@example.com", "allow ok"), "olivia": ("olivia.owner@example.com", "deny project"),
         "norah": ("norah.norole@example.com", "deny role"), "bob": ("bob.banned@example.com", "deny account-disabled")}

journal = Journal()
install()
people.add(*USERS)
simulator = Simulator("/var/tmp/sim")
gate = Gate(simulator, POLICY, {user: email for user, (email, _) in USERS.items()})
# Else "project" is as true of them, and said when that list comes first.
for name in ("norah", "bob"):
    simulator.add_member("proj_web", USERS[name][0])
guard("su")
guard("sshd")
with open("/etc/login.defs", "a", encoding="ascii") as defs:
    defs.write("FAIL_DELAY 0\n")
names = list(USERS)


def crowd(count, command, name):
    """All started, then all awaited."""
    gate.forget()
    simulator.clear_requests()
    mark = journal.mark()
    # Held back by a pipe, so that none has finished when the last one starts.
    reading, writing = os.pipe()
    running = []
    for number in range(count):
        user = names[number % len(names)]
        running.append((user, subprocess.Popen(["/bin/sh", "-c", 'read -r _; exec "$@"', "sh", *command(user)], stdin=reading,
                                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)))
    os.close(reading)
    os.close(writing)
    wrong = []
    for user, process in running:
        status = process.wait(300)
        if (status == 0) != USERS[user][1].startswith("allow"):
            wrong.append((user, status))
    is_(wrong, [], f"{name}: everybody is let in or not as is right")
    counted = collections.Counter((one.user, one.words) for one in decisions(journal, mark))
    is_(dict(counted), dict(collections.Counter((names[at % len(names)], USERS[names[at % len(names)]][1]) for at in range(count))),
        f"{name}: one right decision for each of the {count}")
    asked = collections.Counter(request["path"] for request in simulator.requests())
    is_(dict(asked), {"/v1/organization/users": 1, "/v1/organization/projects/proj_web/users": 1,
                      "/v1/organization/projects/proj_data/users": 1}, f"{name}: one request for each list")


gate.configure(api={"timeout": "30s"})
crowd(CROWD, lambda user: ["su", user, "-c", ":"], f"{CROWD} times su")
with Sshd() as sshd:
    crowd(LOGINS, lambda user: sshd.command(user, "true"), f"{LOGINS} times ssh")
ok(until(lambda: not helpers()), "no helper is left")

# The same in front of a directory that answers nobody: none waits for another.
gate.configure(api={"timeout": "3s"})
simulator.fault("silence")
gate.forget()
mark = journal.mark()
running = [subprocess.Popen(["su", names[number % len(names)], "-c", ":"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL) for number in range(CROWD)]
is_([process.wait(300) for process in running].count(0), 0, "a silent directory: nobody passes")
verdicts = collections.Counter(one.verdict for one in decisions(journal, mark))
is_(dict(verdicts), {"unavailable": CROWD}, "a silent directory: everybody is told so")
ok(len(simulator.requests()) < CROWD, f"a silent directory: asked {len(simulator.requests())} times, not by each")
simulator.clear_faults()
ok(until(lambda: not helpers()), "no helper is left")

is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag("\n".join(sorted(collections.Counter(one.text for one in decisions(journal)))))
done_testing()
