"""Unix users of the throw-away machine, and what they run.

    people.add("ann", "bob")
    result = people.run("ann", ["id"], terminal=True)
    result.status, result.out, result.err
"""

import dataclasses
import errno
import fcntl
import grp
import os
import pwd
import select
import signal
import subprocess
import termios
import time

import jail

# What a login shell would have; a test adds to it.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OUTPUT_MAX = 4 * 1024 * 1024


@dataclasses.dataclass
class Result:
    """How a program ended. `status` is negative for a signal, None when it
    had to be killed at the end of the time given."""

    status: int | None
    out: str
    err: str

    @property
    def said(self):
        """All that its user saw, in one string."""
        return self.out + self.err


def _first_uid():
    """The kernel counts a user's processes for the whole machine, jails and
    all: each jail has numbers of its own, as far as they go."""
    return 20000 + os.stat("/proc/self/ns/mnt").st_ino % 4000 * 10


def add(*names, password=None, groups=(), shell="/bin/bash"):
    """Users with a home and, where one is given, a password."""
    if not jail.inside():
        raise RuntimeError("users are made in a jail only")
    for name in names:
        command = ["useradd", "--badname", "--create-home", "--shell", shell, "--key", f"UID_MIN={_first_uid()}"]
        if groups:
            command += ["--groups", ",".join(groups)]
        subprocess.run([*command, name], check=True, capture_output=True)
        if password is not None:
            set_password(name, password)


def set_password(name, password):
    subprocess.run(["chpasswd"], input=f"{name}:{password}\n", text=True, check=True)


def _identity(name):
    """A user's uid, gid and groups; names nobody has to be in passwd for root."""
    entry = pwd.getpwnam(name)
    groups = [group.gr_gid for group in grp.getgrall() if name in group.gr_mem]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [entry.pw_gid, *groups]}


def environment(name, **more):
    entry = pwd.getpwnam(name)
    plain = {"PATH": PATH, "HOME": entry.pw_dir, "USER": name, "LOGNAME": name, "SHELL": entry.pw_shell, "LANG": "C.UTF-8"}
    return plain | more


def spawn(name, argv, env=None, **popen):
    """Starts argv as that user, in a session of its own, and returns the
    Popen. The environment is a login's, with `env` on top."""
    popen.setdefault("cwd", "/")
    return subprocess.Popen(argv, env=environment(name, **(env or {})), start_new_session=True,
                            **_identity(name), **popen)


def end(process):
    """Kills what spawn() started, with all of its session that is still in
    its process group."""
    for kill, target in ((os.killpg, process.pid), (os.kill, process.pid)):
        try:
            kill(target, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    process.wait()


def run(name, argv, env=None, stdin="", terminal=False, answers=(), timeout=60, **popen):
    """Runs argv as that user and waits for its end.

    `terminal`: it gets a controlling terminal, and `answers`, pairs of
    (prompt, line to type); out is then all that the terminal showed.
    """
    if terminal:
        return _run_on_terminal(name, argv, env, answers, timeout, popen)
    process = spawn(name, argv, env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True, errors="backslashreplace", **popen)
    try:
        out, err = process.communicate(stdin, timeout)
        return Result(process.returncode, out, err)
    except subprocess.TimeoutExpired:
        end(process)
        out, err = process.communicate()
        return Result(None, out, err)


def _run_on_terminal(name, argv, env, answers, timeout, popen):
    ours, theirs = os.openpty()
    before = popen.pop("preexec_fn", None)

    def take_terminal():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        if before:
            before()

    os.fchown(theirs, pwd.getpwnam(name).pw_uid, -1)
    process = spawn(name, argv, env, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=take_terminal, **popen)
    os.close(theirs)
    try:
        text, closed = _converse(ours, answers, timeout)
        try:
            return Result(process.wait(timeout) if closed else None, text, "")
        except subprocess.TimeoutExpired:
            return Result(None, text, "")
    finally:
        end(process)
        os.close(ours)


def _converse(terminal, answers, timeout):
    """Types each answer once its prompt is there. Returns what was shown, and
    whether everybody had left the terminal by the end of the time."""
    deadline = time.monotonic() + timeout
    waiting = list(answers)
    shown = b""
    seen = 0
    closed = False
    while len(shown) < OUTPUT_MAX:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([terminal], [], [], left)[0]:
            break
        try:
            piece = os.read(terminal, 65536)
        except OSError as error:
            # Linux says so when nobody has the other side open any more.
            if error.errno != errno.EIO:
                raise
            piece = b""
        if not piece:
            closed = True
            break
        shown += piece
        while waiting:
            prompt, line = waiting[0]
            at = shown.find(prompt.encode(), seen)
            if at < 0:
                break
            seen = at + len(prompt)
            os.write(terminal, line.encode() + b"\n")
            waiting.pop(0)
    return shown.decode(errors="backslashreplace").replace("\r\n", "\n"), closed
