#!/usr/bin/python3
"""The pam.d line in the hands of an administrator: the shipped ones and those
that are close to them, in Debian's own files, judged by the real programs."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import people
from doors import Sshd, su, sudo, sudoers
from gate import Gate, decisions, guard, install, shipped
from journal import Journal
from sim import Simulator
from tap import diag, done_testing, failed, is_, like, ok

POLICY = {"all": {"pam_services": "sshd sudo sudo-i su su-l doorkeeper", "role": "owner"}}
LINE = "account required pam_openai.so"

journal = Journal()
install()
people.add("olivia", "ann")
simulator = Simulator("/var/tmp/sim")
gate = Gate(simulator, POLICY, {"olivia": "olivia.owner@example.com", "ann": "ann@example.com"})
sudoers("olivia, ann ALL=(ALL:ALL) NOPASSWD: ALL\n")

TRIES = {
    "sshd": lambda user: sshd.login(user, "true"),
    "sudo": lambda user: sudo(user, ["true"]),
    "sudo-i": lambda user: sudo(user, ["true"], ["-n", "-i"]),
    "su": lambda user: su("root", user, ["-c", "true"]),
}


def judge(service, wanted, name):
    """{user: decision}: who passes is known by the word allow or exempt."""
    for user, words in wanted.items():
        mark = journal.mark()
        done = TRIES[service](user)
        passes = words.startswith(("allow", "exempt"))
        ok(done.status is not None and (done.status == 0) == passes, f"{name}: {user} {'passes' if passes else 'does not pass'}")
        is_([one.words for one in decisions(journal, mark)], [words], f"{name}: {user}: {words}")


files = sorted(os.listdir(os.path.join(jail.REPOSITORY, "conf", "pam.d")))
is_(files, sorted(f"{service}.example" for service in TRIES), "each shipped file is tried here")
for name in files:
    is_(name, name.lower(), f"{name}: PAM reads lower-case names only")
    is_(len(shipped(name.removesuffix(".example"))), 1, f"{name}: one line")

with Sshd() as sshd:
    for service in TRIES:
        guard(service)
        judge(service, {"olivia": "allow ok", "ann": "deny role", "root": "exempt exempt-user"}, f"{service} as shipped")

    # Debian's common-account ends the stack at once for an expired password
    # (new_authtok_reqd=done), and sudo and su then go on.
    subprocess.run(["chage", "-d", "0", "ann"], check=True)
    for service in TRIES:
        judge(service, {"ann": "deny role"}, f"{service} as shipped, an expired password")
    subprocess.run(["chage", "-d", "-1", "ann"], check=True)

    # Other ways to write it that hold, too.
    for service in ("sshd", "sudo"):
        guard(service, ["account [success=ok ignore=ignore default=die] pam_openai.so"])
        judge(service, {"olivia": "allow ok", "ann": "deny role", "root": "exempt exempt-user"}, f"{service}, default=die")
        guard(service, ["account requisite pam_openai.so policy=all quiet"])
        judge(service, {"olivia": "allow ok", "ann": "deny role"}, f"{service}, requisite policy=all quiet")
    # As a session it holds for sshd; sudo's session is the target's, not the
    # caller's.
    guard("sshd", ["session required pam_openai.so"])
    judge("sshd", {"olivia": "allow ok", "ann": "deny role"}, "sshd, as a session")
    guard("sudo", ["session required pam_openai.so"])
    TRIES["sudo"] = lambda user: sudo("olivia", ["true"], ["-n", "-u", user])
    judge("sudo", {"ann": "deny role", "root": "exempt exempt-user"}, "sudo to somebody, as a session")
    TRIES["sudo"] = lambda user: sudo(user, ["true"])
    guard("sshd", ["account requisite pam_openai.so quiet"])
    is_(sshd.login("ann").err.count("Your role"), 0, "quiet: the person is not told why")

    # The same service's account stack twice is judged twice, and no more.
    guard("sudo", [LINE, LINE])
    mark = journal.mark()
    ok(sudo("ann", ["true"]).status != 0, "twice in a stack: refused")
    is_([one.words for one in decisions(journal, mark)], ["deny role", "deny role"], "twice in a stack: judged twice")

    # An administrator's mistakes let nobody in.
    MISTAKES = {
        "an unknown argument": f"{LINE} debugg",
        "an unknown policy": f"{LINE} policy=nobody-wrote-it",
        "no such gate.conf": f"{LINE} conf=/etc/openai-gate/other.conf",
        "a policy without a name": f"{LINE} policy=",
    }
    for name, line in MISTAKES.items():
        for service in ("sshd", "sudo"):
            guard(service, [line])
            mark = journal.mark()
            done = TRIES[service]("olivia")
            ok(done.status not in (0, None), f"{name}: nobody passes {service}")
            logged = decisions(journal, mark)
            is_([one.verdict for one in logged], ["misconfigured"], f"{name}: {service}'s log says misconfigured")
            is_([one.level for one in logged], ["alert"], f"{name}: as an alert")
    guard("sshd", ["account required pam_openai_misspelt.so"])
    ok(sshd.login("olivia").status not in (0, None), "a misspelt module: nobody passes")
    guard("sshd")

# sshd's service is its program's name (since OpenSSH 9.8 what PAMServiceName
# says), in lower case: a file in capitals is read by nobody, and "other" would
# judge. The gate judges where its line is.
shutil.copy("/usr/sbin/sshd", "/usr/sbin/DoorKeeper")
shutil.copy("/etc/pam.d/sshd", "/etc/pam.d/doorkeeper")
with Sshd(program="/usr/sbin/DoorKeeper", **({"PAMServiceName": "DoorKeeper"} if Sshd.knows("pamservicename") else {})) as sshd:
    mark = journal.mark()
    judge("sshd", {"olivia": "allow ok", "ann": "deny role"}, "sshd by another name")
    is_({one.service for one in decisions(journal, mark)}, {"doorkeeper"}, "sshd by another name: by that name")
    gate.configure(policies={"all": POLICY["all"] | {"pam_services": "sshd DoorKeeper"}})
    mark = journal.mark()
    ok(sshd.login("olivia").status not in (0, None), "a service in capitals in gate.conf: nobody passes")
    logged = decisions(journal, mark)
    is_([one.words for one in logged], ["misconfigured config"], "a service in capitals in gate.conf: the log says so")
    like(logged and logged[0].text, r"gate\.conf:\d+: .*DoorKeeper.*(capital|lower)", "with line and mend")
    gate.configure(policies=POLICY)
    os.rename("/etc/pam.d/doorkeeper", "/etc/pam.d/DoorKeeper")
    with open("/etc/pam.d/other", "a", encoding="ascii") as other:
        other.write(LINE + "\n")
    judge("sshd", {"olivia": "allow ok", "ann": "deny role"}, "a pam.d file in capitals, the line in 'other'")

is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag(journal.text())
done_testing()
