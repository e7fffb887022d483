#!/usr/bin/python3
"""Every fault of the API and of the store, through the real libpam: nobody who
is out comes in, nobody who is in is called a stranger, and nothing is believed
that cannot be ours."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

from gate import CACHE, CLI, CONF, DIRECTORY, Gate, decisions, install
from journal import Journal
from pamdrive import Pam
from sim import Simulator
from tap import diag, done_testing, failed, is_, isnt, like, ok

KEY = f"{DIRECTORY}/admin.key"
POLICIES = {"member": {"pam_services": "member", "role": "owner reader"},
            "web": {"pam_services": "web", "role": "owner reader", "project": "proj_web"}}

TIMEOUT, NETWORK, PROTOCOL = "unavailable timeout", "unavailable network", "unavailable protocol"
CREDENTIAL, ALLOW = "misconfigured credential", "allow ok"

# What a member of organization and project meets. A fault that is not here is
# a broken answer: PROTOCOL.
MEETS = {
    "delay": ALLOW, "close-after": ALLOW, "silence": TIMEOUT, "tls-silence": TIMEOUT, "drip": TIMEOUT, "stall": TIMEOUT,
    "half-head": TIMEOUT, "late": TIMEOUT, "interim": ALLOW, "two-framings": ALLOW,
    "reset": NETWORK, "close": NETWORK, "tls-reset": NETWORK, "tls-garbage": NETWORK, "tls-cut": NETWORK,
    "status": "unavailable server-error", "missing-scope": CREDENTIAL, "string-error": CREDENTIAL,
    # Only on other requests than the first page, which is all there is to ask.
    "filter-ignored": ALLOW, "repeated-row": ALLOW,
    # A list that is whole and has another row: that is what it says.
    "other-row": "deny not-a-member",
    # It makes twins of the first row, who is somebody else.
    "folded-twins": ALLOW,
    # The pace of this test ends before the pages do.
    "circle": "unavailable rate-limited",
}
# What a slow machine needs to decide, with programs that watch themselves; and
# what a decision waits for an answer that never comes.
PATIENT, HASTY = "10s", "1s"
PARAMS = {"delay": {"ms": 10}, "drip": {"ms": 20}, "body": {"body": "{}"}, "status": {"status": 500}}
PROTOCOL_STATUS = (202, 204, 206, 301, 302, 304, 307, 400, 402, 405, 418)
UNHEARD = "misconfigured config"  # what unheard() gives where the store is silent
CODES = {"allow": "PAM_SUCCESS", "deny": "PAM_PERM_DENIED", "unavailable": "PAM_AUTHINFO_UNAVAIL",
         "misconfigured": "PAM_SERVICE_ERR"}

journal = Journal()
install()
simulator = Simulator("/run/sim")
gate = Gate(simulator, POLICIES, {"ann": "ann@example.com", "eve": "eve@example.org", "olivia": "olivia.owner@example.com"},
            api={"timeout": PATIENT})
pam = Pam()
for service in POLICIES:
    pam.door(service)


def decide(service, user):
    """The words of one decision; its code and what is left are checked here."""
    mark = journal.mark()
    answer = pam.ask(service, user)
    found = [one.words for one in decisions(journal, mark)]
    if len(found) != 1 or answer.code != CODES[found[0].split()[0]] or answer.left or answer.trouble:
        ok(False, f"{service}, {user}: one decision and its code: {found} {answer}")
        return "none"
    return found[0]


def with_fault(kind, user, service="member", **params):
    gate.forget()
    simulator.fault(kind, **params)
    words = decide(service, user)
    simulator.clear_faults()
    return words


def waits(kind):
    return MEETS.get(kind) == TIMEOUT


def all_faults():
    faults = simulator.manual()
    is_(set(MEETS) - set(faults), set(), "the simulator has the faults that are told apart here")
    for kind in sorted(faults, key=waits):
        params = PARAMS.get(kind, {})
        gate.configure(api={"timeout": HASTY if waits(kind) else PATIENT})
        is_(with_fault(kind, "ann", **params), MEETS.get(kind, PROTOCOL), f"{kind}: a member")
        isnt(with_fault(kind, "eve", **params).split()[0], "allow", f"{kind}: a stranger")
    gate.configure(api={"timeout": PATIENT})
    for status in PROTOCOL_STATUS:
        is_(with_fault("status", "ann", status=status), PROTOCOL, f"status {status}: a member")
    for status, words in ((401, CREDENTIAL), (403, CREDENTIAL), (429, "unavailable rate-limited"), (503, MEETS["status"]), (599, MEETS["status"])):
        is_(with_fault("status", "ann", status=status), words, f"status {status}: a member")
    for status in (403, 404):
        is_(with_fault("status", "ann", "web", status=status, path="project-users").split()[0],
            "misconfigured" if status == 403 else "deny", f"status {status} for the project alone: a member")
    is_(with_fault("truncated", "ann", "web", path="project-users"), PROTOCOL, "a broken project list: cannot know")
    is_(with_fault("truncated", "eve", "web", path="project-users"), "deny not-a-member", "... unless the other list denies")


def files():
    """The lists and singles of the store."""
    return [os.path.join(top, name) for top, _, names in os.walk(CACHE) for name in names
            if os.path.basename(top) in ("lists", "singles")]


def keep_store():
    gate.forget()
    decide("web", "ann")
    decide("web", "eve")
    shutil.rmtree("/run/kept", ignore_errors=True)
    shutil.copytree(CACHE, "/run/kept")


def restore_store():
    gate.forget()
    shutil.copytree("/run/kept", CACHE, dirs_exist_ok=True)


def unheard():
    """Without a key nobody is asked: what is decided comes from the store."""
    os.rename(KEY, f"{KEY}.away")
    answers = [decide("web", user) for user in ("ann", "eve")]
    os.rename(f"{KEY}.away", KEY)
    return answers


def damage(name, change, row_may_be_whole=False):
    """Every file of the store, changed: a miss, and mended by the next answer.
    A row has a checksum of its own: it is believed while its list is not."""
    restore_store()
    for path in files():
        change(path)
    ann, eve = unheard()
    is_(eve, UNHEARD, f"{name}: nobody is called a stranger")
    if row_may_be_whole:
        ok(ann in (UNHEARD, ALLOW), f"{name}: nothing broken is believed: {ann}")
    else:
        is_(ann, UNHEARD, f"{name}: nothing is believed")
    is_([decide("web", user) for user in ("ann", "eve")], [ALLOW, "deny not-a-member"], f"{name}: asked again")
    is_(unheard(), [ALLOW, "deny not-a-member"], f"{name}: and mended")


def cut_to(size):
    return lambda path: os.truncate(path, min(size, os.path.getsize(path) - 1))


def flip(share):
    def change(path):
        with open(path, "r+b") as file:
            at = int(os.path.getsize(path) * share)
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 0x10]))
    return change


def grow(path):
    with open(path, "ab") as file:
        file.write(b"\0" * 100)


def replace_by(make):
    def change(path):
        os.rename(path, "/var/cache/moved")
        make(path)
    return change


def exchange(path):
    """A list under another list's name."""
    others = [other for other in files() if os.path.dirname(other) == os.path.dirname(path) and other != path]
    if others:
        shutil.copy(f"/run/kept/{os.path.relpath(others[0], CACHE)}", path)
    else:
        os.unlink(path)


