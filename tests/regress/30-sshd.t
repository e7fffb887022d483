#!/usr/bin/python3
"""Real sshd, logins with a key: who passes, what the others are told, and what
the log says about each."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import people
from doors import Sshd
from gate import Gate, decisions, guard, install
from journal import Journal
from sim import Simulator
from tap import diag, done_testing, failed, is_, like, note, ok, skip, unlike
from wait import until

POLICY = {"ssh": {"pam_services": "sshd", "role": "owner reader", "project": "proj_web proj_data"}}

USERS = {
    "olivia": "olivia.owner@example.com",
    "ann": "ann@example.com",
    "ben": "user-B3nP9xGm5TzRw1KyVa7CqDjLe",
    "wendy": "WENDY.web@Example.com",
    "bob": "bob.banned@example.com",
    "robot": "robot@example.com",
    "norah": "norah.norole@example.com",
    "ivan": "ivan.invited@example.com",
    "zoe": "zoe@example.com",
}

# A login of each: user, decision, what the person is told.
LOGINS = [
    ("ann", "allow ok", None),
    ("ben", "allow ok", None),
    ("wendy", "allow ok", None),
    ("olivia", "deny project", r"not a member of a project"),
    ("bob", "deny account-disabled", r"disabled"),
    ("robot", "deny service-account", r"[Ss]ervice accounts"),
    ("norah", "deny role", r"role in the organization"),
    ("ivan", "deny invite-pending", r"invitation"),
    ("zoe", "deny not-a-member", r"not a member of the organization"),
    ("nomap", "deny no-identity", r"belongs to nobody"),
    ("root", "exempt exempt-user", None),
]


def login(user, words, told, name):
    """One login, its outcome, its log line and what its user read."""
    mark = journal.mark()
    done = sshd.login(user, "echo", "inside")
    if words.split()[0] in ("allow", "exempt"):
        is_((done.status, done.out), (0, "inside\n"), f"{name}: {user} is in")
    else:
        is_((done.status, done.out), (255, ""), f"{name}: {user} is not in")
        like(done.err, told, f"{name}: {user} is told why")
    logged = decisions(journal, mark)
    is_([(one.words, one.user, one.service) for one in logged], [(words, user, "sshd")],
        f"{name}: the log says {words}, once")
    return logged[0] if logged else None


journal = Journal()
install()
people.add(*USERS, "nomap")
simulator = Simulator("/var/tmp/sim")
gate = Gate(simulator, POLICY, USERS)
guard("sshd")

with Sshd() as sshd:
    for user, words, told in LOGINS:
        login(user, words, told, "the table")
    asked = [request["path"] + "?" + request["query"] for request in simulator.requests()]
    is_(len(asked), len(set(asked)), "nothing was asked twice")
    note("\n".join(asked))
    simulator.clear_requests()
    for user, words, told in LOGINS:
        login(user, words, told, "once more")
    is_(simulator.requests(), [], "from what is known by now")

    # A role or a project that goes, and comes back.
    simulator.remove_member("proj_web", "wendy.web@example.com")
    login("wendy", "allow ok", None, "revoked, within ttl")
    gate.forget()
    login("wendy", "deny project", "not a member of a project", "revoked, store forgotten")
    simulator.add_member("proj_web", "wendy.web@example.com")
    gate.configure(cache={"ttl": "1s", "negative_ttl": "1s"})
    for turn in range(100):
        if sshd.login("wendy").status == 0:
            break
    ok(turn < 99, "granted again: effective once the negative ttl is over")
    simulator.change_user("wendy.web@example.com", role=None)
    for turn in range(100):
        if sshd.login("wendy").status != 0:
            break
    ok(turn < 99, "the role taken away: effective once the ttl is over")
    login("wendy", "deny role", "role in the organization", "the role taken away")
    simulator.set_role("wendy.web@example.com", "reader")
    gate.configure(cache={"ttl": "10m", "negative_ttl": "1m"})

    # The directory is in trouble: nobody new passes, root does.
    TROUBLE = [
        ((503,), {}, "unavailable server-error", "reports an error"),
        ((429,), {"style": "none"}, "unavailable rate-limited", "too often"),
        (("reset",), {}, "unavailable network", "cannot be reached"),
        (("silence",), {}, "unavailable timeout", "did not answer in time"),
        (("html",), {}, "unavailable protocol", "cannot be trusted"),
        ((401,), {}, "misconfigured credential", "tell your administrator"),
    ]
    gate.configure(api={"timeout": "1s"})
    for kind, more, words, told in TROUBLE:
        gate.forget()
        simulator.clear_faults()
        simulator.fault(*kind, **more)
        login("ann", words, told, f"fault {kind[0]}")
        login("root", "exempt exempt-user", None, f"fault {kind[0]}")
    simulator.clear_faults()
    gate.configure(api={"timeout": "10s"})

    # An administrator must act.
    gate.forget()
    login("ann", "allow ok", None, "all well again")
    gate.configure(api={"colour": "red"})
    line = login("ann", "misconfigured config", "tell your administrator", "an unknown key")
    is_(line and line.level, "alert", "an unknown key: as an alert")
    like(line and line.text, r"/etc/openai-gate/gate\.conf:\d+: .*colour", "an unknown key: file, line and key")
    del gate.sections["api"]["colour"]
    gate.configure(policies={"web": {"role": "owner"}})
    line = login("ann", "misconfigured no-policy", "tell your administrator", "no policy for sshd")
    login("root", "exempt exempt-user", None, "no policy for sshd")
    gate.configure(policies=POLICY)
    os.chmod("/etc/openai-gate/gate.conf", 0o666)
    line = login("ann", "misconfigured unsafe-file", "tell your administrator", "anybody may write gate.conf")
    like(line and line.text, r"/etc/openai-gate/gate\.conf.*0?666", "anybody may write gate.conf: path and mode")
    gate.configure()
    login("ann", "allow ok", None, "mended")

    unlike(journal.text("."), r"sk-admin", "no key in the log")
    is_(simulator.errors(), "", "the simulator had no trouble")
    if failed():
        diag(sshd.log())
        diag(journal.text())

    # What README.md says of sshd's own penalties, and its mend.
    sshd.stop()
    if Sshd.knows("persourcepenalties"):
        with Sshd(PerSourcePenalties="authfail:60s min:30s") as strict:
            is_(strict.login("ann").status, 0, "penalties: a member is in")
            is_(strict.login("zoe").status, 255, "penalties: somebody is refused")
            ok(until(lambda: strict.login("ann").status == 255), "penalties: then the same member is, from the same address")
            ok(strict.wait("penalty: failed authentication"), "penalties: without being asked who it is")
            is_(strict.login("root").status, 255, "penalties: and root as well")
        with Sshd(PerSourcePenalties="authfail:60s min:30s", PerSourcePenaltyExemptList="127.0.0.1") as strict:
            is_([strict.login(user).status for user in ("zoe", "zoe", "ann", "root")], [255, 255, 0, 0], "an exempt address has none")
    else:
        skip("penalties", "OpenSSH before 9.8 has none")

done_testing()
