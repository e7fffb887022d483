#!/usr/bin/python3
"""Every system call that can fail, and every allocation, is made to fail once,
in the command line, the helper and the PAM door, warm and cold: nobody who is out comes in, nobody
who is in is called a stranger, nothing crashes, hangs or is left behind, and
the store is as good as before."""

import concurrent.futures
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import jail

jail.enter()

import failnth
import pamdrive
import people
from gate import CACHE, CLI, CONF, DIRECTORY, HELPER, Gate, install, write
from pamdrive import Pam
from sim import Simulator
from tap import diag, done_testing, is_, ok

POLICY = {"role": "owner reader", "project": "proj_web"}
# A member, and one whom the organization does not know.
USERS = {"wendy": "wendy.web@example.com", "eve": "eve@example.org"}
CLI_RIGHT = {"wendy": 0, "eve": 1}
CLI_MAY = {"wendy": (0, 2, 3), "eve": (1, 2, 3)}
ERRORS = {"PAM_AUTHINFO_UNAVAIL", "PAM_SERVICE_ERR", "PAM_BUF_ERR", "PAM_4"}  # PAM_4: libpam's own
PAM_RIGHT = {"wendy": "PAM_SUCCESS", "eve": "PAM_PERM_DENIED"}
# Without them nothing can be cleaned up.
CLEANING = ("close", "munmap", "wait4", "rt_sigprocmask")
# libcrypto makes some 18,000 allocations: every 71st; the loader, for what the
# helper loads late, some 1,800: every 23rd. These and libjansson 2.14 die of some
# that fail (of the library's own state; of a thread's; of a buffer whose growth
# is not looked at): of theirs, the verdict alone counts. Not one of libcrypto's
# first two: OpenSSL 3.5 makes them within a once, reports their failure by way of
# the same once, and so waits for itself.
OURS = ((failnth.OTHERS, 1), (failnth.LIBJANSSON, 1))
ALL = (*OURS, (failnth.LIBCRYPTO, 71))
LATE = (*OURS, (failnth.LOADER, 23))
DIED = (-signal.SIGABRT, -signal.SIGSEGV, 127)
OPENED = r"openat\(.*\.conf\""
REVIEWED = r"openat\(.*/proc/self/maps"  # by the host, what is left in it
AT_ONCE = 3
PATIENCE = 5
SHOWN = 8

install()
people.add("wendy", "eve")
simulator = Simulator("/run/sim")
# Nobody has time for a second attempt.
gate = Gate(simulator, {"p": POLICY}, USERS,
            api={"timeout": "450ms", "requests_per_minute": "6000"}, pam={"exempt_groups": "staff", "min_uid": "100"})
# Some hundred calls of other modules' otherwise.
write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
pam = Pam()


class Place:
    """A store, a configuration and a PAM service of one's own, for one person."""

    _count = itertools.count()

    def __init__(self, user):
        self.user, self.service = user, f"p{next(self._count)}"
        self.cache, self.conf = f"{CACHE}-{self.service}", f"{DIRECTORY}/{self.service}.conf"
        with open(CONF, encoding="utf-8") as file:
            write(self.conf, file.read().replace(f"directory = {CACHE}\n", f"directory = {self.cache}\n"))
        pam.door(self.service, f"conf={self.conf} policy=p")

    def forget(self):
        """A cold store."""
        if os.path.exists(self.cache):
            shutil.rmtree(self.cache)

    def hurry(self):
        """After a failure the next request would wait."""
        if os.path.exists(f"{self.cache}/pace"):
            os.unlink(f"{self.cache}/pace")


def cli(place):
    return [CLI, "--conf", place.conf, "check", "--policy", "p", place.user]


def door(place):
    return [pamdrive.DRIVER, "--confdir", pamdrive.DIRECTORY, "--user", place.user, place.service, "acct_mgmt"]


def helper(place):
    address = USERS[place.user]
    return [HELPER, "1", place.conf, "2000", f"users?email={address}", f"projects/proj_web/users?email={address}"]


def judge_cli(user, done, _call):
    if done.returncode not in CLI_MAY[user]:
        return f"status {done.returncode}: {done.stdout + done.stderr}"
    return None


def judge_door(user, done, call):
    text = done.stdout.decode()
    code = re.search(r"^call acct_mgmt (\S+)", text, re.M)
    if done.returncode != 0 or not code or code[1] not in ERRORS | {PAM_RIGHT[user]}:
        return f"status {done.returncode}: {text} {done.stderr}"
    # What NSS loads is Debian's affair.
    left = re.findall(r"^left (?!library /usr/lib/).*", text, re.M)
    return f"{left}" if left and call not in CLEANING else None


