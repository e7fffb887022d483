"""Makes the n-th call of one kind fail, in a real program: strace(1) answers
it in the kernel's place.

    counts = count(command, marker="gate.conf")
    for call, error, n in failures(counts):
        done, failed = run(command, call, error, n)

What comes before the marker (a program's loader, a host's own start) and
after the last one is left alone.
"""

import collections
import mmap
import os
import re
import signal
import struct
import subprocess
import tempfile

import jail
from wait import until

TIMEOUT = 30

# A plausible way to fail. Left out: what cannot fail; futex(2), at whose
# failure the C library ends the program itself; and brk(2), which fails by
# another answer than an error (mmap(2) is what malloc(3) asks next).
ERRORS = {
    **dict.fromkeys(("openat", "socket", "socketpair", "pipe2", "dup2", "dup3", "accept4", "epoll_create1",
                     "eventfd2", "memfd_create"), "EMFILE"),
    **dict.fromkeys(("read", "pread64", "readv", "lseek", "getdents64", "fsync", "fdatasync", "ftruncate", "fstat",
                     "close", "readlink", "getcwd", "ioctl"), "EIO"),
    **dict.fromkeys(("write", "pwrite64", "writev", "mkdirat", "mkdir", "renameat", "rename", "linkat"), "ENOSPC"),
    **dict.fromkeys(("mmap", "mprotect", "mremap", "munmap", "madvise", "poll", "ppoll", "epoll_ctl"), "ENOMEM"),
    **dict.fromkeys(("newfstatat", "unlinkat", "unlink", "utimensat", "access", "faccessat2"), "EACCES"),
    **dict.fromkeys(("fchmod", "fchmodat", "fchown", "fchownat", "kill", "prlimit64", "setresgid", "setgroups",
                     "setgid", "setuid", "setsid", "setpriority", "sched_setscheduler", "ioprio_set"), "EPERM"),
    **dict.fromkeys(("clone", "clone3", "vfork", "fork", "setresuid"), "EAGAIN"),
    **dict.fromkeys(("fcntl", "prctl", "rt_sigaction", "rt_sigprocmask", "close_range", "sigaltstack", "sysinfo"), "EINVAL"),
    **dict.fromkeys(("setsockopt", "getsockopt", "getsockname", "getpeername"), "ENOBUFS"),
    **dict.fromkeys(("sendto", "sendmsg", "recvfrom", "recvmsg", "shutdown"), "ECONNRESET"),
    "connect": "ENETUNREACH", "flock": "ENOLCK", "getrandom": "ENOSYS", "wait4": "ECHILD", "waitid": "ECHILD",
    "execve": "ENOEXEC", "execveat": "ENOEXEC", "epoll_wait": "EINTR", "chdir": "ENOENT", "fchdir": "ENOENT",
}
# And what a signal's handler of the host may cut short.
INTERRUPTED = ("openat", "read", "pread64", "write", "pwrite64", "flock", "connect", "poll", "wait4", "sendto",
               "recvfrom", "fsync")

_CALL = re.compile(r"(?:(\d+)\s+)?([a-z_0-9]+)\(")


def _strace(options, command):
    directory = tempfile.mkdtemp(prefix="strace-")
    log = os.path.join(directory, "log")
    try:
        done = subprocess.run(["strace", "-qq", "-o", log, *options, *command], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=TIMEOUT, check=False)
        with open(log, encoding="utf-8", errors="backslashreplace") as file:
            return done, file.read().splitlines()
    finally:
        if os.path.exists(log):
            os.unlink(log)
        os.rmdir(directory)


def count(command, first, last=None):
    """{call: (the number of its first, and of its last one)}, between the
    first line that matches `first` and the first after it that matches
    `last` (the end, when there is none), of a run without a fault."""
    _, lines = _strace((), command)
    before, within, state = collections.Counter(), collections.Counter(), 0
    for line in lines:
        match = _CALL.match(line)
        if not match:
            continue
        if state == 0 and re.search(first, line):
            state = 1
        elif state == 1 and last is not None and re.search(last, line):
            state = 2
        if state < 2:
            (within if state else before)[match[2]] += 1
    return {call: (before[call] + 1, before[call] + number) for call, number in within.items()}


def count_child(command):
    """The same of the first child, from its birth until it executes another
    program."""
    _, lines = _strace(("-f",), command)
    host, calls = _CALL.match(lines[0])[1], collections.Counter()
    for line in lines:
        match = _CALL.match(line)
        if match and match[1] != host:
            calls[match[2]] += 1
            if match[2] in ("execve", "execveat"):
                break
    return {call: (1, number) for call, number in calls.items()}


def failures(counts):
    """(call, errno, n) of all that can fail."""
    for call, (first, last) in sorted(counts.items()):
        if call in ERRORS:
            errors = (ERRORS[call], "EINTR") if call in INTERRUPTED else (ERRORS[call],)
            yield from ((call, error, n) for error in errors for n in range(first, last + 1))


def run(command, call, error, n, children=False):
    """(the finished program, whether a call failed). With `children` they are
    followed, each with a count of its own; all else then costs no time."""
    follow = ("-f", "--seccomp-bpf") if children else ()
    done, lines = _strace((*follow, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={n}"), command)
    return done, any("(INJECTED)" in line for line in lines)

# Whose allocations.
OTHERS, LIBCRYPTO, LIBJANSSON, LOADER = range(4)


class Allocations:
    """build/failalloc.so in a program, and the file that tells it which
    allocation is to fail.

        with Allocations() as allocations:
            subprocess.run(command, env=allocations.environment)
    """

    _FORM = struct.Struct("<qqq")

    def __init__(self):
        self._file = tempfile.NamedTemporaryFile(prefix="failalloc-")
        self._file.write(self._FORM.pack(-1, 0, 0))
        self._file.flush()
        self._control = mmap.mmap(self._file.fileno(), self._FORM.size)
        os.chmod(self._file.name, 0o666)
        self.environment = {"LD_PRELOAD": os.path.join(jail.REPOSITORY, os.environ.get("BUILD") or "build", "failalloc.so"),
                            "FAILALLOC": self._file.name}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._control.close()
        self._file.close()

    def fail(self, n, whose=OTHERS):
        """The n-th of theirs from now on, counted from 0; -1: none."""
        self._control[:] = self._FORM.pack(n, 0, whose)

    def failed(self):
        return self._FORM.unpack(self._control[:])[1] > 0


class Attached:
    """strace(1) on a program that runs already.

        with Attached(pid, "read", "EIO", 3) as trace:
            …
        trace.failed
    """

    def __init__(self, pid, call=None, error=None, n=None):
        self._pid, self.lines, self.failed = pid, [], False
        self._directory = tempfile.TemporaryDirectory(prefix="strace-")
        self._log = os.path.join(self._directory.name, "log")
        fault = ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={n}"] if call else []
        self._process = subprocess.Popen(["strace", "-qq", "-o", self._log, *fault, "-p", str(pid)],
                                         stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _traced(self):
        with open(f"/proc/{self._pid}/status", encoding="ascii") as file:
            return f"TracerPid:\t{self._process.pid}\n" in file.read()

    def __enter__(self):
        if not until(self._traced):
            raise RuntimeError("strace does not attach")
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGINT)
        self._process.wait(TIMEOUT)
        with open(self._log, encoding="utf-8", errors="backslashreplace") as file:
            self.lines = file.read().splitlines()
        self._directory.cleanup()
        self.failed = any("(INJECTED)" in line for line in self.lines)

    def calls(self):
        """Their names."""
        return {match[2] for match in map(_CALL.match, self.lines) if match}
