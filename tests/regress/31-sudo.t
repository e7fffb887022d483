#!/usr/bin/python3
"""Real sudo: who may run what, by every way into it, and that nothing has run
where the answer is no."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import people
from doors import sudo, sudoers
from gate import Gate, decisions, guard, install, write
from journal import Journal
from sim import Simulator
from tap import diag, done_testing, failed, is_, like, ok

POLICY = {"admin": {"pam_services": "sudo sudo-i", "role": "owner"}}
PASSWORD = "the person's own"
PROOF = "/root/ran"
TARGET = "/root/edited"

journal = Journal()
install()
people.add("olivia", "ann", password=PASSWORD)
simulator = Simulator("/var/tmp/sim")
gate = Gate(simulator, POLICY, {"olivia": "olivia.owner@example.com", "ann": "ann@example.com"})
guard("sudo")
guard("sudo-i")
sudoers("olivia, ann ALL=(ALL:ALL) NOPASSWD: ALL\n")
write("/usr/local/bin/edit", '#!/bin/sh\necho edited >"$1"\n', 0o755)
write("/usr/local/bin/prove-it", f"#!/bin/sh\nid -un >{PROOF}\n", 0o755)

# Every way: its name, options, command, the PAM service that judges it, what
# shows that it happened.
WAYS = [
    ("a command", ["-n"], ["prove-it"], "sudo", "proof"),
    ("as somebody else", ["-n", "-u", "olivia"], ["sh", "-c", "id -un"], "sudo", "^olivia$"),
    ("a shell", ["-n", "-s"], ["prove-it"], "sudo", "proof"),
    ("a login shell", ["-n", "-i"], ["prove-it"], "sudo-i", "proof"),
    ("with the caller's environment", ["-n", "-E"], ["prove-it"], "sudo", "proof"),
    ("in the background", ["-n", "-b"], ["sh", "-c", "id -un"], "sudo", "^root$"),
    ("listing", ["-n", "-l"], [], "sudo", r"\(ALL : ALL\) NOPASSWD: ALL"),
    ("validating", ["-n", "-v"], [], "sudo", None),
    ("editing", ["-n", "-e"], [TARGET], "sudo", "edited"),
]


def clean():
    """What a success would leave."""
    for path in (PROOF, TARGET):
        if os.path.exists(path):
            os.unlink(path)


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return None


def attempt(user, words, way, **more):
    name, options, command, service, shows = way
    clean()
    mark = journal.mark()
    env = {"SUDO_EDITOR": "/usr/local/bin/edit"} | more.pop("env", {})
    done = sudo(user, command, options, env=env, **more)
    allowed = words == "allow ok"
    ok(done.status is not None and (done.status == 0) == allowed, f"{name}: {user}'s exit status")
    if shows == "proof":
        is_(read(PROOF), "root" if allowed else None, f"{name}: {user}'s command {'ran' if allowed else 'did not run'}")
    elif shows == "edited":
        is_(read(TARGET), "edited" if allowed else None, f"{name}: {user}'s edit is {'there' if allowed else 'not there'}")
    elif shows is not None and allowed:
        like(done.out, f"(?m){shows}", f"{name}: {user} sees it")
    elif shows is not None:
        is_(done.out, "", f"{name}: {user} sees nothing")
    if not allowed:
        like(done.said, r"PAM account management error: Permission denied|account validation failure",
             f"{name}: sudo tells {user} that the account was refused")
    is_([(one.words, one.user, one.service) for one in decisions(journal, mark)], [(words, user, service)],
        f"{name}: the log says {words}, once")
    return done


for way in WAYS:
    attempt("olivia", "allow ok", way)
    attempt("ann", "deny role", way)
is_(len(simulator.requests()), 1, "one request for all of this")

# With a password, on a terminal.
sudoers("olivia, ann ALL=(ALL:ALL) ALL\n")
typed = ("with a password", [], ["prove-it"], "sudo", "proof")
types = [("password for ", PASSWORD)]
attempt("olivia", "allow ok", typed, terminal=True, answers=types)
attempt("ann", "deny role", typed, terminal=True, answers=types)
# A ticket from an earlier success is no way round the gate.
simulator.set_role("olivia.owner@example.com", "reader")
gate.forget()
attempt("olivia", "deny role", typed, terminal=True, answers=types)
sudoers("olivia, ann ALL=(ALL:ALL) NOPASSWD: ALL\n")
plain = WAYS[0]
attempt("olivia", "deny role", plain)
simulator.set_role("ann@example.com", "owner")
gate.forget()
attempt("ann", "allow ok", plain)

# Root is exempt; an unknown answer and a mistake of the administrator are no yes.
mark = journal.mark()
is_(people.run("root", ["sudo", "-n", "id", "-un"]).out, "root\n", "root's own sudo")
is_([one.words for one in decisions(journal, mark)], ["exempt exempt-user"], "root's own sudo: exempt")
gate.forget()
simulator.fault(500)


def refused(words, code, name):
    clean()
    mark = journal.mark()
    done = sudo("ann", ["prove-it"])
    ok(done.status not in (0, None) and read(PROOF) is None, f"{name}: refused")
    like(done.err, code, f"{name}: sudo shows the code's own words")
    is_([one.words for one in decisions(journal, mark)], [words], f"{name}: the log says {words}")


refused("unavailable server-error", "Authentication service cannot retrieve authentication info", "fault 500")
simulator.clear_faults()
os.unlink("/etc/openai-gate/gate.conf")
refused("misconfigured config", "Error in service module", "no gate.conf")
gate.configure()
gate.forget()
attempt("ann", "allow ok", plain)

is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag(journal.text())
done_testing()
