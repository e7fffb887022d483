#!/usr/bin/python3
"""The caller's limits, umask, directory, signals and descriptors reach sudo and
su, and so the module. With each of them: a clean verdict, right for both who
may pass and who may not, no hang, and no death by a signal, but for what
happens as well with pam_permit or pam_deny in our place.
"""

import os
import resource
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import people
from doors import su, sudo, sudoers
from gate import CACHE, Gate, decisions, guard, install, write
from journal import Journal
from sim import Simulator
from tap import diag, done_testing, failed, is_, note, ok

POLICY = {"admin": {"pam_services": "sudo su", "role": "owner"}}
PROOF = "/var/tmp/proof/ran"
MEGABYTE = 1024 * 1024

journal = Journal()
install()
people.add("olivia", "ann", "eve")
simulator = Simulator("/var/tmp/sim")
gate = Gate(simulator, POLICY, {"olivia": "olivia.owner@example.com", "ann": "ann@example.com"})
sudoers("olivia, ann ALL=(ALL:ALL) NOPASSWD: ALL\n")
with open("/etc/login.defs", "a", encoding="ascii") as defs:
    defs.write("FAIL_DELAY 0\n")
os.mkdir(os.path.dirname(PROOF))
os.chmod(os.path.dirname(PROOF), 0o1777)
# A shell's built-in: no limit is in its way, nor an existing file.
write("/usr/local/bin/prove-it", f"#!/bin/sh\n: >>{PROOF}\n", 0o755)
os.makedirs("/var/tmp/closed", mode=0o700)


def limit(which, soft, hard=None):
    return {"preexec_fn": lambda: resource.setrlimit(which, (soft, soft if hard is None else hard))}


def ignore(*numbers):
    return {"preexec_fn": lambda: [signal.signal(number, signal.SIG_IGN) for number in numbers],
            "restore_signals": False}


def block_all():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def close(*descriptors):
    return {"preexec_fn": lambda: [os.close(descriptor) for descriptor in descriptors]}


def leave_and_remove():
    path = f"/tmp/gone-{os.getpid()}"
    os.mkdir(path)
    os.chdir(path)
    os.rmdir(path)


def open_many():
    for _ in range(1000):
        os.dup2(2, 3 + os.dup(2))


SETTINGS = {
    "nothing unusual": {},
    "ulimit -f 0": limit(resource.RLIMIT_FSIZE, 0),
    "ulimit -S -f 0": limit(resource.RLIMIT_FSIZE, 0, resource.RLIM_INFINITY),
    "ulimit -t 1": limit(resource.RLIMIT_CPU, 1),
    "ulimit -u 0": limit(resource.RLIMIT_NPROC, 0),
    "ulimit -u 1": limit(resource.RLIMIT_NPROC, 1),
    "ulimit -d 0": limit(resource.RLIMIT_DATA, 0),
    "ulimit -d 1 MB": limit(resource.RLIMIT_DATA, MEGABYTE),
    "ulimit -s 64 kB": limit(resource.RLIMIT_STACK, 65536),
    "ulimit -s 128 kB": limit(resource.RLIMIT_STACK, 131072),
    "ulimit -s 256 kB": limit(resource.RLIMIT_STACK, 262144),
    "ulimit -l 0": limit(resource.RLIMIT_MEMLOCK, 0),
    "ulimit -i 0": limit(resource.RLIMIT_SIGPENDING, 0),
    "ulimit -c unlimited": limit(resource.RLIMIT_CORE, resource.RLIM_INFINITY),
    "umask 777": {"umask": 0o777},
    "umask 000": {"umask": 0},
    "a removed directory": {"preexec_fn": leave_and_remove},
    "an unreadable directory": {"cwd": "/var/tmp/closed"},
    "SIGCHLD ignored": ignore(signal.SIGCHLD),
    "SIGALRM ignored": ignore(signal.SIGALRM),
    "SIGCHLD, SIGALRM, SIGPIPE, SIGTERM, SIGXFSZ ignored":
        ignore(signal.SIGCHLD, signal.SIGALRM, signal.SIGPIPE, signal.SIGTERM, signal.SIGXFSZ),
    "every signal blocked": {"preexec_fn": block_all},
    "input closed": close(0),
    "output closed": close(1),
    "errors closed": close(2),
    "input and output closed": close(0, 1),
    "all three closed": close(0, 1, 2),
    "1000 descriptors open": {"preexec_fn": open_many, "close_fds": False},
}
SETTINGS |= {f"ulimit -n {count}": limit(resource.RLIMIT_NOFILE, count) for count in range(3, 17)}
SETTINGS |= {f"ulimit -v {size} MB": limit(resource.RLIMIT_AS, size * MEGABYTE)
             for size in (2, 4, 6, 8, 10, 12, 16, 32)}

