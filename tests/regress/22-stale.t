#!/usr/bin/python3
"""Who has a stale answer to fall back on waits for one attempt only when the
API fails; who has none waits for more."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

from gate import Gate, decisions, install
from journal import Journal
from pamdrive import Pam
from sim import Simulator
from tap import diag, done_testing, failed, is_, like, ok

USERS = {"ann": "ann@example.com", "zoe": "zoe@example.com"}


def ask(user, words, name):
    mark = journal.mark()
    pam.ask("member", user)
    is_([one.words for one in decisions(journal, mark)], [words], name)
    return journal.text(since=mark)


def wait_until_stale():
    pause = threading.Event()
    deadline = time.monotonic() + 20
    while "stale" not in gate.cli("cache", "list").stdout and time.monotonic() < deadline:
        pause.wait(0.1)
    like(gate.cli("cache", "list").stdout, r"users .* stale", "the list of users is stale")


journal = Journal()
install()
simulator = Simulator("/run/sim")
gate = Gate(simulator, {"member": {"pam_services": "member", "role": "owner reader"}}, USERS,
            cache={"ttl": "1s", "negative_ttl": "0", "stale_ttl": "1h"})
pam = Pam()
pam.door("member")

ask("ann", "allow ok", "a member, while the API answers")
wait_until_stale()
simulator.fault(503)
simulator.clear_requests()
like(ask("ann", "allow ok", "the member still passes when the API fails"), r"cache=stale", "... by what is known")
is_(len(simulator.requests()), 1, "... after one request")

gate.forget()
simulator.clear_requests()
ask("zoe", "unavailable server-error", "one of whom nothing is known is not let in")
ok(len(simulator.requests()) > 1, "... after more than one request")

if failed():
    diag(journal.text(pattern="."))
done_testing()
