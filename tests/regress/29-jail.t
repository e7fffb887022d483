#!/usr/bin/python3
"""The throw-away machine: all is real inside, and nothing of it is outside."""

import os
import pwd
import select
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail
from tap import ok, is_, like, skip_all, done_testing

JAIL = os.path.join(jail.REPOSITORY, "tests/lib/jail")
PRINTS_ITS_PLACE = "readlink /proc/self/ns/mnt /proc/self/ns/net /proc/self/ns/pid"


def run(*command, **more):
    return subprocess.run([JAIL, *command], capture_output=True, text=True, **more)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


jail.heed_signals()

if os.getuid() != 0:
    skip_all("only root can make a throw-away machine")
probe = run("true")
if probe.returncode == 125:
    skip_all(probe.stderr.strip())

is_((probe.returncode, probe.stdout, probe.stderr), (0, "", ""), "a command that says nothing")
is_(run("sh", "-c", "exit 7").returncode, 7, "its exit status is the jail's")
is_(run("sh", "-c", "kill -9 $$").returncode, 137, "so is its death by a signal")
is_(run("no-such-command").returncode, 127, "and that there is no such command")
is_(run("cat", input="words\n").stdout, "words\n", "standard input and output pass through")
is_(run("pwd", cwd=jail.REPOSITORY).stdout.strip(), jail.REPOSITORY, "it starts where it was called")
is_(run("cmp", __file__, os.path.realpath(__file__)).returncode, 0, "the repository is at its place")

# What is outside, before and after the worst that can be done inside.
PLACES = ["/etc", "/usr/sbin", "/run", "/tmp", "/var/lib"]


def outside():
    seen = {"mounts": read("/proc/self/mountinfo"), "passwd": read("/etc/passwd"), "shadow": read("/etc/shadow")}
    for place in PLACES:
        seen[place] = sorted(name for name in os.listdir(place) if name.startswith("jail-was-here"))
    return seen


before = outside()
worst = run("sh", "-ec", f"""
useradd -m jailed
echo jailed:word | chpasswd
for place in {' '.join(PLACES)}; do : >$place/jail-was-here; done
rm -rf /etc/pam.d
mount -t tmpfs tmpfs /mnt
hostname somewhere-else
ls -A /tmp
id -u jailed
ip -o link
ps -e -o comm=
""")
is_((worst.returncode, worst.stderr), (0, ""), "users, files and mounts can be changed")
like(worst.stdout, r"(?m)^jail-was-here$", "the new file is there")
ok("eth" not in worst.stdout and "lo:" in worst.stdout, "loopback is its only network")
ok(len(worst.stdout.splitlines()) < 10, "it sees no process but its own")
is_(outside(), before, "outside, nothing has changed")
ok(os.path.exists("/etc/pam.d"), "not even what was removed")
try:
    pwd.getpwnam("jailed")
    ok(False, "there is no such user outside")
except KeyError:
    ok(True, "there is no such user outside")
mine = subprocess.run(PRINTS_ITS_PLACE.split(), capture_output=True, text=True).stdout.split()
theirs = run(*PRINTS_ITS_PLACE.split()).stdout.split()
ok(len(theirs) == 3 and not set(mine) & set(theirs), "mounts, network and processes are its own")
ours = run("-n", *PRINTS_ITS_PLACE.split()).stdout.split()
is_([place for place in ours if place in mine], mine[1:2], "with -n, the network alone is shared")

like(run("sh", "-c", "ls -l /dev/null /dev/tty; echo x >/dev/null && head -c 3 /dev/urandom | wc -c").stdout,
     r"(?s)crw-rw-rw-.*crw-rw-rw-.*3", "devices work")
is_(run("/usr/bin/python3", "-c", "import os; a, b = os.openpty(); print(os.ttyname(b))").stdout.strip(), "/dev/pts/0",
    "terminals are its own")
is_(run("sh", "-c", "[ -u /usr/bin/su ] && setpriv --reuid 65534 --clear-groups "
        "/usr/bin/python3 -c 'import os; print(os.getuid())'").stdout.strip(),
    "65534", "set-uid files are there, and other users can run programs")


def ends(number, after):
    """A jail with a deaf process that has left its parent, ended by a signal.
    Standard output is held open by everything inside, so its end of file is
    the end of everything inside."""
    script = "trap '' TERM INT HUP; setsid sh -c 'echo up; exec sleep 60' & wait"
    with subprocess.Popen([JAIL, "sh", "-c", script], stdout=subprocess.PIPE, text=True) as process:
        is_(process.stdout.readline(), "up\n", f"up, before {number.name}")
        process.send_signal(number)
        process.wait(60)
        gone = select.select([process.stdout], [], [], 20)[0] and process.stdout.read() == ""
        ok(gone, f"everything inside ends {after}")
        return process.returncode


for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
    is_(ends(number, f"with {number.name}"), -number, f"and the caller learns of {number.name}")
is_(outside(), before, "and still nothing has changed outside")

wrong = run("--inside", "no", "own", "true")
is_((wrong.returncode, "own affair" in wrong.stderr), (125, True), "its inner half cannot be called from outside")

unprivileged = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
if subprocess.run([*unprivileged, "test", "-x", JAIL]).returncode == 0:
    for option, status, words in (("-s", 0, r"^1\.\.0 # SKIP .*only root"), (None, 125, r"^jail: .*only root")):
        refused = subprocess.run([*unprivileged, JAIL, *filter(None, [option]), "true"], capture_output=True, text=True)
        is_(refused.returncode, status, f"an ordinary user's status, option {option}")
        like(refused.stdout + refused.stderr, words, "the reason is said")

powerless = subprocess.run(["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin", JAIL, "-s", "true"],
                           capture_output=True, text=True)
is_(powerless.returncode, 0, "root without the power to make one is a skipped test")
like(powerless.stdout, r"^1\.\.0 # SKIP no throw-away machine here: namespaces: \S", "the reason is said, too")

done_testing()
