#!/usr/bin/python3
"""Every reason and every PAM code, through the real libpam: pam_openai(8)'s table of
decisions, row by row, at each of the module's doors."""

import glob
import os
import pwd
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import people
from gate import CONF, Gate, decisions, install, shipped
from journal import Journal
from pamdrive import IGNORED, Pam
from sim import Simulator
from tap import diag, done_testing, failed, is_, like, ok, skip

DOORS = {"acct_mgmt": "account", "authenticate": "auth", "open_session": "session"}

POLICIES = {
    "member": {"pam_services": "member", "role": "owner reader"},
    "owner": {"pam_services": "owner", "role": "owner"},
    "web": {"pam_services": "web", "project": "proj_web"},
    "weblead": {"pam_services": "weblead", "project": "proj_web", "project_role": "owner"},
    "oncall": {"pam_services": "oncall", "group": "group_01J8ONCALL7Q2M"},
}

USERS = {
    "olivia": "olivia.owner@example.com", "ann": "ann@example.com", "ben": "ben@example.com",
    "wendy": "wendy.web@example.com", "bob": "bob.banned@example.com", "robot": "robot@example.com",
    "norah": "norah.norole@example.com", "ivan": "ivan.invited@example.com", "eve": "eve@example.org",
}

# The module's codes; that an exemption is PAM_IGNORE shows as IGNORED.
DENIED = ("PAM_PERM_DENIED", "notice")
UNKNOWN = ("PAM_USER_UNKNOWN", "notice")
UNAVAILABLE = ("PAM_AUTHINFO_UNAVAIL", "notice")
MISCONFIGURED = ("PAM_SERVICE_ERR", "alert")
EXEMPT = (IGNORED, "notice")

journal = Journal()
install()
simulator = Simulator("/run/sim")
gate = Gate(simulator, POLICIES, USERS, pam={"ignore_services": "cron", "exempt_groups": "", "min_uid": "0"})
pam = Pam()
for service in (*POLICIES, "cron", "nowhere"):
    pam.door(service)


def row(words, outcome, service, user, sentence=None, before=lambda: None, may_stay="nothing"):
    """One row at each door. `before` runs before each."""
    code, level = outcome
    for call, door in DOORS.items():
        name = f"{words}: {door}"
        before()
        mark = journal.mark()
        answer = pam.ask(service, user, call)
        is_(answer.code, code, f"{name}: {code}")
        found = decisions(journal, mark)
        is_([(one.words, one.user, one.service, one.level) for one in found],
            [(words, user or "-", service, level)], f"{name}: one line in the log, at level {level}")
        is_(answer.said, (f"error {sentence}",) if sentence else (), f"{name}: what the person is told")
        left = [what for what in answer.left if may_stay not in what]
        is_((left, answer.trouble), ([], ""), f"{name}: nothing is left in the host")


def with_fault(kind, **params):
    def prepare():
        gate.forget()
        simulator.clear_faults()
        simulator.fault(kind, **params)
    return prepare


def with_conf(**sections):
    def prepare():
        gate.forget()
        gate.configure(**sections)
    return prepare


def allowed():
    row("allow ok", ("PAM_SUCCESS", "info"), "member", "ann")
    row("allow ok", ("PAM_SUCCESS", "info"), "owner", "olivia", before=gate.forget)
    row("allow ok", ("PAM_SUCCESS", "info"), "web", "wendy", before=gate.forget)
    row("allow ok", ("PAM_SUCCESS", "info"), "weblead", "ann", before=gate.forget)
    row("allow ok", ("PAM_SUCCESS", "info"), "oncall", "ben", before=gate.forget)


def denied():
    row("deny not-a-member", DENIED, "member", "eve", "You are not a member of the organization.")
    row("deny role", DENIED, "owner", "ann", "Your role in the organization does not allow this.")
    row("deny role", DENIED, "member", "norah", "Your role in the organization does not allow this.")
    row("deny project", DENIED, "web", "ben", "You are not a member of a project that allows this.")
    row("deny project-role", DENIED, "weblead", "wendy", "Your role in the project does not allow this.")
    row("deny group", DENIED, "oncall", "ann", "You are not a member of a group that allows this.")
    row("deny account-disabled", DENIED, "member", "bob", "Your account in the organization is disabled.")
    row("deny service-account", DENIED, "member", "robot", "Service accounts may not use this.")
    row("deny invite-pending", DENIED, "member", "ivan",
        "You have not accepted your invitation to the organization yet.")
    row("deny no-identity", UNKNOWN, "member", "nobody", "Your local name belongs to nobody in the organization.")
    row("deny bad-name", UNKNOWN, "member", "-ann", "Your user name cannot be accepted.")
    row("deny bad-name", UNKNOWN, "member", None, "Your user name cannot be accepted.")


