#!/usr/bin/python3
"""openai-gate-fetch by hand: whoever writes its arguments, it asks for nothing
but validated queries, and answers root alone."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

from gate import CONF, HELPER, Gate, install
from sim import Simulator
from tap import done_testing, is_, like

GOOD = ("users?email=ann@example.com", "users?email=o'hara+ssh/1@example.com", "users/user-1",
        "projects/proj_web/users?email=ann@example.com", "groups/group_01J8ONCALL7Q2M/users/user-1",
        "invites?email=ann@example.com")
BAD = ("", "users", "users/..", "users/a/b", "users?email=", "users?email=ann", "users?email=ANN@example.com",
       "users?email=a b@example.com", "users?email=a\nb@example.com", "users?email=\xff@example.com".encode("latin-1"),
       "projects/../users/user-1", "projects/a b/users/user-1", "projects//users/user-1", "audit_logs",
       "users?email=" + "a" * 400 + "@example.com")


def run(*arguments, **how):
    return subprocess.run([HELPER, *arguments], capture_output=True, timeout=30, check=False, **how)


def main():
    install()
    with Simulator("/run/sim") as sim:
        Gate(sim, {"ssh": {"pam_services": "sshd", "role": "owner reader"}})
        for query in GOOD:
            done = run("1", CONF, "3000", query)
            is_((done.returncode, done.stdout[:4]), (0, b"OGFR"), f"answered: {query}")
        sim.clear_requests()
        for query in BAD:
            is_(run("1", CONF, "3000", query).returncode, 2, f"refused: {query!r:.60}")
        for arguments in ((), ("1",), ("2", CONF, "3000", GOOD[0]), ("1", "gate.conf", "3000", GOOD[0]),
                          ("1", CONF, "0", GOOD[0]), ("1", CONF, "-1", GOOD[0]), ("1", CONF, "1e3", GOOD[0]),
                          ("1", CONF, "9999999", GOOD[0]), ("1", CONF, "3000", GOOD[0], GOOD[0]),
                          ("1", CONF, "3000", *[f"users/user-{number}" for number in range(49)])):
            is_(run(*arguments).returncode, 2, f"refused: {' '.join(arguments)[:60]}")
        is_(sim.requests(), [], "nobody was asked anything of that")
        done = run("1", CONF, "3000", GOOD[0], user=65534, group=65534)
        is_((done.returncode, done.stdout), (2, b""), "an ordinary user gets no answer")
        like(done.stderr.decode(), "root", "... and is told why")
        many = [f"users/user-{number}" for number in range(48)]
        done = run("1", CONF, "3000", *many)
        is_(done.returncode, 0, "48 queries at once")
        is_(len(sim.requests()), 0, "... cost nothing: the list is known")
    done_testing()


main()
