#!/usr/bin/python3
"""The AppArmor profile and the SELinux policy of the helper. Neither can be
loaded here; both compile, and the AppArmor profile allows each file that the
real helper opens. What it would deny besides is not tested."""

import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import jail

jail.enter()

from apparmor import Profile
from gate import CACHE, CONF, DIRECTORY, HELPER, Gate, install
from journal import Journal
from sim import Simulator
from tap import diag, done_testing, is_, ok

PROFILE = f"{jail.REPOSITORY}/conf/apparmor/usr.libexec.openai-gate.openai-gate-fetch"
SELINUX = f"{jail.REPOSITORY}/conf/selinux"
TRACE = "/run/trace"
CALLS = "open,openat,creat,mkdir,mkdirat,unlink,unlinkat,rename,renameat,renameat2,connect,flock,execve"


def run(*command, **how):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          errors="backslashreplace", **how)


def accesses(text):
    """(path, modes) of all that succeeded; a failed look-up of a file that is
    not there needs no rule."""
    found = set()
    for line in text.splitlines():
        if re.search(r"= -1 ", line) and "connect(" not in line:
            continue
        if opened := re.search(r"open(?:at)?\(.*?, (O_\S+?)(?:, \d+)?\) = \d+<([^>]*)>", line):
            flags, path = opened[1].split("|"), opened[2]
            if "O_PATH" in flags:
                continue
            modes = {"O_RDONLY": "r", "O_WRONLY": "w", "O_RDWR": "rw"}[flags[0]] + ("w" if "O_CREAT" in flags else "")
            found.add((path.rstrip("/") + "/" if os.path.isdir(path) else path, modes))
        elif made := re.search(r"(mkdirat|unlinkat)\(\d+<([^>]*)>, \"([^\"]*)\"", line):
            found.add((os.path.join(made[2], made[3]) + ("/" if made[1] == "mkdirat" else ""), "w"))
        elif moved := re.search(r"renameat2?\(\d+<([^>]*)>, \"([^\"]*)\", \d+<([^>]*)>, \"([^\"]*)\"", line):
            found |= {(os.path.join(moved[1], moved[2]), "rw"), (os.path.join(moved[3], moved[4]), "w")}
        elif locked := re.search(r"flock\(\d+<([^>]*)>", line):
            found.add((locked[1], "k"))
        elif spoken := re.search(r"connect\(.*sun_path=\"([^\"]*)\"", line):
            found.add((spoken[1], "w"))
    return found


def trace(query="users?email=ann@example.com"):
    shutil.rmtree(CACHE)
    run("/usr/bin/strace", "-f", "-y", "-s", "300", "-e", f"trace={CALLS}", "-o", TRACE, HELPER, "1", CONF, "5000", query, env={})
    with open(TRACE, encoding="utf-8", errors="replace") as file:
        return file.read()


done = run("apparmor_parser", "-Q", "-K", "--skip-kernel-load", PROFILE)
is_((done.returncode, re.findall(r"error.*", done.stderr)), (0, []), "apparmor_parser likes the profile")

install()
Journal()
simulator = Simulator("/var/tmp/sim")
settings = Gate(simulator, {"ssh": {"pam_services": "sshd", "role": "owner reader"}}, users={"ann": "ann@example.com"})
seen = accesses(trace())  # cold
settings.configure(api={"ca_file": "", "base_url": simulator.url.replace("127.0.0.1", "jail")})
seen |= accesses(trace())  # a name, the system's authorities, and something to log
settings.configure(api={"ca_file": f"{DIRECTORY}/ca.pem", "base_url": simulator.url})
simulator.fault("500")
seen |= accesses(trace())
paths = {path for path, _ in seen}
for needed in (CONF, f"{DIRECTORY}/admin.key", f"{CACHE}/pace", "/etc/hosts", "/dev/log", "/etc/ssl/certs/"):
    ok(needed in paths, f"strace has seen {needed}")
ok(any(modes == "k" for _, modes in seen), "... and locks")
profile = Profile(PROFILE)
refused = sorted((path, modes) for path, modes in seen if not profile.allows(path, modes))
is_(refused, [], f"the profile allows all {len(seen)} accesses")
for path, modes in (("/etc/passwd", "w"), (f"{CONF}", "w"), ("/root/.ssh/authorized_keys", "w"), ("/etc/cron.d/x", "w"),
                    ("/root/.bashrc", "r"), (HELPER, "w"), ("/bin/sh", "x"), ("/etc/shadow", "r")):
    ok(not profile.allows(path, modes), f"and not {modes} {path}")
is_(len(re.findall(r"execve\(", trace())), 1, "it executes nothing")

# SELinux.

work = "/run/selinux-build"
os.makedirs(work)
for path in glob.glob(f"{SELINUX}/openai_gate.*"):
    shutil.copy(path, work)
done = run("make", "-f", "/usr/share/selinux/devel/Makefile", "openai_gate.pp", cwd=work)
ok(done.returncode == 0 and os.path.exists(f"{work}/openai_gate.pp"), "the SELinux policy compiles")
is_(re.findall(r"(?i).*(?:error|warning|unknown|unrecognized).*", done.stdout + done.stderr), [], "without a word")
if done.returncode != 0:
    diag(done.stdout + done.stderr)
with open(f"{SELINUX}/openai_gate.fc", encoding="ascii") as file:
    contexts = [(re.compile(line.split()[0]), re.search(r"object_r:(\w+)", line)[1]) for line in file if line.strip()]


def label(path):
    """The last that fits, as restorecon sorts these."""
    return [kind for pattern, kind in contexts if pattern.fullmatch(path)][-1:]


is_([label(path) for path in (CONF, f"{DIRECTORY}/admin.key", HELPER, CACHE, f"{CACHE}/pace")],
    [[f"openai_gate_{kind}_t"] for kind in ("conf", "key", "fetch_exec", "cache", "cache")], "each file has its label")
with open(f"{SELINUX}/openai_gate.if", encoding="ascii") as file:
    ok("key_t" not in file.read(), "no door may read the key")
done_testing()
