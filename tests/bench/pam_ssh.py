"""Real ssh, `ssh host true` with a key, by real sshd, on Debian's own stack with
one account line more."""

import contextlib
import shutil

import bench
import doors
import pam_rows
import pam_sudo
from result import Table

FIRST_PORT = 2200


def _sshd(number, line):
    """One for each line: sshd's PAM service is its program's name."""
    service = f"sshd-bench-{number}"
    program = f"/usr/sbin/{service}"
    shutil.copy("/usr/sbin/sshd", program)
    shutil.copy("/etc/pam.d/sshd", f"/etc/pam.d/{service}")
    bench.gate.guard(service, [f"account required {line}"])
    return doors.Sshd(program, Port=FIRST_PORT + number)


def tables():
    had = pam_rows.lines()
    pam_sudo.user()
    table = Table("pam_ssh", "PAM: real `ssh host true` with a key", "ms")
    commands = {}
    with contextlib.ExitStack() as stack:
        for number, (name, line) in enumerate(had.lines.items()):
            stack.enter_context(_sshd(number, line))
            command = doors.Sshd.command(pam_sudo.USER, "true", port=FIRST_PORT + number)
            commands[name] = [shutil.which(command[0]), *command[1:]]
        # sshd's processor time is not its client's.
        for name, (wall, _) in zip(commands, bench.rounds(commands.values(), before=had.forget)):
            table.row(name, wall)
    table.missing |= had.missing
    table.note("no goals: what the gate adds is less than what a login of ssh differs from the next")
    yield table
