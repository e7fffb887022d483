#!/usr/bin/python3
"""The systemd units: understood by systemd, with few rights, and the command
works with no more than they leave it."""

import configparser
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

from gate import CACHE, CLI, DIRECTORY, Gate, install
from sim import Simulator
from tap import done_testing, is_, like, ok

CONF = os.path.join(jail.REPOSITORY, "conf")
SERVICE = "openai-gate-sync.service"
TIMER = "openai-gate-sync.timer"


def analyze(*arguments):
    done = subprocess.run(["systemd-analyze", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, env={"PATH": os.environ["PATH"], "LC_ALL": "C", "SYSTEMD_COLORS": "0"})
    return done.returncode, done.stdout


class Unit(configparser.RawConfigParser):
    """A unit file; of a key that comes twice the last one."""

    def __init__(self, name):
        super().__init__(strict=False, delimiters="=", comment_prefixes="#")
        self.optionxform = str
        self.read(os.path.join(CONF, name))


def understood():
    for name in (SERVICE, TIMER):
        shutil.copy(os.path.join(CONF, name), "/etc/systemd/system/")
    _, said = analyze("verify", "--man=no", f"/etc/systemd/system/{SERVICE}", f"/etc/systemd/system/{TIMER}")
    is_([line for line in said.splitlines() if "openai-gate" in line], [], "systemd understands both units")
    status, said = analyze("security", "--offline=true", "--threshold=20", f"/etc/systemd/system/{SERVICE}")
    is_(status, 0, "the service's exposure is at most 2.0 of 10")
    like(said, r"Overall exposure level .*: [01]\.\d", "... says systemd-analyze security")


def works_with_so_little(gate):
    """What the unit takes away, taken away by other means: capabilities, the
    file system, the environment."""
    service = Unit(SERVICE)["Service"]
    is_(service["CapabilityBoundingSet"], "", "no capability is left")
    is_(service["ProtectSystem"], "strict", "nothing can be written")
    is_(f"/var/cache/{service['CacheDirectory']}", CACHE, "... but the store")
    command = service["ExecStart"].split()
    is_(command, [CLI, "sync"], "the command is the installed one")
    script = f"""
        mount --bind {CACHE} {CACHE} && mount --bind / /mnt && mount -o remount,ro,bind / &&
        umask {service['UMask']} && ulimit -c 0 &&
        exec env -i setpriv --no-new-privs --inh-caps=-all --ambient-caps=-all --bounding-set=-all \\
            --securebits=+noroot,+noroot_locked "$@" """
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", *command], capture_output=True, text=True, check=False)
    is_((done.returncode, done.stderr), (0, ""), "a sync by root without any of root's powers")
    like(done.stdout, "sync complete", "... is complete")
    is_(gate.cli("check", "--policy", "any", "ann").returncode, 0, "... and the doors have it")


def as_documented(gate, sim):
    """The credential of the comment: another key file, and mirror mode."""
    with open(os.path.join(CONF, SERVICE), encoding="utf-8") as file:
        text = file.read()
    line = re.search(r"(?m)^#\tExecStart=(/.+)$", text)[1]
    directory = f"/run/credentials/{SERVICE}"
    os.makedirs(directory, mode=0o700)
    shutil.move(f"{DIRECTORY}/admin.key", f"{directory}/admin.key")
    os.chmod(f"{directory}/admin.key", 0o400)
    gate.configure(api={"base_url": "none"})
    command = line.replace("%d", directory).replace("https://api.openai.com/v1", sim.url).split()
    gate.forget()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    is_((done.returncode, done.stderr), (0, ""), "the line with a credential, for a host in mirror mode")
    is_(gate.cli("check", "--policy", "any", "ann").returncode, 0, "... fills the store for the doors")
    ok(not os.path.exists(f"{DIRECTORY}/admin.key"), "... which have no key")


def timer():
    unit = Unit(TIMER)
    is_(unit["Install"]["WantedBy"], "timers.target", "the timer can be enabled")
    like(unit["Timer"]["OnUnitInactiveSec"], r"^\d+min$", "... and is shorter than the default ttl")
    ok(int(unit["Timer"]["OnUnitInactiveSec"][:-3]) < 10, "... of ten minutes")


def main():
    install()
    understood()
    with Simulator("/run/sim") as sim:
        gate = Gate(sim, {"any": {"role": "owner reader"}}, users={"ann": "ann@example.com"})
        works_with_so_little(gate)
        as_documented(gate, sim)
    timer()
    done_testing()


main()
