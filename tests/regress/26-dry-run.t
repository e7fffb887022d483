#!/usr/bin/python3
"""enforce = no: the PAM door decides and logs, and decides nothing: not who
is refused, nor who is let in. What comes before the policy stays a refusal."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import people
from doors import Sshd
from gate import CONF, HELPER, Gate, decisions, guard, install, shipped, write
from journal import Journal
from pamdrive import IGNORED, Pam
from sim import Simulator
from tap import diag, done_testing, failed, is_, like, ok, unlike

DRY = {"pam_services": "sshd door", "role": "owner", "enforce": "no"}
LIVE = {"pam_services": "live", "role": "owner"}
USERS = {"olivia": "olivia.owner@example.com", "ann": "ann@example.com", "eve": "eve@example.org"}

journal = Journal()
install()
people.add(*USERS)
simulator = Simulator("/run/sim")
gate = Gate(simulator, {"dry": DRY, "live": LIVE}, USERS, api={"timeout": "3s", "requests_per_minute": "600"})
pam = Pam()
for service in ("door", "live", "nowhere"):
    pam.door(service)


def judged(service, user, code, words, level, name, enforced=False, call="acct_mgmt", **more):
    mark = journal.mark()
    answer = pam.ask(service, user, call, **more)
    is_((answer.code, answer.trouble, answer.left), (code, "", ()), f"{name}: {code}")
    is_(answer.said == (), not enforced, f"{name}: the person is told {'why' if enforced else 'nothing'}")
    is_([(one.words, one.level, one.said["enforced"]) for one in decisions(journal, mark)], [(words, level, enforced)],
        f"{name}: the log says {words}, and whether it is in force")
    return decisions(journal, mark)[0].text


def passes(user, words, level, name, before=lambda: None, **more):
    for call in ("acct_mgmt", "authenticate", "open_session"):
        before()
        text = judged("door", user, IGNORED, words, level, f"{name}: {call}", call=call, **more)
        like(text, rf"\): not enforced: would be {words}: user={user} ", f"{name}: {call}: in so many words")


def with_fault(kind, **params):
    def prepare():
        gate.forget()
        simulator.clear_faults()
        simulator.fault(kind, **params)
    return prepare


passes("ann", "deny role", "warning", "denied")
passes("eve", "deny not-a-member", "warning", "no member")
passes("nobody", "deny no-identity", "warning", "without identity")
passes("olivia", "allow ok", "info", "allowed")
passes("ann", "unavailable server-error", "warning", "an outage", with_fault(503))
passes("ann", "unavailable timeout", "warning", "a silent API", with_fault("silence"))
passes("ann", "misconfigured credential", "alert", "a refused key", with_fault(401))
simulator.clear_faults()
gate.forget()
os.rename(HELPER, HELPER + ".away")
passes("ann", "misconfigured config", "alert", "no helper")
os.rename(HELPER + ".away", HELPER)
passes("ann", "unavailable store", "warning", "not root", options=("--uid", "1000"))

# One policy at a time, and nothing that comes before a policy.

judged("live", "ann", "PAM_PERM_DENIED", "deny role", "notice", "the other policy is in force", enforced=True)
judged("nowhere", "ann", "PAM_SERVICE_ERR", "misconfigured no-policy", "alert", "no policy", enforced=True)
judged("door", "-ann", "PAM_USER_UNKNOWN", "deny bad-name", "notice", "a bad name", enforced=True)
gate.configure(api={"timeout": "soon"})
judged("door", "olivia", "PAM_SERVICE_ERR", "misconfigured config", "alert", "a mistake in gate.conf", enforced=True)
gate.configure(api={"timeout": "3s"})
os.chmod(CONF, 0o666)
judged("door", "olivia", "PAM_SERVICE_ERR", "misconfigured unsafe-file", "alert", "gate.conf that all may write", enforced=True)
os.chmod(CONF, 0o644)

# In stacks: it never makes up for what the others say.

for before, outcome in (("pam_permit.so", "PAM_SUCCESS"), ("pam_deny.so", "PAM_7")):
    pam.write("door", f"account required {before}", *shipped("sshd"))
    for user in ("olivia", "ann", "nobody"):
        is_(pam.ask("door", user).code, outcome, f"{user}, behind {before}: its answer")
pam.write("door", *shipped("sshd"))
for user in ("olivia", "ann"):
    is_(pam.ask("door", user).code, "PAM_PERM_DENIED", f"{user}, and nobody else in the stack: a denial")
pam.write("door", "account sufficient pam_openai.so", "account required pam_deny.so")
is_(pam.ask("door", "olivia").code, "PAM_7", "olivia, by a sufficient that should not be there: a denial")

# The real sshd.

guard("sshd")
with Sshd() as sshd:
    for user in ("olivia", "ann", "eve"):
        is_(sshd.login(user).status, 0, f"sshd, not enforced: {user} is in")
    unlike(sshd.login("ann").err, "role", "sshd, not enforced: and is told nothing")
    gate.configure(policies={"dry": DRY | {"enforce": "yes"}, "live": LIVE})
    is_([sshd.login(user).status for user in ("olivia", "ann", "eve")], [0, 255, 255], "sshd, enforced: only the owner is in")
gate.configure(policies={"dry": DRY, "live": LIVE})

# The command line says the true verdict.

done = gate.cli("check", "--policy", "dry", "ann")
is_((done.returncode, done.stdout.splitlines()[0]), (1, "ann: deny (role) (not enforced)"), "check: the true verdict, its status, and a note")
is_(gate.cli("check", "--policy", "live", "ann").stdout.splitlines()[0], "ann: deny (role)", "check: no note where it is in force")
answer = json.loads(gate.cli("check", "--json", "--policy", "dry", "ann").stdout)
is_((answer["verdict"], answer["enforced"]), ("deny", False), "check --json: the same")
is_(json.loads(gate.cli("check", "--json", "--policy", "live", "ann").stdout)["enforced"], True, "check --json: in force")
is_(json.loads(gate.cli("check", "--json", "--service", "cron", "ann").stdout)["enforced"], None, "check --json: no policy")
done = gate.cli("config", "--test")
is_(done.returncode, 0, "config --test: no fault")
like(done.stderr, rf"^openai-gate: warning: {CONF}:\d+: \[policy dry\] is NOT ENFORCED[^\n]*\n$", "config --test: but a warning, of that policy alone")
printed = gate.cli("config", "--print").stdout
is_([line for line in printed.splitlines() if "enforce" in line], ["enforce = no", "enforce = yes"], "config --print: says both")
said = gate.cli("doctor").stdout
like(said, r"warn +policy dry +NOT ENFORCED", "doctor: warns")
unlike(said, r"policy live", "doctor: not of the other")
said = gate.cli("status").stdout
like(said, r"^\[policy dry\] NOT ENFORCED", "status: says so first of all")
unlike(said, r"policy live\] NOT", "status: not of the other")
like(gate.cli("status", "--json").stdout, r"\"not_enforced\": ?\[\"dry\"\]", "status --json: names it")

is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag(journal.text())
done_testing()
