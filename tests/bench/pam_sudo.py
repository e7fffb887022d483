"""Real sudo, `sudo -n`, on Debian's own stack with one account line more."""

import os
import pwd
import shutil

import bench
import doors
import pam_rows
import people
from result import Table

USER = "person7"

# How the user's own processes are started.
AS_USER = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "--")


def user():
    try:
        pwd.getpwnam(USER)
    except KeyError:
        people.add(USER)


def commands(lines):
    """For each pam.d line, by name, a command of sudo's, which uses a PAM
    service of its own for it: the stock file, with that line behind its
    account part."""
    made = {}
    rules = f"{USER} ALL=(ALL) NOPASSWD: ALL\n"
    user()
    for number, (name, line) in enumerate(lines.items()):
        service = f"sudo-bench-{number}"
        target = f"{bench.PLACE}/true-{number}"
        shutil.copy("/etc/pam.d/sudo", f"/etc/pam.d/{service}")
        shutil.copy("/usr/bin/true", target)
        bench.gate.guard(service, [f"account required {line}"])
        rules += f"Defaults!{target} pam_service={service}\n"
        made[name] = ["/usr/bin/sudo", "-n", target]
    doors.sudoers(rules)
    return made


def _by_sudo(program):
    """The user may not empty a store."""
    path = f"{program}-by-sudo"
    bench.gate.write(path, f"#!/bin/sh\nexec /usr/bin/sudo -n {program}\n", 0o755)
    return path


def tables():
    had = pam_rows.lines()
    table = Table("pam_sudo", "PAM: real `sudo -n true`", "ms", "CPU ms")
    pam_rows.fill(table, commands(had.lines), had, _by_sudo(had.forget), 0.8, wrap=AS_USER)
    os.unlink("/etc/sudoers.d/test")
    yield table