def unavailable():
    gate.configure(api={"timeout": "1s"})
    row("unavailable timeout", UNAVAILABLE, "member", "ann", "The directory did not answer in time; try again.",
        with_fault("silence"))
    gate.configure(api={"timeout": "10s"})  # these are answered, if slowly
    row("unavailable network", UNAVAILABLE, "member", "ann", "The directory cannot be reached; try again.",
        with_fault("reset"))
    row("unavailable rate-limited", UNAVAILABLE, "member", "ann",
        "The directory is being asked too often; try again in a minute.", with_fault(429, seconds=60))
    row("unavailable server-error", UNAVAILABLE, "member", "ann", "The directory reports an error; try again.",
        with_fault(503))
    row("unavailable protocol", UNAVAILABLE, "member", "ann", "The directory gave an answer that cannot be trusted.",
        with_fault("truncated"))
    simulator.clear_faults()
    row("unavailable store", UNAVAILABLE, "member", "ann", "Nothing is known about you here yet.",
        with_conf(api={"base_url": "none"}))
    gate.configure(api={"base_url": simulator.url, "timeout": "5s"})


def misconfigured():
    sentence = "Access control is misconfigured; tell your administrator."
    row("misconfigured config", MISCONFIGURED, "member", "ann", sentence, with_conf(api={"timeout": "soon"}))
    gate.configure(api={"timeout": "5s"})
    row("misconfigured no-policy", MISCONFIGURED, "nowhere", "ann",
        "Access control has no policy for this; tell your administrator.")
    os.chmod(CONF, 0o666)
    row("misconfigured unsafe-file", MISCONFIGURED, "member", "ann", sentence)
    gate.configure()
    row("misconfigured credential", MISCONFIGURED, "member", "ann",
        "Access control cannot ask the directory; tell your administrator.", with_fault(401))
    simulator.clear_faults()


def exempt():
    """Before any file of the store and any request: both are out of reach."""
    simulator.clear_requests()
    gate.configure(pam={"exempt_users": "root adm"}, cache={"directory": "/nonexistent/cache"},
                   api={"key_file": "/nonexistent/key"})
    row("exempt exempt-user", EXEMPT, "member", "adm")
    row("exempt service-ignored", EXEMPT, "cron", "ann")
    people.add("stella", groups=["staff"])
    gate.configure(pam={"exempt_groups": "nobodys staff"})
    # What NSS loads is Debian's affair.
    row("exempt exempt-group", EXEMPT, "member", "stella", may_stay="library /usr/lib/")
    gate.configure(pam={"exempt_groups": "", "min_uid": "1000"})
    row("exempt min-uid", EXEMPT, "member", "daemon")
    uid = pwd.getpwnam("stella").pw_uid
    for least, code in ((uid, "PAM_USER_UNKNOWN"), (uid + 1, IGNORED)):
        gate.configure(pam={"min_uid": str(least)})
        is_(pam.ask("member", "stella").code, code, f"min_uid {least}: uid {uid}: {code}")
    for more in ({"min_uid": "4294967294"}, {"min_uid": "0", "exempt_groups": "nogroup staff root"}):
        gate.configure(pam=more)
        is_(pam.ask("member", "without-account").code, "PAM_USER_UNKNOWN", f"{more}: who has no account is not exempt")
    gate.configure(pam={"min_uid": "0", "exempt_groups": "", "exempt_users": "root"}, cache={"directory": "/var/cache/openai-gate"},
                   api={"key_file": "/etc/openai-gate/admin.key"})
    is_(simulator.requests(), [], "no request for who is exempt")
    row("deny no-identity", UNKNOWN, "member", "daemon", "Your local name belongs to nobody in the organization.")


