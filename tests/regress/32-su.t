#!/usr/bin/python3
"""Real su and su -: the person who is judged is the one who is become."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import people
from doors import su
from gate import Gate, decisions, guard, install
from journal import Journal
from sim import Simulator
from tap import diag, done_testing, failed, is_, like, ok

POLICY = {"admin": {"pam_services": "su su-l", "role": "owner"}}
PASSWORD = "everybody's"

journal = Journal()
install()
people.add("olivia", "ann", "bob", "nomap", password=PASSWORD)
people.set_password("root", PASSWORD)
with open("/etc/login.defs", "a", encoding="ascii") as defs:
    defs.write("FAIL_DELAY 0\n")
simulator = Simulator("/var/tmp/sim")
gate = Gate(simulator, POLICY, {"olivia": "olivia.owner@example.com", "ann": "ann@example.com",
                                "bob": "bob.banned@example.com"})
guard("su")


def attempt(caller, target, words, options, service, **more):
    name = " ".join(["su", *options, target, "by", caller])
    mark = journal.mark()
    done = su(caller, target, ["-c", "id -un"], options, **more)
    shown = done.out.removeprefix("Password: \n")
    if words.split()[0] in ("allow", "exempt"):
        is_((done.status, shown), (0, f"{target}\n"), f"{name}: done")
    else:
        is_(done.status, 1, f"{name}: refused")
        ok(f"{target}\n" not in shown.splitlines(True), f"{name}: nothing has run")
        like(done.said, r"(?m)^su: ", f"{name}: su says so")
    is_([(one.words, one.user, one.service) for one in decisions(journal, mark)], [(words, target, service)],
        f"{name}: the log says {words}, of {target}")
    return done


for options, service in ([], "su"), (["-"], "su-l"), (["-l"], "su-l"):
    for terminal in (False, True):
        attempt("ann", "olivia", "allow ok", options, service, password=PASSWORD, terminal=terminal)
        denied = attempt("olivia", "ann", "deny role", options, service, password=PASSWORD, terminal=terminal)
        like(denied.said, r"Your role in the organization does not allow this", "the person is told why")
    attempt("olivia", "bob", "deny account-disabled", options, service, password=PASSWORD)
    attempt("olivia", "nomap", "deny no-identity", options, service, password=PASSWORD)
    attempt("ann", "root", "exempt exempt-user", options, service, password=PASSWORD)
    # pam_rootok spares root the password, not the gate.
    attempt("root", "olivia", "allow ok", options, service)
    attempt("root", "ann", "deny role", options, service)
is_(len(simulator.requests()), 1, "one request for all of this")

# A wrong password: nobody is judged, and the directory is not asked.
gate.forget()
simulator.clear_requests()
mark = journal.mark()
done = su("ann", "olivia", ["-c", "id -un"], password="guessed")
is_((done.status, done.out), (1, ""), "a wrong password: refused")
is_(decisions(journal, mark), [], "a wrong password: nobody was judged")
is_(simulator.requests(), [], "a wrong password: no request")

# Revoked, and the directory out of reach.
attempt("ann", "olivia", "allow ok", [], "su", password=PASSWORD)
simulator.ban("olivia.owner@example.com")
attempt("ann", "olivia", "allow ok", [], "su", password=PASSWORD)
gate.forget()
attempt("ann", "olivia", "deny account-disabled", [], "su", password=PASSWORD)
gate.forget()
simulator.fault("reset")
attempt("ann", "olivia", "unavailable network", [], "su", password=PASSWORD)
attempt("ann", "root", "exempt exempt-user", [], "su", password=PASSWORD)
simulator.clear_faults()

is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag(journal.text())
done_testing()
