#!/usr/bin/python3
"""make demo: it works, it notices a door that does not, and nothing of it is
left on the machine, whether it ends by itself or is interrupted.

Watched in a process and mount namespace of our own, where /run and /tmp are
empty and all processes are ours: whatever is there afterwards is the demo's.
"""

import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail
from tap import diag, done_testing, failed, is_, like, ok, skip_all
from wait import until

JAIL = os.path.join(jail.REPOSITORY, "tests/lib/jail")
DEMO = os.path.join(jail.REPOSITORY, "tests/demo/demo")
BUILD = os.environ.get("BUILD") or "build"
OURS = sorted({os.path.realpath(os.path.join(jail.REPOSITORY, path)) for path in ("", BUILD)})
WATCHED = "OPENAI_GATE_WATCHED"
PLACES = ["/etc", "/run", "/tmp", "/home", "/srv", "/mnt", "/usr/sbin", "/usr/libexec", "/usr/local", "/usr/lib/nginx",
          "/var/cache/openai-gate", "/var/tmp", "/var/lib/sudo", "/var/lib/nginx", "/var/mail", "/var/spool", "/dev/shm"]


def enter_namespace():
    """Starts this test again where it sees what is left."""
    if os.getuid() != 0:
        skip_all("only root can make a throw-away machine")
    probe = subprocess.run([JAIL, "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        skip_all(probe.stderr.strip())
    # What is ours below /run and /tmp stays visible: opened before it is covered.
    script = "set -e\n"
    covered = list(enumerate(path for path in OURS if path.startswith(("/run/", "/tmp/"))))
    script += "".join(f"exec {5 + number}<'{path}'\n" for number, path in covered)
    script += "".join(f"mount -t tmpfs -o mode=1777 tmpfs {path}\n" for path in ("/run", "/tmp"))
    script += "".join(f"mkdir -p '{path}'; mount --bind /proc/self/fd/{5 + number} '{path}'; exec {5 + number}<&-\n"
                      for number, path in covered)
    # The shell is the first process there, and reaps.
    script += 'set +e; "$@"; exit $?'
    os.environ[WATCHED] = "yes"
    sys.stdout.flush()
    os.execvp("unshare", ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
                          "sh", "-c", script, "sh", sys.executable, os.path.realpath(__file__)])


def processes():
    return {int(pid) for pid in os.listdir("/proc") if pid.isdigit()} - {1, os.getpid()}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def machine():
    """All of it that a demo might change."""
    seen = {"mounts": read("/proc/self/mountinfo"), "host name": os.uname().nodename,
            "network": subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout.count("\n")}
    for place in PLACES:
        for top, directories, names in os.walk(place):
            # A demo may build.
            directories[:] = [name for name in directories if os.path.join(top, name) not in OURS]
            for name in directories + names:
                path = os.path.join(top, name)
                try:
                    stat = os.lstat(path)
                except FileNotFoundError:
                    continue
                seen[path] = (stat.st_mode, stat.st_uid, stat.st_gid, stat.st_size, stat.st_mtime_ns)
    return seen


def difference(before, after):
    """The first few of what is not the same."""
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))[:10]


def start():
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.Popen(["make", "-C", jail.REPOSITORY, "--no-print-directory", f"BUILD={BUILD}", "demo"], text=True,
                            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            start_new_session=True)


def nothing_left(before, name):
    ok(until(lambda: not processes()), f"{name}: no process is left")
    is_(difference(before, machine()), [], f"{name}: no file, user or mount is left or changed")


if not os.environ.get(WATCHED):
    enter_namespace()

jail.heed_signals()

# Once, so that what is built and compiled is there.
with start() as demo:
    text = demo.stdout.read()
is_(demo.returncode, 0, "make demo succeeds")
if demo.returncode != 0:
    diag(text)
before = machine()
with start() as demo:
    text = demo.stdout.read()
is_(demo.returncode, 0, "make demo succeeds again")
like(text, r"(?m)^olivia +owner +ssh olivia@localhost +yes +allow ok$", "who passes ssh, and why")
like(text, r"(?m)^ben .* ssh ben@localhost +no +deny project$", "who does not, and why")
like(text, r"(?m)^root .* yes +exempt exempt-user$", "root is exempt")
like(text, r"(?m)^ann .* ann\$ sudo id +no +deny role$", "sudo")
like(text, r"(?m)^ann .* ben\$ su - ann +no +deny role$", "su")
like(text, r"(?s)A revocation.*\nann .* yes +allow ok\n.*\nann .* no +deny project\n", "a revocation takes effect")
ok("expected:" not in text, "all as expected")
shown = re.search(r"<!-- demo -->\n```\n(.*?)```", read(os.path.join(jail.REPOSITORY, "README.md")), re.DOTALL)[1].splitlines()
is_([line for line in shown if line not in text.splitlines()], [], "README.md shows what it prints")
ok(all(len(line) < 150 for line in text.splitlines()), "no line is longer than a screen")
nothing_left(before, "a whole demo")

# Ctrl-C at a terminal goes to all of a process group; the others to make alone.
WAYS = {signal.SIGINT: os.killpg, signal.SIGTERM: os.kill, signal.SIGKILL: os.kill}
for number, send in WAYS.items():
    for moment in ("policies", "sudo id"):
        name = f"{number.name} at '{moment}'"
        with start() as demo:
            for line in demo.stdout:
                if moment in line:
                    break
            send(demo.pid, number)
            text = demo.stdout.read()
        ok(demo.returncode != 0, f"{name}: the demo ends")
        ok("All doors" not in text and "Traceback" not in text, f"{name}: at once, without a word")
        nothing_left(before, name)

# A door that lets everybody in is noticed: sudo's gate is taken out.
environment = os.environ | {"BUILD": BUILD}
broken = subprocess.run([JAIL, "sh", "-c", "sed -i 's/guard(\"sudo\")/guard(\"sudo\", [])/' tests/demo/door_sudo.py && exec tests/demo/demo"],
                        capture_output=True, text=True, env=environment, cwd=jail.REPOSITORY, check=False)
is_(broken.returncode, 1, "a demo with an open door fails")
like(broken.stdout, r"(?m)^ann .* ann\$ sudo id +yes .*\n +expected: no, deny role", "and says which")
like(broken.stdout, r"A door did not do what was expected", "and that at its end")

if failed():
    diag(text)
done_testing()
