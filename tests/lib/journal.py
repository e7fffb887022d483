"""The system log of the throw-away machine: what programs send to /dev/log.

    journal = Journal()
    mark = journal.mark()
    ...
    line = journal.wait(r"pam_openai.*deny", since=mark)
"""

import dataclasses
import os
import re
import socket
import threading
import time

import jail

LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_QUEUE = 4096
_SETTLE = "settle-"
_SETTLE_SECONDS = 20


@dataclasses.dataclass(frozen=True)
class Line:
    level: str  # as in LEVELS
    program: str
    text: str


class Journal:
    def __init__(self, path="/dev/log"):
        if not jail.inside():
            raise RuntimeError("the log is taken over in a jail only")
        self._lines = []
        self._settled = set()
        self._arrived = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # A full queue would make the programs under test wait for us; the
        # default is 10 lines.
        with open("/proc/sys/net/unix/max_dgram_qlen", "w", encoding="ascii") as limit:
            limit.write(str(_QUEUE))
        if os.path.lexists(path):
            os.unlink(path)
        self._socket.bind(path)
        os.chmod(path, 0o666)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            line = _parse(self._socket.recv(65536))
            with self._arrived:
                # Kept apart: places in the log stay what they are, whoever
                # else asks meanwhile.
                if line.text.startswith(_SETTLE):
                    self._settled.add(line.text)
                else:
                    self._lines.append(line)
                self._arrived.notify_all()

    def mark(self):
        """A place in the log, for `since`: behind all that was sent so far."""
        self.settle()
        with self._arrived:
            return len(self._lines)

    def lines(self, pattern=".", since=0):
        """The lines so far that the pattern matches. What a program logged
        before it ended is there: see settle()."""
        self.settle()
        with self._arrived:
            return [line for line in self._lines[since:] if re.search(pattern, _whole(line))]

    def wait(self, pattern, since=0, timeout=20):
        """The first line that matches; None when none came in time."""
        deadline = time.monotonic() + timeout
        with self._arrived:
            while True:
                for line in self._lines[since:]:
                    if re.search(pattern, _whole(line)):
                        return line
                left = deadline - time.monotonic()
                if left <= 0 or not self._arrived.wait(left):
                    return None

    def settle(self):
        """Returns when all that was sent so far has been read: a datagram of
        our own comes after it."""
        word = f"{_SETTLE}{threading.get_ident()}-{time.monotonic_ns()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(f"<15>journal: {word}".encode(), self._socket.getsockname())
        with self._arrived:
            if not self._arrived.wait_for(lambda: word in self._settled, _SETTLE_SECONDS):
                raise TimeoutError("the log is not being read")
            self._settled.remove(word)

    def text(self, pattern="openai", since=0):
        """What matches, for a failed test's diagnosis."""
        return "\n".join(_whole(line) for line in self.lines(pattern, since))


def _whole(line):
    return f"{line.level} {line.program}: {line.text}"


def _parse(datagram):
    """"<86>Nov 24 10:00:00 sshd[12]: text", as glibc's syslog(3) writes it."""
    text = datagram.decode(errors="backslashreplace").rstrip("\n\0")
    match = re.match(r"<(\d+)>(?:\w{3} [ \d]\d [\d:]{8} )?(?:([^\s:\[]+)(?:\[\d+\])?: )?(.*)", text, re.DOTALL)
    if not match:
        return Line("?", "?", text)
    return Line(LEVELS[int(match[1]) & 7], match[2] or "", match[3])