PROGRAMS = {
    "sudo": lambda user, how: sudo(user, ["prove-it"], timeout=30, **how),
    "su": lambda user, how: su("eve", user, ["-c", "prove-it"], timeout=30, **how),
}
CASES = [(setting, program) for setting in SETTINGS for program in PROGRAMS]
WARM = "/var/tmp/warm"


def attempt(program, user, how):
    """Its result, whether the command ran, and what was decided."""
    if os.path.exists(PROOF):
        os.unlink(PROOF)
    mark = journal.mark()
    done = PROGRAMS[program](user, dict(how))
    return done, os.path.exists(PROOF), [one.words for one in decisions(journal, mark)]


def unsafe_files():
    return [path for top, _, names in os.walk(CACHE) for path in (os.path.join(top, name) for name in names)
            if os.stat(path).st_mode & 0o022 or os.stat(path).st_uid != 0]


def both_guarded(lines=None):
    """Nobody types a password: who fails there never comes to us."""
    for service in ("sudo", "su"):
        guard(service, lines)
    with open("/etc/pam.d/su", encoding="ascii") as file:
        text = file.read()
    write("/etc/pam.d/su", "auth sufficient pam_permit.so\n" + text)


def controls(module):
    both_guarded([f"account required {module}"])
    return {(setting, program): attempt(program, "olivia", SETTINGS[setting]) for setting, program in CASES}


permitted = controls("pam_permit.so")
denied = controls("pam_deny.so")
both_guarded()
is_(gate.cli("check", "--policy", "admin", "olivia").returncode, 0, "what is known is kept for warm starts")
shutil.copytree(CACHE, WARM)


def may_not_be_now(setting):
    """Too little of what even a careful program needs; also, root may lack the
    power to raise a hard limit again for the helper."""
    return setting.startswith(("ulimit -v", "ulimit -n", "ulimit -d", "ulimit -s", "ulimit -u"))


for setting, program in CASES:
    for user, right, store in (("olivia", "allow ok", "cold"), ("olivia", "allow ok", "warm"), ("ann", "deny role", "cold")):
        name = f"{setting}, {program}, {user}, {store}"
        gate.forget()
        if store == "warm":
            shutil.copytree(WARM, CACHE, dirs_exist_ok=True)
        done, ran, words = attempt(program, user, SETTINGS[setting])
        control, control_ran, _ = (permitted if user == "olivia" else denied)[setting, program]
        not_now = not ran and len(words) == 1 and words[0].startswith("unavailable")
        ok(done.status is not None, f"{name}: it ends")
        ok(done.status is None or done.status >= 0 or done.status in (control.status, denied[setting, program][0].status),
           f"{name}: no death of its own by a signal")
        if user == "ann":
            ok(not ran and (words in ([], [right]) or not_now), f"{name}: not in")
        elif not control_ran:
            note(f"{name}: not even with pam_permit: {control.status}; here {done.status}, {words}")
        elif setting.startswith("ulimit -v") and not ran and words == [] and "Module is unknown" in done.said:
            ok(True, f"{name}: no room for the module, and so not in")
        elif not_now and may_not_be_now(setting):
            ok(True, f"{name}: a clean {words[0]}")
        else:
            ok(ran and words == [right], f"{name}: in")
    is_(unsafe_files(), [], f"{setting}, {program}: nothing in the store that others may write")

is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag(journal.text())
done_testing()