def damaged():
    keep_store()
    ok(len(files()) >= 3, "the store holds lists and more")
    is_(unheard(), [ALLOW, "deny not-a-member"], "the store alone decides")
    for size in (0, 1, 8, 64, 200, 1000):
        damage(f"cut to {size} bytes", cut_to(size))
    damage("the last byte is missing", cut_to(1 << 30))
    for share in (0.001, 0.01, 0.1, 0.5, 0.9, 0.999):
        damage(f"one bit differs at {share}", flip(share), True)
    damage("longer than it says", grow)
    damage("another's file", lambda path: os.chown(path, 1000, 1000))
    damage("others may write to it", lambda path: os.chmod(path, 0o666))
    damage("a symbolic link", replace_by(lambda path: os.symlink("/var/cache/moved", path)))
    damage("a FIFO", replace_by(os.mkfifo))
    damage("under another's name", exchange)


def foreign():
    """The store of another organization, endpoint or key's owner."""
    keep_store()
    gate.configure(api={"organization": "org-other"})
    is_(unheard(), [UNHEARD, UNHEARD], "another organization's store: nothing is believed")
    gate.configure(api={"organization": "", "base_url": simulator.url.replace("127.0.0.1", "localhost")})
    is_(unheard(), [UNHEARD, UNHEARD], "another endpoint's store: nothing is believed")
    gate.configure(api={"base_url": simulator.url})
    restore_store()
    is_(unheard(), [ALLOW, "deny not-a-member"], "our own store: believed")


def build_clock():
    """Shifts time() by $SHIFT seconds, for the command that fills the store."""
    source = """
#include <stdlib.h>
#include <time.h>
static long shift;
static void __attribute__((constructor)) start(void) { shift = atol(getenv("SHIFT")); }
time_t time(time_t *p) {
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += shift;
	if (p) *p = ts.tv_sec;
	return ts.tv_sec;
}
"""
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", "/run/clock.so", "-"], input=source, text=True, check=True)


def aged():
    """Facts of another time, as the command line fetched them then; without
    TLS, which knows the time as well."""
    build_clock()
    plain = Simulator("/run/sim", scheme="http")
    gate.configure(api={"base_url": plain.url})
    for shift, who, words in ((-60, "a minute old", [ALLOW, UNHEARD]), (-30, "half a minute old", [ALLOW, "deny not-a-member"]),
                              (-1200, "stale", [ALLOW, UNHEARD]), (-4000, "nearly expired", [ALLOW, UNHEARD]),
                              (-4300, "expired", [UNHEARD, UNHEARD]), (3600, "from the future", [UNHEARD, UNHEARD]),
                              (30, "from half a minute ahead", [UNHEARD, UNHEARD])):
        gate.forget()
        for user in ("ann", "eve"):
            done = subprocess.run([CLI, "--conf", CONF, "check", "--service", "web", user], text=True, capture_output=True,
                                  env={"LD_PRELOAD": "/run/clock.so", "SHIFT": str(shift),
                                       "ASAN_OPTIONS": "verify_asan_link_order=0"}, check=False)
            like(done.stdout + done.stderr, "allow|deny", f"facts {who}: {user} was looked up then")
        is_(unheard(), words, f"facts {who}: now")
    plain.stop()
    gate.configure(api={"base_url": simulator.url})


def unwritable():
    """Read-only and full: everybody is still decided, each by a request."""
    gate.forget()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k,mode=700,nr_inodes=3", "tmpfs", CACHE], check=True)
    for name, remount in (("full", None), ("read-only", "ro,remount")):
        if remount:
            subprocess.run(["mount", "-o", remount, CACHE], check=True)
        mark = journal.mark()
        is_([decide("web", user) for user in ("ann", "eve", "ann")], [ALLOW, "deny not-a-member", ALLOW], f"a store that is {name}")
        like(journal.text(since=mark), CACHE, f"a store that is {name}: the log names it")
    subprocess.run(["umount", CACHE], check=True)
    is_(decide("web", "ann"), ALLOW, "the store is back")


all_faults()
damaged()
foreign()
aged()
unwritable()
is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag(journal.text())
done_testing()
