#!/usr/bin/python3
"""Whoever runs sudo may stop it, or kill it, at any instruction, also between
two system calls of the module and in its child before the exec. Wherever he
does, nothing is left that others would wait for: they pass, from a cold store.

strace(1) stops it at the n-th call of a name, so that every place is met.
"""

import collections
import os
import re
import select
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import people
from doors import sudo, sudoers
from gate import Gate, decisions, guard, helpers, install
from journal import Journal
from sim import Simulator
from tap import diag, done_testing, failed, is_, isnt, like, note, ok
from wait import until

POLICY = {"admin": {"pam_services": "sudo", "role": "owner"}}
EVE = "ann"
COMMAND = ["sudo", "-n", "true"]


def family(pid):
    """A process and what it has started."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(child) for child in file.read().split()]
    except OSError:
        children = []
    return [pid] + [one for child in children for one in family(child)]


def kill(*pids, number=signal.SIGKILL):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Traced:
    """EVE's sudo, stopped at a system call. kill() ends it as he would, and
    leaves the helper alone; but a helper that strace has stopped, which he could
    not, is killed with it."""

    def __init__(self, call, count, children):
        self._with_helper = children
        command = ["strace", "-u", EVE, "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGSTOP:when={count}"]
        self._process = subprocess.Popen([*command, *(["-f"] if children else []), *COMMAND], cwd="/", stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        self.stopped = self._await_stop()

    def _await_stop(self):
        said = b""
        while b"stopped by SIGSTOP" not in said:
            if not select.select([self._process.stderr], [], [], 20)[0]:
                return False
            piece = os.read(self._process.stderr.fileno(), 65536)
            if not piece:
                return False
            said += piece
        return True

    def kill(self):
        tree = family(self._process.pid)
        kill(*[pid for pid in tree[1:] if self._with_helper or pid not in helpers()], self._process.pid)
        self._process.wait()
        self._process.stderr.close()


def others_pass(name):
    mark = journal.mark()
    done = sudo("olivia", ["id", "-un"])
    is_((done.status, done.out), (0, "root\n"), f"{name}: another one passes")
    is_([one.words for one in decisions(journal, mark) if one.user == "olivia"], ["allow ok"], f"{name}: by a decision")


def record(children):
    """The module's system calls, in their order: [(name, which of this name)].
    With `children`: those of its child, up to the exec."""
    gate.forget()
    path = "/var/tmp/trace"
    subprocess.run(["strace", "-u", EVE, "-s", "300", "-o", path, *(["-ff"] if children else []), *COMMAND], cwd="/", check=False,
                   stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    names = [path]
    if children:
        names = [f"/var/tmp/{name}" for name in os.listdir("/var/tmp") if name.startswith("trace.")]
    for name in names:
        with open(name, encoding="utf-8", errors="replace") as file:
            lines = file.readlines()
        os.unlink(name)
        if not children or any(line.startswith("exec") and "openai-gate-fetch" in line for line in lines):
            break
    if children:
        begin, end = 0, next(at for at, line in enumerate(lines) if line.startswith("exec"))
    else:
        begin = next(at for at, line in enumerate(lines) if "/etc/openai-gate/gate.conf" in line)
        end = next(at for at, line in enumerate(lines) if line.startswith("sendto") and "pam_openai" in line)
    seen = collections.Counter()
    steps = []
    for at, line in enumerate(lines[: end + 1]):
        call = re.match(r"[a-z]\w*(?=\()", line)
        if call:
            seen[call[0]] += 1
            if at >= begin:
                steps.append((call[0], seen[call[0]]))
    return steps


journal = Journal()
install()
people.add("olivia", EVE)
simulator = Simulator("/var/tmp/sim")
gate = Gate(simulator, POLICY, {"olivia": "olivia.owner@example.com", EVE: "ann@example.com"})
guard("sudo")
sudoers(f"olivia, {EVE} ALL=(ALL:ALL) NOPASSWD: ALL\n")

# At every call of the module. How often it polls is a matter of luck.
LUCK = {"poll", "restart_syscall", "wait4", "read"}
for children, whose in ((False, "sudo"), (True, "its child")):
    steps = record(children)
    ok(len(steps) > 10, f"{whose}: {len(steps)} places to stop at")
    if children:
        # One of each: its many calls of one name are one loop.
        steps = [step for step in steps if step[1] == 1]
    note(", ".join(f"{call} {count}" for call, count in steps))
    for call, count in steps:
        name = f"{whose} stopped at {call} {count}"
        gate.forget()
        traced = Traced(call, count, children)
        try:
            ok(traced.stopped or call in LUCK, f"{name}: it is")
            others_pass(name)
        finally:
            traced.kill()
ok(until(lambda: not helpers()), "no helper is left")

# Before the exec the child is still the caller's; after it, it is root's in all
# ids, and he can neither stop nor kill it.
gate.forget()
simulator.clear_requests()
simulator.fault("silence", times=1)
victim = people.spawn(EVE, COMMAND, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
is_(len(simulator.wait_requests(1)), 1, "the directory has been asked, and is silent")
running = helpers()
is_(len(running), 1, "one helper waits for it")
for number in ("STOP", "KILL", "ALRM"):
    done = people.run(EVE, ["/bin/kill", f"-{number}", str(running[0])])
    isnt(done.status, 0, f"the caller's {number} to the helper is refused")
    like(done.err, "not permitted", f"the caller's {number} to the helper: not permitted")
is_(people.run(EVE, ["/bin/kill", "-STOP", str(victim.pid)]).status, 0, "but his own sudo stops")
others_pass("sudo stopped, its helper waiting with the lock held")
people.end(victim)
others_pass("sudo killed, its helper waiting with the lock held")
ok(until(lambda: not helpers()), "the helper ends by its own deadline")

# Even a helper that is stopped, by root, lock and all, delays the others only.
gate.forget()
simulator.clear_requests()
simulator.fault("silence", times=1)
victim = people.spawn(EVE, COMMAND, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
simulator.wait_requests(1)
running = helpers()
kill(*running, number=signal.SIGSTOP)
others_pass("the helper stopped with the lock held")
ok(victim.wait(60) != 0, "its own caller is refused")
ok(until(lambda: not helpers()), "and the stopped helper was killed and reaped")

# Killed again and again while the directory is slow: no helper gathers.
for turn in range(10):
    gate.forget()
    simulator.clear_requests()
    simulator.fault("silence", times=1)
    victim = people.spawn(EVE, COMMAND, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    simulator.wait_requests(1)
    people.end(victim)
simulator.clear_faults()
others_pass("sudo killed ten times")
ok(until(lambda: not helpers()), "no helper is left of ten")
is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag(journal.text())
done_testing()