def judge_child(user, done, _call):
    """Where a fault also strikes the host itself: its code alone counts."""
    code = re.search(r"^call acct_mgmt (\S+)", done.stdout.decode(), re.M)
    if done.returncode < 0 or (code and code[1] not in ERRORS | {PAM_RIGHT[user]}):
        return f"status {done.returncode}: {done.stdout} {done.stderr}"
    return None


def judge_helper(user, done, _call):
    """Facts as value/wire.h writes them: 'F', version, length, state …"""
    if done.returncode not in (0, 1, 2):
        return f"status {done.returncode}: {done.stderr}"
    reply, states = done.stdout[12:], []
    while reply[:1] == b"F":
        states.append(reply[4])
        reply = reply[int.from_bytes(reply[2:4], "little"):]
    if reply or not set(states) <= {1 if user == "wendy" else 2, 3}:  # found, absent, failed
        return f"{states}: {done.stdout}"
    return None


class Faults:
    """A program run again and again for one person, with one fault each, and
    after each as it should be."""

    def __init__(self, user, command, judge, warm=False):
        self.place = Place(user)
        self.command, self.judge, self.warm = command(self.place), judge, warm
        self.wrong, self.struck = [], 0
        if warm:
            self._clean_run()

    def _clean_run(self):
        """Once more when a busy machine took longer than the whole decision
        may."""
        for _ in range(PATIENCE):
            self.place.hurry()
            done = subprocess.run(cli(self.place), capture_output=True, text=True, check=False)
            if "(timeout)" not in done.stdout:
                break
        return done

    def strike(self, what, run):
        """`run` gives the finished program, and whether there was a fault."""
        user = self.place.user
        if not self.warm:
            self.place.forget()
        try:
            done, failed = run()
            self.struck += failed
            fault = self.judge(user, done, what.split()[0])
        except subprocess.TimeoutExpired:
            failed, fault = True, "it hung"
        after = self._clean_run()
        if after.returncode != CLI_RIGHT[user]:
            fault = f"{fault}; afterwards {after.returncode}: {after.stdout + after.stderr}"
        if fault:
            self.wrong.append(f"{user}: {what}: {fault}")
        return failed

    def calls(self, counts, children):
        for call, error, n in failnth.failures(counts):
            self.strike(f"{call} {error} {n}", lambda: failnth.run(self.command, call, error, n, children))

    def allocations(self, whose):
        with failnth.Allocations() as allocations:
            for owner, step in whose:
                n = step - 1
                while self.strike(f"allocation {n} {owner}", lambda: self._short_of_memory(allocations, n, owner)):
                    n += step

    def _short_of_memory(self, allocations, n, owner):
        allocations.fail(n, owner)
        done = subprocess.run(self.command, env=allocations.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=failnth.TIMEOUT, check=False)
        if owner != failnth.OTHERS and done.returncode in DIED:
            done.returncode = 2
        return done, allocations.failed()


def with_calls(user, command, judge, warm=False, last=None, children=True):
    faults = Faults(user, command, judge, warm)
    counts = failnth.count(faults.command, OPENED, last)
    # It is the host that writes.
    counts = {call: between for call, between in counts.items() if command is not door or call != "write"}
    faults.calls(counts, children)
    return faults


def with_child(user):
    """What the door's child does before it is the helper."""
    faults = Faults(user, door, judge_child)
    faults.calls(failnth.count_child(faults.command), children=True)
    return faults


def with_allocations(user, command, judge, whose, warm=False):
    faults = Faults(user, command, judge, warm)
    faults.allocations(whose)
    return faults


# What, the least number of faults, and how.
TESTS = (
    ("command line, cold", 400, with_calls, (cli, judge_cli), {}),
    ("helper", 400, with_calls, (helper, judge_helper), {}),
    ("command line, cold, memory", 1000, with_allocations, (cli, judge_cli, ALL), {}),
    ("helper, memory", 800, with_allocations, (helper, judge_helper, LATE), {}),
    ("command line, warm", 50, with_calls, (cli, judge_cli), {"warm": True}),
    ("command line, warm, memory", 50, with_allocations, (cli, judge_cli, OURS), {"warm": True}),
    ("PAM, warm", 50, with_calls, (door, judge_door), {"warm": True, "last": REVIEWED, "children": False}),
    ("PAM, cold", 100, with_calls, (door, judge_door), {"last": REVIEWED, "children": False}),
    ("PAM, the child", 50, with_child, (), {}),
)

with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
    running = [(name, least, [pool.submit(run, user, *arguments, **options) for user in USERS])
               for name, least, run, arguments, options in TESTS]
    for name, least, runs in running:
        found = [run.result() for run in runs]
        wrong = [line for faults in found for line in faults.wrong]
        struck = sum(faults.struck for faults in found)
        for line in wrong[:SHOWN]:
            diag(line)
        is_(len(wrong), 0, f"{name}: {struck} faults, none to harm")
        ok(struck > least, f"{name}: more than {least}")
done_testing()