def out_of_memory():
    """The Nth allocation fails, for each N until none is left to fail. (The
    last ones are libpam's own, for its log: PAM_SYSTEM_ERR.)"""
    if pam.sanitized():
        skip("out of memory", "no allocation fails under the sanitizers")
        return
    for service, user, usual in (("owner", "ann", "PAM_PERM_DENIED"), ("web", "wendy", "PAM_SUCCESS")):
        pam.ask(service, user)
        codes, trouble, count = [], [], 0
        while count < 400:
            answer = pam.ask(service, user, options=("--fail-alloc", str(count)))
            if answer.unfailed:
                break
            codes.append(answer.code)
            trouble += [f"allocation {count}: {what}" for what in (*answer.left, answer.trouble) if what]
            count += 1
        ok(10 < count < 400, f"out of memory: {service}: each of {count} allocations was made to fail")
        is_(set(codes) - {"PAM_4"}, {usual, "PAM_BUF_ERR"}, f"out of memory: {service}: {usual} or PAM_BUF_ERR")
        is_(trouble, [], f"out of memory: {service}: nothing is left in the host")
    for call, door in DOORS.items():
        mark = journal.mark()
        answer = pam.ask("member", "ann", call, options=("--fail-alloc", "10"))
        is_(answer.code, "PAM_BUF_ERR", f"out-of-memory: {door}: PAM_BUF_ERR")
        is_([(one.words, one.level) for one in decisions(journal, mark)], [("out-of-memory out-of-memory", "crit")],
            f"out-of-memory: {door}: one line in the log")
        is_(answer.said, ("error The machine is out of memory; try again.",), f"out-of-memory: {door}: what the person is told")


def other_calls():
    for user in ("ann", "eve"):
        is_(pam.ask("member", user, "setcred").code, IGNORED, f"setcred for {user}: PAM_IGNORE")
        is_(pam.ask("member", user, "close_session").code, IGNORED, f"close_session for {user}: PAM_IGNORE")
    pam.write("password", "password required pam_openai.so", "password sufficient pam_permit.so")
    is_(pam.ask("password", "ann", "chauthtok").code, "PAM_MODULE_UNKNOWN", "there is no password to change")


def shipped_lines():
    """conf/pam.d as it is, after a local account that is fine."""
    files = [os.path.basename(path) for path in glob.glob(os.path.join(jail.REPOSITORY, "conf/pam.d/*.example"))]
    ok({"sshd.example", "sudo.example"} <= set(files), "there are lines for sshd and sudo")
    for service in sorted(file.removesuffix(".example") for file in files):
        lines = shipped(service)
        gate.configure(policies={"p": {"pam_services": service, "role": "owner"}})
        for before in ([], ["account required pam_permit.so"]):
            where = f"{service}: {'after' if before else 'without'} an account module"
            pam.write(service, *before, *lines)
            is_(pam.ask(service, "olivia").code, "PAM_SUCCESS", f"{where}: allowed")
            is_(pam.ask(service, "ann").code, "PAM_PERM_DENIED", f"{where}: denied")
            is_(pam.ask(service, "nobody").code, "PAM_USER_UNKNOWN", f"{where}: unknown")
            is_(pam.ask(service, "root").code, "PAM_SUCCESS" if before else "PAM_PERM_DENIED",
                f"{where}: exempt: the others decide, and nobody else is a denial")
            os.rename(CONF, CONF + ".away")
            is_(pam.ask(service, "olivia").code, "PAM_SERVICE_ERR", f"{where}: no gate.conf")
            os.rename(CONF + ".away", CONF)
    gate.configure(policies=POLICIES)


def line_of_the_log():
    gate.forget()
    mark = journal.mark()
    pam.ask("member", "ann")
    pam.ask("member", "ann")
    texts = [one.text for one in decisions(journal, mark)]
    is_(len(texts), 2, "two decisions, two lines")
    like(texts[0], r"^pam_openai\(member:account\): allow ok: user=ann service=member policy=member "
         r"identity=ann@example\.com cache=miss age=\ds$", "the log's line: fetched")
    like(texts[1], r" cache=hit age=\ds$", "the log's line: from the store")
    mark = journal.mark()
    pam.door("member", "debug")
    pam.ask("member", "ann")
    pam.door("member")
    like(journal.text(since=mark), r'debug pamdrive: pam_openai\(member:account\): fact users\?email=ann@example\.com: found, '
         r'role "reader", from the store, age \d', "debug: each fact with its source and age")


allowed()
denied()
unavailable()
misconfigured()
exempt()
out_of_memory()
other_calls()
shipped_lines()
line_of_the_log()
is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag(journal.text())
done_testing()
